// Choosing between two tensors element by element.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// condition ? x : y. Saves the condition; a gradient is 0 where its side was not taken.
struct Where {
  static constexpr int kPromotesFrom = 1;  // the condition does not decide the dtype
  static constexpr OpRecord record{
      .name = "where",
      .signature =
          "where(condition: Tensor, input: Tensor | Number, other: Tensor | Number, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "Elements of input where condition holds, of other elsewhere.",
      .derivative = "dy/dinput = 1 where condition, dy/dother = 1 elsewhere, else 0",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .demand = Demand::kNumbersFit,
      .many_forms = true};
  template <class T>
  RL_FN static T forward(T condition, T x, T y) {
    return condition != T(0) ? x : y;
  }
  using grad_input = NotDifferentiable;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Arg<V, 0> condition) {
    return math::select(condition, g, Num(0));
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Arg<V, 0> condition) {
    return math::select(condition, Num(0), g);
  }
};

// The larger of two; nan where either is. Equal ones share the gradient.
struct Maximum {
  static constexpr OpRecord record{
      .name = "maximum",
      .signature = "maximum(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The larger of each pair of elements; nan where one is nan.",
      .derivative =
          "dy/dinput = 1 where it is larger, 1/2 where both are equal, else 0; "
          "dy/dother = 1 where that is larger, 1/2 where both are equal, else 0",
      .computes = Computes::kAny};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::larger(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::share_of_larger(g.value, x.value, y.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return math::share_of_larger(g.value, y.value, x.value);
  }
};

// The smaller of two; nan where either is. Equal ones share the gradient.
struct Minimum {
  static constexpr OpRecord record{
      .name = "minimum",
      .signature = "minimum(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The smaller of each pair of elements; nan where one is nan.",
      .derivative =
          "dy/dinput = 1 where it is smaller, 1/2 where both are equal, else 0; "
          "dy/dother = 1 where that is smaller, 1/2 where both are equal, else 0",
      .computes = Computes::kAny};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::smaller(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::share_of_larger(g.value, y.value, x.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return math::share_of_larger(g.value, x.value, y.value);
  }
};

using SelectOps = OpList<Where, Maximum, Minimum>;

}  // namespace rl::RL_ISA

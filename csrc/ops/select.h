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
          "where(condition: Tensor, input: Tensor | Number, other: Tensor | Number) -> Tensor",
      .doc = "Elements of input where condition holds, of other elsewhere.",
      .derivative = "dy/dinput = 1 where condition, dy/dother = 1 elsewhere, else 0",
      .computes = Computes::kAny,
      .form = Form::kFunction};
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

using SelectOps = OpList<Where>;

}  // namespace rl::RL_ISA

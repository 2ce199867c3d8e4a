// Comparisons. The result is bool and never requires grad.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

struct Eq {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "eq",
      .signature = "eq(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is equal.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x == y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Ne {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "ne",
      .aliases = "not_equal",
      .signature = "ne(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is different.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x != y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Lt {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "lt",
      .aliases = "less",
      .signature = "lt(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is less than the other.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x < y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Le {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "le",
      .aliases = "less_equal",
      .signature = "le(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is less than the other or equal.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x <= y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Gt {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "gt",
      .aliases = "greater",
      .signature = "gt(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is greater than the other.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x > y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Ge {
  static constexpr bool kFlatInPlace = true;
  static constexpr OpRecord record{
      .name = "ge",
      .aliases = "greater_equal",
      .signature = "ge(input: Tensor, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the first element is greater than the other or equal.",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return x >= y;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// x - x is 0 for every finite number, nan otherwise.
struct IsFinite {
  static constexpr OpRecord record{.name = "isfinite",
                                   .signature = "isfinite(input: Tensor) -> Tensor",
                                   .doc = "True where the element is neither infinite nor nan.",
                                   .computes = Computes::kAny};
  template <class T>
  RL_FN static bool forward(T x) {
    return x - x == T(0);
  }
  using grad_input = NotDifferentiable;
};

struct IsInf {
  static constexpr OpRecord record{.name = "isinf",
                                   .signature = "isinf(input: Tensor) -> Tensor",
                                   .doc = "True where the element is infinite.",
                                   .computes = Computes::kAny};
  template <class T>
  RL_FN static bool forward(T x) {
    return (x == x) & (x - x != T(0));
  }
  using grad_input = NotDifferentiable;
};

struct IsNan {
  static constexpr OpRecord record{.name = "isnan",
                                   .signature = "isnan(input: Tensor) -> Tensor",
                                   .doc = "True where the element is nan.",
                                   .computes = Computes::kAny};
  template <class T>
  RL_FN static bool forward(T x) {
    return x != x;
  }
  using grad_input = NotDifferentiable;
};

using CompareOps = OpList<Eq, Ne, Lt, Le, Gt, Ge, IsFinite, IsInf, IsNan>;

}  // namespace rl::RL_ISA

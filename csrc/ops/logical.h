// Logic on elements of any dtype, where all but 0 is true, and questions about one element. The
// result is bool and never requires grad.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

struct LogicalAnd {
  static constexpr OpRecord record{
      .name = "logical_and",
      .signature = "logical_and(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether both elements are true.",
      .computes = Computes::kAny,
      .inplace = true,
      .untracked = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return (x != T(0)) & (y != T(0));
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct LogicalOr {
  static constexpr OpRecord record{
      .name = "logical_or",
      .signature = "logical_or(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether one of the elements is true.",
      .computes = Computes::kAny,
      .inplace = true,
      .untracked = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return (x != T(0)) | (y != T(0));
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct LogicalXor {
  static constexpr OpRecord record{
      .name = "logical_xor",
      .signature = "logical_xor(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether just one of the elements is true.",
      .computes = Computes::kAny,
      .inplace = true,
      .untracked = true};
  template <class T>
  RL_FN static bool forward(T x, T y) {
    return (x != T(0)) != (y != T(0));
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct LogicalNot {
  static constexpr OpRecord record{
      .name = "logical_not",
      .signature = "logical_not(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether the element is 0.",
      .computes = Computes::kAny,
      .inplace = true,
      .untracked = true};
  template <class T>
  RL_FN static bool forward(T x) {
    return x == T(0);
  }
  using grad_input = NotDifferentiable;
};

struct IsPosInf {
  static constexpr OpRecord record{
      .name = "isposinf",
      .signature = "isposinf(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the element is infinity.",
      .computes = Computes::kAny,
      .out = OutRule::kBool};
  template <class T>
  RL_FN static bool forward(T x) {
    if constexpr (__is_same(T, float) || __is_same(T, double))
      return x == math::infinity<T>();
    else
      return false;
  }
  using grad_input = NotDifferentiable;
};

struct IsNegInf {
  static constexpr OpRecord record{
      .name = "isneginf",
      .signature = "isneginf(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the element is minus infinity.",
      .computes = Computes::kAny,
      .out = OutRule::kBool};
  template <class T>
  RL_FN static bool forward(T x) {
    if constexpr (__is_same(T, float) || __is_same(T, double))
      return x == -math::infinity<T>();
    else
      return false;
  }
  using grad_input = NotDifferentiable;
};

struct IsReal {
  static constexpr OpRecord record{.name = "isreal",
                                   .signature = "isreal(input: Tensor) -> Tensor",
                                   .doc = "True where the element has no imaginary part.",
                                   .computes = Computes::kAny};
  template <class T>
  RL_FN static bool forward(T) {
    return true;
  }
  using grad_input = NotDifferentiable;
};

using LogicalOps =
    OpList<LogicalAnd, LogicalOr, LogicalXor, LogicalNot, IsPosInf, IsNegInf, IsReal>;

}  // namespace rl::RL_ISA

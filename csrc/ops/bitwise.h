// Operations on the bits of integers, which of bools are the logical ones; divisors and multiples.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

namespace math {
// A shift by as many bits as there are, or by a negative number, leaves nothing, or the sign.
RL_FN i64 shift_left(i64 x, i64 n) {
  return (n < 0) | (n > 63) ? 0 : static_cast<i64>(static_cast<u64>(x) << (n & 63));
}
RL_FN i64 shift_right(i64 x, i64 n) { return x >> ((n < 0) | (n > 63) ? 63 : n); }

RL_FN u64 magnitude(i64 x) { return x < 0 ? 0 - static_cast<u64>(x) : static_cast<u64>(x); }
// Euclid's. The largest magnitude wraps around.
RL_FN i64 gcd(i64 x, i64 y) {
  u64 a = magnitude(x), b = magnitude(y);
  while (b) {
    u64 rest = a % b;
    a = b;
    b = rest;
  }
  return static_cast<i64>(a);
}
RL_FN i64 lcm(i64 x, i64 y) {
  u64 divisor = static_cast<u64>(gcd(x, y));
  return divisor ? abs(static_cast<i64>(magnitude(x) / divisor * magnitude(y))) : 0;
}
}  // namespace math

struct BitwiseAnd {
  static constexpr OpRecord record{
      .name = "bitwise_and",
      .signature =
          "bitwise_and(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "The bits that both elements have; of bools, whether both are true.",
      .computes = Computes::kIntegral,
      .inplace = true,
      .many_forms = true,
      .kernel = "bitwise_and_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return static_cast<T>(x & y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct BitwiseOr {
  static constexpr OpRecord record{
      .name = "bitwise_or",
      .signature =
          "bitwise_or(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "The bits that one of the elements has; of bools, whether one is true.",
      .computes = Computes::kIntegral,
      .inplace = true,
      .many_forms = true,
      .kernel = "bitwise_or_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return static_cast<T>(x | y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct BitwiseXor {
  static constexpr OpRecord record{
      .name = "bitwise_xor",
      .signature =
          "bitwise_xor(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "The bits that just one of the elements has; of bools, whether they differ.",
      .computes = Computes::kIntegral,
      .inplace = true,
      .many_forms = true,
      .kernel = "bitwise_xor_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return static_cast<T>(x ^ y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct BitwiseNot {
  static constexpr OpRecord record{
      .name = "bitwise_not",
      .signature = "bitwise_not(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The other bits of each element; of a bool, the other one.",
      .computes = Computes::kIntegral,
      .inplace = true,
      .kernel = "bitwise_not_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    if constexpr (__is_same(T, bool))
      return !x;
    else
      return ~x;
  }
  using grad_input = NotDifferentiable;
};

struct BitwiseLeftShift {
  static constexpr OpRecord record{
      .name = "bitwise_left_shift",
      .signature =
          "bitwise_left_shift(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Each element's bits moved up by other places.",
      .computes = Computes::kInteger,
      .inplace = true,
      .many_forms = true,
      .kernel = "lshift_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::shift_left(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct BitwiseRightShift {
  static constexpr OpRecord record{
      .name = "bitwise_right_shift",
      .signature =
          "bitwise_right_shift(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Each element's bits moved down by other places; the sign stays.",
      .computes = Computes::kInteger,
      .inplace = true,
      .many_forms = true,
      .kernel = "rshift_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::shift_right(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Gcd {
  static constexpr OpRecord record{
      .name = "gcd",
      .signature = "gcd(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The greatest common divisor of each pair of integers; 0 of two zeros.",
      .computes = Computes::kInteger,
      .inplace = true,
      .inplace_function = true,
      .kernel = "gcd_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::gcd(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct Lcm {
  static constexpr OpRecord record{
      .name = "lcm",
      .signature = "lcm(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The least common multiple of each pair of integers.",
      .computes = Computes::kInteger,
      .inplace = true,
      .inplace_function = true,
      .kernel = "lcm_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::lcm(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

using BitwiseOps = OpList<BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, BitwiseLeftShift,
                          BitwiseRightShift, Gcd, Lcm>;

}  // namespace rl::RL_ISA

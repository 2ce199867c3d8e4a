// Quotients that are rounded, and what remains of them.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

namespace math {

// fmod_any where the quotient may be beyond 2^52: see `fast`.
RL_FN Wide<float> fmod(Wide<float> x, Wide<float> y) { return fmod_any(x.value, y.value); }
RL_FN Wide<double> fmod(Wide<double> x, Wide<double> y) { return fmod_any(x.value, y.value); }
RL_FN Wide<float> remainder(Wide<float> x, Wide<float> y) {
  return remainder_any(x.value, y.value);
}
RL_FN Wide<double> remainder(Wide<double> x, Wide<double> y) {
  return remainder_any(x.value, y.value);
}
// Integers: the divisor is not 0; the smallest int64 over -1 wraps around.
RL_FN i64 trunc_divide(i64 x, i64 y) {
  return y == -1 ? static_cast<i64>(0 - static_cast<u64>(x)) : x / y;
}
RL_FN i64 fmod(i64 x, i64 y) { return y == -1 ? 0 : x % y; }
RL_FN i64 remainder(i64 x, i64 y) {
  i64 rest = fmod(x, y);
  return (rest != 0) & ((rest < 0) != (y < 0)) ? rest + y : rest;
}
RL_FN i64 floor_divide(i64 x, i64 y) {
  i64 quotient = trunc_divide(x, y);
  return quotient - ((fmod(x, y) != 0) & ((x < 0) != (y < 0)));
}

RL_FN float trunc_divide(float x, float y) { return trunc(x / y); }
RL_FN double trunc_divide(double x, double y) { return trunc(x / y); }

// The quotient rounded down, given what remains of it: that is exact, so that a quotient just below
// an integer is not rounded up to it.
template <class T>
RL_FN T floor_quotient(T x, T y, T rest) {
  T quotient = (x - rest) / y;
  quotient -= static_cast<T>((rest != 0) & ((y < 0) != (rest < 0)));
  T down = floor(quotient);
  down += static_cast<T>(quotient - down > T(0.5));
  return y == 0 ? x / y : quotient == 0 ? copysign(T(0), x / y) : down;
}
RL_FN float floor_divide(float x, float y) { return floor_quotient(x, y, fmod(x, y)); }
RL_FN double floor_divide(double x, double y) { return floor_quotient(x, y, fmod(x, y)); }
RL_FN Wide<float> floor_divide(Wide<float> x, Wide<float> y) {
  return floor_quotient(x.value, y.value, fmod_any(x.value, y.value));
}
RL_FN Wide<double> floor_divide(Wide<double> x, Wide<double> y) {
  return floor_quotient(x.value, y.value, fmod_any(x.value, y.value));
}
RL_FN Wide<float> trunc_divide(Wide<float> x, Wide<float> y) { return trunc(x.value / y.value); }
RL_FN Wide<double> trunc_divide(Wide<double> x, Wide<double> y) { return trunc(x.value / y.value); }

// By the number of the rounding mode: 0 truncates, 1 rounds down, a negative one does neither.
template <class T>
RL_FN T divide_rounded(T x, T y, T mode) {
  return mode == T(1) ? floor_divide(x, y) : mode == T(0) ? trunc_divide(x, y) : T(x / y);
}
// The value where the mode is negative, else 0: a rounded quotient is flat.
template <class T>
RL_FN T unless_rounded(T mode, T value) {
  return mode < T(0) ? value : T(0);
}

// Whether fmod(double, double) is exact. In float it always is.
RL_FN bool exact_fmod(float, float) { return true; }
RL_FN bool exact_fmod(double x, double y) { return abs(x / y) < 0x1p52; }

#ifndef RL_KERNEL_SET
Tensor floor_divide(const Tensor& x, const Tensor& y);
Tensor trunc_divide(const Tensor& x, const Tensor& y);
Tensor unless_rounded(const Tensor& mode, const Tensor& value);
#endif

}  // namespace math

// With a rounding mode. Everything but the true quotient has the gradient 0.
struct DivMode {
  static constexpr const char* kOptions[] = {"trunc", "floor"};
  static constexpr const char* kOptionError =
      "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found";
  static constexpr bool kOptionErrorQuotes = true;
  static constexpr signed char kAbsent[] = {0, 0, -1};
  static constexpr OpRecord record{
      .name = "div",
      .overload = 2,
      .aliases = "divide",
      .signature =
          "div(input: Tensor | Number, other: Tensor | Number, *, rounding_mode: str?, "
          "out: Tensor? = None) -> Tensor",
      .doc =
          "Quotient of each pair of elements: the true one (None), rounded towards zero "
          "(\"trunc\") "
          "or down (\"floor\").",
      .derivative = "dy/dinput = 1 / other, dy/dother = -input / other^2; 0 where it is rounded",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kRounding};
  template <class T>
  RL_FN static bool fast(T x, T y, T mode) {
    return (mode != T(1)) | math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static bool fast(T, T, T, T) {
    return true;  // the gradients only divide
  }
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> mode) {
    return math::divide_rounded(x, y, mode.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y, Scalar<V, 2> mode) {
    return math::unless_rounded(mode.value, g / conj(y));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y, Scalar<V, 2> mode) {
    return math::unless_rounded(mode.value, -g * conj((x / y) / y));
  }
};

// Rounded down. PyTorch has no derivative for it either: a backward pass that meets it raises.
struct FloorDivide {
  static constexpr bool kNotImplemented = true;
  static constexpr OpRecord record{
      .name = "floor_divide",
      .signature =
          "floor_divide(input: Tensor | Number, other: Tensor | Number, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Quotient of each pair of elements, rounded down.",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kDivisor,
      .many_forms = true,
      .kernel = "div_floor_cpu",
      .node = "torch::autograd::NotImplemented"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::floor_divide(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// x - y floor(x / y): the sign is the divisor's, as in Python.
struct RemainderTensor {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "remainder",
      .overload = 1,
      .signature = "remainder(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "What division rounded down leaves of each element; it has the divisor's sign.",
      .derivative = "dy/dinput = 1, dy/dother = -floor(input / other)",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kDivisor,
      .many_forms = true,
      .kernel = "remainder_cpu"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static bool fast(T, T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::remainder(x, y);
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return -g.value * math::floor_divide(x.value, y.value);
  }
};

struct Remainder {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "remainder",
      .signature = "remainder(input: Tensor, other: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "What division by a number, rounded down, leaves of each element.",
      .derivative = "dy/dinput = 1",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kDivisor,
      .kernel = "remainder_cpu"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::remainder(x, y);
  }
  using grad_input = PassThrough;
};

// `number % tensor`. PyTorch has no derivative for it: a backward pass that meets it raises.
struct RemainderNumber {
  static constexpr bool kRoundsNumbers = true;
  static constexpr bool kNotImplemented = true;
  static constexpr OpRecord record{.name = "remainder",
                                   .overload = 2,
                                   .signature = "remainder(self: Number, other: Tensor) -> Tensor",
                                   .doc = "What division by each element, rounded down, leaves.",
                                   .computes = Computes::kNumeric,
                                   .form = Form::kFunction,
                                   .demand = Demand::kDivisor,
                                   .kernel = "remainder_cpu",
                                   .node = "torch::autograd::NotImplemented"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::remainder(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// x - y trunc(x / y): the sign is the element's, as in C.
struct FmodTensor {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "fmod",
      .overload = 1,
      .signature = "fmod(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "What division rounded towards zero leaves of each element; it keeps its sign.",
      .derivative = "dy/dinput = 1, dy/dother = -trunc(input / other)",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kDivisor,
      .many_forms = true,
      .kernel = "fmod_cpu"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static bool fast(T, T, T) {
    return true;  // the gradient divides
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::fmod(x, y);
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return -g.value * math::trunc_divide(x.value, y.value);
  }
};

struct Fmod {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "fmod",
      .signature = "fmod(input: Tensor, other: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "What division by a number, rounded towards zero, leaves of each element.",
      .derivative = "dy/dinput = 1",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kDivisor,
      .kernel = "fmod_cpu"};
  template <class T>
  RL_FN static bool fast(T x, T y) {
    return math::exact_fmod(x, y);
  }
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::fmod(x, y);
  }
  using grad_input = PassThrough;
};

using DivisionOps =
    OpList<DivMode, FloorDivide, RemainderTensor, Remainder, RemainderNumber, FmodTensor, Fmod>;

}  // namespace rl::RL_ISA

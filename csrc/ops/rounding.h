// Rounding, signs, and what is done to single numbers of floating point.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

struct Floor {
  static constexpr OpRecord record{
      .name = "floor",
      .signature = "floor(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element rounded down.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .kernel = "floor_vml_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return math::floor(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct Ceil {
  static constexpr OpRecord record{
      .name = "ceil",
      .signature = "ceil(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element rounded up.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .kernel = "ceil_vml_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return math::ceil(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct Round {
  static constexpr OpRecord record{
      .name = "round",
      .signature = "round(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element rounded to the nearest integer, halves to the even one.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .kernel = "round_vml_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return math::round(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct RoundDecimals {
  static constexpr OpRecord record{
      .name = "round",
      .overload = 1,
      .signature = "round(input: Tensor, *, decimals: int, out: Tensor? = None) -> Tensor",
      .doc = "Each element rounded to a number of decimals; negative: to tens, hundreds.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kFloatOnly,
      .inplace = true,
      .inplace_function = true,
      .kernel = "round_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> decimals) {
    return math::round_decimals(x, decimals.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct Trunc {
  static constexpr OpRecord record{
      .name = "trunc",
      .aliases = "fix",
      .signature = "trunc(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element rounded towards zero.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .kernel = "trunc_vml_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return math::trunc(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct Frac {
  static constexpr OpRecord record{
      .name = "frac",
      .signature = "frac(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "What each element has behind the point, with its sign.",
      .derivative = "dy/dx = 1",
      .computes = Computes::kFloatOnly,
      .inplace = true,
      .inplace_function = true,
      .kernel = "frac_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return x - math::trunc(x);
  }
  using grad_input = PassThrough;
};

struct Sgn {
  static constexpr OpRecord record{
      .name = "sgn",
      .signature = "sgn(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "-1, 0 or 1 by the sign of each element.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kAny,
      .inplace = true,
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x) {
    return static_cast<T>((x > T(0)) - (x < T(0)));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct SignBit {
  static constexpr OpRecord record{
      .name = "signbit",
      .signature = "signbit(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "True where the element is negative, or -0.",
      .computes = Computes::kAny,
      .out = OutRule::kBool};
  template <class T>
  RL_FN static bool forward(T x) {
    if constexpr (__is_same(T, float) || __is_same(T, double))
      return math::copysign(T(1), x) < T(0);
    else
      return x < T(0);
  }
  using grad_input = NotDifferentiable;
};

struct CopySign {
  static constexpr OpRecord record{
      .name = "copysign",
      .signature = "copysign(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The first element with the sign of the second.",
      .derivative = "dy/dinput = y / input, 0 where input is 0; dy/dother = 0",
      .max_ulp = 0.5,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::copysign(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Result<V> r) {
    return g * math::select(x == V(Num(0)), V(Num(0)), r / x);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g) {
    return math::zeros_like(g);
  }
};

struct CopySignNumber {
  static constexpr OpRecord record{
      .name = "copysign",
      .overload = 1,
      .signature = "copysign(input: Tensor, other: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "The first element with the sign of the second.",
      .derivative = "dy/dinput = y / input, 0 where input is 0",
      .max_ulp = 0.5,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> y) {
    return math::copysign(x, y.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Result<V> r) {
    return g * math::select(x == V(Num(0)), V(Num(0)), r / x);
  }
};

// x, with numbers for nan and the infinities. The kernel of nan_to_num.
struct ReplaceNonFinite {
  static constexpr OpRecord record{
      .name = "_replace_non_finite",
      .signature =
          "_replace_non_finite(input: Tensor, nan: float, posinf: float, neginf: float) -> Tensor",
      .doc = "Each element, or a number for nan, inf and -inf.",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> nan, Scalar<T, 2> posinf, Scalar<T, 3> neginf) {
    T y = x == math::infinity<T>() ? posinf.value : x == -math::infinity<T>() ? neginf.value : x;
    return x == x ? y : nan.value;
  }
  using grad_input = NotDifferentiable;
};

// The kernel of heaviside.
struct Step {
  static constexpr OpRecord record{.name = "_step",
                                   .signature = "_step(input: Tensor, values: Tensor) -> Tensor",
                                   .doc = "0 below 0, 1 above, and at 0 what values says.",
                                   .computes = Computes::kAny,
                                   .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T value) {
    return x == T(0) ? value : static_cast<T>(x > T(0));
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// The kernel of nextafter.
struct Neighbour {
  static constexpr OpRecord record{
      .name = "_neighbour",
      .signature = "_neighbour(input: Tensor, other: Tensor) -> Tensor",
      .doc = "The next number from the first element towards the second.",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "nextafter_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::nextafter(x, y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

using RoundingOps = OpList<Floor, Ceil, Round, RoundDecimals, Trunc, Frac, Sgn, SignBit, CopySign,
                           CopySignNumber, ReplaceNonFinite, Step, Neighbour>;

}  // namespace rl::RL_ISA

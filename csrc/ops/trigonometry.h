// Trigonometric functions.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

struct Sin {
  static constexpr OpRecord record{
      .name = "sin",
      .signature = "sin(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sine of each element, in radians.",
      .derivative = "dy/dx = cos(x)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static bool fast(T x) {
    return math::sin_in_range(x);
  }
  template <class T>
  RL_FN static bool fast(T, T x) {
    return math::sin_in_range(x);
  }
  template <class T>
  RL_FN static T forward(T x) {
    return math::sin(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::cos(x));
  }
};

struct Cos {
  static constexpr OpRecord record{
      .name = "cos",
      .signature = "cos(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Cosine of each element, in radians.",
      .derivative = "dy/dx = -sin(x)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static bool fast(T x) {
    return math::sin_in_range(x);
  }
  template <class T>
  RL_FN static bool fast(T, T x) {
    return math::sin_in_range(x);
  }
  template <class T>
  RL_FN static T forward(T x) {
    return math::cos(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return -g * conj(math::sin(x));
  }
};

// Uses the output, which needs no second tangent.
struct Tan {
  static constexpr OpRecord record{
      .name = "tan",
      .signature = "tan(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Tangent of each element, in radians.",
      .derivative = "dy/dx = 1 + y^2",
      .domain = {-1.4, 1.4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class... T>
  RL_FN static bool fast(T... x) {
    return (math::trig_in_range(x) & ...);
  }
  template <class T>
  RL_FN static T forward(T x) {
    return math::tan(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y * y + Num(1));
  }
};

// The gradient is PyTorch's: it loses digits near 0.
struct Sinc {
  static constexpr OpRecord record{
      .name = "sinc",
      .signature = "sinc(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "sin(pi x) / (pi x) of each element x, 1 at 0.",
      .derivative = "dy/dx = (pi x cos(pi x) - sin(pi x)) / (pi x^2), 0 at 0",
      .domain = {-3, 3},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class... T>
  RL_FN static bool fast(T... x) {
    return (math::sin_in_range(x * T(4)) & ...);
  }
  template <class T>
  RL_FN static T forward(T x) {
    return math::sinc(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    V turn = x * Num(0x1.921fb54442d18p+1), square = x * x * Num(0x1.921fb54442d18p+1);
    V slope = g * conj((turn * math::cos(turn) - math::sin(turn)) / square);
    return math::select(square == V(Num(0)), V(Num(0)), slope);
  }
};

struct Asin {
  static constexpr OpRecord record{
      .name = "asin",
      .aliases = "arcsin",
      .signature = "asin(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Arcsine of each element, in radians.",
      .derivative = "dy/dx = 1 / sqrt(1 - x^2)",
      .domain = {-0.95, 0.95},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::asin(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::rsqrt(Num(1) - x * x));
  }
};

struct Acos {
  static constexpr OpRecord record{
      .name = "acos",
      .aliases = "arccos",
      .signature = "acos(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Arccosine of each element, in radians.",
      .derivative = "dy/dx = -1 / sqrt(1 - x^2)",
      .domain = {-0.95, 0.95},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::acos(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * -conj(math::rsqrt(Num(1) - x * x));
  }
};

struct Atan {
  static constexpr OpRecord record{
      .name = "atan",
      .aliases = "arctan",
      .signature = "atan(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Arctangent of each element, in radians.",
      .derivative = "dy/dx = 1 / (1 + x^2)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::atan(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(x * x + Num(1));
  }
};

// The arctangent of x / y in the right quadrant. Both gradients are 0 at the origin.
struct Atan2 {
  static constexpr OpRecord record{
      .name = "atan2",
      .aliases = "arctan2",
      .signature = "atan2(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The angle of the point (other, input) from the first axis, in radians.",
      .derivative =
          "dy/dinput = other / (input^2 + other^2), dy/dother = -input / (input^2 + other^2), 0 at "
          "the origin",
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::atan2(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    V square = x * x + y * y;
    return g * y * math::select(square == V(Num(0)), V(Num(0)), Num(1) / square);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    V square = x * x + y * y;
    return g * -x * math::select(square == V(Num(0)), V(Num(0)), Num(1) / square);
  }
};

// Uses the output; nan at the origin, as PyTorch.
struct Hypot {
  static constexpr OpRecord record{
      .name = "hypot",
      .signature = "hypot(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "sqrt(input^2 + other^2), without overflow.",
      .derivative = "dy/dinput = input / y, dy/dother = other / y",
      .max_ulp = 1,
      .computes = Computes::kFloatOnly,
      .inplace = true,
      .kernel = "hypot_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::hypot(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Result<V> r) {
    return g * x / r;
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Other<V> y, Result<V> r) {
    return g * y / r;
  }
};

struct Deg2Rad {
  static constexpr OpRecord record{
      .name = "deg2rad",
      .signature = "deg2rad(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each angle in degrees, in radians.",
      .derivative = "dy/dx = pi / 180",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return static_cast<T>(x * T(0x1.1df46a2529d39p-6));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return g * Num(0x1.1df46a2529d39p-6);
  }
};

struct Rad2Deg {
  static constexpr OpRecord record{
      .name = "rad2deg",
      .signature = "rad2deg(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each angle in radians, in degrees.",
      .derivative = "dy/dx = 180 / pi",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return static_cast<T>(x * T(0x1.ca5dc1a63c1f8p+5));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return g * Num(0x1.ca5dc1a63c1f8p+5);
  }
};

using TrigonometryOps =
    OpList<Sin, Cos, Tan, Sinc, Asin, Acos, Atan, Atan2, Hypot, Deg2Rad, Rad2Deg>;

}  // namespace rl::RL_ISA

// Bounds of elements: clamp and its one-sided forms, fmax and fmin.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

namespace math {
// The element, or the bound that it passes; nan where one is nan. Equal ones give the element.
template <class T>
RL_FN T at_least(T x, T bound) {
  return (x >= bound) | (x != x) ? x : bound;
}
template <class T>
RL_FN T at_most(T x, T bound) {
  return (x <= bound) | (x != x) ? x : bound;
}
// at_most(at_least(x, low), high). Asks the operands for nan: asking the bounded element, loops
// over this are not vectorised.
template <class T>
RL_FN T between(T x, T low, T high) {
  T raised = at_least(x, low);
  return (raised <= high) | (x != x) | (low != low) ? raised : high;
}
}  // namespace math

// Bounds may be None: they count as infinite. Above max, and where min is above max, max wins.
struct ClampTensor {
  static constexpr signed char kAbsent[] = {0, -1, 1};
  static constexpr OpRecord record{
      .name = "clamp",
      .aliases = "clip",
      .signature =
          "clamp(input: Tensor, min: Tensor? = None, max: Tensor? = None, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at least min and at most max.",
      .derivative = "dy/dinput = 1 within the bounds, dy/dmin = 1 below, dy/dmax = 1 above, else 0",
      .computes = Computes::kAny,
      .inplace = true,
      .inplace_function = true,
      .demand = Demand::kBounds,
      .many_forms = true,
      .kernel = "clamp_cpu"};
  template <class T>
  RL_FN static T forward(T x, T low, T high) {
    T raised = math::larger(x, low);
    return (raised < high) | (x != x) | (low != low) ? raised : high;  // nan as in math::between
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Arg<V, 1> low, Arg<V, 2> high) {
    return math::select((x.value >= low.value) & (x.value <= high.value), g, Num(0));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Arg<V, 1> low, Arg<V, 2> high) {
    return math::select((x.value < low.value) & (low.value < high.value), g, Num(0));
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> x, Arg<V, 1> low, Arg<V, 2> high) {
    return math::select((x.value > high.value) | (high.value < low.value), g, Num(0));
  }
};

struct Clamp {
  static constexpr bool kRoundsNumbers = true;
  static constexpr signed char kAbsent[] = {0, -1, 1};
  static constexpr OpRecord record{
      .name = "clamp",
      .overload = 1,
      .aliases = "clip",
      .signature =
          "clamp(input: Tensor, min: Number? = None, max: Number? = None, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at least min and at most max.",
      .derivative = "dy/dinput = 1 within the bounds, both included, else 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .scalar_promotes = true,
      .demand = Demand::kBounds,
      .kernel = "clamp_scalar_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> low, Scalar<T, 2> high) {
    return math::between(x, low.value, high.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> low, Scalar<V, 2> high) {
    return math::select((x.value >= low.value) & (x.value <= high.value), g, Num(0));
  }
};

// Equal ones give the gradient to the element.
struct ClampMinTensor {
  static constexpr OpRecord record{
      .name = "clamp_min",
      .overload = 1,
      .signature = "clamp_min(input: Tensor, min: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at least min.",
      .derivative = "dy/dinput = 1 at min and above, dy/dmin = 1 below, else 0",
      .computes = Computes::kAny,
      .inplace = true,
      .inplace_function = true,
      .many_forms = true};
  template <class T>
  RL_FN static T forward(T x, T low) {
    return math::larger(x, low);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> low) {
    return math::select(x.value >= low.value, g, Num(0));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> low) {
    return math::select(x.value < low.value, g, Num(0));
  }
};

struct ClampMin {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "clamp_min",
      .signature = "clamp_min(input: Tensor, min: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at least min.",
      .derivative = "dy/dinput = 1 at min and above, else 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .scalar_promotes = true,
      .demand = Demand::kNumbersFit,
      .kernel = "clamp_min_scalar_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> low) {
    return math::at_least(x, low.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> low) {
    return math::select(x.value >= low.value, g, Num(0));
  }
};

struct ClampMaxTensor {
  static constexpr OpRecord record{
      .name = "clamp_max",
      .overload = 1,
      .signature = "clamp_max(input: Tensor, max: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at most max.",
      .derivative = "dy/dinput = 1 at max and below, dy/dmax = 1 above, else 0",
      .computes = Computes::kAny,
      .inplace = true,
      .inplace_function = true,
      .many_forms = true};
  template <class T>
  RL_FN static T forward(T x, T high) {
    return math::smaller(x, high);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> high) {
    return math::select(x.value <= high.value, g, Num(0));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> high) {
    return math::select(x.value > high.value, g, Num(0));
  }
};

struct ClampMax {
  static constexpr bool kRoundsNumbers = true;
  static constexpr OpRecord record{
      .name = "clamp_max",
      .signature = "clamp_max(input: Tensor, max: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element, but at most max.",
      .derivative = "dy/dinput = 1 at max and below, else 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .scalar_promotes = true,
      .demand = Demand::kNumbersFit,
      .kernel = "clamp_max_scalar_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> high) {
    return math::at_most(x, high.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> high) {
    return math::select(x.value <= high.value, g, Num(0));
  }
};

// A nan gives way to the other one. Equal ones, and two nan, give the gradient to the first.
struct Fmax {
  static constexpr OpRecord record{
      .name = "fmax",
      .signature = "fmax(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The larger of each pair of elements; the other one where one is nan.",
      .derivative = "dy/dinput = 1 where it was taken, dy/dother = 1 elsewhere, else 0",
      .computes = Computes::kAny};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return (x >= y) | (y != y) ? x : y;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::select((x.value >= y.value) | (y.value != y.value), g, Num(0));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return math::select((x.value >= y.value) | (y.value != y.value), Num(0), g);
  }
};

struct Fmin {
  static constexpr OpRecord record{
      .name = "fmin",
      .signature = "fmin(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The smaller of each pair of elements; the other one where one is nan.",
      .derivative = "dy/dinput = 1 where it was taken, dy/dother = 1 elsewhere, else 0",
      .computes = Computes::kAny};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return (x <= y) | (y != y) ? x : y;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::select((x.value <= y.value) | (y.value != y.value), g, Num(0));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return math::select((x.value <= y.value) | (y.value != y.value), Num(0), g);
  }
};

using ClampOps =
    OpList<ClampTensor, Clamp, ClampMinTensor, ClampMin, ClampMaxTensor, ClampMax, Fmax, Fmin>;

}  // namespace rl::RL_ISA

// Trigonometric functions.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

struct Sin {
  static constexpr OpRecord record{
      .name = "sin",
      .signature = "sin(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sine of each element, in radians.",
      .derivative = "dy/dx = cos(x)",
      .max_ulp = 1,
      .inplace = true};
  template <class... T>
  RL_FN static bool fast(T... x) {
    return (math::trig_in_range(x) & ...);
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
      .inplace = true};
  template <class... T>
  RL_FN static bool fast(T... x) {
    return (math::trig_in_range(x) & ...);
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

using TrigonometryOps = OpList<Sin, Cos>;

}  // namespace rl::RL_ISA

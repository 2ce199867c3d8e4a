// Hyperbolic functions and their inverses.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

struct Sinh {
  static constexpr OpRecord record{
      .name = "sinh",
      .signature = "sinh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Hyperbolic sine of each element.",
      .derivative = "dy/dx = cosh(x)",
      .domain = {-4, 4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::sinh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::cosh(x));
  }
};

struct Cosh {
  static constexpr OpRecord record{
      .name = "cosh",
      .signature = "cosh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Hyperbolic cosine of each element.",
      .derivative = "dy/dx = sinh(x)",
      .domain = {-4, 4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::cosh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::sinh(x));
  }
};

struct Asinh {
  static constexpr OpRecord record{
      .name = "asinh",
      .signature = "asinh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Inverse hyperbolic sine of each element.",
      .derivative = "dy/dx = 1 / sqrt(x^2 + 1)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::asinh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::rsqrt(x * x + Num(1)));
  }
};

struct Acosh {
  static constexpr OpRecord record{
      .name = "acosh",
      .signature = "acosh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Inverse hyperbolic cosine of each element.",
      .derivative = "dy/dx = 1 / sqrt(x^2 - 1)",
      .domain = {1.2, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::acosh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * conj(math::rsqrt(x * x - Num(1)));
  }
};

struct Atanh {
  static constexpr OpRecord record{
      .name = "atanh",
      .signature = "atanh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Inverse hyperbolic tangent of each element.",
      .derivative = "dy/dx = 1 / (1 - x^2)",
      .domain = {-0.9, 0.9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::atanh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(Num(1) - x * x);
  }
};

using HyperbolicOps = OpList<Sinh, Cosh, Asinh, Acosh, Atanh>;

}  // namespace rl::RL_ISA

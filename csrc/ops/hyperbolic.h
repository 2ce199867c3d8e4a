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

struct AsinhInPlace;
struct Asinh {
  using InPlace = AsinhInPlace;
  static constexpr OpRecord record{
      .name = "asinh",
      .aliases = "arcsinh",
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
// What asinh_ records: PyTorch has a node of its own for it.
struct AsinhInPlace : Asinh {
  static constexpr OpRecord record{.name = "asinh",
                                   .overload = 1,
                                   .signature = "asinh(input: Tensor) -> Tensor",
                                   .doc = "Inverse hyperbolic sine of each element.",
                                   .derivative = "dy/dx = 1 / sqrt(x^2 + 1)",
                                   .max_ulp = 1,
                                   .form = Form::kInternal};
};

struct AcoshInPlace;
struct Acosh {
  using InPlace = AcoshInPlace;
  static constexpr OpRecord record{
      .name = "acosh",
      .aliases = "arccosh",
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
// What acosh_ records: PyTorch has a node of its own for it.
struct AcoshInPlace : Acosh {
  static constexpr OpRecord record{.name = "acosh",
                                   .overload = 1,
                                   .signature = "acosh(input: Tensor) -> Tensor",
                                   .doc = "Inverse hyperbolic cosine of each element.",
                                   .derivative = "dy/dx = 1 / sqrt(x^2 - 1)",
                                   .domain = {1.2, 9},
                                   .max_ulp = 1,
                                   .form = Form::kInternal};
};

struct AtanhInPlace;
struct Atanh {
  using InPlace = AtanhInPlace;
  static constexpr OpRecord record{
      .name = "atanh",
      .aliases = "arctanh",
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
// What atanh_ records: PyTorch has a node of its own for it.
struct AtanhInPlace : Atanh {
  static constexpr OpRecord record{.name = "atanh",
                                   .overload = 1,
                                   .signature = "atanh(input: Tensor) -> Tensor",
                                   .doc = "Inverse hyperbolic tangent of each element.",
                                   .derivative = "dy/dx = 1 / (1 - x^2)",
                                   .domain = {-0.9, 0.9},
                                   .max_ulp = 1,
                                   .form = Form::kInternal};
};

// An in-place form stands before the op that names it.
using HyperbolicOps =
    OpList<Sinh, Cosh, AsinhInPlace, AcoshInPlace, AtanhInPlace, Asinh, Acosh, Atanh>;

}  // namespace rl::RL_ISA

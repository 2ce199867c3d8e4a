// Exponentials, logarithms and roots.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// e^x. Uses the output.
struct Exp {
  static constexpr OpRecord record{
      .name = "exp",
      .signature = "exp(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "e to the power of each element.",
      .derivative = "dy/dx = y",
      .domain = {-5, 5},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::exp(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y);
  }
};

struct Log {
  static constexpr OpRecord record{
      .name = "log",
      .signature = "log(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Natural logarithm of each element.",
      .derivative = "dy/dx = 1 / x",
      .domain = {0.05, 9},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(x);
  }
};

// e^x - 1. Uses the output: y + 1 is e^x without a second transcendental.
struct Expm1 {
  static constexpr OpRecord record{
      .name = "expm1",
      .signature = "expm1(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "e to the power of each element, minus 1; exact where the element is near 0.",
      .derivative = "dy/dx = y + 1",
      .domain = {-5, 5},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::expm1(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y + Num(1));
  }
};

// log(1 + x).
struct Log1p {
  static constexpr OpRecord record{
      .name = "log1p",
      .signature = "log1p(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Natural logarithm of 1 plus each element; exact where the element is near 0.",
      .derivative = "dy/dx = 1 / (x + 1)",
      .domain = {-0.9, 9},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log1p(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(x + Num(1));
  }
};

// Uses the output: 2 y is exact, and y = 0 gives PyTorch's inf.
struct Sqrt {
  static constexpr OpRecord record{
      .name = "sqrt",
      .signature = "sqrt(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Square root of each element.",
      .derivative = "dy/dx = 1 / (2 y)",
      .domain = {0.05, 9},
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::sqrt(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g / conj(y * Num(2));
  }
};

using ExponentialOps = OpList<Exp, Log, Expm1, Log1p, Sqrt>;

}  // namespace rl::RL_ISA

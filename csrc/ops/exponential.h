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

using ExponentialOps = OpList<Exp, Log, Sqrt>;

}  // namespace rl::RL_ISA

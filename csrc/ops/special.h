// The error function and its kin.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

struct Erf {
  static constexpr OpRecord record{
      .name = "erf",
      .signature = "erf(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Error function of each element.",
      .derivative = "dy/dx = 2 / sqrt(pi) e^(-x^2)",
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::erf(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    constexpr double kTwoOverSqrtPi = 0x1.20dd750429b6dp+0;
    return Num(kTwoOverSqrtPi) * math::exp(-(x * x)) * g;
  }
};

using SpecialOps = OpList<Erf>;

}  // namespace rl::RL_ISA

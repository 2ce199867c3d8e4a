// Functions of the gamma family. A family of their own: their kernels take long to compile.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

struct Lgamma {
  static constexpr OpRecord record{
      .name = "lgamma",
      .signature = "lgamma(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Logarithm of |gamma(x)| of each element x.",
      .derivative = "dy/dx = digamma(x)",
      .domain = {0.2, 9},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::lgamma(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * math::digamma(x);
  }
};

struct Digamma {
  static constexpr OpRecord record{
      .name = "digamma",
      .signature = "digamma(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Derivative of lgamma at each element.",
      .derivative = "dy/dx = trigamma(x)",
      .domain = {0.2, 9},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::digamma(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * math::trigamma(x);
  }
};

// The kernel of polygamma.
struct PolygammaOf {
  static constexpr OpRecord record{.name = "_polygamma",
                                   .signature = "_polygamma(input: Tensor, n: int) -> Tensor",
                                   .doc = "The n-th derivative of digamma at each element.",
                                   .max_ulp = 1,
                                   .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> n) {
    return math::polygamma(n.value, x);
  }
  using grad_input = NotDifferentiable;
};

using GammaOps = OpList<Lgamma, Digamma, PolygammaOf>;

}  // namespace rl::RL_ISA

// Powers. A family of their own: their kernels take longest to compile.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// What is left of x^p with a number p when its usual values are taken out.
struct UnusualPow {
  template <class T>
  RL_FN static T forward(T x, T p) {
    return math::pow(x, p);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> p) {
    return g * (p.value * math::pow(x.value, p.value - 1));
  }
};

// x^p with a number p. The gradient is 0 for p = 0, also where x^(p-1) is not finite.
struct Pow {
  static constexpr OpRecord record{
      .name = "pow",
      .signature = "pow(input: Tensor, exponent: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element raised to a power.",
      .derivative = "dy/dx = p x^(p-1)",
      .domain = {0.1, 4},
      .max_ulp = 2,  // x * x * x and 1 / (x * x) round more than once, as PyTorch's do
      .computes = Computes::kAny,
      .inplace = true,
      .scalar_promotes = true,
      .demand = Demand::kExponent};
  // Those of pow_number, and those that its derivative makes into them.
  static constexpr double kUsual[] = {2, 3, 0.5, -1, 1, 4, 1.5, 0, -2, -0.5};
  using Unusual = UnusualPow;
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> p) {
    return math::pow_number(x, p.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> p) {
    return math::pow_grad(g, x, p);
  }
};

// x^p with a tensor p. grad_other uses the output and is 0 where x = 0 and p >= 0.
struct PowTensor {
  static constexpr OpRecord record{
      .name = "pow",
      .overload = 1,
      .signature = "pow(input: Tensor, exponent: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element raised to a power.",
      .derivative = "dy/dinput = p x^(p-1), dy/dexponent = y log(x)",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .computes = Computes::kNumeric,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, T p) {
    return math::pow(x, p);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> p) {
    return math::pow_grad(g, x, p);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> p, Result<V> y) {
    return g * math::pow_exponent_slope(x, p, y);
  }
};

// b^x with a number b: `2 ** x`.
struct PowBase {
  static constexpr OpRecord record{
      .name = "pow",
      .overload = 2,
      .signature = "pow(self: Number, exponent: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "A number raised to the power of each element.",
      .derivative = "dy/dexponent = y log(b)",
      .domain = {-3, 3},
      .max_ulp = 1,
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .scalar_promotes = true,
      .demand = Demand::kExponent};
  template <class T>
  RL_FN static T forward(Scalar<T, 0> base, T p) {
    return math::pow(base.value, p);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 0> base, Other<V> p, Result<V> y) {
    return g * math::pow_exponent_slope(base, p, y);
  }
};

// A 0-d tensor would do as a number, too: the form with two tensors is asked first.
using PowerOps = OpList<PowTensor, Pow, PowBase>;

}  // namespace rl::RL_ISA

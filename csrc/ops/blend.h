// Weighted sums of three operands: addcmul, addcdiv, lerp.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

namespace math {
// From the nearer end, so that weights 0 and 1 give the ends themselves.
template <class T>
RL_FN T lerp(T x, T end, T weight) {
  return abs(weight) < T(0.5) ? x + weight * (end - x) : end - (end - x) * (T(1) - weight);
}
// g (1 - weight).
RL_FN float lerp_start_grad(float g, float weight) { return g * (1 - weight); }
RL_FN double lerp_start_grad(double g, double weight) { return g * (1 - weight); }
#ifndef RL_KERNEL_SET
Tensor lerp_start_grad(const Tensor& g, const Tensor& weight);
#endif
}  // namespace math

// x + value a b. Each factor is saved only where the other one needs a gradient.
struct Addcmul {
  static constexpr OpRecord record{
      .name = "addcmul",
      .signature =
          "addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "input + value * tensor1 * tensor2, element by element.",
      .derivative = "dy/dinput = 1, dy/dtensor1 = value tensor2, dy/dtensor2 = value tensor1",
      .computes = Computes::kNumeric,
      .inplace = true,
      .demand = Demand::kNumbersFit,
      .lists_form = true,
      .kernel = "addcmul_cpu_out"};
  template <class T>
  RL_FN static T forward(T x, T a, T b, Scalar<T, 3> value) {
    return x + value.value * a * b;
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Arg<V, 2> b, Scalar<V, 3> value) {
    return g.value * conj(b.value * value.value);
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Arg<V, 1> a, Scalar<V, 3> value) {
    return g.value * conj(a.value * value.value);
  }
};

// x + value a / b.
struct Addcdiv {
  static constexpr OpRecord record{
      .name = "addcdiv",
      .signature =
          "addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "input + value * tensor1 / tensor2, element by element.",
      .derivative =
          "dy/dinput = 1, dy/dtensor1 = value / tensor2, "
          "dy/dtensor2 = -value tensor1 / tensor2^2",
      .domain = {0.5, 3},
      .inplace = true,
      .demand = Demand::kQuotient,
      .lists_form = true};
  template <class T>
  RL_FN static T forward(T x, T a, T b, Scalar<T, 3> value) {
    return x + value.value * a / b;
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Arg<V, 2> b, Scalar<V, 3> value) {
    return g.value * conj(value.value / b.value);
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Arg<V, 1> a, Arg<V, 2> b, Scalar<V, 3> value) {
    return -g.value * conj(a.value * value.value / (b.value * b.value));
  }
};

struct LerpTensor {
  static constexpr OpRecord record{
      .name = "lerp",
      .overload = 1,
      .signature =
          "lerp(input: Tensor, end: Tensor, weight: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "input + weight * (end - input), element by element.",
      .derivative = "dy/dinput = 1 - weight, dy/dend = weight, dy/dweight = end - input",
      .computes = Computes::kFloatOnly,
      .inplace = true,
      .demand = Demand::kSameTypes,
      .many_forms = true,
      .kernel = "lerp_kernel_tensor"};
  template <class T>
  RL_FN static T forward(T x, T end, T weight) {
    return math::lerp(x, end, weight);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 2> weight) {
    return math::lerp_start_grad(g.value, weight.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Arg<V, 2> weight) {
    return g.value * conj(weight.value);
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> x, Other<V> end) {
    return g.value * conj(end.value - x.value);
  }
};

struct Lerp {
  static constexpr OpRecord record{
      .name = "lerp",
      .signature =
          "lerp(input: Tensor, end: Tensor, weight: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "input + weight * (end - input), element by element.",
      .derivative = "dy/dinput = 1 - weight, dy/dend = weight",
      .computes = Computes::kFloatOnly,
      .inplace = true,
      .demand = Demand::kSameTypes,
      .kernel = "lerp_kernel_scalar"};
  template <class T>
  RL_FN static T forward(T x, T end, Scalar<T, 2> weight) {
    return math::lerp(x, end, weight.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Scalar<V, 2> weight) {
    return math::lerp_start_grad(g.value, weight.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 2> weight) {
    return g.value * conj(weight.value);
  }
};

using BlendOps = OpList<Addcmul, Addcdiv, LerpTensor, Lerp>;

}  // namespace rl::RL_ISA

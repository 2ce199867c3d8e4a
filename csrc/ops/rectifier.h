// Activation functions in pieces: rectifiers, cut lines and shrinkage. At a kink every gradient is
// the one that PyTorch chose.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// What leaky_relu_ records: the output has the input's sign.
struct LeakyReluResult {
  static constexpr OpRecord record{
      .name = "leaky_relu",
      .overload = 1,
      .signature = "leaky_relu(input: Tensor, negative_slope: Number = 0.01) -> Tensor",
      .doc = "leaky_relu with a derivative of its output.",
      .derivative = "dy/dx = 1 where y > 0, else negative_slope",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "leaky_relu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> slope) {
    return x > T(0) ? x : x * slope.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y, Scalar<V, 1> slope) {
    return math::select(y.value > Num(0), g.value, g.value * slope.value);
  }
};

struct LeakyRelu {
  using InPlace = LeakyReluResult;
  static constexpr OpRecord record{
      .name = "_leaky_relu",
      .signature = "_leaky_relu(input: Tensor, negative_slope: Number = 0.01) -> Tensor",
      .doc = "Each element, times negative_slope where it is not above 0.",
      .derivative = "dy/dx = 1 where x > 0, else negative_slope",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .inplace = true,
      .kernel = "leaky_relu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> slope) {
    return x > T(0) ? x : x * slope.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> slope) {
    return math::select(x.value > Num(0), g.value, g.value * slope.value);
  }
};

// x below 0, else 0: what a slope reads of x on that side. At 0 and above it has no derivative, and
// e to its power is finite: infinity times 0 would be nan.
template <class V>
RL_FN V below_zero(const V& x) {
  return math::select(x < Num(0), x, Num(0));
}

// What elu_ and selu_ record: y + alpha scale is alpha scale e^(input_scale x).
struct EluResult {
  static constexpr OpRecord record{
      .name = "elu",
      .overload = 1,
      .signature =
          "elu(input: Tensor, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) "
          "-> Tensor",
      .doc = "elu with a derivative of its output.",
      .derivative = "dy/dx = scale where y > 0, else input_scale (y + alpha scale)",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "elu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> alpha, Scalar<T, 2> scale, Scalar<T, 3> input_scale) {
    return x < T(0) ? math::expm1(x * input_scale.value) * (alpha.value * scale.value)
                    : x * scale.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y, Scalar<V, 1> alpha, Scalar<V, 2> scale,
                            Scalar<V, 3> input_scale) {
    return math::select(
        y.value <= Num(0),
        g.value * input_scale.value * (below_zero(y.value) + alpha.value * scale.value),
        g.value * scale.value);
  }
};

struct Elu {
  using InPlace = EluResult;
  static constexpr OpRecord record{
      .name = "_elu",
      .signature =
          "_elu(input: Tensor, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) "
          "-> Tensor",
      .doc = "scale times x above 0, scale alpha (e^(input_scale x) - 1) below.",
      .derivative = "dy/dx = scale where x > 0, else scale alpha input_scale e^(input_scale x)",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .inplace = true,
      .kernel = "elu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> alpha, Scalar<T, 2> scale, Scalar<T, 3> input_scale) {
    return x < T(0) ? math::expm1(x * input_scale.value) * (alpha.value * scale.value)
                    : x * scale.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> alpha, Scalar<V, 2> scale,
                            Scalar<V, 3> input_scale) {
    return math::select(x.value <= Num(0),
                        g.value * input_scale.value * alpha.value * scale.value *
                            math::exp(below_zero(x.value) * input_scale.value),
                        g.value * scale.value);
  }
};

// What celu_ records: y / alpha + 1 is e^(x / alpha).
struct CeluResult {
  static constexpr OpRecord record{
      .name = "celu",
      .overload = 1,
      .signature = "celu(input: Tensor, alpha: Number = 1.0) -> Tensor",
      .doc = "celu with a derivative of its output.",
      .derivative = "dy/dx = 1 where y > 0, else y / alpha + 1",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "elu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> alpha) {
    return x < T(0) ? alpha.value * math::expm1(x / alpha.value) : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y, Scalar<V, 1> alpha) {
    return math::select(y.value <= Num(0), g.value * (below_zero(y.value) / alpha.value + Num(1)),
                        g.value);
  }
};

struct Celu {
  using InPlace = CeluResult;
  static constexpr OpRecord record{
      .name = "celu",
      .signature = "celu(input: Tensor, alpha: Number = 1.0) -> Tensor",
      .doc = "x above 0, alpha (e^(x / alpha) - 1) below: its slope has no jump.",
      .derivative = "dy/dx = 1 where x > 0, else e^(x / alpha)",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .inplace = true,
      .kernel = "elu_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> alpha) {
    return x < T(0) ? alpha.value * math::expm1(x / alpha.value) : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> alpha) {
    return math::select(x.value <= Num(0), g.value * math::exp(below_zero(x.value) / alpha.value),
                        g.value);
  }
};

// The gradient is 0 on the bounds themselves, unlike that of clamp.
struct Hardtanh {
  static constexpr OpRecord record{
      .name = "_hardtanh",
      .signature = "_hardtanh(input: Tensor, min_val: Number = -1, max_val: Number = 1) -> Tensor",
      .doc = "Each element, moved to min_val where it is below and to max_val where above.",
      .derivative = "dy/dx = 1 where min_val < x < max_val, else 0",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .inplace = true,
      .bool_error = "Bool inputs not supported for hardtanh",
      .kernel = "hardtanh_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> low, Scalar<T, 2> high) {
    return x < low.value ? low.value : x > high.value ? high.value : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> low, Scalar<V, 2> high) {
    return math::select((x.value <= low.value) | (x.value >= high.value), Num(0), g.value);
  }
};

struct Hardsigmoid {
  static constexpr OpRecord record{.name = "_hardsigmoid",
                                   .signature = "_hardsigmoid(input: Tensor) -> Tensor",
                                   .doc = "x / 6 + 1 / 2, cut at 0 and 1.",
                                   .derivative = "dy/dx = 1/6 where -3 < x < 3, else 0",
                                   .computes = Computes::kFloatOnly,
                                   .form = Form::kFunction,
                                   .inplace = true,
                                   .kernel = "hardsigmoid_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return math::min(math::max(x + T(3), T(0)), T(6)) / T(6);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return math::select((x.value > Num(-3)) & (x.value < Num(3)), g.value * Num(1.0 / 6), Num(0));
  }
};

struct Hardswish {
  static constexpr OpRecord record{
      .name = "_hardswish",
      .signature = "_hardswish(input: Tensor) -> Tensor",
      .doc = "x times x / 6 + 1 / 2, which is cut at 0 and 1.",
      .derivative = "dy/dx = 0 where x <= -3, x / 3 + 1/2 where -3 < x < 3, else 1",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .inplace = true,
      .kernel = "hardswish_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return x * math::min(math::max(x + T(3), T(0)), T(6)) / T(6);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    V inside = g.value * (x.value / Num(3) + Num(0.5));
    return math::select(x.value <= Num(-3), Num(0),
                        math::select(x.value < Num(3), inside, g.value));
  }
};

// What threshold_ records.
struct ThresholdInPlace {
  static constexpr OpRecord record{
      .name = "threshold",
      .overload = 1,
      .signature = "threshold(input: Tensor, threshold: Number, value: Number) -> Tensor",
      .doc = "threshold in place.",
      .derivative = "dy/dx = 1 where x > threshold, else 0",
      .computes = Computes::kNumeric,
      .form = Form::kInternal,
      .kernel = "threshold_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> threshold, Scalar<T, 2> value) {
    return x <= threshold.value ? value.value : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> threshold) {
    return math::select(x.value <= threshold.value, Num(0), g.value);
  }
};

struct Threshold {
  using InPlace = ThresholdInPlace;
  static constexpr OpRecord record{
      .name = "threshold",
      .signature =
          "threshold(input: Tensor, threshold: Number, value: Number, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "Each element, or value where it is not above threshold.",
      .derivative = "dy/dx = 1 where x > threshold, else 0",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .inplace = true,
      .demand = Demand::kNumbersFit,
      .kernel = "threshold_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> threshold, Scalar<T, 2> value) {
    return x <= threshold.value ? value.value : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> threshold) {
    return math::select(x.value <= threshold.value, Num(0), g.value);
  }
};

struct Softshrink {
  static constexpr OpRecord record{
      .name = "_softshrink",
      .signature =
          "_softshrink(input: Tensor, lambd: Number = 0.5, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element moved towards 0 by lambd, and 0 where it is nearer than that.",
      .derivative = "dy/dx = 0 where |x| <= lambd, else 1",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .kernel = "softshrink_check"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> lambd) {
    return x > lambd.value ? x - lambd.value : x < -lambd.value ? x + lambd.value : x * T(0);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> lambd) {
    return math::select((x.value >= -lambd.value) & (x.value <= lambd.value), Num(0), g.value);
  }
};

struct Hardshrink {
  static constexpr OpRecord record{
      .name = "hardshrink",
      .signature =
          "hardshrink(input: Tensor, lambd: Number = 0.5, *, out: Tensor? = None) "
          "-> Tensor",
      .doc = "Each element, or 0 where its magnitude is at most lambd.",
      .derivative = "dy/dx = 0 where |x| <= lambd, else 1",
      .max_ulp = 0,
      .computes = Computes::kFloatOnly,
      .kernel = "hardshrink_cpu",
      .out = OutRule::kFound};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> lambd) {
    return (x >= -lambd.value) & (x <= lambd.value) ? T(0) : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> lambd) {
    return math::select((x.value >= -lambd.value) & (x.value <= lambd.value), Num(0), g.value);
  }
};

// prelu of a weight that broadcasts against the input.
struct PreluKernel {
  static constexpr OpRecord record{
      .name = "_prelu_kernel",
      .signature = "_prelu_kernel(input: Tensor, weight: Tensor) -> Tensor",
      .doc = "Each element, times weight where it is not above 0.",
      .derivative = "dy/dx = 1 where x > 0, else weight; dy/dweight = 0 where x > 0, else x",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .kernel = "prelu_cpu"};
  template <class T>
  RL_FN static T forward(T x, T weight) {
    return x > T(0) ? x : weight * x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> weight) {
    return math::select(x.value > Num(0), g.value,
                        math::fixed_at_zero(x.value, weight.value) * g.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x) {
    return math::select(x.value > Num(0), Num(0), math::fixed_at_zero(x.value, x.value) * g.value);
  }
};

using RectifierOps =
    OpList<LeakyReluResult, LeakyRelu, EluResult, Elu, CeluResult, Celu, Hardtanh, Hardsigmoid,
           Hardswish, ThresholdInPlace, Threshold, Softshrink, Hardshrink, PreluKernel>;

}  // namespace rl::RL_ISA

// Activation functions.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// Uses the output: 1 - y*y keeps its digits where 1/cosh(x)^2 loses them, and costs no second
// transcendental.
struct Tanh {
  static constexpr OpRecord record{
      .name = "tanh",
      .signature = "tanh(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Hyperbolic tangent of each element.",
      .derivative = "dy/dx = 1 - y^2",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::tanh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return math::tanh_backward(g.value, y.value);
  }
};

// The derivative of tanh as an op: a gradient of a gradient has one node for it, as in PyTorch.
struct TanhBackward {
  static constexpr OpRecord record{
      .name = "tanh_backward",
      .signature = "tanh_backward(grad_output: Tensor, output: Tensor) -> Tensor",
      .doc = "grad_output (1 - output^2).",
      .derivative = "dy/dgrad = 1 - output^2, dy/doutput = -2 grad_output output",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T y) {
    return math::tanh_backward(g, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return math::tanh_backward(g.value, y.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Other<V> y) {
    return g * first * Num(-2) * y;
  }
};

// 1 / (1 + e^-x). Uses the output.
struct Sigmoid {
  static constexpr OpRecord record{
      .name = "sigmoid",
      .signature = "sigmoid(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Logistic function of each element.",
      .derivative = "dy/dx = y (1 - y)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  RL_FN static bool fast(float x) { return math::sigmoid_is_normal(x); }
  static bool fast(double) = delete;
  template <class T>
  RL_FN static T forward(T x) {
    return math::sigmoid_near(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return math::sigmoid_backward(g.value, y.value);
  }
};

struct SigmoidBackward {
  static constexpr OpRecord record{
      .name = "sigmoid_backward",
      .signature = "sigmoid_backward(grad_output: Tensor, output: Tensor) -> Tensor",
      .doc = "grad_output output (1 - output).",
      .derivative = "dy/dgrad = output (1 - output), dy/doutput = grad_output (1 - 2 output)",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T y) {
    return math::sigmoid_backward(g, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return math::sigmoid_backward(g.value, y.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Other<V> y) {
    return g * first * (Num(1) - Num(2) * y);
  }
};

// max(x, 0). Uses the output: the gradient is cut where y <= 0, and passes where y is nan.
struct Relu {
  static constexpr OpRecord record{.name = "relu",
                                   .signature = "relu(input: Tensor) -> Tensor",
                                   .doc = "Each element, or 0 where it is negative.",
                                   .derivative = "dy/dx = 1 where y > 0, else 0",
                                   .computes = Computes::kNumeric,
                                   .inplace = true,
                                   .inplace_function = true,
                                   .bool_error = "Boolean inputs not supported for relu"};
  template <class T>
  RL_FN static T forward(T x) {
    return x < T(0) ? T(0) : x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return math::threshold_backward(g, y);
  }
};

// The derivative of relu as an op: it passes g where y is above 0, and so does its own derivative.
struct ThresholdBackward {
  static constexpr OpRecord record{
      .name = "threshold_backward",
      .signature = "threshold_backward(grad_output: Tensor, input: Tensor) -> Tensor",
      .doc = "The gradient where the input is above 0, else 0.",
      .derivative = "dy/dgrad = 1 where input > 0, dy/dinput = 0",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T y) {
    return math::threshold_backward(g, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return math::threshold_backward(g, y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g) {
    return g * Num(0);
  }
};

using ActivationOps = OpList<Tanh, TanhBackward, Sigmoid, SigmoidBackward, Relu, ThresholdBackward>;

}  // namespace rl::RL_ISA

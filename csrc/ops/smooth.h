// Smooth activation functions.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// 2 sqrt(2 / pi) and the factor of x^3 in gelu's approximation by tanh, written as
// x sigmoid(kGeluSlope (x + kGeluCube x^3)).
constexpr double kGeluSlope = 0x1.9884533d43651p+0, kGeluCube = 0.044715;

// The second derivatives of both forms of gelu.
template <class V>
RL_FN V gelu_curvature(const V& x) {
  constexpr double kInvSqrt2Pi = 0x1.9884533d43651p-2;
  return Num(kInvSqrt2Pi) * math::exp(Num(-0.5) * x * x) * (Num(2) - x * x);
}
template <class V>
RL_FN V gelu_tanh_curvature(const V& x) {
  V square = x * x;
  V s = math::sigmoid(Num(kGeluSlope) * (x + Num(kGeluCube) * square * x));
  V slope = Num(kGeluSlope) * (Num(1) + Num(3 * kGeluCube) * square);
  V bend = Num(6 * kGeluSlope * kGeluCube) * x;
  return s * (Num(1) - s) * (Num(2) * slope + x * (bend + (Num(1) - Num(2) * s) * slope * slope));
}

// The slope of gelu as an op: it needs the normal distribution, which is no op of its own here.
// Each form has loops of its own, without a branch.
struct GeluBackward {
  static constexpr OpRecord record{
      .name = "gelu_backward",
      .signature = "gelu_backward(grad_output: Tensor, input: Tensor) -> Tensor",
      .doc = "grad_output times the slope of gelu at input.",
      .derivative = "dy/dgrad = gelu'(input), dy/dinput = grad_output gelu''(input)",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x) {
    return math::gelu_backward(g, x, T(0));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> x) {
    return math::gelu_backward(g.value, x.value, V(Num(0)));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Other<V> x) {
    return g.value * first.value * gelu_curvature(x.value);
  }
};

struct GeluTanhBackward {
  static constexpr OpRecord record{
      .name = "gelu_backward",
      .overload = 1,
      .signature = "gelu_backward(grad_output: Tensor, input: Tensor) -> Tensor",
      .doc = "The same with gelu's approximation by tanh.",
      .derivative = "dy/dgrad = gelu'(input), dy/dinput = grad_output gelu''(input)",
      .form = Form::kInternal,
      .node = "GeluBackwardBackward0"};
  template <class T>
  RL_FN static T forward(T g, T x) {
    return math::gelu_backward(g, x, T(1));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> x) {
    return math::gelu_backward(g.value, x.value, V(Num(1)));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Other<V> x) {
    return g.value * first.value * gelu_tanh_curvature(x.value);
  }
};

// The node shows the word, which the formulas know already.
struct GeluExact {
  static constexpr const char* kOptions[] = {"none"};
  static constexpr const char* kOptionError = "approximate argument must be either none or tanh.";
  static constexpr OpRecord record{
      .name = "gelu",
      .signature = "gelu(input: Tensor, *, approximate: str) -> Tensor",
      .doc = "x times the normal distribution function at x.",
      .derivative = "dy/dx = cdf(x) + x pdf(x)",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "GeluKernelImpl"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1>) {
    return math::gelu(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1>) {
    return math::gelu_backward(g.value, x.value, V(Num(0)));
  }
};

struct GeluTanh {
  static constexpr const char* kOptions[] = {"tanh"};
  static constexpr const char* kOptionError = GeluExact::kOptionError;
  static constexpr OpRecord record{
      .name = "gelu",
      .overload = 1,
      .signature = "gelu(input: Tensor, *, approximate: str) -> Tensor",
      .doc = "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.",
      .derivative = "dy/dx, with tanh instead of the normal distribution function",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "GeluKernelImpl",
      .node = "GeluBackward0"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1>) {
    return math::gelu_tanh(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1>) {
    return math::gelu_backward(g.value, x.value, V(Num(1)));
  }
};

struct Silu {
  static constexpr OpRecord record{.name = "_silu",
                                   .signature = "_silu(input: Tensor) -> Tensor",
                                   .doc = "x / (1 + e^-x).",
                                   .derivative = "dy/dx = s (1 + x (1 - s)) with s = sigmoid(x)",
                                   .computes = Computes::kFloatOnly,
                                   .form = Form::kFunction,
                                   .inplace = true,
                                   .kernel = "silu_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return x * math::sigmoid(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    V s = math::sigmoid(x.value);
    return g.value * (s * (x.value * (Num(1) - s) + Num(1)));
  }
};

struct Mish {
  static constexpr OpRecord record{
      .name = "_mish",
      .signature = "_mish(input: Tensor) -> Tensor",
      .doc = "x tanh(log(1 + e^x)).",
      .derivative = "dy/dx = t + x s (1 - t^2) with t = y / x and s = sigmoid(x)",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .inplace = true,
      .kernel = "mish_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return x * math::tanh(math::softplus(x));
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    V t = math::tanh(math::softplus(x.value)), s = math::sigmoid(x.value);
    return g.value * (x.value * s * (Num(1) - t * t) + t);
  }
};

struct Softplus {
  static constexpr OpRecord record{
      .name = "_softplus",
      .signature =
          "_softplus(input: Tensor, beta: Number = 1, threshold: Number = 20, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "log(1 + e^(beta x)) / beta, and x itself where beta x is above threshold.",
      .derivative = "dy/dx = sigmoid(beta x), 1 where beta x > threshold",
      .computes = Computes::kFloatOnly,
      .form = Form::kFunction,
      .kernel = "softplus_cpu"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> beta, Scalar<T, 2> threshold) {
    T scaled = x * beta.value;
    return scaled > threshold.value ? x : math::softplus(scaled) / beta.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> beta, Scalar<V, 2> threshold) {
    V scaled = x.value * beta.value;
    return math::select(scaled > threshold.value, g.value, g.value * math::sigmoid(scaled));
  }
};

// The three parts of log_sigmoid: its value, what its derivative keeps, and that derivative.
struct LogSigmoidTerm {
  static constexpr OpRecord record{.name = "_log_sigmoid_term",
                                   .signature = "_log_sigmoid_term(input: Tensor) -> Tensor",
                                   .doc = "-log(1 + e^-x).",
                                   .computes = Computes::kFloatOnly,
                                   .form = Form::kInternal,
                                   .kernel = "log_sigmoid_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log_sigmoid(x) + T(0);  // 0 where it vanishes, not -0
  }
  using grad_input = NotDifferentiable;
};

struct LogSigmoidBuffer {
  static constexpr OpRecord record{.name = "_log_sigmoid_buffer",
                                   .signature = "_log_sigmoid_buffer(input: Tensor) -> Tensor",
                                   .doc = "e^-|x|.",
                                   .computes = Computes::kFloatOnly,
                                   .form = Form::kInternal,
                                   .kernel = "log_sigmoid_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return math::exp(-math::abs(x));
  }
  using grad_input = NotDifferentiable;
};

// sigmoid(-x) by the buffer b = e^-|x|, without another exponential.
struct LogSigmoidBackward {
  static constexpr OpRecord record{
      .name = "log_sigmoid_backward",
      .signature =
          "log_sigmoid_backward(grad_output: Tensor, input: Tensor, buffer: Tensor) -> Tensor",
      .doc = "grad_output times sigmoid(-input).",
      .derivative = "dy/dgrad = sigmoid(-input), dy/dinput = -grad_output b / (1 + b)^2",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T b) {
    T part = b / (T(1) + b);
    return g * (x < T(0) ? T(1) - part : part);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> b) {
    V part = b.value / (b.value + Num(1));
    return g.value * math::select(x.value < Num(0), Num(1) - part, part);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 2> b) {
    V sum = b.value + Num(1);
    return -(g.value * first.value * (b.value / (sum * sum)));
  }
  using grad_third = NotDifferentiable;
};

// a sigmoid(b) of the two halves of glu.
struct GluTerm {
  static constexpr OpRecord record{
      .name = "_glu_term",
      .signature = "_glu_term(input: Tensor, gate: Tensor) -> Tensor",
      .doc = "input times sigmoid(gate).",
      .derivative = "dy/dinput = sigmoid(gate), dy/dgate = y (1 - sigmoid(gate))",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "glu_cpu"};
  template <class T>
  RL_FN static T forward(T x, T gate) {
    return x * math::sigmoid(gate);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> gate) {
    return g.value * math::sigmoid(gate.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> gate) {
    V s = math::sigmoid(gate.value);
    return g.value * x.value * ((Num(1) - s) * s);
  }
};

using SmoothOps = OpList<GeluBackward, GeluTanhBackward, GeluExact, GeluTanh, Silu, Mish, Softplus,
                         LogSigmoidTerm, LogSigmoidBuffer, LogSigmoidBackward, GluTerm>;

}  // namespace rl::RL_ISA

// Elementwise parts of the losses that compare probabilities, and their derivatives as ops.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

// Both logarithms are cut at -100, so that a loss stays finite.
struct BceTerm {
  static constexpr OpRecord record{
      .name = "_bce_term",
      .signature = "_bce_term(input: Tensor, target: Tensor) -> Tensor",
      .doc = "-target log(input) - (1 - target) log(1 - input).",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T t) {
    T yes = math::max(math::log(x), T(-100)), no = math::max(math::log1p(-x), T(-100));
    return (t - T(1)) * no - t * yes;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// The factor of a mean is part of norm.
struct BceBackward {
  static constexpr double kLeast = 1e-12;  // of the denominator
  static constexpr OpRecord record{
      .name = "binary_cross_entropy_backward",
      .signature =
          "binary_cross_entropy_backward(grad_output: Tensor, input: Tensor, target: Tensor, "
          "norm: float) -> Tensor",
      .doc = "norm grad_output (input - target) / (input (1 - input)).",
      .derivative = "as of a quotient in input; dy/dtarget = -norm grad_output / (x (1 - x))",
      .form = Form::kInternal};
  template <class V>
  RL_FN static V denominator(const V& x) {
    V product = (Num(1) - x) * x;
    return math::select(product < Num(kLeast), Num(kLeast), product);
  }
  template <class T>
  RL_FN static T forward(T g, T x, T t, Scalar<T, 3> norm) {
    return g * (x - t) / denominator(x) * norm.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> t, Scalar<V, 3> norm) {
    return g.value * (x.value - t.value) / denominator(x.value) * norm.value;
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> t, Scalar<V, 3> norm) {
    V d = denominator(x.value);
    V slope = d - (x.value - t.value) * (Num(1) - Num(2) * x.value);
    return g.value * first.value * (slope / (d * d)) * norm.value;
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> first, Arg<V, 1> x, Scalar<V, 3> norm) {
    return -(g.value * first.value / denominator(x.value) * norm.value);
  }
};

struct BceLogitsTerm {
  static constexpr OpRecord record{
      .name = "_bce_logits_term",
      .signature = "_bce_logits_term(input: Tensor, target: Tensor) -> Tensor",
      .doc = "(1 - target) input - log(sigmoid(input)).",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "log_sigmoid_cpu"};
  template <class T>
  RL_FN static T forward(T x, T t) {
    return (T(1) - t) * x - math::log_sigmoid(x);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct BceLogitsWeightedTerm {
  static constexpr OpRecord record{
      .name = "_bce_logits_weighted_term",
      .signature =
          "_bce_logits_weighted_term(input: Tensor, target: Tensor, pos_weight: Tensor) -> Tensor",
      .doc = "The same with a weight for what is positive.",
      .computes = Computes::kFloatOnly,
      .form = Form::kInternal,
      .kernel = "log_sigmoid_cpu"};
  template <class T>
  RL_FN static T forward(T x, T t, T pos_weight) {
    T log_weight = (pos_weight - T(1)) * t + T(1);
    return (T(1) - t) * x - log_weight * math::log_sigmoid(x);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
  using grad_third = NotDifferentiable;
};

struct BceLogitsBackward {
  static constexpr OpRecord record{
      .name = "binary_cross_entropy_with_logits_backward",
      .signature =
          "binary_cross_entropy_with_logits_backward(grad_output: Tensor, input: Tensor, "
          "target: Tensor, norm: float) -> Tensor",
      .doc = "norm grad_output (sigmoid(input) - target).",
      .derivative = "dy/dinput = norm grad_output s (1 - s), dy/dtarget = -norm grad_output",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T t, Scalar<T, 3> norm) {
    return (math::sigmoid(x) - t) * g * norm.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> t, Scalar<V, 3> norm) {
    return (math::sigmoid(x.value) - t.value) * g.value * norm.value;
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 1> x, Scalar<V, 3> norm) {
    V s = math::sigmoid(x.value);
    return (Num(1) - s) * s * (g.value * first.value) * norm.value;
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> first, Scalar<V, 3> norm) {
    return -(g.value * first.value * norm.value);
  }
};

struct SoftMarginTerm {
  static constexpr OpRecord record{
      .name = "_soft_margin_term",
      .signature = "_soft_margin_term(input: Tensor, target: Tensor) -> Tensor",
      .doc = "log(1 + e^(-input target)).",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T t) {
    return math::softplus(-x * t);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct SoftMarginBackward {
  static constexpr OpRecord record{
      .name = "soft_margin_loss_backward",
      .signature =
          "soft_margin_loss_backward(grad_output: Tensor, input: Tensor, target: Tensor, "
          "norm: float) -> Tensor",
      .doc = "-norm grad_output target sigmoid(-input target).",
      .derivative = "dy/dinput = norm grad_output target^2 s (1 - s)",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T t, Scalar<T, 3> norm) {
    return -t * math::sigmoid(-x * t) * g * norm.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> t, Scalar<V, 3> norm) {
    return -t.value * math::sigmoid(-x.value * t.value) * g.value * norm.value;
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> t, Scalar<V, 3> norm) {
    V s = math::sigmoid(-x.value * t.value);
    return (Num(1) - s) * s * (t.value * t.value) * (g.value * first.value) * norm.value;
  }
  using grad_third = NotDifferentiable;
};

// A sum, a product and a quotient with a number, as PyTorch's own code records them.
struct AddNumber {
  static constexpr OpRecord record{
      .name = "_add_number",
      .signature = "_add_number(input: Tensor, other: Number) -> Tensor",
      .doc = "Each element plus a number.",
      .derivative = "dy/dx = 1",
      .form = Form::kFunction,
      .node = "AddBackward1"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> other) {
    return x + other.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return g;
  }
};

struct MulNumber {
  static constexpr OpRecord record{
      .name = "_mul_number",
      .signature = "_mul_number(input: Tensor, other: Number) -> Tensor",
      .doc = "Each element times a number.",
      .derivative = "dy/dx = other",
      .form = Form::kFunction,
      .node = "MulBackward1"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> other) {
    return x * other.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Scalar<V, 1> other) {
    return g.value * other.value;
  }
};

struct DivNumber {
  static constexpr OpRecord record{.name = "div",
                                   .overload = 1,
                                   .signature = "div(input: Tensor, other: Number) -> Tensor",
                                   .doc = "Each element divided by a number.",
                                   .derivative = "dy/dx = 1 / other",
                                   .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> other) {
    return x / other.value;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Scalar<V, 1> other) {
    return g.value / other.value;
  }
};

using LikelihoodOps =
    OpList<BceTerm, BceBackward, BceLogitsTerm, BceLogitsWeightedTerm, BceLogitsBackward,
           SoftMarginTerm, SoftMarginBackward, AddNumber, MulNumber, DivNumber>;

}  // namespace rl::RL_ISA

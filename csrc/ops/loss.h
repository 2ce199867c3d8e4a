// Elementwise parts of the losses: the terms that are averaged, and their derivatives as ops.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

struct MseTerm {
  static constexpr OpRecord record{
      .name = "_mse_term",
      .signature = "_mse_term(input: Tensor, target: Tensor) -> Tensor",
      .doc = "Square of each difference.",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return (x - y) * (x - y);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct SmoothL1Term {
  static constexpr OpRecord record{
      .name = "_smooth_l1_term",
      .signature = "_smooth_l1_term(input: Tensor, target: Tensor, beta: float) -> Tensor",
      .doc = "A parabola where the difference is below beta, its size minus beta / 2 beyond.",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> beta) {
    T z = math::abs(x - y);
    return z < beta.value ? T(0.5) * z * z / beta.value : z - T(0.5) * beta.value;
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

struct HuberTerm {
  static constexpr OpRecord record{
      .name = "_huber_term",
      .signature = "_huber_term(input: Tensor, target: Tensor, delta: float) -> Tensor",
      .doc = "A parabola where the difference is at most delta, a line beyond.",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> delta) {
    T z = math::abs(x - y);
    return z <= delta.value ? T(0.5) * z * z : delta.value * (z - T(0.5) * delta.value);
  }
  using grad_input = NotDifferentiable;
  using grad_other = NotDifferentiable;
};

// The factor of a mean is part of norm.
struct MseLossBackward {
  static constexpr OpRecord record{
      .name = "mse_loss_backward",
      .signature =
          "mse_loss_backward(grad_output: Tensor, input: Tensor, target: Tensor, norm: float) "
          "-> Tensor",
      .doc = "norm (input - target) grad_output.",
      .derivative = "dy/dgrad = norm (input - target), dy/dinput = -dy/dtarget = norm grad_output",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T y, Scalar<T, 3> norm) {
    return norm.value * (x - y) * g;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm) {
    return norm.value * (x.value - y.value) * g.value;
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Scalar<V, 3> norm) {
    return norm.value * g.value * first.value;
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> first, Scalar<V, 3> norm) {
    return -(norm.value * g.value * first.value);
  }
};

// Linear in grad_output; in the input constant beyond beta.
struct SmoothL1LossBackward {
  static constexpr OpRecord record{
      .name = "smooth_l1_loss_backward",
      .signature =
          "smooth_l1_loss_backward(grad_output: Tensor, input: Tensor, target: Tensor, "
          "norm: float, beta: float) -> Tensor",
      .doc = "norm grad_output times (input - target) / beta, cut at -1 and 1.",
      .derivative =
          "dy/dinput = -dy/dtarget = norm grad_output / beta where |input - target| < beta",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T y, Scalar<T, 3> norm, Scalar<T, 4> beta) {
    return math::smooth_l1_backward(g, x, y, norm.value, beta.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> beta) {
    return math::smooth_l1_backward(g.value, x.value, y.value, norm.value, beta.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> beta) {
    return math::where_near(x.value - y.value, beta.value,
                            norm.value * g.value * first.value / beta.value);
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> beta) {
    return -math::where_near(x.value - y.value, beta.value,
                             norm.value * g.value * first.value / beta.value);
  }
};

struct HuberLossBackward {
  static constexpr OpRecord record{
      .name = "huber_loss_backward",
      .signature =
          "huber_loss_backward(grad_output: Tensor, input: Tensor, target: Tensor, "
          "norm: float, delta: float) -> Tensor",
      .doc = "norm grad_output times input - target, cut at -delta and delta.",
      .derivative = "dy/dinput = -dy/dtarget = norm grad_output where |input - target| < delta",
      .form = Form::kInternal};
  template <class T>
  RL_FN static T forward(T g, T x, T y, Scalar<T, 3> norm, Scalar<T, 4> delta) {
    return math::huber_backward(g, x, y, norm.value, delta.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> delta) {
    return math::huber_backward(g.value, x.value, y.value, norm.value, delta.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> delta) {
    return math::where_near(x.value - y.value, delta.value, norm.value * g.value * first.value);
  }
  template <class V>
  RL_FN static V grad_third(Grad<V> g, Self<V> first, Arg<V, 1> x, Arg<V, 2> y, Scalar<V, 3> norm,
                            Scalar<V, 4> delta) {
    return -math::where_near(x.value - y.value, delta.value, norm.value * g.value * first.value);
  }
};

using LossOps = OpList<MseTerm, SmoothL1Term, HuberTerm, MseLossBackward, SmoothL1LossBackward,
                       HuberLossBackward>;

}  // namespace rl::RL_ISA

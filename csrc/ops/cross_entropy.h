// The negative log-likelihood of classes, and the cross entropy that is made of it.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

#define RL_NLL_ARGUMENTS                                                         \
  "(input: Tensor, target: Tensor, weight: Tensor? = None, reduction: int = 1, " \
  "ignore_index: int = -100"
#define RL_NLL_SLOTS                                                  \
  {{"self", Source::kArg, 0},         {"target", Source::kArg, 1},    \
   {"weight", Source::kArg, 2},       {"reduction", Source::kArg, 3}, \
   {"ignore_index", Source::kArg, 4}, {"total_weight", Source::kResult, 1}}

#define RL_NLL_GRADIENT_ARGUMENTS                                                                \
  "(grad_output: Tensor, input: Tensor, target: Tensor, weight: Tensor?, total_weight: Tensor, " \
  "reduction: int, ignore_index: int) -> Tensor"

// -weight[target] input[target], of (C) or (N, C). The second result is the sum of the weights that
// a mean is divided by.
struct NllLossForward {
  static constexpr uint8_t kDifferentiable = 1;
  static constexpr OpRecord record{.name = "nll_loss_forward",
                                   .signature = "nll_loss_forward" RL_NLL_ARGUMENTS ") -> Tensor",
                                   .doc = "Minus the weighted input at each target.",
                                   .derivative = "dy/dx = -weight at the target, else 0",
                                   .form = Form::kInternal,
                                   .node = "NllLossBackward0"};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = RL_NLL_SLOTS;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The same of (N, C, H, W).
struct NllLoss2dForward {
  static constexpr uint8_t kDifferentiable = 1;
  static constexpr OpRecord record{
      .name = "nll_loss2d_forward",
      .signature = "nll_loss2d_forward" RL_NLL_ARGUMENTS ") -> Tensor",
      .doc = "Minus the weighted input at each target, place by place.",
      .derivative = "dy/dx = -weight at the target, else 0",
      .form = Form::kInternal,
      .node = "NllLoss2DBackward0"};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = RL_NLL_SLOTS;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The adjoint: the gradient is put to the targets' places. Linear, so its own derivative is the
// loss again; flat in the input.
struct NllLossGradient {
  static constexpr OpRecord record{
      .name = "nll_loss_backward",
      .signature = "nll_loss_backward" RL_NLL_GRADIENT_ARGUMENTS,
      .doc = "Minus the weighted gradient at each target's place, 0 elsewhere.",
      .derivative = "nll_loss of the gradient; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr uint8_t edge_args[] = {0, 1};
  static constexpr SlotSpec slots[] = {{"target", Source::kArg, 2},
                                       {"weight", Source::kArg, 3},
                                       {"reduction", Source::kArg, 5},
                                       {"ignore_index", Source::kArg, 6}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NllLoss2dGradient : NllLossGradient {
  static constexpr OpRecord record{.name = "nll_loss2d_backward",
                                   .signature = "nll_loss2d_backward" RL_NLL_GRADIENT_ARGUMENTS,
                                   .doc = "nll_loss_backward of (N, C, H, W).",
                                   .derivative = "nll_loss of the gradient; dy/dinput = 0",
                                   .form = Form::kInternal,
                                   .node = "NllLoss2DBackwardBackward0"};
};

struct NllLoss {
  static constexpr OpRecord record{.name = "_nll_loss",
                                   .signature = "_nll_loss" RL_NLL_ARGUMENTS ") -> Tensor",
                                   .doc = "Minus the weighted input at each target class.",
                                   .derivative = "dy/dx = -weight at the target, else 0",
                                   .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct CrossEntropyLoss {
  static constexpr OpRecord record{
      .name = "_cross_entropy_loss",
      .signature =
          "_cross_entropy_loss" RL_NLL_ARGUMENTS ", label_smoothing: float = 0.0) -> Tensor",
      .doc = "nll_loss of log_softmax(input), for classes or their probabilities.",
      .derivative = "dy/dx = softmax(x) - target",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using CrossEntropyOps = OpList<NllLossForward, NllLoss2dForward, NllLossGradient, NllLoss2dGradient,
                               NllLoss, CrossEntropyLoss>;

}  // namespace rl::ops

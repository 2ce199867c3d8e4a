// Losses: elementwise terms (ops/loss.h), averaged, summed or kept.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// reduction: 0 keeps the terms, 1 averages, 2 sums them.
struct MseLoss {
  static constexpr OpRecord record{
      .name = "_mse_loss",
      .signature = "_mse_loss(input: Tensor, target: Tensor, reduction: int = 1) -> Tensor",
      .doc = "Squared differences; reduction 0 keeps them, 1 averages, 2 sums.",
      .derivative = "dy/dinput = -dy/dtarget = 2 (input - target), over n for a mean",
      .form = Form::kFunction,
      .node = "MseLossBackward0"};
  static constexpr SlotSpec slots[] = {
      {"self", Source::kArg, 0}, {"target", Source::kArg, 1}, {"reduction", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SmoothL1Loss {
  static constexpr OpRecord record{
      .name = "_smooth_l1_loss",
      .signature =
          "_smooth_l1_loss(input: Tensor, target: Tensor, reduction: int = 1, beta: float = 1.0) "
          "-> Tensor",
      .doc = "Differences d as d^2 / (2 beta) below beta, |d| - beta / 2 beyond.",
      .derivative = "dy/dinput = -dy/dtarget = d / beta, cut at -1 and 1, over n for a mean",
      .form = Form::kFunction,
      .node = "SmoothL1LossBackward0"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"target", Source::kArg, 1},
                                       {"reduction", Source::kArg, 2},
                                       {"beta", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct HuberLoss {
  static constexpr OpRecord record{
      .name = "_huber_loss",
      .signature =
          "_huber_loss(input: Tensor, target: Tensor, reduction: int = 1, delta: float = 1.0) "
          "-> Tensor",
      .doc = "Differences d as d^2 / 2 up to delta, delta (|d| - delta / 2) beyond.",
      .derivative = "dy/dinput = -dy/dtarget = d, cut at -delta and delta, over n for a mean",
      .form = Form::kFunction,
      .node = "HuberLossBackward0"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"target", Source::kArg, 1},
                                       {"reduction", Source::kArg, 2},
                                       {"delta", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using CriterionOps = OpList<MseLoss, SmoothL1Loss, HuberLoss>;

}  // namespace rl::ops

// Losses of probabilities and margins: elementwise terms (ops/likelihood.h), averaged, summed or
// kept.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// reduction: 0 keeps the terms, 1 averages, 2 sums them. Here and below.
struct BinaryCrossEntropy {
  static constexpr OpRecord record{
      .name = "_binary_cross_entropy",
      .signature =
          "_binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor? = None, "
          "reduction: int = 1) -> Tensor",
      .doc = "-target log(input) - (1 - target) log(1 - input), times weight.",
      .derivative =
          "dy/dinput = (input - target) / (input (1 - input)), dy/dtarget = "
          "log(1 - input) - log(input)",
      .domain = {0.05, 0.95},
      .form = Form::kFunction};
  static constexpr uint8_t edge_args[] = {0, 1};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"target", Source::kArg, 1},
                                       {"weight", Source::kArg, 2},
                                       {"reduction", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// As PyTorch has it, this one keeps the terms where no reduction is given.
struct BinaryCrossEntropyWithLogits {
  static constexpr OpRecord record{
      .name = "binary_cross_entropy_with_logits",
      .signature =
          "binary_cross_entropy_with_logits(input: Tensor, target: Tensor, "
          "weight: Tensor? = None, pos_weight: Tensor? = None, reduction: int = 0) -> Tensor",
      .doc = "binary_cross_entropy of sigmoid(input), which does not overflow.",
      .derivative = "dy/dinput = sigmoid(input) - target, dy/dtarget = -input",
      .form = Form::kFunction};
  static constexpr uint8_t edge_args[] = {0, 1};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"target", Source::kArg, 1},
                                       {"weight", Source::kArg, 2},
                                       {"pos_weight", Source::kArg, 3},
                                       {"reduction", Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SoftMarginLoss {
  static constexpr OpRecord record{
      .name = "_soft_margin_loss",
      .signature = "_soft_margin_loss(input: Tensor, target: Tensor, reduction: int = 1) -> Tensor",
      .doc = "log(1 + e^(-input target)).",
      .derivative = "dy/dinput = -target sigmoid(-input target)",
      .form = Form::kFunction};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {
      {"self", Source::kArg, 0}, {"target", Source::kArg, 1}, {"reduction", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using BinaryCriterionOps = OpList<BinaryCrossEntropy, BinaryCrossEntropyWithLogits, SoftMarginLoss>;

}  // namespace rl::ops

namespace rl {

enum LossReduction : int64_t { kEach, kMean, kSum };

// Refuses what is no reduction.
void check_reduction(int64_t reduction);
// Refuses a result that a loss cannot store in the dtype that its terms are kept in.
void check_storable(DType result, DType kept);
// Refuses argument i that requires grad, where the op has no derivative for it.
void check_constant(const Call& call, int i, const char* function);

}  // namespace rl

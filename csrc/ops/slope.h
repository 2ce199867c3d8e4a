// Gradients of activation functions as ops, as PyTorch records them: what create_graph=True gives
// depends on the input even where its own slope there is 0.
#pragma once

#include "ops/custom.h"

namespace rl {

// The op that records the gradient of `function`'s first argument; null where its formula does. Its
// arguments are the formula's operands.
const Op* slope_of(const Op& function);
// The fused loop of that formula over those operands.
TensorRef run_slope(const Op& function, const Call& call);

namespace ops {

// Linear in grad_output, flat in the input: the slope is constant in pieces.
struct FlatSlope {
  static constexpr uint8_t edge_args[] = {0, 1};
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct LeakyReluBackward : FlatSlope {
  static constexpr OpRecord record{
      .name = "leaky_relu_backward",
      .signature =
          "leaky_relu_backward(grad_output: Tensor, input: Tensor, "
          "negative_slope: Number) -> Tensor",
      .doc = "grad_output, times negative_slope where input is not above 0.",
      .derivative = "dy/dgrad = 1 where input > 0, else negative_slope; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 1},
                                       {"negative_slope", Source::kArg, 2}};
  static void forward(Call& call);
};

struct HardtanhBackward : FlatSlope {
  static constexpr OpRecord record{
      .name = "hardtanh_backward",
      .signature =
          "hardtanh_backward(grad_output: Tensor, input: Tensor, min_val: Number, "
          "max_val: Number) -> Tensor",
      .doc = "grad_output between the bounds, else 0.",
      .derivative = "dy/dgrad = 1 where min_val < input < max_val, else 0; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {
      {"self", Source::kArg, 1}, {"min_val", Source::kArg, 2}, {"max_val", Source::kArg, 3}};
  static void forward(Call& call);
};

struct HardsigmoidBackward {
  static constexpr bool kNotImplemented = true;
  static constexpr OpRecord record{
      .name = "hardsigmoid_backward",
      .signature = "hardsigmoid_backward(grad_output: Tensor, input: Tensor) -> Tensor",
      .doc = "grad_output / 6 where -3 < input < 3, else 0.",
      .form = Form::kInternal,
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
};

// The relu of activation.h has threshold 0 and loops of its own.
struct ThresholdSlope : FlatSlope {
  static constexpr OpRecord record{
      .name = "threshold_backward",
      .overload = 1,
      .signature =
          "threshold_backward(grad_output: Tensor, input: Tensor, threshold: Number) "
          "-> Tensor",
      .doc = "grad_output where input is above threshold, else 0.",
      .derivative = "dy/dgrad = 1 where input > threshold, else 0; dy/dinput = 0",
      .form = Form::kInternal,
      .node = "ThresholdBackwardBackward0"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 1}, {"threshold", Source::kArg, 2}};
  static void forward(Call& call);
};

struct SoftshrinkBackward : FlatSlope {
  static constexpr OpRecord record{
      .name = "softshrink_backward",
      .signature =
          "softshrink_backward(grad_output: Tensor, input: Tensor, lambd: Number) "
          "-> Tensor",
      .doc = "grad_output, or 0 where input's magnitude is at most lambd.",
      .derivative = "dy/dgrad = 0 where |input| <= lambd, else 1; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 1}, {"lambd", Source::kArg, 2}};
  static void forward(Call& call);
};

struct HardshrinkBackward : FlatSlope {
  static constexpr OpRecord record{
      .name = "hardshrink_backward",
      .signature =
          "hardshrink_backward(grad_output: Tensor, input: Tensor, lambd: Number) "
          "-> Tensor",
      .doc = "grad_output, or 0 where input's magnitude is at most lambd.",
      .derivative = "dy/dgrad = 0 where |input| <= lambd, else 1; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 1}, {"lambd", Source::kArg, 2}};
  static void forward(Call& call);
};

struct RreluWithNoiseBackward : FlatSlope {
  static constexpr OpRecord record{
      .name = "rrelu_with_noise_backward",
      .signature =
          "rrelu_with_noise_backward(grad_output: Tensor, input: Tensor, noise: Tensor, "
          "lower: Number, upper: Number, training: bool, self_is_result: bool) -> Tensor",
      .doc = "grad_output times noise in training, else as of leaky_relu.",
      .derivative = "dy/dgrad = noise in training, else as leaky_relu; dy/dinput = 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 1},     {"noise", Source::kArg, 2},
                                       {"lower", Source::kArg, 3},    {"upper", Source::kArg, 4},
                                       {"training", Source::kArg, 5}, {nullptr, Source::kArg, 6}};
  static void forward(Call& call);
};

struct PreluKernelBackward {
  static constexpr OpRecord record{
      .name = "_prelu_kernel_backward",
      .signature =
          "_prelu_kernel_backward(grad_output: Tensor, input: Tensor, weight: Tensor) "
          "-> Tensor",
      .doc = "The gradient of prelu's input: grad_output, times weight where input is not above 0.",
      .derivative =
          "dy/dgrad = 1 where input > 0, else weight; dy/dinput = 0; "
          "dy/dweight = grad_output where input < 0, else 0",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {
      {"grad_output", Source::kArg, 0, 4}, {"self", Source::kArg, 1}, {"weight", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// At the threshold itself the slope is that of the curve, its derivative that of the line.
struct SoftplusBackward {
  static constexpr OpRecord record{
      .name = "softplus_backward",
      .signature =
          "softplus_backward(grad_output: Tensor, input: Tensor, beta: Number, "
          "threshold: Number) -> Tensor",
      .doc = "grad_output times sigmoid(beta input), or 1 where beta input is above threshold.",
      .derivative =
          "dy/dgrad = s, dy/dinput = grad_output beta s (1 - s) where beta input < "
          "threshold, else 0, with s = sigmoid(beta input)",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"grad_output", Source::kArg, 0, 2},
                                       {"self", Source::kArg, 1},
                                       {"beta", Source::kArg, 2},
                                       {"threshold", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using SlopeOps = OpList<LeakyReluBackward, HardtanhBackward, HardsigmoidBackward, ThresholdSlope,
                        SoftshrinkBackward, HardshrinkBackward, RreluWithNoiseBackward,
                        PreluKernelBackward, SoftplusBackward>;

}  // namespace ops

}  // namespace rl

// Normalisation over the last dimensions.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// The further results are the mean and the reciprocal standard deviation of each line.
struct NativeLayerNorm {
  static constexpr uint8_t kDifferentiable = 1;
  static constexpr OpRecord record{
      .name = "_native_layer_norm",
      .signature =
          "_native_layer_norm(input: Tensor, normalized_shape: int[], weight: Tensor?, "
          "bias: Tensor?, eps: float) -> Tensor",
      .doc = "Each line less its mean, over its standard deviation, times weight, plus bias.",
      .derivative = "dL/dx = rstd (h - mean(h) - z mean(h z)) with h = g weight and z normalised",
      .form = Form::kInternal,
      .node = "NativeLayerNormBackward0"};
  static constexpr uint8_t edge_args[] = {0, 2, 3};
  static constexpr SlotSpec slots[] = {
      {"input", Source::kArg, 0},      {"normalized_shape", Source::kArg, 1},
      {"weight", Source::kArg, 2},     {"bias", Source::kArg, 3},
      {"result1", Source::kResult, 1}, {"result2", Source::kResult, 2},
      {nullptr, Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct LayerNorm {
  static constexpr OpRecord record{
      .name = "layer_norm",
      .signature =
          "layer_norm(input: Tensor, normalized_shape: Size, weight: Tensor? = None, "
          "bias: Tensor? = None, eps: float = 0.00001, cudnn_enable: bool = True) -> Tensor",
      .doc = "Normalises the last dimensions: mean 0 and variance 1, then weight and bias.",
      .derivative = "as _native_layer_norm",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using LayerNormOps = OpList<NativeLayerNorm, LayerNorm>;

}  // namespace rl::ops

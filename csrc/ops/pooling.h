// The largest elements of the windows of images.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// (N, C, H, W) or (C, H, W); options are one int or a pair (height, width), no stride is the
// kernel. An index counts the places of its plane; of equal elements the first is told, of several
// nan the last.
struct MaxPool2d {
  static constexpr OpRecord record{
      .name = "_max_pool2d",
      .signature =
          "_max_pool2d(input: Tensor, kernel_size: int[], stride: int[], padding: int[], dilation: "
          "int[], ceil_mode: bool) -> Tensor[]",
      .doc = "The largest element of each window, and where it is.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .node = "MaxPool2DWithIndicesBackward0"};
  static constexpr SlotSpec slots[] = {
      {"ceil_mode", Source::kArg, 5},   {"dilation", Source::kArg, 4},
      {"kernel_size", Source::kArg, 1}, {"padding", Source::kArg, 3},
      {"result1", Source::kResult, 1},  {"self", Source::kArg, 0},
      {"stride", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using PoolingOps = OpList<MaxPool2d>;

}  // namespace rl::ops

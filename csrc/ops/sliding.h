// Windows of images as columns, and columns added up to images.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// (N, C, H, W) -> (N, C kh kw, windows). Each of the four options is a pair (height, width).
struct Im2Col {
  static constexpr OpRecord record{
      .name = "_im2col",
      .signature =
          "_im2col(input: Tensor, kernel_size: int[], dilation: int[], padding: int[], stride: "
          "int[]) -> Tensor",
      .doc = "Every window of an image as a column.",
      .derivative = "_col2im of the gradient",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"dilation", Source::kArg, 2},
                                       {"kernel_size", Source::kArg, 1},
                                       {"padding", Source::kArg, 3},
                                       {"self_sym_argsize_minus_1", Source::kLastSize, 0},
                                       {"self_sym_argsize_minus_2", Source::kSecondLastSize, 0},
                                       {"stride", Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Col2Im {
  static constexpr OpRecord record{
      .name = "_col2im",
      .signature =
          "_col2im(input: Tensor, output_size: int[], kernel_size: int[], dilation: int[], "
          "padding: "
          "int[], stride: int[]) -> Tensor",
      .doc = "Images from their windows, which are added up where they overlap.",
      .derivative = "_im2col of the gradient",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"dilation", Source::kArg, 3},
                                       {"kernel_size", Source::kArg, 2},
                                       {"padding", Source::kArg, 4},
                                       {"stride", Source::kArg, 5}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using SlidingOps = OpList<Im2Col, Col2Im>;

}  // namespace rl::ops

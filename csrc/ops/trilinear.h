// Sums of products of three tensors, and the bilinear form that is made of them.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Each gradient is a sum of the same kind: the dimensions that a factor lacks are summed for it.
struct Trilinear {
  static constexpr OpRecord record{
      .name = "_trilinear",
      .signature =
          "_trilinear(i1: Tensor, i2: Tensor, i3: Tensor, expand1: int[], expand2: int[], "
          "expand3: int[], sumdim: int[], unroll_dim: int = 1) -> Tensor",
      .doc = "Product of three tensors, each with dimensions of size 1 put in, summed over sumdim.",
      .derivative = "for each factor the gradient times the other two, summed over what it lacks",
      .form = Form::kFunction,
      .node = "TrilinearBackward0"};
  static constexpr SlotSpec slots[] = {{"i1", Source::kArg, 0, 6},   {"i2", Source::kArg, 1, 5},
                                       {"i3", Source::kArg, 2, 3},   {"expand1", Source::kArg, 3},
                                       {"expand2", Source::kArg, 4}, {"expand3", Source::kArg, 5},
                                       {"sumdim", Source::kArg, 6}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Bilinear {
  static constexpr OpRecord record{
      .name = "bilinear",
      .signature =
          "bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor? = None) -> "
          "Tensor",
      .doc = "y[o] = sum of input1[n] weight[o, n, m] input2[m], plus bias[o].",
      .derivative = "that of a sum of products of three tensors",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using TrilinearOps = OpList<Trilinear, Bilinear>;

}  // namespace rl::ops

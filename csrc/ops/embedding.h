// Rows of a table looked up by number, and the gradient of the table.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Embedding {
  static constexpr OpRecord record{
      .name = "embedding",
      .signature =
          "embedding(weight: Tensor, indices: Tensor, padding_idx: int = -1, "
          "scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor",
      .doc = "The rows of weight that the indices name.",
      .derivative = "dy/dweight = 1 for each time that a row is looked up, but for padding_idx",
      .form = Form::kFunction};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"indices", Source::kArg, 1},
                                       {"padding_idx", Source::kArg, 2},
                                       {"scale_grad_by_freq", Source::kArg, 3},
                                       {"sparse", Source::kArg, 4},
                                       {"weight_sym_argsize_0", Source::kRows, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Adds the gradient of each looked-up row to the table's row; those of `padding_idx` are left out.
// With scale_grad_by_freq a row's sum is divided by how often the row was looked up.
struct EmbeddingDenseBackward {
  static constexpr OpRecord record{
      .name = "_embedding_dense_backward",
      .signature =
          "_embedding_dense_backward(grad_output: Tensor, indices: Tensor, num_weights: "
          "int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor",
      .doc = "The gradient of an embedding's table.",
      .derivative = "the rows of the gradient that the indices name",
      .form = Form::kInternal,
      .node = "EmbeddingDenseBackwardBackward0"};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"indices", Source::kArg, 1},
                                       {"padding_idx", Source::kArg, 3},
                                       {nullptr, Source::kArg, 4},
                                       {nullptr, Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using EmbeddingOps = OpList<Embedding, EmbeddingDenseBackward>;

}  // namespace rl::ops

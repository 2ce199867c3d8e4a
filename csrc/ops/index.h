// Elements chosen by tensors of indices or masks, read and written.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Entry d of `indices` chooses along dimension d: integers, or a bool mask over as many dimensions
// as it has; null keeps the dimension whole. Index tensors broadcast together; their shape stands
// where they stand, or first when they are apart.
struct Index {
  static constexpr OpRecord record{
      .name = "index",
      .signature = "index(input: Tensor, indices: Tensor[]) -> Tensor",
      .doc = "The elements that tensors of indices choose.",
      .derivative = "dy/dx = 1 for each time that an element is chosen",
      .form = Form::kInternal};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"indices", Source::kArg, 1},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The adjoint of index: elements added into zeros of the given size.
struct IndexBackward {
  static constexpr OpRecord record{
      .name = "_index_backward",
      .signature = "_index_backward(grad: Tensor, indices: Tensor[], size: int[]) -> Tensor",
      .doc = "Adds each element to the place that index takes it from.",
      .derivative = "index of the gradient",
      .form = Form::kInternal,
      .node = "IndexPutBackward0"};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"indices", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Of two writes to one place the last one stays; with `accumulate` they add up.
struct IndexPut {
  static constexpr OpRecord record{
      .name = "index_put_",
      .signature =
          "index_put_(input: Tensor, indices: Tensor[], values: Tensor, accumulate: bool = "
          "False) -> Tensor",
      .doc = "Writes values to the elements that tensors of indices choose.",
      .derivative = "dinput = 0 where written (1 with accumulate), dvalues = 1",
      .mutates = true,
      .expanded = Expanded::kWarned,
      .node = "IndexPutBackward0"};
  static constexpr uint8_t edge_args[] = {0, 2};
  static constexpr SlotSpec slots[] = {
      {"indices", Source::kArg, 1}, {"accumulate", Source::kArg, 3}, {nullptr, Source::kSizes, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct IndexPutCopy {
  static constexpr OpRecord record{
      .name = "index_put",
      .signature =
          "index_put(input: Tensor, indices: Tensor[], values: Tensor, accumulate: bool = "
          "False) -> Tensor",
      .doc = "A copy with values written to the elements that tensors of indices choose.",
      .derivative = "dinput = 0 where written (1 with accumulate), dvalues = 1",
      .node = "IndexPutBackward0"};
  static constexpr uint8_t edge_args[] = {0, 2};
  static constexpr SlotSpec slots[] = {
      {"indices", Source::kArg, 1}, {"accumulate", Source::kArg, 3}, {nullptr, Source::kSizes, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The same memory under another tensor: what t[...] returns.
struct Alias {
  static constexpr OpRecord record{.name = "alias",
                                   .signature = "alias(input: Tensor) -> Tensor",
                                   .doc = "A view of the whole tensor.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kInternal,
                                   .view = true};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using IndexOps = OpList<Index, IndexBackward, IndexPut, IndexPutCopy, Alias>;

}  // namespace rl::ops

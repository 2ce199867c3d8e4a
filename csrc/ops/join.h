// Several tensors made one, one made several.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// One-dimensional empty tensors are left out, whatever the others' shapes, as PyTorch does.
struct Cat {
  static constexpr OpRecord record{
      .name = "cat",
      .aliases = "concat concatenate",
      .signature = "cat(tensors: Tensor[], dim: int = 0, *, out: Tensor? = None) -> Tensor",
      .doc = "Tensors one after the other along a dimension.",
      .derivative = "each tensor gets its part of the gradient",
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {nullptr, Source::kShapes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Stack {
  static constexpr OpRecord record{
      .name = "stack",
      .signature = "stack(tensors: Tensor[], dim: int = 0, *, out: Tensor? = None) -> Tensor",
      .doc = "Tensors of one shape side by side along a new dimension.",
      .derivative = "each tensor gets its slice of the gradient",
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Unbind {
  static constexpr OpRecord record{.name = "unbind",
                                   .signature = "unbind(input: Tensor, dim: int = 0) -> Tensor[]",
                                   .doc = "All slices of a dimension.",
                                   .derivative = "the slices' gradients, stacked",
                                   .view = true};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Split {
  static constexpr OpRecord record{
      .name = "split",
      .signature =
          "split(tensor: Tensor, split_size_or_sections|split_size: int, dim: int = 0) -> Tensor[]",
      .doc = "Parts of equal length along a dimension; the last may be shorter.",
      .derivative = "the parts' gradients, one after the other",
      .view = true,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"split_size", Source::kArg, 1},
                                       {"dim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SplitSizes {
  static constexpr OpRecord record{.name = "split",
                                   .overload = 1,
                                   .signature =
                                       "split(tensor: Tensor, split_size_or_sections|split_size: "
                                       "int[*], dim: int = 0) -> Tensor[]",
                                   .doc = "Parts of the given lengths along a dimension.",
                                   .derivative = "the parts' gradients, one after the other",
                                   .view = true,
                                   .node = "SplitWithSizesBackward0"};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"split_sizes", Source::kArg, 1},
                                       {"dim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SplitWithSizes {
  static constexpr OpRecord record{
      .name = "split_with_sizes",
      .signature = "split_with_sizes(input: Tensor, split_sizes: int[*], dim: int = 0) -> Tensor[]",
      .doc = "split into parts of the given lengths.",
      .derivative = "the parts' gradients, one after the other"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Chunk {
  static constexpr OpRecord record{
      .name = "chunk",
      .signature = "chunk(input: Tensor, chunks: int, dim: int = 0) -> Tensor[]",
      .doc = "At most that many parts of equal length; the last may be shorter.",
      .derivative = "the parts' gradients, one after the other"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct TensorSplit {
  static constexpr OpRecord record{
      .name = "tensor_split",
      .signature = "tensor_split(input: Tensor, sections: int, dim: int = 0) -> Tensor[]",
      .doc = "Exactly that many parts, whose lengths differ by at most one.",
      .derivative = "dy/dx = 1 inside each part",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct TensorSplitIndices {
  static constexpr OpRecord record{
      .name = "tensor_split",
      .overload = 1,
      .signature = "tensor_split(input: Tensor, indices: int[*], dim: int = 0) -> Tensor[]",
      .doc = "Parts that end where the next begins: [:i], [i:j], ..., [k:].",
      .derivative = "dy/dx = 1 inside each part"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Sections or indices, as the tensor has no or one dimension.
struct TensorSplitTensor {
  static constexpr OpRecord record{
      .name = "tensor_split",
      .overload = 2,
      .signature =
          "tensor_split(input: Tensor, tensor_indices_or_sections: Tensor, dim: int = 0) -> "
          "Tensor[]",
      .doc = "tensor_split by a tensor: of no dimensions, a number of parts, else indices.",
      .derivative = "dy/dx = 1 inside each part",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// --- Parts that the graph does not know as views: they may be written in place.

struct UnsafeSplit {
  static constexpr OpRecord record{
      .name = "unsafe_split",
      .signature = "unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> Tensor[]",
      .doc = "split() into parts that count as tensors of their own; only one may be written to.",
      .derivative = "the parts' gradients, one after the other"};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0},
                                       {"split_size", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct UnsafeSplitWithSizes {
  static constexpr OpRecord record{
      .name = "unsafe_split_with_sizes",
      .signature =
          "unsafe_split_with_sizes(input: Tensor, split_sizes: int[*], dim: int = 0) -> Tensor[]",
      .doc = "split_with_sizes() into parts that count as tensors of their own.",
      .derivative = "the parts' gradients, one after the other"};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0},
                                       {"split_sizes", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct UnsafeChunk {
  static constexpr OpRecord record{
      .name = "unsafe_chunk",
      .signature = "unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> Tensor[]",
      .doc = "chunk() into parts that count as tensors of their own.",
      .derivative = "the parts' gradients, one after the other"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The tensor form first: an integer in a tensor would also pass for an int.
using JoinOps =
    OpList<Cat, Stack, Unbind, Split, SplitSizes, SplitWithSizes, Chunk, TensorSplitTensor,
           TensorSplit, TensorSplitIndices, UnsafeSplit, UnsafeSplitWithSizes, UnsafeChunk>;

}  // namespace rl::ops

// Views of a part of a tensor, and the strided view that all of them are an instance of.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Any geometry inside the memory of the input. Offsets count from the start of the memory.
struct AsStrided {
  static constexpr OpRecord record{
      .name = "as_strided",
      .signature =
          "as_strided(input: Tensor, size: int[], stride: int[], storage_offset: int? = "
          "None) -> Tensor",
      .doc = "A view with the given sizes, strides and offset, in elements of the memory.",
      .derivative = "dy/dx = 1, added up where elements overlap",
      .view = true};
  static constexpr SlotSpec slots[] = {
      {"size", Source::kArg, 1},           {"stride", Source::kArg, 2},
      {"storage_offset", Source::kArg, 3}, {nullptr, Source::kSizes, 0},
      {nullptr, Source::kStrides, 0},      {nullptr, Source::kOffset, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The adjoint of as_strided: the gradient added into zeros of the base's geometry. Serves select,
// slice, diagonal and unfold as well, whose bases count as row-major.
struct AsStridedBackward {
  static constexpr OpRecord record{
      .name = "_as_strided_backward",
      .signature =
          "_as_strided_backward(grad: Tensor, base_size: int[], base_stride: int[], "
          "stride: int[], storage_offset: int) -> Tensor",
      .doc =
          "Adds each element into zeros of base_size, at the place that as_strided takes it "
          "from; the offset counts from the base's first element.",
      .derivative = "as_strided of the gradient",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{nullptr, Source::kSizes, 0},
                                       {nullptr, Source::kArg, 2},
                                       {nullptr, Source::kArg, 3},
                                       {nullptr, Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The same under the names that PyTorch's graph of a gradient shows.
constexpr OpRecord part_backward(int overload, const char* node) {
  OpRecord record = AsStridedBackward::record;
  record.overload = overload;
  record.node = node;
  return record;
}
struct SelectBackward : AsStridedBackward {
  static constexpr OpRecord record = part_backward(1, "SelectBackwardBackward0");
};
struct SliceBackward : AsStridedBackward {
  static constexpr OpRecord record = part_backward(2, "SliceBackwardBackward0");
};
struct DiagonalBackward : AsStridedBackward {
  static constexpr OpRecord record = part_backward(3, "DiagonalBackwardBackward0");
};
struct UnfoldBackward : AsStridedBackward {
  static constexpr OpRecord record = part_backward(4, "UnfoldBackwardBackward0");
};

// A copy whose strides are exactly the given ones.
struct Restride {
  static constexpr OpRecord record{.name = "_restride",
                                   .signature = "_restride(input: Tensor, stride: int[]) -> Tensor",
                                   .doc = "A copy with the given strides.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kInternal,
                                   .node = "CopyBackwards"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Select {
  static constexpr OpRecord record{
      .name = "select",
      .signature = "select(input: Tensor, dim: int, index: int) -> Tensor",
      .doc = "The slice at one index of a dimension, which goes away.",
      .derivative = "dy/dx = 1 at that index, 0 elsewhere",
      .view = true};
  static constexpr SlotSpec slots[] = {
      {"self_sym_sizes", Source::kSizes, 0}, {"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Indices start, start + step, ... below end; bounds are clamped as in Python.
struct Slice {
  static constexpr OpRecord record{
      .name = "slice",
      .signature = "slice(input: Tensor, dim: int, start: int, end: int, step: int) -> Tensor",
      .doc = "Every step-th index of a dimension from start to end.",
      .derivative = "dy/dx = 1 at those indices, 0 elsewhere",
      .form = Form::kInternal,
      .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"dim", Source::kArg, 1},
                                       {"start", Source::kArg, 2},
                                       {"end", Source::kArg, 3},
                                       {"step", Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Narrow {
  static constexpr OpRecord record{
      .name = "narrow",
      .signature = "narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor",
      .doc = "`length` indices of a dimension from `start` on.",
      .derivative = "dy/dx = 1 inside, 0 outside"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct NarrowTensor {
  static constexpr OpRecord record{
      .name = "narrow",
      .overload = 1,
      .signature = "narrow(input: Tensor, dim: int, start: Tensor, length: int) -> Tensor",
      .doc = "narrow() from where a 0-d tensor of an integer says.",
      .derivative = "dy/dx = 1 inside, 0 outside",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Diagonal {
  static constexpr OpRecord record{
      .name = "diagonal",
      .signature =
          "diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> "
          "Tensor",
      .doc = "The diagonal of two dimensions as the last dimension.",
      .derivative = "dy/dx = 1 on the diagonal, 0 elsewhere",
      .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"offset", Source::kArg, 1},
                                       {"dim1", Source::kArg, 2},
                                       {"dim2", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Windows overlap where step < size: their gradients add up.
struct Unfold {
  static constexpr OpRecord record{
      .name = "unfold",
      .signature = "unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor",
      .doc = "All windows of a dimension; the window is the new last dimension.",
      .derivative = "dy/dx = 1 for each window that an element is in",
      .form = Form::kMethod,
      .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"dimension", Source::kArg, 1},
                                       {"size", Source::kArg, 2},
                                       {"step", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The tensor's own sizes and strides change, and count as a write.
struct AsStridedInplace : AsStrided {
  static constexpr OpRecord record{
      .name = "as_strided_",
      .signature =
          "as_strided_(input: Tensor, size: int[], stride: int[], storage_offset: int? = None) -> "
          "Tensor",
      .doc = "as_strided, in place.",
      .derivative = "dy/dx = 1, added up where elements overlap",
      .mutates = true,
      .view = true,
      .node = "AsStridedBackward1"};
};

// The tensor form first: an integer in a tensor would also pass for an int.
using ViewOps = OpList<AsStrided, AsStridedBackward, SelectBackward, SliceBackward,
                       DiagonalBackward, UnfoldBackward, Restride, Select, Slice, NarrowTensor,
                       Narrow, Diagonal, Unfold, AsStridedInplace>;

}  // namespace rl::ops

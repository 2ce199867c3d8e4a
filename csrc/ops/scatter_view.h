// Copies of a tensor in which one part, as a view would show it, is replaced.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct DiagonalScatter {
  static constexpr OpRecord record{
      .name = "diagonal_scatter",
      .signature =
          "diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int "
          "= 1) -> Tensor",
      .doc = "A copy whose diagonal, as diagonal() shows it, is src.",
      .derivative = "dy/dinput = 0 on the diagonal, 1 elsewhere; dy/dsrc = 1",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"dim1", Source::kArg, 3},
                                       {"dim2", Source::kArg, 4},
                                       {"offset", Source::kArg, 2},
                                       {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SelectScatter {
  static constexpr OpRecord record{
      .name = "select_scatter",
      .signature = "select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor",
      .doc = "A copy in which src stands at one index of a dimension.",
      .derivative = "dy/dinput = 0 at that index, 1 elsewhere; dy/dsrc = 1",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 2}, {"index", Source::kArg, 3}, {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SliceScatter {
  static constexpr OpRecord record{
      .name = "slice_scatter",
      .signature =
          "slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int? = None, end: int? = "
          "None, step: int = 1, *, out: Tensor? = None) -> Tensor",
      .doc = "A copy in which src stands at every step-th index from start to end of a dimension.",
      .derivative = "dy/dinput = 0 at those indices, 1 elsewhere; dy/dsrc = 1",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 2},
                                       {"end", Source::kArg, 4},
                                       {"start", Source::kArg, 3},
                                       {"step", Source::kArg, 5},
                                       {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Offsets count from the first element of the copy, which keeps the input's strides where those
// are dense.
struct AsStridedScatter {
  static constexpr OpRecord record{
      .name = "as_strided_scatter",
      .signature =
          "as_strided_scatter(input: Tensor, src: Tensor, size: int[], stride: int[], "
          "storage_offset: int? = None) -> Tensor",
      .doc = "A copy in which src stands where as_strided() of it looks.",
      .derivative = "dy/dinput = 0 at those places, 1 elsewhere; dy/dsrc = 1",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"size", Source::kArg, 2},
                                       {"storage_offset", Source::kArg, 4},
                                       {"stride", Source::kArg, 3},
                                       {nullptr, Source::kStrides, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NarrowCopy {
  static constexpr OpRecord record{.name = "narrow_copy",
                                   .signature =
                                       "narrow_copy(input: Tensor, dim: int, start: int, length: "
                                       "int, *, out: Tensor? = None) -> "
                                       "Tensor",
                                   .doc = "narrow() as a copy.",
                                   .derivative = "dy/dx = 1 inside, 0 outside",
                                   .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"length", Source::kArg, 3},
                                       {"self_sym_sizes", Source::kSizes, 0},
                                       {"start", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using ScatterViewOps =
    OpList<DiagonalScatter, SelectScatter, SliceScatter, AsStridedScatter, NarrowCopy>;

}  // namespace rl::ops

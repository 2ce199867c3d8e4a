// Slices of one dimension, chosen by a vector of indices: added to, overwritten, reduced.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct IndexAdd {
  static constexpr OpRecord record{
      .name = "index_add",
      .signature =
          "index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: "
          "Number = 1, out: Tensor? = None) -> Tensor",
      .doc = "A copy with alpha times each slice of source added to the slice that index names.",
      .derivative = "dy/dinput = 1, dy/dsource = alpha",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {{"alpha", Source::kArg, 4},
                                       {"dim", Source::kArg, 1},
                                       {"index", Source::kArg, 2, 2},
                                       {"source", Source::kArg, 3, 2},
                                       {"source_dim", Source::kNdim, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Of two writes to one slice the last one stays.
struct IndexCopy {
  static constexpr OpRecord record{
      .name = "index_copy",
      .signature =
          "index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "A copy with each slice of source written over the slice that index names.",
      .derivative = "dy/dinput = 0 where written, else 1; dy/dsource = 1",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"index", Source::kArg, 2},
                                       {"source", Source::kArg, 3, 2},
                                       {"source_dim", Source::kNdim, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct IndexFillTensor {
  static constexpr OpRecord record{
      .name = "index_fill",
      .overload = 1,
      .signature = "index_fill(input: Tensor, dim: int, index: Tensor, value: Tensor) -> Tensor",
      .doc = "A copy with the value of a 0-d tensor in the slices that index names.",
      .derivative = "dy/dinput = 0 where filled, else 1; dy/dvalue = 1 where filled",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWarned,
      .many_forms = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Indices may count from the end.
struct IndexFill {
  static constexpr OpRecord record{
      .name = "index_fill",
      .signature = "index_fill(input: Tensor, dim: int, index: Tensor, value: Number) -> Tensor",
      .doc = "A copy with one number in the slices that index names.",
      .derivative = "dy/dinput = 0 where filled, else 1",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWarned};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Ties of amax and amin share the gradient evenly.
struct IndexReduce {
  static constexpr OpRecord record{
      .name = "index_reduce",
      .signature =
          "index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: "
          "str, *, include_self: bool = True, out: Tensor? = None) -> Tensor",
      .doc =
          "A copy where each slice that index names holds the prod, mean, amax or amin of the "
          "slices of source sent there, and of what was there before, if include_self.",
      .derivative = "that of the reduction, for each element that takes part",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1},    {"include_self", Source::kArg, 5}, {"index", Source::kArg, 2},
      {"reduce", Source::kArg, 4}, {"result", Source::kResult},       {"self", Source::kArg, 0},
      {"source", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The tensor form first: a 0-d tensor would also pass for a number.
using IndexAddOps = OpList<IndexAdd, IndexCopy, IndexFillTensor, IndexFill, IndexReduce>;

}  // namespace rl::ops

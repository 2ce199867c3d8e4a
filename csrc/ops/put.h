// Elements written under a mask or by their number, and taken along a dimension.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Mask and input broadcast together; in place the input keeps its shape.
struct MaskedScatter {
  static constexpr OpRecord record{
      .name = "masked_scatter",
      .signature = "masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor",
      .doc = "A copy with the first elements of source, in row-major order, where the mask holds.",
      .derivative = "dy/dinput = 0 where the mask holds, else 1; dy/dsource = 1 for what is used",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 2};
  static constexpr SlotSpec slots[] = {{"mask", Source::kArg, 1},
                                       {"source_sym_sizes", Source::kSizes, 2},
                                       {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Places count in row-major order, from either end.
struct Put {
  static constexpr OpRecord record{
      .name = "put",
      .signature =
          "put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> "
          "Tensor",
      .doc = "A copy with elements written, or added, by their number in row-major order.",
      .derivative = "dy/dinput = 0 where written, else 1 (1 with accumulate); dy/dsource = 1",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 2};
  static constexpr SlotSpec slots[] = {
      {"accumulate", Source::kArg, 3}, {"index", Source::kArg, 1}, {"source", Source::kArg, 2, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct TakeAlongDim {
  static constexpr OpRecord record{
      .name = "take_along_dim",
      .signature =
          "take_along_dim(input: Tensor, indices: Tensor, dim: int? = None, *, out: "
          "Tensor? = None) -> Tensor",
      .doc =
          "gather with input and indices broadcast together in all dimensions but one; without "
          "a dimension, of the flat input.",
      .derivative = "dy/dinput = 1 for each time that an element is chosen",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using PutOps = OpList<MaskedScatter, Put, TakeAlongDim>;

}  // namespace rl::ops

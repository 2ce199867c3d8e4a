// Elements written several times, each as often as it is told.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct RepeatInterleaveTensor {
  static constexpr OpRecord record{
      .name = "repeat_interleave",
      .overload = 1,
      .signature =
          "repeat_interleave(input: Tensor, repeats: Tensor, dim: int? = None, *, output_size: "
          "int? "
          "= None) -> Tensor",
      .doc =
          "Each index of a dimension as often as repeats says for it; without dim, each element. "
          "output_size: the sum of repeats, where that is known.",
      .derivative = "dy/dx = 1 for each time that an element is written",
      .computes = Computes::kAny,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct RepeatInterleave {
  static constexpr OpRecord record{
      .name = "repeat_interleave",
      .signature =
          "repeat_interleave(input: Tensor, repeats: int, dim: int? = None, *, output_size: int? = "
          "None) -> Tensor",
      .doc = "Each index of a dimension several times; without dim, each element.",
      .derivative = "dy/dx = 1 for each time that an element is written",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct RepeatInterleaveIndices {
  static constexpr OpRecord record{
      .name = "repeat_interleave",
      .overload = 2,
      .signature = "repeat_interleave(repeats: Tensor, *, output_size: int? = None) -> Tensor",
      .doc = "The index of each entry of repeats, as often as the entry says.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// The tensor forms first: an integer in a tensor would also pass for an int.
using RepeatOps = OpList<RepeatInterleaveTensor, RepeatInterleave, RepeatInterleaveIndices>;

}  // namespace rl::ops

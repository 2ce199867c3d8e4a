// Elements counted, by their value or in bins.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Bincount {
  static constexpr OpRecord record{
      .name = "bincount",
      .signature = "bincount(input: Tensor, weights: Tensor? = None, minlength: int = 0) -> Tensor",
      .doc = "How often each number from 0 up occurs, or the sum of its weights.",
      .computes = Computes::kNumeric,
      .node = "torch::autograd::NotImplemented"};
  static constexpr bool kNotImplemented = true;
  static void forward(Call& call);
};

// The last bin holds its upper end too; nan and what lies outside are in no bin.
struct Histc {
  static constexpr OpRecord record{
      .name = "histc",
      .signature =
          "histc(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0, *, out: "
          "Tensor? = None) -> Tensor",
      .doc =
          "How many elements fall into each of so many bins of equal width between min and max, "
          "or between the smallest and the largest element where both are equal."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// The counts and edges behind histogram(), which reads its forms: `bins` is a number of bins, or
// the tensor of edges; `low` and `high` are the ends where they are given.
struct Histogram {
  static constexpr OpRecord record{
      .name = "_histogram",
      .signature =
          "_histogram(input: Tensor, bins: Tensor | Number, low: Number, high: Number, "
          "given: bool, weight: Tensor? = None, density: bool = False) -> Tensor[]",
      .doc = "Counts or sums of weights of the elements in each bin, and the edges of the bins.",
      .form = Form::kFunction,
      .fields = "hist bin_edges",
      .node = "torch::autograd::NotImplemented"};
  static constexpr bool kNotImplemented = true;
  static void forward(Call& call);
};

using HistogramOps = OpList<Bincount, Histc, Histogram>;

}  // namespace rl::ops

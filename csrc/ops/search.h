// Sorted sequences searched, elements counted into bins, and where elements are not 0.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct SearchSorted {
  static constexpr OpRecord record{
      .name = "searchsorted",
      .signature =
          "searchsorted(sorted_sequence: Tensor, input: Tensor, *, out_int32: bool = "
          "False, right: bool = False, side: str? = None, sorter: Tensor? = None, out: "
          "Tensor? = None) -> Tensor",
      .doc =
          "For each value the first place of the sorted sequence that is not below it, or with "
          "side=\"right\" the first that is above it.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct SearchSortedNumber {
  static constexpr OpRecord record{
      .name = "searchsorted",
      .overload = 1,
      .signature =
          "searchsorted(sorted_sequence: Tensor, input: Number, *, out_int32: bool = "
          "False, right: bool = False, side: str? = None, sorter: Tensor? = None, out: "
          "Tensor? = None) -> Tensor",
      .doc = "The place of one number in a sorted sequence.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Bucketize {
  static constexpr OpRecord record{
      .name = "bucketize",
      .signature =
          "bucketize(input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: "
          "bool = False, out: Tensor? = None) -> Tensor",
      .doc = "The number of the bucket between sorted boundaries that each element falls into.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct BucketizeNumber {
  static constexpr OpRecord record{
      .name = "bucketize",
      .overload = 1,
      .signature =
          "bucketize(input: Number, boundaries: Tensor, *, out_int32: bool = False, right: "
          "bool = False, out: Tensor? = None) -> Tensor",
      .doc = "The number of the bucket between sorted boundaries that a number falls into.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

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

struct NonzeroStatic {
  static constexpr OpRecord record{
      .name = "nonzero_static",
      .signature =
          "nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Tensor? "
          "= None) -> Tensor",
      .doc = "The first so many rows of nonzero(), filled up with rows of one value.",
      .computes = Computes::kAny};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Argwhere {
  static constexpr OpRecord record{.name = "argwhere",
                                   .signature = "argwhere(input: Tensor) -> Tensor",
                                   .doc = "The indices of the elements that are not 0, a row each.",
                                   .computes = Computes::kAny};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using SearchOps = OpList<SearchSorted, SearchSortedNumber, Bucketize, BucketizeNumber, Bincount,
                         Histc, Histogram, NonzeroStatic, Argwhere>;

}  // namespace rl::ops

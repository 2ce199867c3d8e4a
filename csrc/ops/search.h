// Sorted sequences searched, and where elements are not 0.
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

using SearchOps =
    OpList<SearchSorted, SearchSortedNumber, Bucketize, BucketizeNumber, NonzeroStatic, Argwhere>;

}  // namespace rl::ops

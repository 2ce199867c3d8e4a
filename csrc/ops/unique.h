// Tensors as sets: distinct elements and slices, and whether an element is in a set.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Three results: the distinct elements, for each element the place of its like, how often each
// occurs. The last two are empty where they were not asked for.
struct Unique2 {
  static constexpr OpRecord record{
      .name = "_unique2",
      .signature =
          "_unique2(input: Tensor, sorted: bool = True, return_inverse: bool = False, "
          "return_counts: bool = False) -> Tensor[]",
      .doc = "The distinct elements in rising order, where each element went, and their counts.",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .node = "Unique2Backward0"};
  static constexpr bool kRefuses = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct UniqueDim {
  static constexpr OpRecord record{
      .name = "_unique_dim",
      .signature =
          "_unique_dim(input: Tensor, dim: int, sorted: bool = True, return_inverse: bool "
          "= False, return_counts: bool = False) -> Tensor[]",
      .doc =
          "The distinct slices of a dimension in lexicographic order, where each slice went, and "
          "their counts.",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .node = "UniqueDimBackward0"};
  static constexpr bool kRefuses = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct UniqueConsecutive {
  static constexpr OpRecord record{
      .name = "_unique_consecutive",
      .signature =
          "_unique_consecutive(input: Tensor, return_inverse: bool = False, "
          "return_counts: bool = False, dim: int? = None) -> Tensor[]",
      .doc = "One of each run of equal elements or slices, where each went, and the runs' lengths.",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .node = "UniqueConsecutiveBackward0"};
  static constexpr bool kRefuses = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct IsIn {
  static constexpr OpRecord record{
      .name = "isin",
      .signature =
          "isin(elements: Tensor, test_elements: Tensor, *, assume_unique: bool = False, "
          "invert: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "True for each element that equals one of the test elements.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct IsInNumber {
  static constexpr OpRecord record{
      .name = "isin",
      .overload = 1,
      .signature =
          "isin(elements: Tensor, test_element: Number, *, assume_unique: bool = False, "
          "invert: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "True for each element that equals a number.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NumberIsIn {
  static constexpr OpRecord record{
      .name = "isin",
      .overload = 2,
      .signature =
          "isin(element: Number, test_elements: Tensor, *, assume_unique: bool = False, "
          "invert: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "Whether a number equals one of the test elements.",
      .computes = Computes::kNumeric,
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using UniqueOps = OpList<Unique2, UniqueDim, UniqueConsecutive, IsIn, IsInNumber, NumberIsIn>;

}  // namespace rl::ops

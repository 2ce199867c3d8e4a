// Products, counts, any and all: reductions other than sums, moments and norms.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Integers and bools are multiplied in int64. Saves input and result: where no element is 0 the
// product of the others is result / x.
struct Prod {
  static constexpr OpRecord record{
      .name = "prod",
      .signature = "prod(input: Tensor, *, dtype: dtype? = None) -> Tensor",
      .doc = "Product of all elements, or over one dimension.",
      .derivative = "dy/dx = the product of the others"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct ProdDim {
  static constexpr OpRecord record{.name = "prod",
                                   .overload = 1,
                                   .signature =
                                       "prod(input: Tensor, dim: int, keepdim: bool = False, *, "
                                       "dtype: dtype? = None, out: Tensor? = None) -> Tensor",
                                   .doc = "Product over one dimension.",
                                   .derivative = "dy/dx = the product of the others",
                                   .out = OutRule::kDecides};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"result", Source::kResult, 0},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NanSum {
  static constexpr OpRecord record{
      .name = "nansum",
      .signature =
          "nansum(input: Tensor, dim: int[]? = None, keepdim: bool = False, "
          "*, dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Sum that counts nan as 0.",
      .derivative = "dy/dx = 1, 0 where x is nan",
      .out = OutRule::kDecidesFloat};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"keepdim", Source::kArg, 2}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Any {
  static constexpr OpRecord record{
      .name = "any",
      .signature = "any(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether some element is not 0; of nothing, False.",
      .out = OutRule::kTruth};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct AnyDims {
  static constexpr OpRecord record{
      .name = "any",
      .overload = 1,
      .signature =
          "any(input: Tensor, dim: int[]? = None, keepdim: bool = False, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Whether some element along the dimensions is not 0.",
      .out = OutRule::kTruth};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct All {
  static constexpr OpRecord record{
      .name = "all",
      .signature = "all(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether no element is 0; of nothing, True.",
      .out = OutRule::kTruth};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct AllDims {
  static constexpr OpRecord record{
      .name = "all",
      .overload = 1,
      .signature =
          "all(input: Tensor, dim: int[]? = None, keepdim: bool = False, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Whether no element along the dimensions is 0.",
      .out = OutRule::kTruth};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// nan is not 0.
struct CountNonzero {
  static constexpr OpRecord record{
      .name = "count_nonzero",
      .signature = "count_nonzero(input: Tensor, dim: int? = None) -> Tensor",
      .doc = "How many elements are not 0, of all or along one dimension.",
      .computes = Computes::kAny,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct CountNonzeroDims {
  static constexpr OpRecord record{
      .name = "count_nonzero",
      .overload = 1,
      .signature = "count_nonzero(input: Tensor, dim: int[]) -> Tensor",
      .doc = "How many elements along some dimensions are not 0.",
      .computes = Computes::kAny};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NanMean {
  static constexpr OpRecord record{
      .name = "nanmean",
      .signature =
          "nanmean(input: Tensor, dim: int[]? = None, keepdim: bool = False, *, "
          "dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Mean of the elements that are not nan; nan where there are none.",
      .derivative = "dy/dx = 1 / n, 0 where x is nan",
      .out = OutRule::kDecidesFloat};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using StatisticsOps = OpList<Prod, ProdDim, NanSum, Any, AnyDims, All, AllDims, CountNonzero,
                             CountNonzeroDims, NanMean>;

}  // namespace rl::ops

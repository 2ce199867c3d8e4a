// Variances, products, any and all: reductions other than sums and norms.
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
  static constexpr OpRecord record{
      .name = "prod",
      .overload = 1,
      .signature =
          "prod(input: Tensor, dim|axis: int, keepdim|keepdims: bool = False, *, "
          "dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Product over one dimension.",
      .derivative = "dy/dx = the product of the others"};
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
          "nansum(input: Tensor, dim|axis: int[]? = None, keepdim|keepdims: bool = False, "
          "*, dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Sum that counts nan as 0.",
      .derivative = "dy/dx = 1, 0 where x is nan"};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"keepdim", Source::kArg, 2}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Any {
  static constexpr OpRecord record{
      .name = "any",
      .signature = "any(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether some element is not 0; of nothing, False."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct AnyDims {
  static constexpr OpRecord record{
      .name = "any",
      .overload = 1,
      .signature =
          "any(input: Tensor, dim|axis: int[]?, keepdim|keepdims: bool = False, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Whether some element along the dimensions is not 0."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct All {
  static constexpr OpRecord record{
      .name = "all",
      .signature = "all(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Whether no element is 0; of nothing, True."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct AllDims {
  static constexpr OpRecord record{
      .name = "all",
      .overload = 1,
      .signature =
          "all(input: Tensor, dim|axis: int[]?, keepdim|keepdims: bool = False, *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Whether no element along the dimensions is 0."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// sum((x - mean)^2) / (n - correction), in two passes, so that digits survive a large mean.
struct Var {
  static constexpr OpRecord record{
      .name = "var",
      .signature =
          "var(input: Tensor, dim|axis: int[]? = None, *, correction: Number? = None, "
          "keepdim|keepdims: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "Variance over some dimensions or all, divided by n - correction, n - 1 by default.",
      .derivative = "dy/dx = 2 (x - mean) / (n - correction)",
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"dim", Source::kArg, 1},
                                       {"correction", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct VarUnbiasedDim {
  static constexpr OpRecord record{
      .name = "var",
      .overload = 1,
      .signature =
          "var(input: Tensor, dim|axis: int[]?, unbiased: bool = True, "
          "keepdim|keepdims: bool = False, *, out: Tensor? = None) -> Tensor",
      .doc = "Variance over some dimensions; unbiased: divided by n - 1, otherwise by n.",
      .derivative = "as var"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct VarUnbiased {
  static constexpr OpRecord record{
      .name = "var",
      .overload = 2,
      .signature = "var(input: Tensor, unbiased: bool = True) -> Tensor",
      .doc = "Variance; unbiased: divided by n - 1, otherwise by n.",
      .derivative = "as var"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The square root of var. Saves the result, which its slope divides by.
struct Std {
  static constexpr OpRecord record{
      .name = "std",
      .signature =
          "std(input: Tensor, dim|axis: int[]? = None, *, correction: Number? = None, "
          "keepdim|keepdims: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "Standard deviation over some dimensions or all: the square root of var.",
      .derivative = "dy/dx = (x - mean) / (y (n - correction)), 0 where y = 0",
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"dim", Source::kArg, 1},
                                       {"correction", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3},
                                       {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct StdUnbiasedDim {
  static constexpr OpRecord record{
      .name = "std",
      .overload = 1,
      .signature =
          "std(input: Tensor, dim|axis: int[]?, unbiased: bool = True, "
          "keepdim|keepdims: bool = False, *, out: Tensor? = None) -> Tensor",
      .doc = "Standard deviation over some dimensions; unbiased: of n - 1, otherwise of n.",
      .derivative = "as std"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct StdUnbiased {
  static constexpr OpRecord record{
      .name = "std",
      .overload = 2,
      .signature = "std(input: Tensor, unbiased: bool = True) -> Tensor",
      .doc = "Standard deviation; unbiased: of n - 1, otherwise of n.",
      .derivative = "as std"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using StatisticsOps = OpList<Prod, ProdDim, NanSum, Any, AnyDims, All, AllDims, Var, VarUnbiasedDim,
                             VarUnbiased, Std, StdUnbiasedDim, StdUnbiased>;

}  // namespace rl::ops

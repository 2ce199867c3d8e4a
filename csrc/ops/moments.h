// Variances and standard deviations, alone and with the mean.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// sum((x - mean)^2) / (n - correction), in two passes, so that digits survive a large mean.
struct Var {
  static constexpr OpRecord record{
      .name = "var",
      .signature =
          "var(input: Tensor, dim: int[]? = None, *, correction: Number? = None, "
          "keepdim: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "Variance over some dimensions or all, divided by n - correction, n - 1 by default.",
      .derivative = "dy/dx = 2 (x - mean) / (n - correction)"};
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
          "var(input: Tensor, dim: int[]?, unbiased: bool = True, "
          "keepdim: bool = False, *, out: Tensor? = None) -> Tensor",
      .doc = "Variance over some dimensions; unbiased: divided by n - 1, otherwise by n.",
      .derivative = "as var",
      .many_forms = true};
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
          "std(input: Tensor, dim: int[]? = None, *, correction: Number? = None, "
          "keepdim: bool = False, out: Tensor? = None) -> Tensor",
      .doc = "Standard deviation over some dimensions or all: the square root of var.",
      .derivative = "dy/dx = (x - mean) / (y (n - correction)), 0 where y = 0"};
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
          "std(input: Tensor, dim: int[]?, unbiased: bool = True, "
          "keepdim: bool = False, *, out: Tensor? = None) -> Tensor",
      .doc = "Standard deviation over some dimensions; unbiased: of n - 1, otherwise of n.",
      .derivative = "as std",
      .many_forms = true};
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

struct VarMean {
  static constexpr OpRecord record{
      .name = "var_mean",
      .signature =
          "var_mean(input: Tensor, dim: int[]? = None, *, correction: Number? = None, "
          "keepdim: bool = False) -> Tensor[]",
      .doc = "Variance and mean over some dimensions or all, as var and mean.",
      .derivative = "those of var and mean",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"dim", Source::kArg, 1},
                                       {"correction", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct VarMeanUnbiasedDim {
  static constexpr OpRecord record{
      .name = "var_mean",
      .overload = 1,
      .signature =
          "var_mean(input: Tensor, dim: int[]?, unbiased: bool = True, "
          "keepdim: bool = False) -> Tensor[]",
      .doc = "Variance and mean over some dimensions; unbiased: of n - 1, otherwise of n.",
      .derivative = "as var_mean",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct VarMeanUnbiased {
  static constexpr OpRecord record{
      .name = "var_mean",
      .overload = 2,
      .signature = "var_mean(input: Tensor, unbiased: bool = True) -> Tensor[]",
      .doc = "Variance and mean; unbiased: of n - 1, otherwise of n.",
      .derivative = "as var_mean",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct StdMean {
  static constexpr OpRecord record{
      .name = "std_mean",
      .signature =
          "std_mean(input: Tensor, dim: int[]? = None, *, correction: Number? = None, "
          "keepdim: bool = False) -> Tensor[]",
      .doc = "Standard deviation and mean over some dimensions or all, as std and mean.",
      .derivative = "those of std and mean",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"dim", Source::kArg, 1},
                                       {"correction", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3},
                                       {"result0", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct StdMeanUnbiasedDim {
  static constexpr OpRecord record{
      .name = "std_mean",
      .overload = 1,
      .signature =
          "std_mean(input: Tensor, dim: int[]?, unbiased: bool = True, "
          "keepdim: bool = False) -> Tensor[]",
      .doc =
          "Standard deviation and mean over some dimensions; unbiased: of n - 1, otherwise of n.",
      .derivative = "as std_mean",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct StdMeanUnbiased {
  static constexpr OpRecord record{
      .name = "std_mean",
      .overload = 2,
      .signature = "std_mean(input: Tensor, unbiased: bool = True) -> Tensor[]",
      .doc = "Standard deviation and mean; unbiased: of n - 1, otherwise of n.",
      .derivative = "as std_mean",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// PyTorch tries the forms in this order: a dimension alone means unbiased, which its node shows.
using MomentOps =
    OpList<VarUnbiasedDim, Var, VarUnbiased, StdUnbiasedDim, Std, StdUnbiased, VarMeanUnbiasedDim,
           VarMean, VarMeanUnbiased, StdMeanUnbiasedDim, StdMean, StdMeanUnbiased>;

}  // namespace rl::ops

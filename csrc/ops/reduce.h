// Reductions over none, one or many dimensions.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Sum of everything. Integers and bools are summed in int64.
struct Sum {
  static constexpr OpRecord record{
      .name = "sum",
      .signature = "sum(input: Tensor, *, dtype: dtype? = None) -> Tensor",
      .doc = "Sum of all elements, or over some dimensions.",
      .derivative = "dy/dx = 1"};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SumDim {
  static constexpr OpRecord record{.name = "sum",
                                   .overload = 1,
                                   .signature =
                                       "sum(input: Tensor, dim: int[]?, keepdim: bool = False, *, "
                                       "dtype: dtype? = None, out: Tensor? = None) -> Tensor",
                                   .doc = "Sum over some dimensions.",
                                   .derivative = "dy/dx = 1",
                                   .out = OutRule::kDecides};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Mean {
  static constexpr OpRecord record{
      .name = "mean",
      .signature = "mean(input: Tensor, *, dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Mean of all elements, or over some dimensions.",
      .derivative = "dy/dx = 1 / n",
      .out = OutRule::kDecidesFloat};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"self_sym_numel", Source::kNumel, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MeanDim {
  static constexpr OpRecord record{.name = "mean",
                                   .overload = 1,
                                   .signature =
                                       "mean(input: Tensor, dim: int[]?, keepdim: bool = False, *, "
                                       "dtype: dtype? = None, out: Tensor? = None) -> Tensor",
                                   .doc = "Mean over some dimensions.",
                                   .derivative = "dy/dx = 1 / n",
                                   .out = OutRule::kDecidesFloat};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0},
                                       {"self_sym_numel", Source::kNumel, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using ReduceOps = OpList<Sum, SumDim, Mean, MeanDim>;

}  // namespace rl::ops

// Norms of vectors: of everything, over some dimensions, or of a difference.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// (sum |x|^ord)^(1/ord), with its limits at 0, inf and -inf. Saves input and result.
struct VectorNorm {
  static constexpr OpRecord record{
      .name = "_linalg_vector_norm",
      .signature =
          "_linalg_vector_norm(input: Tensor, ord: Number = 2, dim: int[]? = None, "
          "keepdim: bool = False, *, dtype: dtype? = None, out: Tensor? = None) -> Tensor",
      .doc = "Norm of order ord of the elements, over some dimensions or all.",
      .derivative = "dy/dx = sign(x) |x / y|^(ord - 1), 0 where y = 0",
      .form = Form::kFunction,
      .node = "LinalgVectorNormBackward0",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},    {"result", Source::kResult, 0},
                                       {"ord", Source::kArg, 1},     {"dim", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3}, {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// What PyTorch records for pairwise_distance.
struct PairNorm : VectorNorm {
  static constexpr OpRecord record{
      .name = "_pair_norm",
      .signature =
          "_pair_norm(input: Tensor, p: Number, dim: int[]? = None, keepdim: bool = False) -> "
          "Tensor",
      .doc = "Norm of order p of the elements, over some dimensions or all.",
      .derivative = "as linalg.vector_norm",
      .form = Form::kFunction,
      .node = "NormBackward1"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},    {"result", Source::kResult, 0},
                                       {"p", Source::kArg, 1},       {"dim", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3}, {nullptr, Source::kSizes, 0}};
};

struct NormNamed {
  static constexpr OpRecord record{
      .name = "norm",
      .signature =
          "norm(input: Tensor, p: str = \"fro\", dim: int[]? = None, keepdim: bool = False, "
          "out: Tensor? = None, dtype: dtype? = None) -> Tensor",
      .doc = "The Frobenius norm: the square root of the sum of squares.",
      .derivative = "dy/dx = x / y",
      .many_forms = true,
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Norm {
  static constexpr OpRecord record{
      .name = "norm",
      .overload = 1,
      .signature =
          "norm(input: Tensor, p: Number?, dim: int[]? = None, keepdim: bool = False, "
          "out: Tensor? = None, dtype: dtype? = None) -> Tensor",
      .doc = "The norm of order p over some dimensions or all.",
      .derivative = "as linalg.vector_norm",
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The norm of the difference, of everything.
struct Dist {
  static constexpr OpRecord record{
      .name = "dist",
      .signature = "dist(input: Tensor, other: Tensor, p: Number = 2) -> Tensor",
      .doc = "The norm of order p of the difference between two tensors.",
      .derivative = "as linalg.vector_norm of input - other; for other with the sign changed"};
  static constexpr SlotSpec slots[] = {{"other", Source::kArg, 1},
                                       {"p", Source::kArg, 2},
                                       {"result", Source::kResult, 0},
                                       {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using NormOps = OpList<VectorNorm, PairNorm, NormNamed, Norm, Dist>;

}  // namespace rl::ops

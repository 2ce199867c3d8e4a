// Functions of a matrix or of vectors in space: trace, powers, the cross product, distances.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Trace {
  static constexpr OpRecord record{.name = "trace",
                                   .signature = "trace(input: Tensor) -> Tensor",
                                   .doc = "Sum of a matrix's diagonal.",
                                   .derivative = "dy/dx = 1 on the diagonal, 0 elsewhere"};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// By repeated squaring, with the multiplications in PyTorch's order.
struct MatrixPower {
  static constexpr OpRecord record{
      .name = "matrix_power",
      .signature = "matrix_power(input: Tensor, n: int, *, out: Tensor? = None) -> Tensor",
      .doc = "Square matrices multiplied by themselves n - 1 times; n is not negative.",
      .derivative = "that of the products",
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct LinalgMatrixPower : MatrixPower {
  static constexpr OpRecord record{
      .name = "_linalg_matrix_power",
      .signature = "_linalg_matrix_power(input: Tensor, n: int, *, out: Tensor? = None) -> Tensor",
      .doc = "matrix_power.",
      .derivative = "that of the products",
      .form = Form::kFunction,
      .out = OutRule::kOwn};
};

struct LinalgDiagonal {
  static constexpr OpRecord record{
      .name = "_linalg_diagonal",
      .signature =
          "_linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) "
          "-> Tensor",
      .doc = "diagonal, of the last two dimensions unless others are named.",
      .derivative = "dy/dx = 1 on the diagonal, 0 elsewhere",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Both inputs have the same number of dimensions and are broadcast.
struct LinalgCross {
  static constexpr OpRecord record{
      .name = "_linalg_cross",
      .signature =
          "_linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor? = None) -> "
          "Tensor",
      .doc = "Cross products of the vectors along a dimension of size 3.",
      .derivative = "dinput = cross(other, g), dother = cross(g, input)",
      .form = Form::kFunction,
      .node = "LinalgCrossBackward0",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2},
                                       {"other", Source::kArg, 1, 1},
                                       {"dim", Source::kArg, 2},
                                       {nullptr, Source::kSizes, 0},
                                       {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Cross {
  static constexpr OpRecord record{
      .name = "cross",
      .signature =
          "cross(input: Tensor, other: Tensor, dim: int? = None, *, out: Tensor? = None) -> Tensor",
      .doc = "Cross products along a dimension of size 3, the first such one unless it is named.",
      .derivative = "dinput = cross(other, g), dother = cross(g, input)",
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct LinalgVecdot {
  static constexpr OpRecord record{
      .name = "_linalg_vecdot",
      .signature =
          "_linalg_vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor? = None) -> Tensor",
      .doc = "Sums of the products along a dimension, after broadcasting.",
      .derivative = "dx = g y, dy = g x",
      .form = Form::kFunction,
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using MatrixOps =
    OpList<Trace, MatrixPower, LinalgMatrixPower, LinalgDiagonal, LinalgCross, Cross, LinalgVecdot>;

}  // namespace rl::ops

// Triangles and diagonals of matrices: kept, made, counted.
#pragma once

#include "ops/create.h"
#include "ops/custom.h"

namespace rl::ops {

struct Tril {
  static constexpr OpRecord record{
      .name = "tril",
      .signature = "tril(input: Tensor, diagonal: int = 0, *, out: Tensor? = None) -> Tensor",
      .doc = "Matrices with zeros above a diagonal; 0 is the main one, 1 the next above it.",
      .derivative = "tril of the gradient",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWritten,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"diagonal", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Triu {
  static constexpr OpRecord record{
      .name = "triu",
      .signature = "triu(input: Tensor, diagonal: int = 0, *, out: Tensor? = None) -> Tensor",
      .doc = "Matrices with zeros below a diagonal; 0 is the main one, 1 the next above it.",
      .derivative = "triu of the gradient",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWritten,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"diagonal", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

#define RL_TRIANGLE_TAIL "(row: int, col: int, offset: int = 0, *, " RL_FACTORY_TAIL ") -> Tensor"

struct TrilIndices {
  static constexpr OpRecord record{
      .name = "tril_indices",
      .signature = "tril_indices" RL_TRIANGLE_TAIL,
      .doc = "Row and column numbers of the elements that tril keeps of a (row, col) matrix.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct TriuIndices {
  static constexpr OpRecord record{
      .name = "triu_indices",
      .signature = "triu_indices" RL_TRIANGLE_TAIL,
      .doc = "Row and column numbers of the elements that triu keeps of a (row, col) matrix.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct DiagEmbed {
  static constexpr OpRecord record{
      .name = "diag_embed",
      .signature =
          "diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor",
      .doc = "Matrices of zeros with the input's last dimension on a diagonal.",
      .derivative = "the diagonal of the gradient",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {
      {"dim1", Source::kArg, 2}, {"dim2", Source::kArg, 3}, {"offset", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// What diag() of a matrix records.
struct DiagonalCopy {
  static constexpr OpRecord record{
      .name = "diagonal_copy",
      .signature =
          "diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "diagonal() as a copy.",
      .derivative = "dy/dx = 1 on the diagonal, 0 elsewhere",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .node = "DiagonalBackward0_copy"};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"offset", Source::kArg, 1},
                                       {"dim1", Source::kArg, 2},
                                       {"dim2", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Diag {
  static constexpr OpRecord record{
      .name = "diag",
      .signature = "diag(input: Tensor, diagonal: int = 0, *, out: Tensor? = None) -> Tensor",
      .doc = "A matrix with a vector on its diagonal, or a copy of the diagonal of a matrix.",
      .derivative = "dy/dx = 1 on the diagonal, 0 elsewhere",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Diagflat {
  static constexpr OpRecord record{
      .name = "diagflat",
      .signature = "diagflat(input: Tensor, offset: int = 0) -> Tensor",
      .doc = "A matrix with all elements, in row-major order, on its diagonal.",
      .derivative = "the diagonal of the gradient",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using TriangleOps =
    OpList<Tril, Triu, TrilIndices, TriuIndices, DiagEmbed, DiagonalCopy, Diag, Diagflat>;

}  // namespace rl::ops

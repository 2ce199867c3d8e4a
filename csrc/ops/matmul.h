// Matrix products.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// (n, k) @ (k, m) -> (n, m).
struct Mm {
  static constexpr OpRecord record{
      .name = "mm",
      .signature = "mm(input: Tensor, mat2: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Product of two matrices.",
      .derivative = "dinput = g @ mat2^T, dmat2 = input^T @ g",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {
      {"self", Source::kArg, 0, 2},          {"mat2", Source::kArg, 1, 1},
      {"self_sym_sizes", Source::kSizes, 0}, {"self_sym_strides", Source::kStrides, 0},
      {"mat2_sym_sizes", Source::kSizes, 1}, {"mat2_sym_strides", Source::kStrides, 1}};
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// With beta 0 the input is not read: its nan and inf do not count.
struct Addmm {
  static constexpr OpRecord record{
      .name = "addmm",
      .signature =
          "addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, "
          "alpha: Number = 1, out: Tensor? = None) -> Tensor",
      .doc = "beta input + alpha (mat1 @ mat2); the input is broadcast to the product's shape.",
      .derivative = "dinput = beta g, dmat1 = alpha (g @ mat2^T), dmat2 = alpha (mat1^T @ g)",
      .inplace = true,
      .many_forms = true,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"mat1", Source::kArg, 1, 4},
                                       {"mat2", Source::kArg, 2, 2},
                                       {"mat1_sym_sizes", Source::kSizes, 1},
                                       {"mat1_sym_strides", Source::kStrides, 1},
                                       {"mat2_sym_sizes", Source::kSizes, 2},
                                       {"mat2_sym_strides", Source::kStrides, 2},
                                       {"beta", Source::kArg, 3},
                                       {"alpha", Source::kArg, 4},
                                       {nullptr, Source::kSizes, 0}};
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (b, n, k) @ (b, k, m) -> (b, n, m).
struct Bmm {
  static constexpr OpRecord record{
      .name = "bmm",
      .signature = "bmm(input: Tensor, mat2: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Products of two batches of matrices.",
      .derivative = "dinput = g @ mat2^T, dmat2 = input^T @ g",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"mat2", Source::kArg, 1, 1}};
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (..., n, k) @ (..., k, m) where nothing is recorded: PyTorch's graph has a bmm() of copies.
struct BroadcastBmm {
  static constexpr OpRecord record{
      .name = "_broadcast_bmm",
      .signature = "_broadcast_bmm(input: Tensor, mat2: Tensor) -> Tensor",
      .doc = "Products of batches of matrices, whose leading dimensions are broadcast.",
      .form = Form::kInternal};
  using backward = NotDifferentiable;
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
};

// (n, k) @ (k) -> (n).
struct Mv {
  static constexpr OpRecord record{
      .name = "mv",
      .signature = "mv(input: Tensor, vec: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Product of a matrix and a vector.",
      .derivative = "dinput = outer(g, vec), dvec = input^T @ g",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"vec", Source::kArg, 1, 1}};
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (k) . (k) -> ().
struct Dot {
  static constexpr OpRecord record{
      .name = "dot",
      .signature = "dot(input: Tensor, tensor: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sum of the products of two vectors' elements.",
      .derivative = "dinput = g tensor, dtensor = g input",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2},
                                       {"tensor", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// By rank: dot, mv, mm; a stack of matrices times one matrix is one mm where that needs no copy or
// saves memory in the backward pass; else bmm over broadcast batches.
struct Matmul {
  static constexpr OpRecord record{
      .name = "matmul",
      .signature = "matmul(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Matrix product of tensors of any rank: (..., n, k) @ (..., k, m) -> (..., n, m).",
      .derivative = "dinput = g @ other^T, dother = input^T @ g",
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
};

// F.linear. Two dimensions and a bias are one addmm over the transposed weight; other ranks become
// two dimensions, as PyTorch does it.
struct Linear {
  static constexpr OpRecord record{
      .name = "_linear",
      .signature =
          "_linear(input: Tensor, weight: Tensor, bias: Tensor? = None, *, out: Tensor? = None) -> "
          "Tensor",
      .doc = "input @ weight^T + bias: (..., n) with a weight (m, n) gives (..., m).",
      .derivative = "dinput = g @ weight, dweight = g^T @ input, dbias = sum of g",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static constexpr bool kUnlocks = true;
  static void forward(Call& call);
};

using MatmulOps = OpList<Mm, Addmm, Bmm, BroadcastBmm, Mv, Dot, Matmul, Linear>;

}  // namespace rl::ops

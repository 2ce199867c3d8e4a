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
      .derivative = "dinput = g @ mat2^T, dmat2 = input^T @ g"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"mat2", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (b, n, k) @ (b, k, m) -> (b, n, m).
struct Bmm {
  static constexpr OpRecord record{
      .name = "bmm",
      .signature = "bmm(input: Tensor, mat2: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Products of two batches of matrices.",
      .derivative = "dinput = g @ mat2^T, dmat2 = input^T @ g"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"mat2", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (n, k) @ (k) -> (n).
struct Mv {
  static constexpr OpRecord record{
      .name = "mv",
      .signature = "mv(input: Tensor, vec: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Product of a matrix and a vector.",
      .derivative = "dinput = outer(g, vec), dvec = input^T @ g"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"vec", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (k) . (k) -> ().
struct Dot {
  static constexpr OpRecord record{
      .name = "dot",
      .signature = "dot(input: Tensor, tensor: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sum of the products of two vectors' elements.",
      .derivative = "dinput = g tensor, dtensor = g input"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2},
                                       {"tensor", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// By rank: dot, mv, mm; a stack of matrices times one matrix is one mm; else bmm over broadcast
// batches.
struct Matmul {
  static constexpr OpRecord record{
      .name = "matmul",
      .signature = "matmul(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Matrix product of tensors of any rank: (..., n, k) @ (..., k, m) -> (..., n, m).",
      .derivative = "dinput = g @ other^T, dother = input^T @ g"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using MatmulOps = OpList<Mm, Bmm, Mv, Dot, Matmul>;

}  // namespace rl::ops

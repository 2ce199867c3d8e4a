// Products that are added to a tensor, and products of vectors.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// dot, with the gradients' names that PyTorch gives them.
struct Vdot {
  static constexpr OpRecord record{
      .name = "vdot",
      .signature = "vdot(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sum of the products of two vectors' elements, the first conjugated.",
      .derivative = "dinput = g other, dother = g input",
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0, 2}, {"other", Source::kArg, 1, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Outer {
  static constexpr OpRecord record{
      .name = "outer",
      .signature = "outer(input: Tensor, vec2: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element of one vector times each of another: (n) and (m) give (n, m).",
      .derivative = "dinput = g @ vec2, dvec2 = input @ g"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Ger : Outer {
  static constexpr OpRecord record{
      .name = "ger",
      .signature = "ger(input: Tensor, vec2: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "outer under its old name.",
      .derivative = "dinput = g @ vec2, dvec2 = input @ g"};
};

// The last dimensions are contracted; with a 0-d tensor it is a plain product.
struct Inner {
  static constexpr OpRecord record{
      .name = "inner",
      .signature = "inner(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Sums of products over the last dimension of both tensors.",
      .derivative = "dinput = g @ other, dother = g^T @ input",
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// One matrix product over permuted and flattened operands.
struct Tensordot {
  static constexpr OpRecord record{
      .name = "_tensordot",
      .signature =
          "_tensordot(input: Tensor, other: Tensor, dims_self: int[], dims_other: int[], *, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Sums of products over pairs of dimensions.",
      .derivative = "the product of the gradient with the other factor",
      .form = Form::kFunction,
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Kron {
  static constexpr OpRecord record{
      .name = "kron",
      .signature = "kron(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Kronecker product: each element of the input times all of other, block by block.",
      .derivative = "dinput = sum of g times other in each block, dother likewise"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// With beta 0 the input is not read; with alpha 0 the product is not.
struct Addmv {
  static constexpr OpRecord record{
      .name = "addmv",
      .signature =
          "addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "beta input + alpha (mat @ vec); the input is broadcast to the product's shape.",
      .derivative = "dinput = beta g, dmat = alpha outer(g, vec), dvec = alpha (mat^T @ g)",
      .inplace = true,
      .lists_form = true,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"mat", Source::kArg, 1, 4},
                                       {"vec", Source::kArg, 2, 2},
                                       {"beta", Source::kArg, 3},
                                       {"alpha", Source::kArg, 4},
                                       {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The dtypes are promoted, and bool is or and and.
struct Addr {
  static constexpr OpRecord record{
      .name = "addr",
      .signature =
          "addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "beta input + alpha outer(vec1, vec2); the input is broadcast to that shape.",
      .derivative = "dinput = beta g, dvec1 = alpha (g @ vec2), dvec2 = alpha (g^T @ vec1)",
      .inplace = true,
      .lists_form = true};
  static constexpr SlotSpec slots[] = {{"vec1", Source::kArg, 1, 4},
                                       {"vec2", Source::kArg, 2, 2},
                                       {"beta", Source::kArg, 3},
                                       {"alpha", Source::kArg, 4},
                                       {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// With beta 0 the input is not read; the product always is.
struct Baddbmm {
  static constexpr OpRecord record{
      .name = "baddbmm",
      .signature =
          "baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, "
          "alpha: Number = 1, out: Tensor? = None) -> Tensor",
      .doc = "beta input + alpha bmm(batch1, batch2); the input is broadcast.",
      .derivative =
          "dinput = beta g, dbatch1 = alpha (g @ batch2^T), dbatch2 = alpha (batch1^T @ g)",
      .inplace = true,
      .lists_form = true,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {{"batch1", Source::kArg, 1, 4},
                                       {"batch2", Source::kArg, 2, 2},
                                       {"beta", Source::kArg, 3},
                                       {"alpha", Source::kArg, 4},
                                       {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The sum over the batch is one matrix product of the matrices side by side.
struct Addbmm {
  static constexpr OpRecord record{
      .name = "addbmm",
      .signature =
          "addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, "
          "alpha: Number = 1, out: Tensor? = None) -> Tensor",
      .doc = "beta input + alpha times the sum over the batch of bmm(batch1, batch2).",
      .derivative =
          "dinput = beta g, dbatch1 = alpha (g @ batch2^T), dbatch2 = alpha (batch1^T @ g)",
      .inplace = true,
      .lists_form = true,
      .out = OutRule::kOwn};
  static constexpr SlotSpec slots[] = {
      {"batch1", Source::kArg, 1, 4}, {"batch2", Source::kArg, 2, 2}, {"beta", Source::kArg, 3},
      {"alpha", Source::kArg, 4},     {nullptr, Source::kSizes, 0},   {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using ProductOps = OpList<Vdot, Outer, Ger, Inner, Tensordot, Kron, Addmv, Addr, Baddbmm, Addbmm>;

}  // namespace rl::ops

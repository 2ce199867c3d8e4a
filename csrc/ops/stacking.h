// Tensors put beside, below and behind each other, and taken apart again, as NumPy names it.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Hstack {
  static constexpr OpRecord record{
      .name = "hstack",
      .signature = "hstack(tensors: Tensor[], *, out: Tensor? = None) -> Tensor",
      .doc =
          "Tensors beside each other: joined along the second dimension, vectors along the first.",
      .derivative = "each tensor gets its part of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Vstack {
  static constexpr OpRecord record{
      .name = "vstack",
      .signature = "vstack(tensors: Tensor[], *, out: Tensor? = None) -> Tensor",
      .doc = "Tensors below each other: vectors are rows.",
      .derivative = "each tensor gets its part of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct RowStack {
  static constexpr OpRecord record{
      .name = "row_stack",
      .signature = "row_stack(tensors: Tensor[], *, out: Tensor? = None) -> Tensor",
      .doc = "vstack under another name.",
      .derivative = "each tensor gets its part of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Dstack {
  static constexpr OpRecord record{
      .name = "dstack",
      .signature = "dstack(tensors: Tensor[], *, out: Tensor? = None) -> Tensor",
      .doc = "Tensors behind each other: joined along the third dimension.",
      .derivative = "each tensor gets its part of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct ColumnStack {
  static constexpr OpRecord record{
      .name = "column_stack",
      .signature = "column_stack(tensors: Tensor[], *, out: Tensor? = None) -> Tensor",
      .doc = "Tensors beside each other: vectors are columns.",
      .derivative = "each tensor gets its part of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction,
      .out = OutRule::kJoined};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Hsplit {
  static constexpr OpRecord record{
      .name = "hsplit",
      .signature = "hsplit(input: Tensor, sections: int) -> Tensor[]",
      .doc = "That many equal parts along the second dimension, or a vector's only one,.",
      .derivative = "dy/dx = 1 inside each part",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct HsplitIndices {
  static constexpr OpRecord record{
      .name = "hsplit",
      .overload = 1,
      .signature = "hsplit(input: Tensor, indices: int[*]) -> Tensor[]",
      .doc =
          "Parts along the second dimension, or a vector's only one, that end where the next "
          "begins: [:i], [i:j], ..., [k:].",
      .derivative = "dy/dx = 1 inside each part"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Vsplit {
  static constexpr OpRecord record{
      .name = "vsplit",
      .signature = "vsplit(input: Tensor, sections: int) -> Tensor[]",
      .doc = "That many equal parts along the first dimension of at least two.",
      .derivative = "dy/dx = 1 inside each part",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct VsplitIndices {
  static constexpr OpRecord record{
      .name = "vsplit",
      .overload = 1,
      .signature = "vsplit(input: Tensor, indices: int[*]) -> Tensor[]",
      .doc =
          "Parts along the first dimension of at least two that end where the next begins: [:i], "
          "[i:j], ..., [k:].",
      .derivative = "dy/dx = 1 inside each part"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Dsplit {
  static constexpr OpRecord record{.name = "dsplit",
                                   .signature = "dsplit(input: Tensor, sections: int) -> Tensor[]",
                                   .doc = "That many equal parts along the third dimension.",
                                   .derivative = "dy/dx = 1 inside each part",
                                   .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct DsplitIndices {
  static constexpr OpRecord record{
      .name = "dsplit",
      .overload = 1,
      .signature = "dsplit(input: Tensor, indices: int[*]) -> Tensor[]",
      .doc =
          "Parts along the third dimension that end where the next begins: [:i], [i:j], ..., [k:].",
      .derivative = "dy/dx = 1 inside each part"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Vectors count as rows, numbers as (1, 1).
struct BlockDiag {
  static constexpr OpRecord record{.name = "_block_diag",
                                   .signature = "_block_diag(tensors: Tensor[]) -> Tensor",
                                   .doc = "A matrix of zeros with the tensors along its diagonal.",
                                   .derivative = "each tensor gets its block of the gradient",
                                   .computes = Computes::kAny,
                                   .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{nullptr, Source::kShapes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using StackingOps = OpList<Hstack, Vstack, RowStack, Dstack, ColumnStack, Hsplit, HsplitIndices,
                           Vsplit, VsplitIndices, Dsplit, DsplitIndices, BlockDiag>;

}  // namespace rl::ops

// Views: other sizes and strides over the same memory.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// The same elements in the same order under other sizes; one size may be -1. Needs strides that
// allow it.
struct View {
  static constexpr OpRecord record{.name = "view",
                                   .signature = "view(input: Tensor, size: int...) -> Tensor",
                                   .doc = "The same memory with other sizes.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .view = true,
                                   .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// What reshape() records where the strides of a tensor that is not row-major allow a view.
struct ReshapeAlias {
  static constexpr OpRecord record{
      .name = "_reshape_alias",
      .signature = "_reshape_alias(input: Tensor, size: int...) -> Tensor",
      .doc = "view() as reshape() records it.",
      .derivative = "dy/dx = 1",
      .form = Form::kInternal,
      .view = true,
      .node = "ReshapeAliasBackward0"};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// view() of a fresh copy, which nobody else can see: not tracked as a view.
struct UnsafeView {
  static constexpr OpRecord record{
      .name = "_unsafe_view",
      .signature = "_unsafe_view(input: Tensor, size: int...) -> Tensor",
      .doc = "view() of a tensor that nobody else refers to.",
      .derivative = "dy/dx = 1",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// A view where strides allow it, a copy elsewhere.
struct Reshape {
  static constexpr OpRecord record{
      .name = "reshape",
      .signature = "reshape(input: Tensor, shape: int...) -> Tensor",
      .doc = "The same elements with other sizes; copied only where the strides need it.",
      .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Dimensions of size 1 repeated without memory (stride 0); -1 keeps a size.
struct Expand {
  static constexpr OpRecord record{
      .name = "expand",
      .signature = "expand(input: Tensor, size: int..., *, implicit: bool = False) -> Tensor",
      .doc = "Repeats dimensions of size 1 without taking memory.",
      .derivative = "dy/dx = 1, summed over the repeated dimensions",
      .form = Form::kMethod,
      .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Transpose {
  static constexpr OpRecord record{
      .name = "transpose",
      .signature = "transpose(input: Tensor, dim0: int, dim1: int) -> Tensor",
      .doc = "Two dimensions swapped, over the same memory.",
      .derivative = "dy/dx = 1",
      .view = true};
  static constexpr SlotSpec slots[] = {{"dim0", Source::kArg, 1}, {"dim1", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Swapaxes {
  static constexpr OpRecord record{
      .name = "swapaxes",
      .signature = "swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor",
      .doc = "transpose() under NumPy's name.",
      .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Swapdims {
  static constexpr OpRecord record{
      .name = "swapdims",
      .signature = "swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor",
      .doc = "transpose() under another name.",
      .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Adjoint {
  static constexpr OpRecord record{.name = "adjoint",
                                   .signature = "adjoint(input: Tensor) -> Tensor",
                                   .doc = "The last two dimensions swapped, over the same memory.",
                                   .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// What broadcasting repeats, added up again.
struct SumToSize {
  static constexpr OpRecord record{
      .name = "sum_to_size",
      .signature = "sum_to_size(input: Tensor, size: int...) -> Tensor",
      .doc = "The sum over those dimensions that expand() would repeat to come from size to here.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// (n, m) -> (m, n); tensors of fewer dimensions are left as they are.
struct TransposeMatrix {
  static constexpr OpRecord record{.name = "t",
                                   .signature = "t(input: Tensor) -> Tensor",
                                   .doc = "The transpose of a matrix, over the same memory.",
                                   .derivative = "dy/dx = 1",
                                   .view = true,
                                   .node = "TBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Permute {
  static constexpr OpRecord record{.name = "permute",
                                   .signature = "permute(input: Tensor, dims: int...) -> Tensor",
                                   .doc = "The dimensions in another order, over the same memory.",
                                   .derivative = "dy/dx = 1",
                                   .view = true};
  static constexpr SlotSpec slots[] = {{"dims", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Shares memory and version, never requires grad.
struct Detach {
  static constexpr OpRecord record{.name = "detach",
                                   .signature = "detach(input: Tensor) -> Tensor",
                                   .doc = "The same memory outside the graph."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ViewAs {
  static constexpr OpRecord record{.name = "view_as",
                                   .signature = "view_as(input: Tensor, other: Tensor) -> Tensor",
                                   .doc = "view() with the sizes of another tensor.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct ExpandAs {
  static constexpr OpRecord record{.name = "expand_as",
                                   .signature = "expand_as(input: Tensor, other: Tensor) -> Tensor",
                                   .doc = "expand() to the sizes of another tensor.",
                                   .derivative = "dy/dx = 1, summed over the repeated dimensions",
                                   .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct ReshapeAs {
  static constexpr OpRecord record{
      .name = "reshape_as",
      .signature = "reshape_as(input: Tensor, other: Tensor) -> Tensor",
      .doc = "reshape() to the sizes of another tensor.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using ShapeOps =
    OpList<ViewAs, ExpandAs, ReshapeAs, View, ReshapeAlias, UnsafeView, Reshape, Expand, Transpose,
           TransposeMatrix, Permute, Detach, Swapaxes, Swapdims, Adjoint, SumToSize>;

}  // namespace rl::ops

namespace rl {

// Strides of t under the sizes that it expands to; a size of -1 becomes t's. Throws expand()'s
// errors.
Dims expand_strides(TensorImpl* t, Dims& sizes);

}  // namespace rl

// Dimensions added, dropped, merged and moved: views of all elements, and their in-place forms.
#pragma once

#include "ops/shape.h"

namespace rl::ops {

struct Squeeze {
  static constexpr OpRecord record{.name = "squeeze",
                                   .signature = "squeeze(input: Tensor) -> Tensor",
                                   .doc = "Without the dimensions of size 1.",
                                   .derivative = "dy/dx = 1",
                                   .view = true,
                                   .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SqueezeDim {
  static constexpr OpRecord record{.name = "squeeze",
                                   .overload = 1,
                                   .signature = "squeeze(input: Tensor, dim: int) -> Tensor",
                                   .doc = "Without one dimension, if its size is 1.",
                                   .derivative = "dy/dx = 1",
                                   .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SqueezeDims {
  static constexpr OpRecord record{.name = "squeeze",
                                   .overload = 2,
                                   .signature = "squeeze(input: Tensor, dim: int[]) -> Tensor",
                                   .doc = "Without those of some dimensions whose size is 1.",
                                   .derivative = "dy/dx = 1",
                                   .view = true};
  static constexpr SlotSpec slots[] = {{"self_sym_sizes", Source::kSizes, 0},
                                       {"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Unsqueeze {
  static constexpr OpRecord record{.name = "unsqueeze",
                                   .signature = "unsqueeze(input: Tensor, dim: int) -> Tensor",
                                   .doc = "With a new dimension of size 1.",
                                   .derivative = "dy/dx = 1",
                                   .view = true};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Flatten {
  static constexpr OpRecord record{
      .name = "flatten",
      .signature = "flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor",
      .doc = "Dimensions start_dim to end_dim merged into one.",
      .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Ravel {
  static constexpr OpRecord record{.name = "ravel",
                                   .signature = "ravel(input: Tensor) -> Tensor",
                                   .doc = "All elements in one dimension.",
                                   .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Unflatten {
  static constexpr OpRecord record{
      .name = "unflatten",
      .signature = "unflatten(input: Tensor, dim: int, sizes: Size) -> Tensor",
      .doc = "One dimension split into several; one size may be -1.",
      .derivative = "dy/dx = 1"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Movedim {
  static constexpr OpRecord record{
      .name = "movedim",
      .aliases = "moveaxis",
      .signature = "movedim(input: Tensor, source: int[], destination: int[]) -> Tensor",
      .doc = "Dimensions moved to other places; the others keep their order.",
      .derivative = "dy/dx = 1",
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct BroadcastTo {
  static constexpr OpRecord record{.name = "broadcast_to",
                                   .signature = "broadcast_to(input: Tensor, size: Size) -> Tensor",
                                   .doc = "expand as a function.",
                                   .derivative = "dy/dx = 1, summed over the repeated dimensions"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// --- The in-place forms change the tensor's own sizes and strides and count as a write.

struct TransposeMatrixInplace : TransposeMatrix {
  static constexpr OpRecord record{.name = "t_",
                                   .signature = "t_(input: Tensor) -> Tensor",
                                   .doc = "t, in place.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .view = true,
                                   .node = "TBackward1"};
};

struct TransposeInplace : Transpose {
  static constexpr OpRecord record{
      .name = "transpose_",
      .signature = "transpose_(input: Tensor, dim0: int, dim1: int) -> Tensor",
      .doc = "transpose, in place.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod,
      .mutates = true,
      .view = true,
      .node = "TransposeBackward1"};
};

struct SwapaxesInplace : Transpose {
  static constexpr OpRecord record{
      .name = "swapaxes_",
      .signature = "swapaxes_(input: Tensor, axis0: int, axis1: int) -> Tensor",
      .doc = "transpose_ under NumPy's name.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod,
      .mutates = true,
      .view = true,
      .node = "TransposeBackward1"};
};

struct SwapdimsInplace : Transpose {
  static constexpr OpRecord record{
      .name = "swapdims_",
      .signature = "swapdims_(input: Tensor, dim0: int, dim1: int) -> Tensor",
      .doc = "transpose_ under another name.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod,
      .mutates = true,
      .view = true,
      .node = "TransposeBackward1"};
};

struct SqueezeInplace : Squeeze {
  static constexpr OpRecord record{.name = "squeeze_",
                                   .signature = "squeeze_(input: Tensor) -> Tensor",
                                   .doc = "squeeze, in place.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .view = true,
                                   .many_forms = true,
                                   .node = "SqueezeBackward3"};
};

struct SqueezeDimInplace : SqueezeDim {
  static constexpr OpRecord record{.name = "squeeze_",
                                   .overload = 1,
                                   .signature = "squeeze_(input: Tensor, dim: int) -> Tensor",
                                   .doc = "squeeze of one dimension, in place.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .view = true,
                                   .node = "SqueezeBackward4"};
};

struct SqueezeDimsInplace : SqueezeDims {
  static constexpr OpRecord record{.name = "squeeze_",
                                   .overload = 2,
                                   .signature = "squeeze_(input: Tensor, dim: int[]) -> Tensor",
                                   .doc = "squeeze of some dimensions, in place.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .view = true,
                                   .node = "SqueezeBackward5"};
};

struct UnsqueezeInplace : Unsqueeze {
  static constexpr OpRecord record{.name = "unsqueeze_",
                                   .signature = "unsqueeze_(input: Tensor, dim: int) -> Tensor",
                                   .doc = "unsqueeze, in place.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .view = true,
                                   .node = "UnsqueezeBackward1"};
};

using DimsOps =
    OpList<Squeeze, SqueezeDim, SqueezeDims, Unsqueeze, Flatten, Ravel, Unflatten, Movedim,
           BroadcastTo, TransposeMatrixInplace, TransposeInplace, SwapaxesInplace, SwapdimsInplace,
           SqueezeInplace, SqueezeDimInplace, SqueezeDimsInplace, UnsqueezeInplace>;

}  // namespace rl::ops

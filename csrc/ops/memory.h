// The same bytes under another type or another tensor, and bytes written several times.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Bits, not values: never differentiable, and no view of the tensor that it shares memory with.
struct ViewDtype {
  static constexpr OpRecord record{
      .name = "view",
      .overload = 1,
      .signature = "view(input: Tensor, dtype: dtype) -> Tensor",
      .doc = "The same bytes read as another dtype; the last size follows the size of an element.",
      .computes = Computes::kAny,
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// Other memory for a tensor that stays the same object. PyTorch has no derivative for it either.
struct Set {
  static constexpr OpRecord record{
      .name = "set_",
      .signature = "set_(input: Tensor, source: Tensor) -> Tensor",
      .doc = "Makes this tensor share the memory, sizes and strides of source.",
      .computes = Computes::kAny,
      .form = Form::kMethod,
      .mutates = true,
      .expanded = Expanded::kWritten,
      .many_forms = true,
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SetGeometry {
  static constexpr OpRecord record{
      .name = "set_",
      .overload = 1,
      .signature =
          "set_(input: Tensor, source: Tensor, storage_offset: int, size: Size, "
          "stride: Size? = None) -> Tensor",
      .doc =
          "Makes this tensor share source's memory, which grows where sizes and strides need it.",
      .computes = Computes::kAny,
      .form = Form::kMethod,
      .mutates = true,
      .expanded = Expanded::kWritten,
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SetEmpty {
  static constexpr OpRecord record{
      .name = "set_",
      .overload = 2,
      .signature = "set_(input: Tensor) -> Tensor",
      .doc = "Leaves the tensor without elements, with memory of its own.",
      .computes = Computes::kAny,
      .form = Form::kMethod,
      .mutates = true,
      .expanded = Expanded::kWritten,
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Repeat {
  static constexpr OpRecord record{
      .name = "repeat",
      .signature = "repeat(input: Tensor, repeats: int...) -> Tensor",
      .doc = "The tensor written several times along each dimension; further ones come first.",
      .derivative = "dy/dx = 1 for each time that an element is written",
      .computes = Computes::kAny,
      .form = Form::kMethod};
  static constexpr SlotSpec slots[] = {{"repeats", Source::kArg, 1},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Tile {
  static constexpr OpRecord record{
      .name = "tile",
      .signature = "tile(input: Tensor, dims: int...) -> Tensor",
      .doc = "repeat() where missing repeats of leading dimensions count as 1.",
      .derivative = "dy/dx = 1 for each time that an element is written",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using MemoryOps = OpList<ViewDtype, Set, SetGeometry, SetEmpty, Repeat, Tile>;

}  // namespace rl::ops

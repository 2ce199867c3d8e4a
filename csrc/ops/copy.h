// Copies: clone, copy_, fill_, zero_, conversion to another dtype.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Clone {
  static constexpr OpRecord record{
      .name = "clone",
      .signature = "clone(input: Tensor, *, memory_format: any = None) -> Tensor",
      .doc = "A copy with memory of its own.",
      .derivative = "dy/dx = 1"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The gradient is cast back to the input's dtype, by the engine.
struct ToCopy {
  static constexpr OpRecord record{.name = "_to_copy",
                                   .signature =
                                       "_to_copy(input: Tensor, dtype: dtype, memory_format: any = "
                                       "None) -> Tensor",
                                   .doc = "A copy in a dtype, and row-major where that is asked.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kInternal};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The old values are forgotten: their gradient is 0, the source's is summed to its shape.
struct Copy {
  static constexpr OpRecord record{
      .name = "copy_",
      .signature = "copy_(input: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor",
      .doc = "Copies the elements of src, broadcast and converted, into this tensor.",
      .derivative = "dy/dinput = 0, dy/dsrc = 1",
      .form = Form::kMethod,
      .mutates = true,
      .node = "torch::autograd::CopyBackwards"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Zero {
  static constexpr OpRecord record{.name = "zero_",
                                   .signature = "zero_(input: Tensor) -> Tensor",
                                   .doc = "Sets every element to 0.",
                                   .derivative = "dy/dinput = 0",
                                   .form = Form::kBoth,
                                   .mutates = true,
                                   .expanded = Expanded::kWritten,
                                   .node = "ZeroBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Fill {
  static constexpr OpRecord record{.name = "fill_",
                                   .signature = "fill_(input: Tensor, value: Number) -> Tensor",
                                   .doc = "Sets every element to a number.",
                                   .derivative = "dy/dinput = 0",
                                   .form = Form::kBoth,
                                   .mutates = true,
                                   .expanded = Expanded::kWritten,
                                   .node = "FillBackward2"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// fill_ with a 0-d tensor: its gradient is the sum of all.
struct FillTensor {
  static constexpr OpRecord record{.name = "fill_",
                                   .overload = 3,
                                   .signature = "fill_(input: Tensor, value: Tensor) -> Tensor",
                                   .doc = "Sets every element to the value of a 0-d tensor.",
                                   .derivative = "dy/dinput = 0, dy/dvalue = 1 for each element",
                                   .form = Form::kBoth,
                                   .mutates = true,
                                   .expanded = Expanded::kWritten,
                                   .node = "FillBackward3"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// fill_ of a new tensor.
struct Filled {
  static constexpr OpRecord record{.name = "fill",
                                   .signature = "fill(input: Tensor, value: Number) -> Tensor",
                                   .doc = "A tensor of the input's shape, full of a number.",
                                   .derivative = "dy/dinput = 0",
                                   .form = Form::kFunction,
                                   .many_forms = true};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct FilledTensor {
  static constexpr OpRecord record{
      .name = "fill",
      .overload = 1,
      .signature = "fill(input: Tensor, value: Tensor) -> Tensor",
      .doc = "A tensor of the input's shape, full of the value of a 0-d tensor.",
      .derivative = "dy/dinput = 0, dy/dvalue = 1 for each element",
      .form = Form::kFunction,
      .many_forms = true};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The tensor itself where it is row-major already, else a copy.
struct Contiguous {
  static constexpr OpRecord record{
      .name = "contiguous",
      .signature = "contiguous(input: Tensor, *, memory_format: any = None) -> Tensor",
      .doc = "The tensor itself, or a row-major copy where it is not row-major.",
      .derivative = "dy/dx = 1",
      .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using CopyOps =
    OpList<Clone, Contiguous, ToCopy, Copy, Zero, Fill, FillTensor, Filled, FilledTensor>;

}  // namespace rl::ops

namespace rl {

// What a write into `target` reads: `input`, or a copy of it where both use the same memory in an
// order that nobody could tell. Throws where two dense ones overlap, as PyTorch does.
TensorRef read_apart(TensorImpl* target, TensorImpl* input);
// A row-major copy of a bool tensor with bytes of 0 and 1: view(dtype) and buffers bring any byte,
// of which all but 0 are true.
TensorRef clean_bools(TensorImpl* t);
// Writes one number everywhere; no graph, no version.
void fill(TensorImpl* t, const Value& number);
// A number as a 0-d tensor.
TensorRef number_tensor(const Value& number, DType dtype);
// Refuses a number that the dtype cannot hold. Infinities fit into floats, and a 16-bit float makes
// one of what is too large; an unsigned type takes the negatives of what it holds.
void check_fits(const Value& number, DType dtype);
// The same without that exception.
void check_holds(const Value& number, DType dtype);
// check_holds, but check_fits for a single element, as PyTorch does it.
void check_fill(const Value& number, TensorImpl* target);
// clone() in row-major order, whatever the layout of t.
Tensor contiguous_clone(const Tensor& t);
// A clone with the strides of `like` where those are dense, else contiguous.
Tensor clone_like(TensorImpl* t, TensorImpl* like);

}  // namespace rl

// Elements chosen by a mask or along one dimension, as functions of their own.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Mask and input broadcast together; in place the input keeps its shape.
struct MaskedFill {
  static constexpr OpRecord record{
      .name = "masked_fill",
      .signature = "masked_fill(input: Tensor, mask: Tensor, value: Number) -> Tensor",
      .doc = "One value where the mask holds, the input elsewhere.",
      .derivative = "dy/dinput = 0 where the mask holds, 1 elsewhere",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWarned};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"mask", Source::kArg, 1}, {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MaskedFillTensor {
  static constexpr OpRecord record{
      .name = "masked_fill",
      .overload = 1,
      .signature = "masked_fill(input: Tensor, mask: Tensor, value: Tensor) -> Tensor",
      .doc = "The value of a 0-d tensor where the mask holds, the input elsewhere.",
      .derivative = "dy/dinput = 0 where the mask holds, 1 elsewhere; dy/dvalue = 1 where it holds",
      .computes = Computes::kAny,
      .inplace = true,
      .expanded = Expanded::kWarned};
  static constexpr uint8_t edge_args[] = {0, 2};
  static constexpr SlotSpec slots[] = {{"mask", Source::kArg, 1}, {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MaskedSelect {
  static constexpr OpRecord record{
      .name = "masked_select",
      .signature = "masked_select(input: Tensor, mask: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The elements where the mask holds, in row-major order, as one dimension.",
      .derivative = "dy/dinput = 1 where the mask holds, else 0",
      .computes = Computes::kAny};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"mask", Source::kArg, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct IndexSelect {
  static constexpr OpRecord record{
      .name = "index_select",
      .signature =
          "index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The slices of a dimension that a vector of indices, from 0 up, chooses.",
      .derivative = "dy/dinput = 1 for each time that a slice is chosen",
      .computes = Computes::kAny};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"index", Source::kArg, 2}, {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// y[i, j] = x[index[i, j], j] for dim 0: the index decides the shape.
struct Gather {
  static constexpr OpRecord record{
      .name = "gather",
      .signature =
          "gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: "
          "Tensor? = None) "
          "-> Tensor",
      .doc = "For each element of index, the input's element at that index of the dimension.",
      .derivative = "dy/dinput = 1 for each time that an element is chosen",
      .computes = Computes::kAny};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"index", Source::kArg, 2},
                                       {"self", Source::kArg, 0},
                                       {"sparse_grad", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The adjoint of gather.
struct GatherBackward {
  static constexpr OpRecord record{
      .name = "_gather_backward",
      .signature = "_gather_backward(grad: Tensor, dim: int, index: Tensor, size: int[]) -> Tensor",
      .doc = "Adds each element into zeros of a size, at the place that gather takes it from.",
      .derivative = "gather of the gradient",
      .form = Form::kInternal,
      .node = "ScatterAddBackward0"};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Take {
  static constexpr OpRecord record{
      .name = "take",
      .signature = "take(input: Tensor, index: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Elements by their number in row-major order, in the shape of the index.",
      .derivative = "dy/dinput = 1 for each time that an element is taken",
      .computes = Computes::kAny};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"index", Source::kArg, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Nonzero {
  static constexpr OpRecord record{
      .name = "nonzero",
      .signature =
          "nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor? = None) "
          "-> Tensor | Tensor[]",
      .doc =
          "The indices of the elements that are not 0, a row each; as a tuple, one tensor per "
          "dimension.",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// where(condition) alone.
struct WhereNonzero {
  static constexpr OpRecord record{
      .name = "where",
      .overload = 1,
      .signature = "where(condition: Tensor) -> Tensor[]",
      .doc = "nonzero() as a tuple: the indices where the condition is not 0, by dimension.",
      .computes = Computes::kAny,
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// The method starts from the values.
struct WhereMethod {
  static constexpr OpRecord record{
      .name = "where",
      .overload = 2,
      .signature = "where(input: Tensor, condition: Tensor, other: Tensor | Number) -> Tensor",
      .doc = "This tensor's elements where the condition holds, those of other elsewhere.",
      .derivative = "dy/dinput = 1 where condition, dy/dother = 1 elsewhere, else 0",
      .computes = Computes::kAny,
      .form = Form::kMethod,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The tensor form first: a 0-d tensor would also pass for a number.
using GatherOps = OpList<MaskedFillTensor, MaskedFill, MaskedSelect, IndexSelect, Gather,
                         GatherBackward, Take, Nonzero, WhereNonzero, WhereMethod>;

}  // namespace rl::ops

namespace rl {

// The op of that name.
Tensor gather(const Tensor& t, int64_t dim, const Tensor& index);

}  // namespace rl

// Elements written, added or combined at places that a tensor of indices names.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// y[i, index[i, j]] = src[i, j] for dim 1. Of two writes to one place the last one stays.
struct Scatter {
  static constexpr OpRecord record{
      .name = "scatter",
      .signature =
          "scatter(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor? = "
          "None) -> Tensor",
      .doc = "A copy with the elements of src written where the index says along one dimension.",
      .derivative =
          "dy/dinput = 0 where written, else 1; dy/dsrc = 1 for each element, though of "
          "several writes to one place only the last is seen",
      .computes = Computes::kAny,
      .inplace = true,
      .many_forms = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct ScatterValue {
  static constexpr OpRecord record{
      .name = "scatter",
      .overload = 1,
      .signature =
          "scatter(input: Tensor, dim: int, index: Tensor, value: Number, *, out: Tensor? "
          "= None) -> Tensor",
      .doc = "A copy with one number written where the index says along one dimension.",
      .derivative = "dy/dinput = 0 where written, else 1",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct ScatterWith {
  static constexpr OpRecord record{
      .name = "scatter",
      .overload = 2,
      .signature =
          "scatter(input: Tensor, dim: int, index: Tensor, src: Tensor, *, reduce: str, "
          "out: Tensor? = None) -> Tensor",
      .doc = "A copy with src added to, or multiplied with, the elements where the index says.",
      .computes = Computes::kAny,
      .inplace = true,
      .node = "torch::autograd::NotImplemented"};
  static constexpr bool kNotImplemented = true;
  static void forward(Call& call);
};

struct ScatterValueWith {
  static constexpr OpRecord record{
      .name = "scatter",
      .overload = 3,
      .signature =
          "scatter(input: Tensor, dim: int, index: Tensor, value: Number, *, reduce: str, "
          "out: Tensor? = None) -> Tensor",
      .doc =
          "A copy with a number added to, or multiplied with, the elements where the index says.",
      .computes = Computes::kAny,
      .inplace = true,
      .node = "torch::autograd::NotImplemented"};
  static constexpr bool kNotImplemented = true;
  static void forward(Call& call);
};

struct ScatterAdd {
  static constexpr OpRecord record{
      .name = "scatter_add",
      .signature =
          "scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "A copy with the elements of src added where the index says along one dimension.",
      .derivative = "dy/dinput = 1, dy/dsrc = 1",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"index", Source::kArg, 2, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Ties of amax and amin share the gradient evenly; of a product the other factors are multiplied
// anew where one is 0.
struct ScatterReduce {
  static constexpr OpRecord record{
      .name = "scatter_reduce",
      .signature =
          "scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: "
          "str, *, include_self: bool = True, out: Tensor? = None) -> Tensor",
      .doc =
          "A copy where each place holds the sum, prod, mean, amax or amin of what the index "
          "sends there, and of what was there before, if include_self.",
      .derivative = "that of the reduction, for each element that takes part",
      .computes = Computes::kAny,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0, 3};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1},    {"include_self", Source::kArg, 5}, {"index", Source::kArg, 2},
      {"reduce", Source::kArg, 4}, {"result", Source::kResult},       {"self", Source::kArg, 0},
      {"src", Source::kArg, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Passes a gradient on that cannot be differentiated again: of several zeros in one product.
struct OnceDifferentiable {
  static constexpr OpRecord record{.name = "_once_differentiable",
                                   .signature =
                                       "_once_differentiable(input: Tensor, op: str, "
                                       "source: str) -> Tensor",
                                   .doc = "The tensor, whose derivative is refused.",
                                   .derivative = "refused",
                                   .form = Form::kInternal,
                                   .node = "torch::autograd::Error"};
  static constexpr SlotSpec slots[] = {{nullptr, Source::kArg, 1}, {nullptr, Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The tensor forms first: a 0-d tensor would also pass for a number.
using ScatterOps = OpList<Scatter, ScatterValue, ScatterWith, ScatterValueWith, ScatterAdd,
                          ScatterReduce, OnceDifferentiable>;

}  // namespace rl::ops

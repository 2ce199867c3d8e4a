// Quantiles of the sorted elements.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Quantile {
  static constexpr OpRecord record{
      .name = "quantile",
      .signature =
          "quantile(input: Tensor, q: Tensor, dim|axis: int? = None, keepdim|keepdims: bool = "
          "False, *, interpolation: str = \"linear\", out: Tensor? = None) -> Tensor",
      .doc = "The q-th quantiles, of all elements or along a dimension; nan where there is one.",
      .derivative = "the weights of the two sorted elements between which a quantile lies",
      .domain = {0, 1},
      .many_forms = true,
      .out = OutRule::kQuantile};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct QuantileNumber {
  static constexpr OpRecord record{
      .name = "quantile",
      .overload = 1,
      .signature =
          "quantile(input: Tensor, q: float, dim|axis: int? = None, keepdim|keepdims: bool = "
          "False, *, interpolation: str = \"linear\", out: Tensor? = None) -> Tensor",
      .doc = "One quantile, of all elements or along a dimension.",
      .derivative = "as with a tensor of quantiles",
      .out = OutRule::kQuantile};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct NanQuantile {
  static constexpr OpRecord record{
      .name = "nanquantile",
      .signature =
          "nanquantile(input: Tensor, q: Tensor, dim|axis: int? = None, keepdim|keepdims: bool = "
          "False, *, interpolation: str = \"linear\", out: Tensor? = None) -> Tensor",
      .doc = "The q-th quantiles of the elements that are not nan; nan where there are none.",
      .derivative = "the weights of the two sorted elements between which a quantile lies",
      .domain = {0, 1},
      .many_forms = true,
      .out = OutRule::kQuantile};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct NanQuantileNumber {
  static constexpr OpRecord record{
      .name = "nanquantile",
      .overload = 1,
      .signature =
          "nanquantile(input: Tensor, q: float, dim|axis: int? = None, keepdim|keepdims: bool = "
          "False, *, interpolation: str = \"linear\", out: Tensor? = None) -> Tensor",
      .doc = "One quantile of the elements that are not nan.",
      .derivative = "as with a tensor of quantiles",
      .out = OutRule::kQuantile};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Between two tensors of one shape, from the nearer end, so that equal ends give themselves.
struct Interpolate {
  static constexpr OpRecord record{
      .name = "_interpolate",
      .signature = "_interpolate(input: Tensor, end: Tensor, weight: Tensor) -> Tensor",
      .doc = "input + weight (end - input), for tensors of one shape.",
      .derivative = "dy/dinput = 1 - weight, dy/dend = weight, dy/dweight = end - input",
      .form = Form::kInternal,
      .node = "LerpBackward1"};
  static constexpr SlotSpec slots[] = {
      {"end", Source::kArg, 1, 4}, {"self", Source::kArg, 0, 4}, {"weight", Source::kArg, 2, 3}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The tensor form first: a 0-d tensor would also pass for a number.
using QuantileOps = OpList<Quantile, QuantileNumber, NanQuantile, NanQuantileNumber, Interpolate>;

}  // namespace rl::ops

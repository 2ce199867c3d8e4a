// Quantiles of the sorted elements.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Quantile {
  static constexpr OpRecord record{
      .name = "quantile",
      .signature =
          "quantile(input: Tensor, q: Tensor, dim: int? = None, keepdim: bool = "
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
          "quantile(input: Tensor, q: float, dim: int? = None, keepdim: bool = "
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
          "nanquantile(input: Tensor, q: Tensor, dim: int? = None, keepdim: bool = "
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
          "nanquantile(input: Tensor, q: float, dim: int? = None, keepdim: bool = "
          "False, *, interpolation: str = \"linear\", out: Tensor? = None) -> Tensor",
      .doc = "One quantile of the elements that are not nan.",
      .derivative = "as with a tensor of quantiles",
      .out = OutRule::kQuantile};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The tensor form first: a 0-d tensor would also pass for a number.
using QuantileOps = OpList<Quantile, QuantileNumber, NanQuantile, NanQuantileNumber>;

}  // namespace rl::ops

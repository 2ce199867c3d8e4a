// Elementwise functions that check or prepare something before their kernel runs, and functions of
// single numbers made of others.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Square {
  static constexpr OpRecord record{
      .name = "square",
      .signature = "square(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The square of each element.",
      .derivative = "dy/dx = 2 x",
      .computes = Computes::kAny,
      .inplace = true,
      .inplace_function = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct FloatPower {
  static constexpr OpRecord record{
      .name = "float_power",
      .signature = "float_power(input: Tensor, exponent: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element raised to a power, in float64.",
      .derivative = "as pow",
      .domain = {0.1, 4},
      .inplace = true,
      .out = OutRule::kDouble};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct FloatPowerNumber {
  static constexpr OpRecord record{
      .name = "float_power",
      .overload = 2,
      .signature = "float_power(input: Tensor, exponent: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element raised to a power, in float64.",
      .derivative = "as pow",
      .domain = {0.1, 4},
      .inplace = true,
      .out = OutRule::kDouble};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct FloatPowerBase {
  static constexpr OpRecord record{
      .name = "float_power",
      .overload = 1,
      .signature = "float_power(self: Number, exponent: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "A number raised to the power of each element, in float64.",
      .derivative = "as pow",
      .domain = {-3, 3},
      .form = Form::kFunction,
      .out = OutRule::kDouble};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// The limits of the dtype stand for infinities that are not given.
struct NanToNum {
  static constexpr OpRecord record{
      .name = "nan_to_num",
      .signature =
          "nan_to_num(input: Tensor, nan: float? = None, posinf: float? = None, "
          "neginf: float? = None, *, out: Tensor? = None) -> Tensor",
      .doc = "Each element, with numbers for nan (0), inf and -inf (the dtype's limits).",
      .derivative = "dy/dx = 1, 0 where x is not finite",
      .computes = Computes::kAny,
      .inplace = true,
      .inplace_function = true,
      .out = OutRule::kSame};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// PyTorch has no derivative for it either.
struct Heaviside {
  static constexpr bool kNotImplemented = true;
  static constexpr OpRecord record{
      .name = "heaviside",
      .signature = "heaviside(input: Tensor, values: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "0 where the element is below 0, 1 above, and at 0 what values says.",
      .computes = Computes::kAny,
      .inplace = true,
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
};

struct NextAfter {
  static constexpr OpRecord record{
      .name = "nextafter",
      .signature = "nextafter(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The next number of the dtype from the first element towards the second.",
      .derivative = "dy/dinput = 1, 0 where both are equal; dy/dother = 0",
      .computes = Computes::kFloatOnly,
      .inplace = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"other", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Frexp {
  static constexpr OpRecord record{
      .name = "frexp",
      .signature = "frexp(input: Tensor, *, out: Tensor[]? = None) -> Tensor[]",
      .doc = "Mantissas in [1/2, 1) and int32 exponents: input = mantissa 2^exponent.",
      .derivative = "dmantissa/dx = 2^-exponent",
      .domain = {0.1, 9},
      .fields = "mantissa exponent"};
  static constexpr SlotSpec slots[] = {{"exponent", Source::kResult, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The function has n first, the method the tensor.
struct Polygamma {
  static constexpr OpRecord record{
      .name = "polygamma",
      .signature = "polygamma(n: int, input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The n-th derivative of digamma at each element.",
      .derivative = "dy/dx = polygamma(n + 1, x)",
      .domain = {0.2, 9},
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"n", Source::kArg, 0}, {"self", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct PolygammaInPlace;
struct PolygammaMethod {
  using InPlace = PolygammaInPlace;
  static constexpr OpRecord record{.name = "polygamma",
                                   .overload = 1,
                                   .signature = "polygamma(input: Tensor, n: int) -> Tensor",
                                   .doc = "The n-th derivative of digamma at each element.",
                                   .derivative = "dy/dx = polygamma(n + 1, x)",
                                   .domain = {0.2, 9},
                                   .form = Form::kMethod,
                                   .inplace = true,
                                   .node = "PolygammaBackward0"};
  static constexpr SlotSpec slots[] = {{"n", Source::kArg, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};
// What polygamma_ records: PyTorch has a node of its own for it.
struct PolygammaInPlace : PolygammaMethod {
  static constexpr OpRecord record{.name = "polygamma",
                                   .overload = 2,
                                   .signature = "polygamma(input: Tensor, n: int) -> Tensor",
                                   .doc = "The n-th derivative of digamma at each element.",
                                   .derivative = "dy/dx = polygamma(n + 1, x)",
                                   .domain = {0.2, 9},
                                   .form = Form::kInternal,
                                   .node = "PolygammaBackward1"};
};

struct Mvlgamma {
  static constexpr OpRecord record{
      .name = "mvlgamma",
      .signature = "mvlgamma(input: Tensor, p: int, *, out: Tensor? = None) -> Tensor",
      .doc = "Logarithm of the p-dimensional gamma function of each element.",
      .derivative = "dy/dx = sum of digamma(x - j / 2) for j = 0 .. p - 1",
      .domain = {1.2, 9},
      .inplace = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"p", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using ElementaryOps =
    OpList<Square, FloatPower, FloatPowerNumber, FloatPowerBase, NanToNum, Heaviside, NextAfter,
           Frexp, Polygamma, PolygammaInPlace, PolygammaMethod, Mvlgamma>;

}  // namespace rl::ops

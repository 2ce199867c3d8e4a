// Differences between neighbours, and integrals by the trapezoidal rule.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Diff {
  static constexpr OpRecord record{
      .name = "diff",
      .signature =
          "diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor? = None, append: "
          "Tensor? = None, *, out: Tensor? = None) -> Tensor",
      .doc = "The n-th differences between the neighbours of a dimension.",
      .derivative = "1 and -1 for the neighbours",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct TrapezoidAt {
  static constexpr OpRecord record{
      .name = "trapezoid",
      .signature = "trapezoid(y: Tensor, x: Tensor, *, dim: int = -1) -> Tensor",
      .doc = "The integral over a dimension by the trapezoidal rule, with samples y at points x.",
      .derivative = "of the sum of (y[i] + y[i + 1]) (x[i + 1] - x[i]) / 2",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Trapezoid {
  static constexpr OpRecord record{
      .name = "trapezoid",
      .overload = 1,
      .signature = "trapezoid(y: Tensor, *, dx: Number = 1, dim: int = -1) -> Tensor",
      .doc = "The integral over a dimension by the trapezoidal rule, with samples dx apart.",
      .derivative = "dx, and dx / 2 at the ends",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct TrapzAt {
  static constexpr OpRecord record{
      .name = "trapz",
      .signature = "trapz(y: Tensor, x: Tensor, *, dim: int = -1) -> Tensor",
      .doc = "The same as trapezoid.",
      .derivative = "as trapezoid",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Trapz {
  static constexpr OpRecord record{
      .name = "trapz",
      .overload = 1,
      .signature = "trapz(y: Tensor, *, dx: float = 1, dim: int = -1) -> Tensor",
      .doc = "The same as trapezoid.",
      .derivative = "as trapezoid",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct CumulativeTrapezoidAt {
  static constexpr OpRecord record{
      .name = "cumulative_trapezoid",
      .signature = "cumulative_trapezoid(y: Tensor, x: Tensor, *, dim: int = -1) -> Tensor",
      .doc = "The integrals up to each sample but the first, by the trapezoidal rule.",
      .derivative = "as trapezoid, of each",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct CumulativeTrapezoid {
  static constexpr OpRecord record{
      .name = "cumulative_trapezoid",
      .overload = 1,
      .signature = "cumulative_trapezoid(y: Tensor, *, dx: Number = 1, dim: int = -1) -> Tensor",
      .doc = "The integrals up to each sample but the first, with samples dx apart.",
      .derivative = "as trapezoid, of each",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// A number's product and quotient as nodes of their own, which PyTorch has inside its functions.
struct TimesNumber {
  static constexpr OpRecord record{
      .name = "_times_number",
      .signature = "_times_number(input: Tensor, other: Number) -> Tensor",
      .doc = "The tensor times a number.",
      .derivative = "dy/dinput = other",
      .form = Form::kInternal,
      .node = "MulBackward1"};
  static constexpr SlotSpec slots[] = {{"other", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct OverNumber {
  static constexpr OpRecord record{
      .name = "_over_number",
      .signature = "_over_number(input: Tensor, other: Number) -> Tensor",
      .doc = "The tensor over a number.",
      .derivative = "dy/dinput = 1 / other",
      .form = Form::kInternal,
      .node = "DivBackward1"};
  static constexpr SlotSpec slots[] = {{"other", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using DifferenceOps = OpList<Diff, TimesNumber, OverNumber, TrapezoidAt, Trapezoid, TrapzAt, Trapz,
                             CumulativeTrapezoidAt, CumulativeTrapezoid>;

}  // namespace rl::ops

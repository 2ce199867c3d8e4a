// Numbers in a row: ranges, evenly spaced points, the identity matrix.
#pragma once

#include "ops/create.h"

namespace rl::ops {

struct Arange {
  static constexpr OpRecord record{.name = "arange",
                                   .signature = "arange(end: Number, *, " RL_FACTORY_OUT,
                                   .doc = "Numbers from 0 up to, not including, end.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ArangeStep {
  static constexpr OpRecord record{
      .name = "arange",
      .overload = 1,
      .signature = "arange(start: Number, end: Number, step: Number = 1, *, " RL_FACTORY_OUT,
      .doc = "Numbers from start up to, not including, end.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Range {
  static constexpr OpRecord record{
      .name = "range",
      .signature = "range(start: Number, end: Number, step: Number = 1, *, " RL_FACTORY_OUT,
      .doc = "Deprecated: numbers from start up to and including end.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// Counted from both ends, so that the last number is end itself.
struct Linspace {
  static constexpr OpRecord record{
      .name = "linspace",
      .signature =
          "linspace(start: Tensor | Number, end: Tensor | Number, steps: int, *, " RL_FACTORY_OUT,
      .doc = "`steps` numbers at equal distances, from start to end.",
      .form = Form::kFunction,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Logspace {
  static constexpr OpRecord record{
      .name = "logspace",
      .signature =
          "logspace(start: Tensor | Number, end: Tensor | Number, steps: int, base: float = 10.0, "
          "*, " RL_FACTORY_OUT,
      .doc = "The base to the power of `steps` numbers at equal distances, from start to end.",
      .form = Form::kFunction,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Eye {
  static constexpr OpRecord record{
      .name = "eye",
      .signature = "eye(n: int, m: int? = None, *, " RL_FACTORY_OUT,
      .doc = "Ones on the diagonal of an n by m matrix, m being n unless it is given.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using SequenceOps = OpList<Arange, ArangeStep, Range, Linspace, Logspace, Eye>;

}  // namespace rl::ops

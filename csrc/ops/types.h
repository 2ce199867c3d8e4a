// What kind of tensor it is, and the dtype of another taken over.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct TypeAs {
  static constexpr OpRecord record{.name = "type_as",
                                   .signature = "type_as(input: Tensor, other: Tensor) -> Tensor",
                                   .doc = "The tensor in the dtype of another.",
                                   .derivative = "dy/dx = 1",
                                   .form = Form::kMethod};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Answers: a 0-d tensor that Python gets as a bool or an int.
#define RL_QUESTION(Struct, NAME, RESULT, FORM, DOC)                                 \
  struct Struct {                                                                    \
    static constexpr OpRecord record{.name = NAME,                                   \
                                     .signature = NAME "(input: Tensor) -> " RESULT, \
                                     .doc = DOC,                                     \
                                     .computes = Computes::kAny,                     \
                                     .form = FORM};                                  \
    using backward = NotDifferentiable;                                              \
    static void forward(Call& call);                                                 \
  }

RL_QUESTION(IsFloatingPoint, "is_floating_point", "bool", Form::kFunction,
            "Whether the dtype is a float.");
RL_QUESTION(IsComplex, "is_complex", "bool", Form::kFunction, "Whether the dtype is complex.");
RL_QUESTION(IsSigned, "is_signed", "bool", Form::kBoth, "Whether the dtype has negative numbers.");
RL_QUESTION(IsConj, "is_conj", "bool", Form::kBoth,
            "Whether the elements are yet to be conjugated, which real ones never are.");
RL_QUESTION(IsNeg, "is_neg", "bool", Form::kBoth,
            "Whether the elements are yet to be negated, which they never are.");
RL_QUESTION(IsInference, "is_inference", "bool", Form::kFunction, "Made in inference mode.");
RL_QUESTION(IsNonzero, "is_nonzero", "bool", Form::kBoth, "Whether the only element is not 0.");
RL_QUESTION(Numel, "numel", "int", Form::kFunction, "Number of elements.");

#undef RL_QUESTION

struct IsSameSize {
  static constexpr OpRecord record{
      .name = "is_same_size",
      .signature = "is_same_size(input: Tensor, other: Tensor) -> bool",
      .doc = "Whether two tensors have the same shape.",
      .computes = Computes::kAny};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct CanCast {
  static constexpr OpRecord record{
      .name = "can_cast",
      .signature = "can_cast(from_: dtype, to: dtype) -> bool",
      .doc = "Whether a result of one dtype may be written to a tensor of another.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using TypeOps = OpList<TypeAs, IsFloatingPoint, IsComplex, IsSigned, IsConj, IsNeg, IsInference,
                       IsNonzero, Numel, IsSameSize, CanCast>;

}  // namespace rl::ops

// Whether tensors are the same, or nearly.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct IsClose {
  static constexpr OpRecord record{
      .name = "isclose",
      .signature =
          "isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, "
          "equal_nan: bool = False) -> Tensor",
      .doc = "Whether |input - other| <= atol + rtol |other|, element by element."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct AllClose {
  static constexpr OpRecord record{
      .name = "allclose",
      .signature =
          "allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, "
          "atol: float = 1e-08, equal_nan: bool = False) -> bool",
      .doc = "Whether all elements are close, as isclose says."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Equal {
  static constexpr OpRecord record{.name = "equal",
                                   .signature = "equal(input: Tensor, other: Tensor) -> bool",
                                   .doc = "Whether the shapes are equal and all elements too."};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using CloseOps = OpList<IsClose, AllClose, Equal>;

}  // namespace rl::ops

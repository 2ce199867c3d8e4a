// The logarithm of summed exponentials.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// With the maximum taken out, so that nothing overflows. Saves input and result.
struct Logsumexp {
  static constexpr OpRecord record{
      .name = "logsumexp",
      .signature =
          "logsumexp(input: Tensor, dim: int[], keepdim: bool = False, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "The logarithm of the sum of the exponentials over some dimensions.",
      .derivative = "dy/dx = e^(x - y)"};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"result", Source::kResult, 0},
                                       {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using LogsumexpOps = OpList<Logsumexp>;

}  // namespace rl::ops

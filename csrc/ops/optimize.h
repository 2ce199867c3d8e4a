// What an optimizer does to one parameter, in one pass over memory and with the bits of the ops one
// by one. Neither records anything.
#pragma once

#include "core/tensor.h"

namespace rl {

struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};

// param -= lr * grad, with momentum where it is not 0. False, and nothing is done, where that is
// left to the ops: other dtypes than float32 and float64, layouts that differ, memory in common,
// and whatever they refuse.
bool sgd_step(TensorImpl* param, TensorImpl* grad, TensorImpl* buffer, const SgdStep& step);

// grad.zero_(); false, and nothing is done, where that is left to the op.
bool zero_in_place(TensorImpl* grad);

}  // namespace rl

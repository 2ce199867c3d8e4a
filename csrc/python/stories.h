// Inside csrc/python: what the errors of backward() and grad() tell.
#pragma once

#include <string>

#include "core/tensor.h"
#include "engine/engine.h"

namespace rl::python {

// Who asked, why and where the tensor lost its history, and the way out.
[[gnu::cold]] std::string why_no_grad(TensorImpl* t);

[[noreturn, gnu::cold]] void fail_no_grad(TensorImpl* t, size_t index);
[[noreturn, gnu::cold]] void fail_not_scalar(TensorImpl* t);
[[noreturn, gnu::cold]] void fail_gradient_shape(TensorImpl* grad, TensorImpl* out, size_t index);
// `t` is input `index` of grad(), and no path leads to it. `many`: they came in a sequence.
[[noreturn, gnu::cold]] void fail_unused(const BackwardRequest& request, TensorImpl* t,
                                         size_t index, bool many);

// A Python number, list or array is made of `t`: it has no history, which may be told later,
// unless a backward pass has begun since.
void note_number(TensorImpl* t);
extern bool number_noted;
void forget_number();

}  // namespace rl::python

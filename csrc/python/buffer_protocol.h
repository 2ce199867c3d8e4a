// Inside csrc/python: Tensor as an exporter of its memory.
#pragma once

#include "python/python.h"
#include "python/type_tools.h"

namespace rl::python {

// The buffer protocol's two functions, for the Tensor type.
int add_buffer_slots(PyType_Slot* slots, int n);

// What requires_grad answers: a view follows its base.
inline bool needs_grad(TensorImpl* t) {
  return t->requires_grad() || (t->base() && t->base()->requires_grad());
}

}  // namespace rl::python

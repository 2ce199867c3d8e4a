// Inside csrc/python: looking at every result for infinities and nan.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_every_op(PyObject* module);

}  // namespace rl::python

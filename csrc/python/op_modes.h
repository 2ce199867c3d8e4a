// Inside csrc/python: Python functions that see a thread's operations, and may have their outputs.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_op_modes(PyObject* module);

}  // namespace rl::python

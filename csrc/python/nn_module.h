// Inside csrc/python: the C base of nn.Module.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_nn_module(PyObject* module);

}  // namespace rl::python

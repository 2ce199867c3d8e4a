// Inside csrc/python: the steps of optimizers over lists of parameters.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_optimizer(PyObject* module);

}  // namespace rl::python

// Inside csrc/python: anomaly mode.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_anomaly(PyObject* module);

}  // namespace rl::python

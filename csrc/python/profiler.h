// Inside csrc/python: the profiler's recording.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_profiler(PyObject* module);

}  // namespace rl::python

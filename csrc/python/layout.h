// Inside csrc/python: the layout of pictures, for rushlight.viz.
#pragma once

#include "python/python.h"

namespace rl::python {

bool init_layout(PyObject* module);

}  // namespace rl::python

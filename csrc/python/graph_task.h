// The backward pass under way, as Python sees it.
#pragma once

#include "python/python.h"

namespace rl::python {

void call_all(void* list);
bool init_graph_task(PyObject* module);

}  // namespace rl::python

// __enter__ and __exit__ of a context type, bound without the allocation that a method object
// takes.
#pragma once

#include "python/type_tools.h"

namespace rl::python {

using ContextFunction = PyObject* (*)(PyObject* self);

// Puts a method that calls `function` into the type; further arguments are dropped.
bool add_context_method(PyTypeObject* type, const char* name, ContextFunction function);

bool init_context_methods();

}  // namespace rl::python

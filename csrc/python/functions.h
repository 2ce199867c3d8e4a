// Inside csrc/python: what follows from op_table().
#pragma once

#include "python/python.h"

namespace rl::python {

// Adds a function, a method and an in-place method for every op that has them.
bool init_functions(PyObject* module);
// The table as a list of dicts: for the stub, the docs and the generated tests.
PyObject* op_table_as_list(PyObject*, PyObject*);

// The names of the functions that init_functions added, aliases too, as a new list.
PyObject* op_function_names();

}  // namespace rl::python

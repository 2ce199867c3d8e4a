// Named tuples that ops return: torch.return_types.max(values=..., indices=...).
#pragma once

#include "ops/op.h"
#include "python/python.h"

namespace rl::python {

// The type of an op's result, made on first use; borrowed. The op's record names the fields.
// With `out` the type of out='s tuple, max_out.
PyTypeObject* result_type(const OpRecord& record, bool out = false);
// (name): the type of the op of this name, for rushlight.return_types and for pickles.
PyObject* py_result_type(PyObject*, PyObject* name);

}  // namespace rl::python

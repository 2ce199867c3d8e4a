// rushlight.debug's looks into graphs: installed functions, all private to the package.
#pragma once

#include "ops/op.h"
#include "python/python.h"

namespace rl::python {

bool init_recompute(PyObject* module);
// An argument of an operation as Python's object: None for what has none.
PyObject* value_object(const Value& v);
// Of a tuple of tensors and None for the first outputs, each fit to be the gradient of its output.
std::vector<TensorRef> node_gradients(const char* function, Node& node, PyObject* tuple);
bool init_nonfinite(PyObject* module);
// This thread looks for a cause: what it computes meanwhile is not watched.
bool nonfinite_paused();

}  // namespace rl::python

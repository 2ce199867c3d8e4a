// t[key] and t[key] = value.
#pragma once

#include "python/python.h"

namespace rl::python {

PyObject* tensor_subscript(PyObject* self, PyObject* key);
int tensor_assign_subscript(PyObject* self, PyObject* key, PyObject* value);
// Iterates over unbind(0).
PyObject* tensor_iter(PyObject* self);
int tensor_contains(PyObject* self, PyObject* element);

}  // namespace rl::python

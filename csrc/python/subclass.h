// Tensors of a class of their own.
#pragma once

#include "python/python.h"

namespace rl::python {

// Tensor.as_subclass(cls): a view of the whole tensor, of another class, with its history.
PyObject* as_subclass(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
// Tensor._make_subclass(cls, data, require_grad=False): a leaf of class cls over data's memory.
PyObject* make_subclass(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);

// Throws PyTorch's errors for what is no class of tensors.
PyTypeObject* subclass_argument(PyObject* cls);
// as_subclass for a class that is known to be one. New reference; throws.
PyObject* alias_as(TensorImpl* t, PyTypeObject* type);

}  // namespace rl::python

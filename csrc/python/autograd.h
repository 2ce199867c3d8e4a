// Inside csrc/python: backward, grad, hooks.
#pragma once

#include "python/python.h"

namespace rl::python {

PyObject* tensor_backward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
PyObject* tensor_retain_grad(PyObject* self, PyObject*);
// The hooks by id, or None.
PyObject* tensor_backward_hooks(PyObject* self);
TensorImpl* call_tensor_hook(void* hook, TensorImpl* grad);
bool init_autograd(PyObject* module);

}  // namespace rl::python

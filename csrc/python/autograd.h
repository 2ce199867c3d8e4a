// Inside csrc/python: backward, grad, hooks.
#pragma once

#include "engine/engine.h"
#include "python/python.h"

namespace rl::python {

// What backward(tensors, grad_tensors, retain_graph, create_graph, inputs) is asked for, checked;
// null where an argument is not given. Without tensors there are no roots.
void fill_request(BackwardRequest& request, PyObject* const* arguments);
PyObject* tensor_backward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
PyObject* tensor_retain_grad(PyObject* self, PyObject*);
// The hooks by id, or None.
PyObject* tensor_backward_hooks(PyObject* self);
// Of a leaf: a dict, which is copied unless it comes from such a tensor, or None.
int set_tensor_backward_hooks(PyObject* self, PyObject* hooks);
TensorImpl* call_tensor_hook(void* hook, TensorImpl* grad);
bool init_autograd(PyObject* module);
// What rushlight.debug sees of a pass.
bool init_steps(PyObject* module);

}  // namespace rl::python

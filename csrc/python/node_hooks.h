// Hooks on graph nodes: registering them, and calling them for the engine.
#pragma once

#include "graph/node.h"
#include "python/python.h"

namespace rl::python {

// Node.register_prehook(hook), Node.register_hook(hook): a RemovableHandle.
PyObject* register_prehook(PyObject* node, PyObject* hook);
PyObject* register_hook(PyObject* node, PyObject* hook);

void call_node_hooks(void* hooks, TensorRef* grads, size_t n, const std::vector<TensorRef>* seen);
bool init_node_hooks(PyObject* module);

}  // namespace rl::python

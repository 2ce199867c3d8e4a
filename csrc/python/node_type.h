// Inside csrc/python: the layout that grad_fn objects of every kind begin with.
#pragma once

#include "graph/node.h"
#include "python/python.h"

namespace rl::python {

struct PyNode {
  PyObject_HEAD
  // Counted, and the node knows its wrapper without counting it. The context of a Function has
  // rules of its own, and no node before apply() ends: see function_node.h.
  Node* node;
  PyObject* weakrefs;
};

// Visits the Python objects that `node` itself keeps, for tp_traverse of its only owner.
int visit_node(Node* node, visitproc visit, void* arg);
// Lets go of the callables and dicts among them, for tp_clear.
void clear_node(Node* node);

}  // namespace rl::python

// A reference from Python to a graph node that does not keep it alive.
#pragma once

#include "python/python.h"

namespace rl {
class Node;
}

namespace rl::python {

bool is_weak_node(PyObject* object);
// Null once the node is gone.
Node* node_of_weak(PyObject* weak);
bool init_weak_node(PyObject* module);

}  // namespace rl::python

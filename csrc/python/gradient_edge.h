// GradientEdge, a named tuple of a node and the number of one of its outputs, in the place of the
// tensor whose gradient takes that way.
#pragma once

#include "python/python.h"

namespace rl::python {

bool is_gradient_edge(PyObject* object);
// A tensor with the edge's history: the leaf, or one of the output's shape whose values mean
// nothing. Throws where the edge leads nowhere.
TensorRef tensor_at(PyObject* edge);
bool init_gradient_edge(PyObject* module);

}  // namespace rl::python

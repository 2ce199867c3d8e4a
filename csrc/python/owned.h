// Inside csrc/python: garbage collection across the C++ graph. A Python object that holds one count
// of a tensor or node visits and clears what would die with it.
#pragma once

#include "core/tensor.h"
#include "graph/node.h"
#include "python/python.h"

namespace rl::python {

int visit_owned(TensorImpl* root, visitproc visit, void* arg);
int visit_owned(Node* root, visitproc visit, void* arg);
void clear_owned(TensorImpl* root);
void clear_owned(Node* root);

}  // namespace rl::python

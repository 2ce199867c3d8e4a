// Inside csrc/python: hooks on saved tensors, and `_raw_saved_...` objects.
#pragma once

#include "graph/saved.h"
#include "python/python.h"

namespace rl::python {

void* call_pack_hook(void* hook, TensorImpl* t);
TensorImpl* call_unpack_hook(void* hook, void* packed, TensorImpl* t);
void call_write_hook(void* hook, TensorImpl* target);

// A slot of the node as a SavedTensor, or a tuple of them where it is a list. New reference.
PyObject* raw_saved(Node* node, SavedSlot* slot);
// The node that a SavedTensor keeps; null for any other object.
Node* node_of_saved(PyObject* object);
bool init_saved_hooks(PyObject* module);

}  // namespace rl::python

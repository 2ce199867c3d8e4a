// Inside csrc/python: the Tensor type and the tables that fill it.
#pragma once

#include "graph/node.h"
#include "python/python.h"

namespace rl::python {

bool init_tensor_type(PyObject* module);
// Tensor's tp_new.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
// Host callback: see core/host.h.
void release_wrapper(TensorImpl* impl);
// The wrapper, if any, takes part in garbage collection from now on (hooks, history).
void tracked_from_now(TensorImpl* impl);

// For garbage collection: the hooks that a leaf keeps.
template <class Visit>
int visit_hooks(const TensorImpl* leaf, Visit&& visit) {
  const Extension* extension = leaf->extension();
  if (!extension) return 0;
  for (const HookList* list : {extension->hooks, extension->post_hooks})
    for (size_t i = 0; list && i < list->hooks.size(); ++i)
      if (int stop = visit(static_cast<PyObject*>(list->hooks[i].callable))) return stop;
  return 0;
}
void clear_hooks(TensorImpl* leaf);

// A wrapper of another class over t, or over an alias of it when t has a wrapper already.
PyObject* wrap_as(TensorRef t, PyTypeObject* type);
// The same bytes with a version of its own: `.data`.
TensorRef detached_alias(TensorImpl* t);
// Sizes changed in place; the storage grows when it must.
void resize_tensor(TensorImpl* t, const Dims& sizes);
// to.copy_(from)
void copy_into_tensor(TensorImpl* to, TensorImpl* from);
// +tensor: itself, or an error for bool. New reference; throws.
PyObject* positive_of(PyObject* tensor);
// requires_grad_(), the attribute, and factories: throws for what cannot require grad.
// `assigned`: as an attribute, which a tensor that is no leaf refuses even when nothing would
// change.
void change_requires_grad(PyObject* self, bool on, const char* dtype_sentence, bool assigned);

PyGetSetDef* tensor_attributes();
PyMethodDef* tensor_methods();
int add_number_slots(PyType_Slot* slots, int n);

}  // namespace rl::python

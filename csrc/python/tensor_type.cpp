// The Python Tensor: one wrapper per impl. A plain wrapper is dropped and remade; one with a
// __dict__, weak references or a class of its own is kept by the impl and comes back as the same
// object.
#include "python/tensor_type.h"

#include <structmember.h>

#include <algorithm>
#include <cstring>

#include "graph/cycles.h"
#include "python/buffer_protocol.h"
#include "python/owned.h"
#include "python/torch_function.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

PyTypeObject* tensor_type;

namespace {

constexpr int kMaxFree = 256;
PyTensor* g_free[kMaxFree];
int g_free_count = 0;

void track(PyObject* object) {
  if (!PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
}

PyObject* new_plain_wrapper(TensorImpl* impl) {
  PyTensor* self;
  if (g_free_count) {
    self = g_free[--g_free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(self), tensor_type);
  } else {
    self = PyObject_GC_New(PyTensor, tensor_type);
    if (!self) return nullptr;
  }
  self->impl = impl;
  self->dict = nullptr;
  self->weakrefs = nullptr;
  // A cycle needs history or a dict; wrappers that get a dict are tracked then.
  if (impl->requires_grad()) PyObject_GC_Track(self);
  return reinterpret_cast<PyObject*>(self);
}

// Wrapper and impl part for good. The impl's count goes with it.
void part(PyTensor* self) {
  TensorImpl* impl = self->impl;
  if (!impl) return;
  self->impl = nullptr;
  impl->set_wrapper(nullptr);
  if (impl->refs() > 1 && may_close_cycle(impl)) [[unlikely]]
    suspect_cycle(impl);
  impl->release();
  if (cycles_due) [[unlikely]]
    break_cycles();
}

// Whether the impl would die with the wrapper's count though it has others: all are in a cycle.
bool owns(TensorImpl* impl) {
  Owned owned;
  find_owned(impl, owned);
  return std::find(owned.tensors.begin(), owned.tensors.end(), impl) != owned.tensors.end();
}

// Called when Python drops its last reference to a wrapper that carries state: while C++ still
// holds the impl, the wrapper moves to it.
void tensor_finalize(PyObject* object) {
  auto* self = reinterpret_cast<PyTensor*>(object);
  TensorImpl* impl = self->impl;
  if (!impl || impl->owns_wrapper() || impl->count() < 2) return;
  bool plain = Py_TYPE(object) == tensor_type && !self->dict && !self->weakrefs;
  if (plain) return;
  // While garbage is collected others still refer to the wrapper, which may stay or go.
  const bool collected = Py_REFCNT(object) > 1;
  const bool cycle = may_close_cycle(impl);
  if (collected && cycle && owns(impl)) return clear_finalized(object);
  Py_INCREF(object);
  impl->set_owns_wrapper(true);
  if (cycle && collected) suspect_cycle_later(impl);
  if (cycle && !collected) suspect_cycle(impl);
  impl->release();
  if (cycles_due && !collected) break_cycles(impl);
}

void tensor_dealloc(PyObject* object) {
  auto* self = reinterpret_cast<PyTensor*>(object);
  PyTypeObject* type = Py_TYPE(object);
  bool exact = type == tensor_type;
  if (exact && (self->dict || self->weakrefs) && PyObject_CallFinalizerFromDealloc(object) < 0)
    return;
  PyObject_GC_UnTrack(object);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  part(self);
  if (exact && g_free_count < kMaxFree) {
    // PyObject_Init counts the type again.
    clear_finalized(object);
    g_free[g_free_count++] = self;
    Py_DECREF(type);
    return;
  }
  type->tp_free(object);
  Py_DECREF(type);
}

int tensor_traverse(PyObject* object, visitproc visit, void* arg) {
  auto* self = reinterpret_cast<PyTensor*>(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->dict);
  TensorImpl* impl = self->impl;
  return impl && !impl->owns_wrapper() ? visit_owned(impl, visit, arg) : 0;
}

int tensor_clear(PyObject* object) {
  auto* self = reinterpret_cast<PyTensor*>(object);
  Py_CLEAR(self->dict);
  if (self->impl && !self->impl->owns_wrapper()) clear_owned(self->impl);
  return 0;
}

int tensor_setattro(PyObject* object, PyObject* name, PyObject* value) {
  int status = PyObject_GenericSetAttr(object, name, value);
  if (status == 0 && reinterpret_cast<PyTensor*>(object)->dict) track(object);
  return status;
}

PyMemberDef kMembers[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

}  // namespace

PyObject* wrap(TensorRef t) {
  TensorImpl* impl = t.detach();
  if (!impl) Py_RETURN_NONE;
  if (auto* wrapper = static_cast<PyObject*>(impl->wrapper())) {
    if (impl->owns_wrapper()) {
      // Handed out: our count on the impl becomes the wrapper's, its count on the wrapper the
      // caller's.
      impl->set_owns_wrapper(false);
      clear_finalized(wrapper);
      return wrapper;
    }
    impl->release();
    return Py_NewRef(wrapper);
  }
  PyObject* wrapper = new_plain_wrapper(impl);
  if (!wrapper) {
    impl->release();
    throw_python();
  }
  impl->set_wrapper(wrapper);
  return wrapper;
}

PyObject* wrap_as(TensorRef t, PyTypeObject* type) {
  if (t->wrapper()) t = detached_alias(t.get());
  auto* self = reinterpret_cast<PyTensor*>(checked(type->tp_alloc(type, 0)));
  self->impl = t.detach();
  self->impl->set_wrapper(self);
  return reinterpret_cast<PyObject*>(self);
}

TensorRef detached_alias(TensorImpl* t) {
  TensorRef copy =
      TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
  if (t->is_inference()) copy->set_inference();
  if (t->requires_grad())
    copy->set_cut(Cut::kDetach, Site::capture());
  else
    copy->set_cut_as(*t);
  return copy;
}

void clear_hooks(TensorImpl* leaf) {
  Extension* extension = leaf->extension();
  if (!extension) return;
  HookList* hooks = std::exchange(extension->hooks, nullptr);
  HookList* post_hooks = std::exchange(extension->post_hooks, nullptr);
  if (hooks) hooks_free(hooks);
  if (post_hooks) hooks_free(post_hooks);
}

void tracked_from_now(TensorImpl* impl) {
  if (impl->wrapper()) track(static_cast<PyObject*>(impl->wrapper()));
}

void release_wrapper(TensorImpl* impl) {
  // The impl has count 1 again: that one is the wrapper's now.
  impl->set_owns_wrapper(false);
  auto* wrapper = static_cast<PyObject*>(impl->wrapper());
  clear_finalized(wrapper);
  Py_DECREF(wrapper);
}

bool init_tensor_type(PyObject* module) {
  static PyType_Slot slots[64];
  int n = 0;
  auto add = [&](int id, void* function) { slots[n++] = {id, function}; };
  add(Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc));
  add(Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize));
  add(Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse));
  add(Py_tp_clear, reinterpret_cast<void*>(tensor_clear));
  add(Py_tp_setattro, reinterpret_cast<void*>(tensor_setattro));
  add(Py_tp_new, reinterpret_cast<void*>(tensor_new));
  add(Py_tp_members, kMembers);
  add(Py_tp_getset, overridable_attributes(tensor_attributes()));
  add(Py_tp_methods, overridable_methods(tensor_methods()));
  add(Py_tp_doc,
      const_cast<char*>("A multi-dimensional array whose history can be differentiated."));
  n = add_number_slots(slots, n);
  n = add_buffer_slots(slots, n);
  slots[n] = {0, nullptr};
  static PyType_Spec spec = {"rushlight.Tensor", sizeof(PyTensor), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  // Messages name the type bare, as PyTorch's do; __module__ keeps the package.
  if (tensor_type) tensor_type->tp_name += std::strlen("rushlight.");
  return tensor_type &&
         PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)) == 0;
}

}  // namespace rl::python

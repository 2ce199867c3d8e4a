// Binding costs no allocation: the bound methods that died are used again.
#include <Python.h>
#include <structmember.h>

#include <cstddef>

#include "python/context_method.h"

namespace rl::python {

namespace {

// Both the descriptor in the type's dict (self is null) and the method bound to an object.
struct Method {
  PyObject_HEAD
  vectorcallfunc call;
  ContextFunction function;
  PyObject* self;  // counted
};

PyTypeObject* g_descriptor_type = nullptr;
PyTypeObject* g_bound_type = nullptr;

#ifdef RL_SANITIZE
constexpr int kMaxFree = 0;
#else
constexpr int kMaxFree = 16;
#endif
Method* g_free[kMaxFree + 1];
int g_n_free = 0;

PyObject* call_bound(PyObject* callable, PyObject* const*, size_t, PyObject*) {
  auto* bound = reinterpret_cast<Method*>(callable);
  return bound->function(bound->self);
}

// As type(context).__exit__(context, ...), the way contextlib calls it.
PyObject* call_descriptor(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject*) {
  auto* method = reinterpret_cast<Method*>(callable);
  PyObject* owner = method->self;
  if (PyVectorcall_NARGS(nargsf) == 0 ||
      !PyObject_TypeCheck(args[0], reinterpret_cast<PyTypeObject*>(owner))) {
    PyErr_Format(PyExc_TypeError, "this method needs a %s as its first argument",
                 reinterpret_cast<PyTypeObject*>(owner)->tp_name);
    return nullptr;
  }
  return method->function(args[0]);
}

PyObject* bind(PyObject* descriptor, PyObject* object, PyObject*) {
  if (!object) return Py_NewRef(descriptor);
  Method* bound;
  if (g_n_free > 0) [[likely]] {
    bound = g_free[--g_n_free];
    PyObject_Init(reinterpret_cast<PyObject*>(bound), g_bound_type);
  } else {
    bound = PyObject_New(Method, g_bound_type);
    if (!bound) return nullptr;
    bound->call = call_bound;
  }
  bound->function = reinterpret_cast<Method*>(descriptor)->function;
  bound->self = Py_NewRef(object);
  return reinterpret_cast<PyObject*>(bound);
}

void dealloc_bound(PyObject* object) {
  auto* bound = reinterpret_cast<Method*>(object);
  PyTypeObject* type = Py_TYPE(object);
  Py_DECREF(bound->self);
  if (g_n_free < kMaxFree) [[likely]]
    g_free[g_n_free++] = bound;
  else
    type->tp_free(object);
  Py_DECREF(type);
}

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Method, call), READONLY, nullptr},
    {"__self__", T_OBJECT, offsetof(Method, self), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot kDescriptorSlots[] = {
    {Py_tp_call, slot(PyVectorcall_Call)},
    {Py_tp_descr_get, slot(bind)},
    {Py_tp_members, kMembers},
    {0, nullptr},
};

PyType_Slot kBoundSlots[] = {
    {Py_tp_call, slot(PyVectorcall_Call)},
    {Py_tp_dealloc, slot(dealloc_bound)},
    {Py_tp_members, kMembers},
    {0, nullptr},
};

constexpr unsigned kFlags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
                            Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL;

PyType_Spec kDescriptorSpec = {"rushlight._C.context_method_descriptor", sizeof(Method), 0, kFlags,
                               kDescriptorSlots};
PyType_Spec kBoundSpec = {"rushlight._C.context_method", sizeof(Method), 0, kFlags, kBoundSlots};

}  // namespace

bool add_context_method(PyTypeObject* type, const char* name, ContextFunction function) {
  auto* method = PyObject_New(Method, g_descriptor_type);
  if (!method) return false;
  method->call = call_descriptor;
  method->function = function;
  method->self = reinterpret_cast<PyObject*>(type);  // not counted: the type holds the method
  int status = PyDict_SetItemString(type->tp_dict, name, reinterpret_cast<PyObject*>(method));
  Py_DECREF(method);
  PyType_Modified(type);
  return status == 0;
}

bool init_context_methods() {
  g_descriptor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&kDescriptorSpec));
  g_bound_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&kBoundSpec));
  return g_descriptor_type && g_bound_type;
}

}  // namespace rl::python

// What nn.Module does on every access and every call: attributes that are parameters, buffers or
// submodules, plain assignments, and a call that meets no hook. All rules are in rushlight/nn.
#include "python/nn_module.h"

#include "python/type_tools.h"

namespace rl::python {

namespace {

constexpr int kMembers = 3;
constexpr int kHooks = 4;

struct ModuleNames {
  PyObject* members[kMembers];  // dicts in the instance that hold what is registered
  PyObject* hooks[kHooks];      // dicts in the instance; all empty, and a call is only forward()
  PyObject *forward, *call_impl, *assign, *name, *obj, *getattr, *getattribute, *init_subclass;
};
ModuleNames g_names;
PyTypeObject* g_module_type;
// The hooks of all modules, dicts that live as long as the process; null before nn is imported.
PyObject* g_global_hooks[kHooks];

PyRef instance_dict(PyObject* self) {
  return PyRef(checked(PyObject_GenericGetDict(self, nullptr)));
}

// dict[name], or null without an exception. `dict` may be any mapping that somebody put there.
PyRef find(PyObject* dict, PyObject* name) {
  if (PyDict_CheckExact(dict)) [[likely]] {
    PyObject* found = PyDict_GetItemWithError(dict, name);
    if (!found && PyErr_Occurred()) throw_python();
    return PyRef::borrow(found);
  }
  int contains = PySequence_Contains(dict, name);
  checked(contains);
  return contains ? PyRef(checked(PyObject_GetItem(dict, name))) : PyRef();
}

// The attribute among parameters, buffers and submodules; null where none has the name.
PyRef find_member(PyObject* self, PyObject* name) {
  PyRef dict = instance_dict(self);
  for (PyObject* key : g_names.members) {
    PyRef members = find(dict.get(), key);
    if (!members) continue;
    if (PyRef found = find(members.get(), name)) return found;
  }
  return {};
}

// Sets the exception without a C++ one, which costs 2 us: hasattr() asks often.
[[gnu::cold]] PyObject* refuse_attribute(PyObject* self, PyObject* name) {
  PyRef type_name(checked(PyType_GetName(Py_TYPE(self))));
  PyRef text(
      checked(PyUnicode_FromFormat("'%U' object has no attribute '%U'", type_name.get(), name)));
  PyRef error(checked(PyObject_CallOneArg(PyExc_AttributeError, text.get())));
  // With these Python suggests the nearest name.
  checked(PyObject_SetAttr(error.get(), g_names.name, name));
  checked(PyObject_SetAttr(error.get(), g_names.obj, self));
  PyErr_SetObject(PyExc_AttributeError, error.get());
  return nullptr;
}

// The ordinary lookup, then the members. Python's own __getattr__ protocol would make and drop an
// AttributeError for every parameter that is looked up: 500 ns.
PyObject* module_getattro(PyObject* self, PyObject* name) {
  if (_PyType_Lookup(Py_TYPE(self), name)) {
    PyObject* found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();  // a property failed: a member may have its name
  }
  return guarded([&]() -> PyObject* {
    PyRef dict = instance_dict(self);
    if (PyObject* found = PyDict_GetItemWithError(dict.get(), name)) return Py_NewRef(found);
    if (PyErr_Occurred()) throw_python();
    PyRef found = find_member(self, name);
    return found ? found.release() : refuse_attribute(self, name);
  });
}

// The method behind super().__getattr__(name): the members alone.
PyObject* module_getattr(PyObject* self, PyObject* name) {
  return guarded([&]() -> PyObject* {
    check(PyUnicode_Check(name), ErrorKind::kType, "attribute name must be string, not '",
          Py_TYPE(name)->tp_name, "'");
    PyRef found = find_member(self, name);
    return found ? found.release() : refuse_attribute(self, name);
  });
}

// A value that registers nothing by itself: no Parameter, Buffer or Module.
bool is_plain(PyObject* value) {
  if (is_tensor(value)) {
    // A Parameter or Buffer of a foreign class is marked in its __dict__.
    return Py_TYPE(value) == tensor_type && !reinterpret_cast<PyTensor*>(value)->dict;
  }
  return !PyType_IsSubtype(Py_TYPE(value), g_module_type);
}

// A method and no slot, so that object.__setattr__ remains allowed on modules.
PyObject* module_setattr(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2, ErrorKind::kType, "expected 2 arguments, got ", n);
    if (is_plain(args[1]) && PyUnicode_Check(args[0]) && !find_member(self, args[0])) [[likely]] {
      checked(PyObject_GenericSetAttr(self, args[0], args[1]));
      Py_RETURN_NONE;
    }
    PyObject* arguments[] = {self, args[0], args[1]};
    return PyObject_VectorcallMethod(g_names.assign, arguments, 3, nullptr);
  });
}

// No hook of any kind. A dict that is missing or replaced is left to _call_impl.
bool has_no_hooks(PyObject* self) {
  for (PyObject* hooks : g_global_hooks)
    if (!hooks || PyDict_GET_SIZE(hooks)) return false;
  PyRef dict = instance_dict(self);
  for (PyObject* key : g_names.hooks) {
    PyObject* hooks = PyDict_GetItemWithError(dict.get(), key);
    if (!hooks || !PyDict_Check(hooks) || PyDict_GET_SIZE(hooks)) return false;
  }
  return true;
}

// Budget: 150 ns above forward itself (benchmarks/module_step.py).
PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    bool plain = has_no_hooks(self);
    if (!plain && PyErr_Occurred()) throw_python();
    PyRef function(checked(PyObject_GetAttr(self, plain ? g_names.forward : g_names.call_impl)));
    return PyObject_Call(function.get(), args, kwargs);
  });
}

// The dicts of the hooks that every module has.
PyObject* watch_global_hooks(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == kHooks, ErrorKind::kType, "_watch_module_hooks() takes 4 dicts");
    for (int i = 0; i < kHooks; ++i)
      check(PyDict_Check(args[i]), ErrorKind::kType, "_watch_module_hooks() takes 4 dicts");
    for (int i = 0; i < kHooks; ++i) Py_XSETREF(g_global_hooks[i], Py_NewRef(args[i]));
    Py_RETURN_NONE;
  });
}

// A class that defines no __getattr__ or __getattribute__ of its own takes module_getattro, for
// which Python would put its slower protocol because the method __getattr__ exists. Python puts it
// back when one of the two is assigned to the class later.
PyObject* init_subclass(PyObject* cls, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    PyRef base(checked(PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type),
                                                    g_module_type, cls, nullptr)));
    PyRef next(checked(PyObject_GetAttr(base.get(), g_names.init_subclass)));
    PyRef done(checked(PyObject_Call(next.get(), args, kwargs)));
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    if (_PyType_Lookup(type, g_names.getattr) == _PyType_Lookup(g_module_type, g_names.getattr) &&
        _PyType_Lookup(type, g_names.getattribute) ==
            _PyType_Lookup(&PyBaseObject_Type, g_names.getattribute)) {
      type->tp_getattro = module_getattro;
      PyType_Modified(type);
    }
    Py_RETURN_NONE;
  });
}

PyMethodDef kMethods[] = {
    {"__init_subclass__", method(init_subclass), METH_CLASS | METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"__getattr__", module_getattr, METH_O, "A parameter, buffer or submodule of this name."},
    {"__setattr__", method(module_setattr), METH_FASTCALL, "Registers what is to be registered."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_call, slot(module_call)},
    {Py_tp_methods, kMethods},
    {0, nullptr},
};

PyType_Spec kSpec = {"rushlight._C._ModuleBase", sizeof(PyObject), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, kSlots};

PyMethodDef kFunctions[] = {
    {"_watch_module_hooks", method(watch_global_hooks), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

bool intern(PyObject*& place, const char* text) {
  place = PyUnicode_InternFromString(text);
  return place != nullptr;
}

}  // namespace

bool init_nn_module(PyObject* module) {
  constexpr const char* kMemberNames[] = {"_parameters", "_buffers", "_modules"};
  constexpr const char* kHookNames[] = {"_backward_hooks", "_backward_pre_hooks", "_forward_hooks",
                                        "_forward_pre_hooks"};
  for (int i = 0; i < kMembers; ++i)
    if (!intern(g_names.members[i], kMemberNames[i])) return false;
  for (int i = 0; i < kHooks; ++i)
    if (!intern(g_names.hooks[i], kHookNames[i])) return false;
  bool ok = intern(g_names.forward, "forward") && intern(g_names.call_impl, "_call_impl") &&
            intern(g_names.assign, "_assign") && intern(g_names.name, "name") &&
            intern(g_names.obj, "obj") && intern(g_names.getattr, "__getattr__") &&
            intern(g_names.getattribute, "__getattribute__") &&
            intern(g_names.init_subclass, "__init_subclass__");
  if (!ok) return false;
  g_module_type = add_type(module, kSpec);
  return g_module_type && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

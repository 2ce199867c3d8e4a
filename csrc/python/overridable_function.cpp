// A function written in Python with the second door before it: its tensors' classes and the active
// mode are asked first. It looks and pickles like the function behind it.
#include "python/torch_function.h"
#include "python/type_tools.h"

// Behind Python.h.
#include <structmember.h>

namespace rl::python {

namespace {

struct Function {
  PyObject_HEAD
  vectorcallfunc call;
  PyObject* behind;  // the Python function
  PyObject* weakrefs;
};

PyTypeObject* g_type;

Function* function(PyObject* object) { return reinterpret_cast<Function*>(object); }

bool is_plain_item(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  return object == Py_None || type == &PyBool_Type || type == &PyLong_Type ||
         type == &PyFloat_Type || type == &PyUnicode_Type;
}

template <class See>
void each_argument(PyObject* const* args, Py_ssize_t n, See&& see) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (is_plain_item(args[i])) continue;
    if (!PyTuple_CheckExact(args[i]) && !PyList_CheckExact(args[i])) {
      see(args[i]);
      continue;
    }
    // Looking at an item may run code that changes a list.
    for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(args[i]); ++k) {
      PyRef item = PyRef::borrow(PySequence_Fast_GET_ITEM(args[i], k));
      if (!is_plain_item(item.get())) see(item.get());
    }
  }
}

bool is_touched(PyObject* const* args, Py_ssize_t n) {
  if (torch_function_modes && mode_active()) return true;
  bool touched = false;
  each_argument(args, n, [&](PyObject* object) {
    touched = touched || (Py_TYPE(object) != tensor_type && takes_over(object));
  });
  return touched;
}

[[gnu::noinline]] PyObject* call_touched(PyObject* self, PyObject* const* args, Py_ssize_t n,
                                         PyObject* kwnames, Py_ssize_t n_keywords) {
  Overloads overloads;
  each_argument(args, n + n_keywords, [&](PyObject* object) { overloads.look_at_any(object); });
  PyRef packed = pack_arguments(nullptr, args, n), keywords = pack_keywords(args + n, kwnames);
  PyRef none(keywords ? nullptr : checked(PyDict_New()));
  return handle_torch_function(self, overloads, packed.get(),
                               keywords ? keywords.get() : none.get());
}

PyObject* call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (is_touched(args, n + n_keywords)) [[unlikely]]
      return call_touched(self, args, n, kwnames, n_keywords);
    return PyObject_Vectorcall(function(self)->behind, args, nargsf, kwnames);
  });
}

// What the function behind knows better than the type of this object.
PyObject* get_attribute(PyObject* self, PyObject* name) {
  PyObject* behind = function(self)->behind;
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : "";
  if (!text) return nullptr;
  if (std::strcmp(text, "__wrapped__") == 0) return Py_NewRef(behind);
  for (const char* its_own : {"__name__", "__qualname__", "__module__", "__doc__", "__dict__"})
    if (std::strcmp(text, its_own) == 0) return PyObject_GetAttr(behind, name);
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(behind, name);
}

int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  return PyObject_SetAttr(function(self)->behind, name, value);
}

PyObject* repr(PyObject* self) { return PyObject_Repr(function(self)->behind); }

PyObject* bind(PyObject* self, PyObject* object, PyObject*) {
  return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

// As a function does: by its name.
PyObject* reduce(PyObject* self, PyObject*) {
  return PyObject_GetAttrString(function(self)->behind, "__qualname__");
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(function(self)->behind);
  return 0;
}

int clear(PyObject* self) {
  // A dead function may still be called, by what dies with it.
  PyObject* behind = std::exchange(function(self)->behind, Py_NewRef(Py_None));
  Py_XDECREF(behind);
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (function(self)->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(function(self)->behind);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* make(PyObject* behind) {
  auto* made = reinterpret_cast<Function*>(checked(g_type->tp_alloc(g_type, 0)));
  made->call = call;
  made->behind = Py_NewRef(behind);
  return reinterpret_cast<PyObject*>(made);
}

PyObject* py_overridable(PyObject*, PyObject* behind) {
  return guarded([&] {
    check(PyFunction_Check(behind), ErrorKind::kType, "_overridable() takes a function, not ",
          Py_TYPE(behind)->tp_name);
    return make(behind);
  });
}

// _overridable_module(globals, *without): all public functions of the module but those named.
PyObject* py_overridable_module(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n >= 1 && PyDict_Check(args[0]), ErrorKind::kType,
          "_overridable_module(globals, *without)");
    PyRef names(checked(PyDict_Keys(args[0])));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i) {
      PyObject* name = PyList_GET_ITEM(names.get(), i);
      const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : "_";
      if (!text) throw_python();
      bool wanted = text[0] != '_';
      for (Py_ssize_t k = 1; k < n; ++k) {
        int same = PyObject_RichCompareBool(args[k], name, Py_EQ);
        checked(same);
        wanted = wanted && !same;
      }
      PyObject* value = PyDict_GetItemWithError(args[0], name);
      if (!wanted || !value || !PyFunction_Check(value) || PyFunction_GET_GLOBALS(value) != args[0])
        continue;
      PyRef made(make(value));
      checked(PyDict_SetItem(args[0], name, made.get()));
    }
    Py_RETURN_NONE;
  });
}

PyMethodDef kMethods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr},
                          {nullptr, nullptr, 0, nullptr}};

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Function, call), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Function, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

PyType_Slot kSlots[] = {{Py_tp_call, slot(PyVectorcall_Call)},
                        {Py_tp_getattro, slot(get_attribute)},
                        {Py_tp_setattro, slot(set_attribute)},
                        {Py_tp_repr, slot(repr)},
                        {Py_tp_descr_get, slot(bind)},
                        {Py_tp_traverse, slot(traverse)},
                        {Py_tp_clear, slot(clear)},
                        {Py_tp_dealloc, slot(dealloc)},
                        {Py_tp_methods, kMethods},
                        {Py_tp_members, kMembers},
                        {0, nullptr}};

PyType_Spec kSpec = {"rushlight._C.function", sizeof(Function), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                         Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                     kSlots};

PyMethodDef kFunctions[] = {
    {"_overridable", py_overridable, METH_O,
     "The function, which arguments' classes may take over."},
    {"_overridable_module", method(py_overridable_module), METH_FASTCALL,
     "(globals, *without): makes the public functions of a module overridable, but for some."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_overridable_function(PyObject* module) {
  g_type = add_type(module, kSpec);
  return g_type && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

// The thread's modes and switches, and what rushlight.overrides asks about them.
#include "python/torch_function.h"
#include "python/type_tools.h"

namespace rl::python {

int torch_function_modes;

namespace {

bool finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing();
#else
  return _Py_IsFinalizing();
#endif
}

// The modes that a thread has entered, innermost last.
struct ModeStack {
  std::vector<PyObject*> modes;  // counted

  // A thread may end without leaving them.
  ~ModeStack() {
    if (modes.empty() || !Py_IsInitialized() || finalizing()) return;
    PyGILState_STATE gil = PyGILState_Ensure();
    torch_function_modes -= static_cast<int>(modes.size());
    for (PyObject* mode : std::exchange(modes, {})) Py_DECREF(mode);
    PyGILState_Release(gil);
  }
};

// Touched only while a mode is active somewhere: it has a destructor, and no direct access.
std::vector<PyObject*>& modes() {
  static thread_local ModeStack stack;
  return stack.modes;
}

void push(PyObject* mode) {
  modes().push_back(Py_NewRef(mode));
  ++torch_function_modes;
}

PyRef pop() {
  check(torch_function_modes && !modes().empty(), ErrorKind::kRuntime,
        "trying to pop from empty mode stack");
  PyRef mode(modes().back());
  modes().pop_back();
  --torch_function_modes;
  return mode;
}

Py_ssize_t depth() { return torch_function_modes ? static_cast<Py_ssize_t>(modes().size()) : 0; }

PyObject* push_mode(PyObject*, PyObject* mode) {
  return guarded([&]() -> PyObject* {
    auto* type = reinterpret_cast<PyObject*>(Py_TYPE(mode));
    check(PyObject_HasAttrString(type, "__torch_function__"), ErrorKind::kType,
          "a mode has a method __torch_function__, and ", Py_TYPE(mode)->tp_name, " has none");
    push(mode);
    Py_RETURN_NONE;
  });
}

PyObject* pop_mode(PyObject*, PyObject*) {
  return guarded([] { return pop().release(); });
}

PyObject* count_modes(PyObject*, PyObject*) { return PyLong_FromSsize_t(depth()); }

PyObject* mode_at(PyObject*, PyObject* index) {
  return guarded([&]() -> PyObject* {
    Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);
    if (i == -1 && PyErr_Occurred()) throw_python();
    check(i >= 0 && i < depth(), ErrorKind::kIndex, "no mode at ", i, ": the stack has ", depth());
    return Py_NewRef(modes()[static_cast<size_t>(i)]);
  });
}

// --- who takes over

bool any_takes_over(PyObject* const* objects, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i)
    if (Py_TYPE(objects[i]) != tensor_type && takes_over(objects[i])) return true;
  return false;
}

PyObject* has_unary(PyObject*, PyObject* object) {
  return guarded([&] {
    return PyBool_FromLong((torch_function_modes && mode_active()) || any_takes_over(&object, 1));
  });
}

PyObject* has_variadic(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    return PyBool_FromLong((torch_function_modes && mode_active()) || any_takes_over(args, n));
  });
}

PyObject* has_any(PyObject*, PyObject* sequence) {
  return guarded([&] {
    PyRef fast(checked(PySequence_Fast(sequence, "expected a sequence")));
    // A copy: looking at an object may run code that changes a list.
    PyRef items(checked(PySequence_Tuple(fast.get())));
    auto* tuple = reinterpret_cast<PyTupleObject*>(items.get());
    Py_ssize_t n = PyTuple_GET_SIZE(items.get());
    return PyBool_FromLong((n && torch_function_modes && mode_active()) ||
                           any_takes_over(tuple->ob_item, n));
  });
}

// _handle_torch_function(public_api, relevant_args, args, kwargs)
PyObject* handle(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check(n == 4 && PyTuple_Check(args[2]) && PyDict_Check(args[3]), ErrorKind::kType,
          "_handle_torch_function(public_api, relevant_args, args, kwargs)");
    PyRef relevant(checked(PySequence_Tuple(args[1])));
    Overloads overloads;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(relevant.get()); ++i)
      overloads.look_at_any(PyTuple_GET_ITEM(relevant.get(), i));
    return handle_torch_function(args[0], overloads, args[2], args[3]);
  });
}

PyObject* is_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(!torch_function_state.subclasses_disabled);
}
PyObject* is_all_disabled(PyObject*, PyObject*) {
  return PyBool_FromLong(torch_function_state.all_disabled);
}
PyObject* is_mode_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(torch_function_modes && mode_active());
}

// --- with torch._C.DisableTorchFunctionSubclass(): and DisableTorchFunction()

struct Switch {
  PyObject_HEAD
  TorchFunctionState before;
};

template <bool kAll>
PyObject* enter(PyObject* object, PyObject*) {
  reinterpret_cast<Switch*>(object)->before = torch_function_state;
  torch_function_state.subclasses_disabled = true;
  if (kAll) torch_function_state.all_disabled = true;
  Py_RETURN_NONE;
}

PyObject* leave(PyObject* object, PyObject*) {
  torch_function_state = reinterpret_cast<Switch*>(object)->before;
  Py_RETURN_NONE;
}

void switch_dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  type->tp_free(object);
  Py_DECREF(type);
}

template <bool kAll>
bool add_switch(PyObject* module, const char* name, const char* doc) {
  static PyMethodDef methods[] = {{"__enter__", enter<kAll>, METH_NOARGS, nullptr},
                                  {"__exit__", leave, METH_VARARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {{Py_tp_methods, methods},
                                {Py_tp_dealloc, slot(switch_dealloc)},
                                {Py_tp_doc, const_cast<char*>(doc)},
                                {0, nullptr}};
  static PyType_Spec spec = {name, sizeof(Switch), 0, Py_TPFLAGS_DEFAULT, slots};
  PyTypeObject* type = add_type(module, spec);
  Py_XDECREF(reinterpret_cast<PyObject*>(type));
  return type != nullptr;
}

PyMethodDef kFunctions[] = {
    {"_push_on_torch_function_stack", push_mode, METH_O, "Enters a mode."},
    {"_pop_torch_function_stack", pop_mode, METH_NOARGS, "Leaves the innermost mode; returns it."},
    {"_len_torch_function_stack", count_modes, METH_NOARGS, "Modes that this thread is in."},
    {"_get_function_stack_at", mode_at, METH_O, "The mode at an index, 0 being the outermost."},
    {"_has_torch_function", has_any, METH_O,
     "Whether a mode or an object of a sequence takes over."},
    {"_has_torch_function_unary", has_unary, METH_O, "Whether a mode or the object takes over."},
    {"_has_torch_function_variadic", method(has_variadic), METH_FASTCALL,
     "Whether a mode or one of the arguments takes over."},
    {"_handle_torch_function", method(handle), METH_FASTCALL, nullptr},
    {"_is_torch_function_enabled", is_enabled, METH_NOARGS, "Whether classes take part."},
    {"_is_torch_function_all_disabled", is_all_disabled, METH_NOARGS,
     "Whether neither classes nor modes take part."},
    {"_is_torch_function_mode_enabled", is_mode_enabled, METH_NOARGS,
     "Whether a mode sees calls of this thread."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool mode_active() { return depth() && !torch_function_state.all_disabled; }

PyObject* innermost_mode() { return depth() ? modes().back() : nullptr; }

InnermostMode::InnermostMode() : mode_(pop()) {}

InnermostMode::~InnermostMode() { push(mode_.get()); }

bool init_torch_function_state(PyObject* module) {
  return PyModule_AddFunctions(module, kFunctions) == 0 &&
         add_switch<false>(module, "rushlight._C.DisableTorchFunctionSubclass",
                           "A context in which no class takes over a call; modes do.") &&
         add_switch<true>(module, "rushlight._C.DisableTorchFunction",
                          "A context in which neither class nor mode takes over a call.");
}

}  // namespace rl::python

#include "python/scope_table.h"

#include "python/types.h"

namespace rl::python {

namespace {

PyObject* module_base() {
  static PyObject* type = [] {
    PyRef core(checked(PyImport_ImportModule("rushlight._C")));
    return checked(PyObject_GetAttrString(core.get(), "_ModuleBase"));
  }();
  return type;
}

// The nn.Module whose forward() a frame runs; null for other frames.
PyRef module_of(PyFrameObject* frame, PyCodeObject* code) {
  if (PyUnicode_CompareWithASCIIString(code->co_name, "forward") != 0 || !code->co_argcount)
    return PyRef();
  PyObject* found = nullptr;
  checked(rl_frame_variables(
              frame,
              [](void* arg, PyObject*, PyObject* value) {
                *static_cast<PyObject**>(arg) = Py_NewRef(value);
                return 1;  // the first is enough
              },
              &found) < 0
              ? -1
              : 0);
  PyRef self(found);
  auto* base = reinterpret_cast<PyTypeObject*>(module_base());
  return self && PyObject_TypeCheck(self.get(), base) ? self : PyRef();
}

// "fc1", what a module is called inside the one around it; its class where there is none.
std::string module_name(PyObject* module, PyObject* around) {
  PyRef words(checked(PyImport_ImportModule("rushlight.viz._scope_names")));
  PyRef name(checked(
      PyObject_CallMethod(words.get(), "module_name", "OO", module, around ? around : Py_None)));
  return text_of(name.get());
}

}  // namespace

std::string text_of(PyObject* str) {
  PyRef bytes(checked(PyUnicode_AsEncodedString(str, "utf-8", "replace")));
  return {PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

uint32_t ScopeTable::child(uint32_t parent, bool is_function, PyObject* object) {
  if (auto at = at_.find({parent, object}); at != at_.end()) return at->second;
  std::string name;
  if (is_function) {
    name = text_of(reinterpret_cast<PyCodeObject*>(object)->co_name);
  } else {
    PyObject* around = nullptr;
    for (uint32_t p = parent; p != UINT32_MAX && !around; p = scopes_[p].parent)
      if (!scopes_[p].is_function) around = scopes_[p].object.get();
    name = module_name(object, around);
  }
  scopes_.push_back({parent, is_function, PyRef::borrow(object), std::move(name)});
  const auto number = static_cast<uint32_t>(scopes_.size() - 1);
  at_[{parent, object}] = number;
  return number;
}

uint32_t ScopeTable::now() {
  struct Step {
    bool is_function;
    PyRef object;
  };
  std::vector<Step> path;
  PyRef frame(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get())));
  while (frame && frame.get() != outside_) {
    auto* f = reinterpret_cast<PyFrameObject*>(frame.get());
    PyRef code(reinterpret_cast<PyObject*>(PyFrame_GetCode(f)));
    auto* c = reinterpret_cast<PyCodeObject*>(code.get());
    if (PyRef module = module_of(f, c)) {
      // super().forward() is the same module once more.
      if (path.empty() || path.back().object.get() != module.get())
        path.push_back({false, std::move(module)});
    } else if (PyUnicode_READ_CHAR(c->co_name, 0) != '<') {
      PyRef globals(PyFrame_GetGlobals(f));
      if (!is_package_globals(globals.get())) path.push_back({true, std::move(code)});
    }
    frame = PyRef(reinterpret_cast<PyObject*>(PyFrame_GetBack(f)));
  }
  uint32_t at = UINT32_MAX;
  for (size_t i = path.size(); i-- > 0;) at = child(at, path[i].is_function, path[i].object.get());
  return at;
}

std::vector<PyRef> ScopeTable::take_objects() {
  std::vector<PyRef> objects;
  at_.clear();
  for (Scope& scope : scopes_) objects.push_back(std::move(scope.object));
  return objects;
}

}  // namespace rl::python

// Sites: which code object and instruction of the user's an operation comes from, and its source
// text.
#include <vector>

#include "python/frame.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

// Dicts of the package's modules. They are kept alive: their addresses must not be used again.
std::vector<const void*> g_slots(64, nullptr);
size_t g_n_globals = 0;
RlPointerSet g_package = {g_slots.data(), 63};
bool g_capture = true;

void insert(std::vector<const void*>& slots, const void* globals) {
  size_t mask = slots.size() - 1;
  size_t i = rl_pointer_slot(globals, mask);
  while (slots[i]) i = (i + 1) & mask;
  slots[i] = globals;
}

// Calls <module>.<function>(code, offset). New reference, or null with an exception.
PyObject* call_resolver(const char* module, const char* function, void* code, int32_t offset) {
  PyRef resolver(PyImport_ImportModule(module));
  if (!resolver) return nullptr;
  return PyObject_CallMethod(resolver.get(), function, "Oi", static_cast<PyObject*>(code), offset);
}

PyObject* py_add_package_globals(PyObject*, PyObject* globals) {
  return guarded([&]() -> PyObject* {
    check(PyDict_Check(globals), ErrorKind::kType, "_add_package_globals() takes a module's dict");
    add_package_globals(globals);
    Py_RETURN_NONE;
  });
}

PyObject* py_set_site_capture(PyObject*, PyObject* on) {
  return guarded([&]() -> PyObject* {
    bool before = g_capture;
    g_capture = bool_argument("_set_site_capture", "on", on, true);
    return PyBool_FromLong(before);
  });
}

// For tests and tools: the Site that an operation at this place would get.
PyObject* py_current_site(PyObject*, PyObject*) {
  return guarded([] {
    int32_t offset = 0;
    void* code = capture_site(&offset);
    return site_object(Site::adopt(code, offset));
  });
}

PyObject* py_user_stack_level(PyObject*, PyObject*) { return PyLong_FromLong(user_stack_level()); }

PyMethodDef kMethods[] = {
    {"_add_package_globals", py_add_package_globals, METH_O,
     "Frames with this dict as globals are the package's own, never the user's."},
    {"_set_site_capture", py_set_site_capture, METH_O,
     "Switch the capturing of Sites on or off, for measurements; return what it was."},
    {"_current_site", py_current_site, METH_NOARGS, "The Site of the calling expression."},
    {"_user_stack_level", py_user_stack_level, METH_NOARGS,
     "The stacklevel at which a warning of the caller's names the user's statement."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_package_globals(PyObject* globals) {
  if (rl_in_set(&g_package, globals)) return;
  if (2 * ++g_n_globals >= g_slots.size()) {
    std::vector<const void*> larger(2 * g_slots.size(), nullptr);
    for (const void* known : g_slots)
      if (known) insert(larger, known);
    g_slots.swap(larger);
  }
  insert(g_slots, Py_NewRef(globals));
  g_package = {g_slots.data(), g_slots.size() - 1};
}

bool is_package_globals(PyObject* globals) { return rl_in_set(&g_package, globals); }

void* capture_site(int32_t* offset) {
  if (!g_capture) [[unlikely]]
    return nullptr;
  return rl_user_frame(&g_package, offset);
}

int user_stack_level() {
  int level = 1;
  PyRef frame = PyRef::borrow(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame) {
    auto* at = reinterpret_cast<PyFrameObject*>(frame.get());
    if (!is_package_globals(PyRef(PyFrame_GetGlobals(at)).get())) break;
    frame = PyRef(reinterpret_cast<PyObject*>(PyFrame_GetBack(at)));
    ++level;
  }
  return level;
}

PyObject* site_object(const Site& site) {
  if (!site) Py_RETURN_NONE;
  return call_resolver("rushlight._site", "resolve", site.code(), site.offset());
}

namespace {

// The str that make() returns, while an error is being built: failing to describe it must not
// replace it.
template <class F>
std::string text_of(F&& make) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  std::string text;
  PyRef described(make());
  if (described && PyUnicode_Check(described.get()))
    if (const char* utf8 = PyUnicode_AsUTF8(described.get())) text = utf8;
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  return text;
}

}  // namespace

std::string describe_site(void* code, int32_t offset) {
  return text_of([&] { return call_resolver("rushlight._site", "describe", code, offset); });
}

std::string advise(const char* form, void* code, int32_t offset) {
  return text_of([&] { return call_resolver("rushlight._stories", form, code, offset); });
}

std::string describe_function(PyObject* function) {
  return text_of([&]() -> PyObject* {
    PyRef resolver(PyImport_ImportModule("rushlight._site"));
    if (!resolver) return nullptr;
    return PyObject_CallMethod(resolver.get(), "describe_function", "O", function);
  });
}

bool init_site(PyObject* module) { return PyModule_AddFunctions(module, kMethods) == 0; }

}  // namespace rl::python

// Making Python types, and arguments in PyTorch's words.
#include "python/type_tools.h"

namespace rl::python {

PyTypeObject* add_type(PyObject* module, PyType_Spec& spec, PyObject* bases) {
  PyObject* type = PyType_FromModuleAndSpec(module, &spec, bases);
  if (!type) return nullptr;
  const char* dot = std::strrchr(spec.name, '.');
  if (PyModule_AddObjectRef(module, dot ? dot + 1 : spec.name, type) < 0) {
    Py_DECREF(type);
    return nullptr;
  }
  return reinterpret_cast<PyTypeObject*>(type);
}

namespace {

int index_of(const Parameters& parameters, PyObject* keyword) {
  const char* numpy = PyUnicode_CompareWithASCIIString(keyword, "axis") == 0 ? "dim" : "";
  for (int i = 0; i < parameters.count; ++i)
    if (PyUnicode_CompareWithASCIIString(keyword, parameters.names[i]) == 0 ||
        std::strcmp(numpy, parameters.names[i]) == 0)
      return i;
  return -1;
}

const char* text_of(PyObject* string) {
  const char* text = PyUnicode_AsUTF8(string);
  if (!text) throw_python();
  return text;
}

}  // namespace

void parse_arguments(const Parameters& parameters, PyObject* const* args, Py_ssize_t nargs,
                     PyObject* kwnames, PyObject** out) {
  int n = parameters.n_positional;
  if (nargs > n) [[unlikely]]
    fail(ErrorKind::kType, parameters.function, "() takes ", n,
         n == 1 ? " positional argument but " : " positional arguments but ", nargs,
         nargs == 1 ? " was given" : " were given");
  for (int i = 0; i < parameters.count; ++i) out[i] = i < nargs ? args[i] : nullptr;
  Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < n_keywords; ++k) {
    PyObject* keyword = PyTuple_GET_ITEM(kwnames, k);
    int i = index_of(parameters, keyword);
    if (i < 0) [[unlikely]]
      fail(ErrorKind::kType, parameters.function, "() got an unexpected keyword argument '",
           text_of(keyword), "'");
    if (out[i]) [[unlikely]]
      fail(ErrorKind::kType, parameters.function, "() got multiple values for argument '",
           text_of(keyword), "'");
    out[i] = args[nargs + k];
  }
  for (int i = 0; i < parameters.n_required; ++i)
    if (!out[i]) [[unlikely]]
      fail(ErrorKind::kType, parameters.function, "() missing 1 required positional arguments: \"",
           parameters.names[i], "\"");
}

bool bool_argument(const char* function, const char* name, PyObject* value, bool otherwise,
                   int position) {
  if (!value) return otherwise;
  if (!PyBool_Check(value)) [[unlikely]]
    fail(ErrorKind::kType, function, "(): argument '", name, "'",
         position ? concat(" (position ", position, ")") : "", " must be bool, not ",
         Py_TYPE(value)->tp_name);
  return value == Py_True;
}

}  // namespace rl::python

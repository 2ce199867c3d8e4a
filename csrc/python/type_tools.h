// Making Python types and parsing the arguments of hand-written functions.
#pragma once

#include <cstring>

#include "python/python.h"

namespace rl::python {

// C-API tables hold functions of several signatures as one type.
template <class F>
PyCFunction method(F* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}
template <class F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

// A heap type under the last part of its name. The module's reference keeps it; null with an
// exception.
PyTypeObject* add_type(PyObject* module, PyType_Spec& spec, PyObject* bases = nullptr);

// Makes CPython forget that it ran tp_finalize, which it does only once per object otherwise: for
// objects that C++ takes over when Python lets go of them, and hands out again.
inline void clear_finalized(PyObject* object) {
#if PY_VERSION_HEX < 0x030E0000
  // Bit 0 of the word before the object: _PyGC_PREV_MASK_FINALIZED.
  reinterpret_cast<uintptr_t*>(object)[-1] &= ~uintptr_t{1};
#else
#error "check where this version of CPython keeps the finalized bit"
#endif
}

// Adds `value`, a new reference or null, under `name`.
inline bool add_object(PyObject* module, const char* name, PyObject* value) {
  if (!value) return false;
  int status = PyModule_AddObjectRef(module, name, value);
  Py_DECREF(value);
  return status == 0;
}

// Parameters of a METH_FASTCALL | METH_KEYWORDS function, in order.
struct Parameters {
  const char* function;
  int n_positional;  // may be given by position
  int n_required;
  int count;
  const char* names[8];
};

// Fills out[count] with borrowed arguments, null where not given. Throws PyTorch's TypeErrors.
void parse_arguments(const Parameters& parameters, PyObject* const* args, Py_ssize_t nargs,
                     PyObject* kwnames, PyObject** out);

// A bool or nothing; throws "tensor(): argument 'requires_grad' must be bool, not int".
// With a position, that is said too.
bool bool_argument(const char* function, const char* name, PyObject* value, bool otherwise,
                   int position = 0);

}  // namespace rl::python

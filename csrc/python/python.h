// What every file of csrc/python shares: references, the tensor wrapper, error translation.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <utility>

#include "core/error.h"
#include "core/tensor.h"

namespace rl::python {

// Owned reference to a Python object.
class PyRef {
 public:
  PyRef() = default;
  explicit PyRef(PyObject* owned) : object_(owned) {}
  PyRef(const PyRef& other) : object_(Py_XNewRef(other.object_)) {}
  PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  PyRef& operator=(PyRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~PyRef() { Py_XDECREF(object_); }
  static PyRef borrow(PyObject* object) { return PyRef(Py_XNewRef(object)); }

  PyObject* get() const { return object_; }
  [[nodiscard]] PyObject* release() { return std::exchange(object_, nullptr); }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

// A failed C-API call: the Python exception is set, unwind with Error(kPython).
[[noreturn, gnu::cold]] void throw_python();
inline PyObject* checked(PyObject* object) {
  if (!object) [[unlikely]]
    throw_python();
  return object;
}
inline void checked(int status) {
  if (status < 0) [[unlikely]]
    throw_python();
}

// Sets the Python exception for the C++ exception being handled. Call inside catch (...).
void set_python_error() noexcept;

// Runs `body`, which may throw, at the border: returns `failed` with a Python exception set.
template <class F>
inline PyObject* guarded(F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}
template <class F>
inline int guarded_int(F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_python_error();
    return -1;
  }
}

// The Python Tensor. While the impl owns the wrapper (see tensor_type.cpp) `impl` is not counted.
struct PyTensor {
  PyObject_HEAD
  TensorImpl* impl;
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;

inline bool is_tensor(PyObject* object) {
  return Py_TYPE(object) == tensor_type || PyType_IsSubtype(Py_TYPE(object), tensor_type);
}
inline TensorImpl* impl_of(PyObject* tensor) { return reinterpret_cast<PyTensor*>(tensor)->impl; }

// The wrapper of `t`, made on first use. New reference; None for a null tensor.
PyObject* wrap(TensorRef t);

// Interned names and other objects needed on hot paths.
struct Names;

}  // namespace rl::python

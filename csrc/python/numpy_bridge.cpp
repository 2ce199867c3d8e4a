// Memory shared with NumPy and other owners of buffers: from_numpy() and frombuffer().
#include <cstring>

#include "python/conversions.h"

namespace rl::python {

namespace {

PyObject* py_from_numpy(PyObject*, PyObject* array) {
  return guarded([&] {
    if (!is_ndarray(array))
      fail(ErrorKind::kType, "expected np.ndarray (got ", Py_TYPE(array)->tp_name, ")");
    return wrap(finish_tensor(ArrayBuffer(array).share(), false));
  });
}

// Holds the buffer until a storage takes it.
struct HeldBuffer {
  Py_buffer view = {};
  ~HeldBuffer() {
    if (view.obj) PyBuffer_Release(&view);
  }
};

void open_buffer(PyObject* object, Py_buffer& view) {
  check(PyObject_CheckBuffer(object), ErrorKind::kValue,
        "object does not implement Python buffer protocol.");
  if (PyObject_GetBuffer(object, &view, PyBUF_WRITABLE) == 0) return;
  PyErr_Clear();
  if (PyObject_GetBuffer(object, &view, PyBUF_SIMPLE) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) throw_python();
    PyErr_Clear();
    fail(ErrorKind::kRuntime, "could not retrieve buffer from object\n  fix: `memoryview(x)` says ",
         "why; strided memory has to be copied first.");
  }
  static bool warned = false;
  warn_user_once(
      warned,
      "The given buffer is not writable, and PyTorch does not support non-writable tensors. This "
      "means you can write to the underlying (supposedly non-writable) buffer using the tensor. "
      "You may want to copy the buffer to protect its data or make it writable before converting "
      "it to a tensor. This type of warning will be suppressed for the rest of this program.");
}

int64_t int_argument(const char* name, PyObject* object, int64_t otherwise) {
  if (!object) return otherwise;
  bool is_int = PyLong_Check(object) || (is_numpy_scalar(object) && PyIndex_Check(object));
  if (!is_int || PyBool_Check(object))
    fail(ErrorKind::kType, "frombuffer(): argument '", name, "' must be int, not ",
         Py_TYPE(object)->tp_name);
  PyRef number(checked(PyNumber_Index(object)));
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  check(!overflow, ErrorKind::kValue, "Overflow when unpacking long long");
  return value;
}

// PyTorch's checks; returns the number of elements.
int64_t count_of(int64_t length, int64_t offset, int64_t count, int64_t size) {
  check(length > 0 && count != 0, ErrorKind::kValue, "both buffer length (", length,
        ") and count (", count, ") must not be 0");
  check(offset >= 0 && offset < length, ErrorKind::kValue, "offset (", offset,
        " bytes) must be non-negative and no greater than buffer length (", length,
        " bytes) minus 1");
  if (count < 0) {
    check((length - offset) % size == 0, ErrorKind::kValue, "buffer length (", length - offset,
          " bytes) after offset (", offset, " bytes) must be a multiple of element size (", size,
          ")");
    return (length - offset) / size;
  }
  check(count <= (length - offset) / size, ErrorKind::kValue, "requested buffer length (", count,
        " * ", size, " bytes) after offset (", offset,
        " bytes) must not be greater than actual buffer length (", length, " bytes)");
  return count;
}

PyObject* py_frombuffer(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    constexpr Parameters parameters = {
        "frombuffer", 1, 2, 5, {"buffer", "dtype", "count", "offset", "requires_grad"}};
    PyObject* given[5];
    parse_arguments(parameters, args, nargs, kwnames, given);
    DType dtype;
    if (!dtype_argument("frombuffer", given[1], &dtype))
      fail(ErrorKind::kType, "frombuffer(): argument 'dtype' must be torch.dtype, not NoneType");
    bool requires_grad = bool_argument("frombuffer", "requires_grad", given[4], false);
    HeldBuffer held;
    open_buffer(given[0], held.view);
    auto size = static_cast<int64_t>(item_size(dtype));
    int64_t offset = int_argument("offset", given[3], 0);
    int64_t n = count_of(held.view.len, offset, int_argument("count", given[2], -1), size);
    char* start = static_cast<char*>(held.view.buf) + offset;
    const int64_t stride = 1;
    if (PyBytes_CheckExact(given[0]) &&
        reinterpret_cast<uintptr_t>(start) % static_cast<size_t>(size)) {
      // Bytes never change, so that a copy, which is aligned, cannot be told from them.
      TensorRef t = TensorImpl::empty(dtype, Dims::of({n}));
      std::memcpy(t->mut_data(), start, static_cast<size_t>(n * size));
      return wrap(finish_tensor(std::move(t), requires_grad));
    }
    check(reinterpret_cast<uintptr_t>(start) % static_cast<uintptr_t>(size) == 0, ErrorKind::kValue,
          "the buffer is not aligned to the element size (", size, ") after offset (", offset,
          " bytes)");
    Ref<Storage> storage = adopt_buffer(held.view, start, static_cast<size_t>(n * size));
    held.view.obj = nullptr;
    TensorRef t = TensorImpl::alias(storage, dtype, Dims::of({n}), &stride, 0);
    return wrap(finish_tensor(std::move(t), requires_grad));
  });
}

PyMethodDef kFunctions[] = {
    {"from_numpy", py_from_numpy, METH_O,
     "from_numpy(ndarray)\n--\n\n"
     "A tensor over the memory of a NumPy array: each sees what is written through the other.\n\n"
     "ndarray: of an element type that exists here, in native byte order; no negative strides. It\n"
     "lives as long as a tensor over it; NumPy's own resize(refcheck=False) frees it all the "
     "same.\n"
     "Raises: TypeError for another object or element type, ValueError for strides no tensor has."},
    {"frombuffer", method(py_frombuffer), METH_FASTCALL | METH_KEYWORDS,
     "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n--\n\n"
     "A 1-d tensor over the memory of an object with the buffer protocol.\n\n"
     "count: elements, negative for all that are there. offset: bytes before the first.\n"
     "Raises: ValueError where buffer, offset and count do not fit."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_numpy_bridge(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

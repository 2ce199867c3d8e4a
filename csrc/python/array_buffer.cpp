// Reading NumPy's arrays through the buffer protocol: no header of NumPy's is used.
#include <bit>
#include <cstring>
#include <string_view>

#include "kernels/iterator.h"
#include "python/conversions.h"

namespace rl::python {

namespace {

PyTypeObject* type_attribute(PyObject* module, const char* name) {
  PyObject* type = PyObject_GetAttrString(module, name);
  if (type && PyType_Check(type)) return reinterpret_cast<PyTypeObject*>(type);
  PyErr_Clear();
  Py_XDECREF(type);
  return nullptr;
}

// numpy.str_ for an array of strings, as PyTorch names the type in its message.
std::string element_type_name(PyObject* array) {
  PyRef dtype(PyObject_GetAttrString(array, "dtype"));
  PyRef type(dtype ? PyObject_GetAttrString(dtype.get(), "type") : nullptr);
  if (!type || !PyType_Check(type.get())) {
    PyErr_Clear();
    return "unknown";
  }
  return reinterpret_cast<PyTypeObject*>(type.get())->tp_name;
}

[[noreturn, gnu::cold]] void fail_element_type(PyObject* array, bool a_number) {
  if (a_number)
    fail(ErrorKind::kType, "can't convert np.ndarray of type ", element_type_name(array),
         ". The only supported types are: float64, float32, float16, int64, int32, int16, int8, "
         "uint8, and bool.\n"
         "  fix: name one of them, torch.tensor(array, dtype=torch.float32), or use "
         "array.astype(\"int64\").");
  fail(ErrorKind::kType, "can't convert np.ndarray of type ", element_type_name(array),
       ". The only supported types are: float64, float32, float16, complex64, complex128, int64, "
       "int32, int16, int8, uint64, uint32, uint16, uint8, and bool.");
}

char category_of(char code) {
  if (code == '?') return '?';
  if (std::strchr("bhilqn", code)) return 'i';
  if (std::strchr("BHILQN", code)) return 'u';
  return std::strchr("efd", code) ? 'f' : 0;
}

template <class T>
T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

int64_t read_int(const char* at, char category, size_t size) {
  bool is_signed = category == 'i';
  switch (size) {
    case 1:
      if (category == '?') return read<uint8_t>(at) != 0;
      return is_signed ? read<int8_t>(at) : read<uint8_t>(at);
    case 2:
      return is_signed ? read<int16_t>(at) : read<uint16_t>(at);
    case 4:
      return is_signed ? read<int32_t>(at) : static_cast<int64_t>(read<uint32_t>(at));
    default:
      return read<int64_t>(at);
  }
}

double read_double(const char* at, char category, size_t size) {
  if (category == 'f') {
    if (size == 2) return PyFloat_Unpack2(at, std::endian::native == std::endian::little);
    return size == 4 ? static_cast<double>(read<float>(at)) : read<double>(at);
  }
  if (category == 'u' && size == 8) return static_cast<double>(read<uint64_t>(at));
  return static_cast<double>(read_int(at, category, size));
}

// Calls f(address) for every element, row-major; strides in bytes.
template <class F>
void for_each(const char* at, const Py_buffer& view, int dim, const F& f) {
  if (dim == view.ndim) {
    f(at);
    return;
  }
  for (Py_ssize_t i = 0; i < view.shape[dim]; ++i, at += view.strides[dim])
    for_each(at, view, dim + 1, f);
}

bool aligned(const void* at, size_t size) { return reinterpret_cast<uintptr_t>(at) % size == 0; }

void release_view(void* owner) {
  auto* view = static_cast<Py_buffer*>(owner);
  PyGILState_STATE state = PyGILState_Ensure();
  PyBuffer_Release(view);
  PyGILState_Release(state);
  delete view;
}

}  // namespace

const NumpyTypes& numpy_types() {
  static NumpyTypes types;
  if (types.generic) [[likely]]
    return types;
  static PyObject* name = PyUnicode_InternFromString("numpy");
  PyObject* modules = PyImport_GetModuleDict();
  if (PyObject* numpy = modules && name ? PyDict_GetItemWithError(modules, name) : nullptr) {
    types.ndarray = type_attribute(numpy, "ndarray");
    types.generic = type_attribute(numpy, "generic");
  }
  return types;
}

ArrayBuffer::ArrayBuffer(PyObject* array) : array_(array) {
  if (PyObject_GetBuffer(array, &view_, PyBUF_FULL_RO) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_Exception)) throw_python();
    PyErr_Clear();
    fail_element_type(array, false);
  }
  // The destructor does not run when the constructor throws.
  try {
    std::string_view format = view_.format ? view_.format : "B";
    bool swapped = !format.empty() && (format[0] == '>' || format[0] == '!');
    if (!format.empty() && std::strchr("@=<>!^", format[0])) format.remove_prefix(1);
    category_ = format.size() == 1 ? category_of(format[0]) : char{0};
    size_ = static_cast<size_t>(view_.itemsize);
    // NumPy hands out a scalar that no format describes as its bytes.
    if (!category_ || (is_numpy_scalar(array) && view_.ndim))
      fail_element_type(array, format.starts_with('Z'));
    check(!swapped || size_ == 1, ErrorKind::kValue,
          "given numpy array has byte order different from the native byte order. Conversion "
          "between byte orders is currently not supported.");
    check(view_.ndim <= kMaxDims, ErrorKind::kValue, "too many dimensions: ", view_.ndim);
    for (int i = 0; i < view_.ndim; ++i) sizes_.push(view_.shape[i]);
  } catch (...) {
    PyBuffer_Release(&view_);
    throw;
  }
}

DType ArrayBuffer::dtype() const {
  if (category_ == '?') return DType::kBool;
  if (category_ == 'f')
    return size_ == 2 ? DType::kFloat16 : size_ == 4 ? DType::kFloat32 : DType::kFloat64;
  if (category_ == 'u' && size_ == 1) return DType::kUInt8;
  if (category_ == 'i')
    return size_ == 1   ? DType::kInt8
           : size_ == 2 ? DType::kInt16
           : size_ == 4 ? DType::kInt32
                        : DType::kInt64;
  fail_element_type(array_, true);
}

bool ArrayBuffer::element_strides(Dims& strides) const {
  bool whole = aligned(view_.buf, size_);
  strides.n = sizes_.n;
  for (int i = 0; i < sizes_.n; ++i) {
    whole = whole && view_.strides[i] % view_.itemsize == 0;
    strides[i] = view_.strides[i] / view_.itemsize;
  }
  return whole;
}

void ArrayBuffer::copy_to(void* out, DType dtype) const {
  Dims strides;
  int64_t out_strides[kMaxDims];
  contiguous_strides(sizes_.v, sizes_.n, out_strides);
  if (native() && element_strides(strides)) {
    run_copy(out, out_strides, dtype, view_.buf, strides.v, this->dtype(), sizes_.v, sizes_.n);
    return;
  }
  // Elements of no dtype here, or not aligned: through the widest of their kind.
  bool floating = category_ == 'f' || is_float(dtype);
  TensorRef staged = TensorImpl::empty(floating ? DType::kFloat64 : DType::kInt64, sizes_);
  auto* doubles = reinterpret_cast<double*>(staged->mut_data());
  auto* ints = reinterpret_cast<int64_t*>(staged->mut_data());
  for_each(static_cast<const char*>(view_.buf), view_, 0, [&](const char* at) {
    if (floating)
      *doubles++ = read_double(at, category_, size_);
    else
      *ints++ = read_int(at, category_, size_);
  });
  run_copy(out, out_strides, dtype, staged->data(), staged->strides(), staged->dtype(), sizes_.v,
           sizes_.n);
}

TensorRef ArrayBuffer::share() {
  DType type = dtype();
  int64_t last = 0;
  for (int i = 0; i < sizes_.n; ++i) {
    check(view_.strides[i] >= 0, ErrorKind::kValue,
          "At least one stride in the given numpy array is negative, and tensors with negative "
          "strides are not currently supported. (You can probably work around this by making a "
          "copy of your array  with array.copy().) ");
    check(view_.strides[i] % view_.itemsize == 0, ErrorKind::kValue,
          "given numpy array strides not a multiple of the element byte size. Copy the numpy array "
          "to reallocate the memory.");
    last += view_.strides[i] * (sizes_[i] - 1);
  }
  check(aligned(view_.buf, size_), ErrorKind::kValue,
        "the given numpy array is not aligned to its element size. Copy the numpy array to "
        "reallocate the memory.");
  static bool warned = false;
  if (view_.readonly)
    warn_user_once(
        warned,
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. "
        "This means writing to this tensor will result in undefined behavior. You may want to copy "
        "the array to protect its data or make it writable before converting it to a tensor. This "
        "type of warning will be suppressed for the rest of this program.");
  Dims strides;
  element_strides(strides);
  bool empty = checked_numel(sizes_.v, sizes_.n) == 0;
  size_t bytes = empty ? 0 : static_cast<size_t>(last) + size_;
  Ref<Storage> storage = adopt_buffer(view_, view_.buf, bytes);
  view_.obj = nullptr;  // the storage's now
  return TensorImpl::alias(storage, type, sizes_, strides.v, 0);
}

Ref<Storage> adopt_buffer(const Py_buffer& view, void* start, size_t bytes) {
  return Storage::adopt(start, bytes, new Py_buffer(view), release_view, !view.readonly);
}

}  // namespace rl::python

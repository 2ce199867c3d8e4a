// tensor() and as_tensor(): nested sequences, numbers, arrays and tensors become a Tensor.
#include "python/conversions.h"

#include <cmath>

#include "graph/grad_mode.h"
#include "graph/tensor_math.h"
#include "kernels/iterator.h"
#include "python/stories.h"
#include "python/tensor_type.h"

namespace rl::python {

namespace {

bool is_text(PyObject* object) { return PyUnicode_Check(object) || PyBytes_Check(object); }

bool is_plain_number(PyObject* object) {
  return PyFloat_CheckExact(object) || PyLong_CheckExact(object) || PyBool_Check(object);
}

bool is_sequence(PyObject* object) {
  if (is_plain_number(object)) return false;
  if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) return true;
  if (is_tensor(object)) return false;
  if (is_numpy_scalar(object) && !is_text(object)) return false;
  return PySequence_Check(object);
}

[[noreturn, gnu::cold]] void fail_too_deep(PyObject* object) {
  fail(ErrorKind::kValue, "too many dimensions '", Py_TYPE(object)->tp_name, "'");
}

// The shape that the first elements promise; a tensor among them counts as one number.
Dims infer_sizes(PyObject* data) {
  Dims sizes;
  PyRef current = PyRef::borrow(data);
  while (is_sequence(current.get())) {
    Py_ssize_t n = PySequence_Size(current.get());
    if (n < 0) throw_python();
    if (sizes.n == kMaxDims) fail_too_deep(current.get());
    sizes.push(n);
    if (n == 0) break;
    PyRef first(PySequence_GetItem(current.get(), 0));
    if (!first) {
      if (!PyErr_ExceptionMatches(PyExc_Exception)) throw_python();
      PyErr_Clear();
      fail(ErrorKind::kValue, "could not determine the shape of object type '",
           Py_TYPE(current.get())->tp_name, "'");
    }
    current = std::move(first);
  }
  return sizes;
}

DType infer_dtype(PyObject* object, int depth);

DType infer_sequence(PyObject* sequence, int depth) {
  PyRef fast(PySequence_Fast(sequence, "not a sequence"));
  if (!fast) throw_python();
  if (PySequence_Fast_GET_SIZE(fast.get()) == 0) return default_dtype();
  DType result = DType::kBool;
  // The size is read anew each time: an element's code may change the list.
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast.get()); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(fast.get(), i);
    DType one;
    if (PyFloat_CheckExact(item))
      one = default_dtype();
    else if (PyLong_CheckExact(item))
      one = DType::kInt64;
    else
      one = infer_dtype(PyRef::borrow(item).get(), depth + 1);
    result = promote(result, one);
  }
  return result;
}

DType infer_dtype(PyObject* object, int depth) {
  if (depth > kMaxDims) fail_too_deep(object);
  if (PyFloat_CheckExact(object)) return default_dtype();
  if (PyBool_Check(object)) return DType::kBool;
  if (PyLong_CheckExact(object)) return DType::kInt64;
  if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) return infer_sequence(object, depth);
  if (is_tensor(object)) return impl_of(object)->dtype();
  if (is_text(object))
    fail(ErrorKind::kType, "new(): invalid data type '", Py_TYPE(object)->tp_name, "'");
  if (is_ndarray(object) || is_numpy_scalar(object)) return ArrayBuffer(object).dtype();
  if (PyFloat_Check(object)) return default_dtype();
  if (PyLong_Check(object)) return DType::kInt64;
  if (PySequence_Check(object)) return infer_sequence(object, depth);
  fail(ErrorKind::kRuntime, "Could not infer dtype of ", Py_TYPE(object)->tp_name);
}

// --- storing

[[gnu::cold]] PyRef number_of_tensor(PyObject* tensor, bool integer) {
  TensorImpl* t = impl_of(tensor);
  if (integer) {
    check(t->numel() == 1 && !is_float(t->dtype()), ErrorKind::kType,
          "only integer tensors of a single element can be converted to an index");
  } else {
    check(t->numel() == 1, ErrorKind::kValue,
          "only one element tensors can be converted to Python scalars\n"
          "  fix: torch.stack(tensors) makes one tensor of several.");
    if (t->requires_grad())
      warn_user(
          "Converting a tensor with requires_grad=True to a scalar may lead to unexpected "
          "behavior.\n"
          "Consider using tensor.detach() first.");
  }
  note_number(t);
  return PyRef(checked(item_of(t)));
}

double to_double(PyObject* object) {
  PyRef number;
  if (is_tensor(object)) {
    number = number_of_tensor(object, false);
    object = number.get();
  }
  double value = PyFloat_AsDouble(object);
  if (value == -1.0 && PyErr_Occurred()) throw_python();
  return value;
}

int64_t to_int64(PyObject* object) {
  if (PyFloat_Check(object)) {
    double value = PyFloat_AS_DOUBLE(object);
    check(value >= -0x1p63 && value < 0x1p63, ErrorKind::kRuntime,
          "value cannot be converted to type int64 without overflow");
    return static_cast<int64_t>(value);
  }
  PyRef number =
      is_tensor(object) ? number_of_tensor(object, true) : PyRef(checked(PyNumber_Index(object)));
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  check(!overflow, ErrorKind::kValue, "Overflow when unpacking long long");
  if (value == -1 && PyErr_Occurred()) throw_python();
  return value;
}

bool to_bool(PyObject* object) {
  PyRef number;
  if (!PyFloat_Check(object) && !is_numpy_scalar(object))
    number =
        is_tensor(object) ? number_of_tensor(object, true) : PyRef(checked(PyNumber_Index(object)));
  int truth = PyObject_IsTrue(number ? number.get() : object);
  checked(truth);
  return truth;
}

// An unsigned type takes the negatives of what it holds.
template <class T>
T to_small_int(PyObject* object) {
  using Limits = std::numeric_limits<T>;
  int64_t value = to_int64(object);
  int64_t low = Limits::is_signed ? Limits::min() : -int64_t{Limits::max()};
  check(value >= low && value <= Limits::max(), ErrorKind::kRuntime,
        "value cannot be converted to type ", dtype_name(dtype_of<T>()), " without overflow");
  return static_cast<T>(value);
}

template <class T>
T to_element(PyObject* object) {
  if constexpr (std::is_same_v<T, bool>)
    return to_bool(object);
  else if constexpr (std::is_same_v<T, int64_t>)
    return to_int64(object);
  else if constexpr (kIsInt<T>)
    return to_small_int<T>(object);
  else
    return static_cast<T>(to_double(object));
}

// Writes a nested sequence into contiguous memory of known sizes.
template <class T>
class Writer {
 public:
  Writer(const Dims& sizes, T* out) : sizes_(sizes), out_(out) {}

  void write(PyObject* object, int dim) {
    if (dim == sizes_.n) {
      *out_++ = to_element<T>(object);
      return;
    }
    if (write_array(object, dim)) return;
    PyRef fast(PySequence_Fast(object, "not a sequence"));
    if (!fast) throw_python();
    int64_t n = PySequence_Fast_GET_SIZE(fast.get());
    check_length(n, dim);
    if (dim + 1 == sizes_.n)
      write_row(fast.get(), n, dim);
    else
      for (int64_t i = 0; i < n; ++i) write(item(fast.get(), i, dim).get(), dim + 1);
  }

 private:
  void check_length(int64_t n, int dim) {
    check(n == sizes_[dim], ErrorKind::kValue, "expected sequence of length ", sizes_[dim],
          " at dim ", dim, " (got ", n, ")");
  }

  // An element's code may have shortened the list since its length was checked.
  PyRef item(PyObject* fast, int64_t i, int dim) {
    if (i >= PySequence_Fast_GET_SIZE(fast)) check_length(PySequence_Fast_GET_SIZE(fast), dim);
    return PyRef::borrow(PySequence_Fast_GET_ITEM(fast, i));
  }

  void write_row(PyObject* fast, int64_t n, int dim) {
    T* out = out_;
    for (int64_t i = 0; i < n; ++i) {
      PyRef object = item(fast, i, dim);
      if constexpr (std::is_floating_point_v<T>) {
        if (PyFloat_CheckExact(object.get())) [[likely]] {
          out[i] = static_cast<T>(PyFloat_AS_DOUBLE(object.get()));
          continue;
        }
      }
      out[i] = to_element<T>(object.get());
    }
    out_ += n;
  }

  bool rest_equals(const int64_t* sizes, int n, int dim) {
    return same_sizes(sizes, n, sizes_.v + dim, sizes_.n - dim);
  }

  // A whole array or tensor of the shape that is due here.
  bool write_array(PyObject* object, int dim) {
    if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) return false;
    if (is_tensor(object)) {
      TensorImpl* t = impl_of(object);
      if (!rest_equals(t->sizes(), t->ndim(), dim)) return false;
      int64_t strides[kMaxDims];
      contiguous_strides(t->sizes(), t->ndim(), strides);
      run_copy(out_, strides, dtype_of<T>(), t->data(), t->strides(), t->dtype(), t->sizes(),
               t->ndim());
      out_ += t->numel();
      return true;
    }
    if (!is_ndarray(object)) return false;
    ArrayBuffer array(object);
    if (!rest_equals(array.sizes().v, array.sizes().n, dim)) return false;
    array.copy_to(out_, dtype_of<T>());
    out_ += checked_numel(array.sizes().v, array.sizes().n);
    return true;
  }

  const Dims& sizes_;
  T* out_;
};

TensorRef from_nested(PyObject* data, const DType* wanted) {
  Dims sizes = infer_sizes(data);
  DType dtype = wanted ? *wanted : infer_dtype(data, 0);
  TensorRef t = TensorImpl::empty(dtype, sizes);
  if (t->numel() == 0) return t;
  dispatch_dtype(dtype, [&](auto type) {
    using T = decltype(type);
    Writer<T>(sizes, reinterpret_cast<T*>(t->mut_data())).write(data, 0);
  });
  return t;
}

TensorRef copy_of(TensorImpl* from, DType dtype) {
  TensorRef t = TensorImpl::empty(dtype, from->shape());
  run_copy(t->mut_data(), t->strides(), dtype, from->data(), from->strides(), from->dtype(),
           from->sizes(), from->ndim());
  return t;
}

TensorRef copy_of_array(PyObject* array, const DType* wanted) {
  ArrayBuffer buffer(array);
  TensorRef t = TensorImpl::empty(wanted ? *wanted : buffer.dtype(), buffer.sizes());
  buffer.copy_to(t->mut_data(), t->dtype());
  return t;
}

// What numpy.asarray() makes of an object that offers itself as an array; null for other objects.
PyRef offered_array(PyObject* data) {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(data));
  if (!PyObject_HasAttrString(type, "__array__") &&
      !PyObject_HasAttrString(data, "__array_interface__"))
    return {};
  PyRef numpy(checked(PyImport_ImportModule("numpy")));
  return PyRef(checked(PyObject_CallMethod(numpy.get(), "asarray", "O", data)));
}

// A tensor over the memory of an object that offers DLPack; null for other objects.
TensorRef offered_tensor(PyObject* data) {
  if (is_text(data) || !PyObject_HasAttrString(data, "__dlpack__")) return {};
  PyRef module(checked(PyImport_ImportModule("rushlight.utils.dlpack")));
  PyRef made(checked(PyObject_CallMethod(module.get(), "from_dlpack", "O", data)));
  check(is_tensor(made.get()), ErrorKind::kType, "from_dlpack() gave no Tensor");
  return TensorRef::borrow(impl_of(made.get()));
}

TensorRef from_data(PyObject* data, const DType* wanted) {
  if (is_plain_number(data) || PyList_CheckExact(data) || PyTuple_CheckExact(data)) [[likely]]
    return from_nested(data, wanted);
  if (is_tensor(data)) {
    TensorImpl* from = impl_of(data);
    return copy_of(from, wanted ? *wanted : from->dtype());
  }
  if (is_text(data))
    fail(ErrorKind::kType, "new(): invalid data type '", Py_TYPE(data)->tp_name, "'");
  if (is_ndarray(data) || is_numpy_scalar(data)) return copy_of_array(data, wanted);
  if (TensorRef from = offered_tensor(data))
    return copy_of(from.get(), wanted ? *wanted : from->dtype());
  if (PyRef array = offered_array(data)) return copy_of_array(array.get(), wanted);
  return from_nested(data, wanted);
}

// --- functions of the module

PyObject* py_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    constexpr Parameters parameters = {
        "tensor", 1, 1, 5, {"data", "dtype", "device", "requires_grad", "pin_memory"}};
    PyObject* given[5];
    parse_arguments(parameters, args, nargs, kwnames, given);
    DType dtype;
    bool typed = dtype_argument("tensor", given[1], &dtype);
    device_argument("tensor", given[2]);
    bool requires_grad = bool_argument("tensor", "requires_grad", given[3], false);
    check(!bool_argument("tensor", "pin_memory", given[4], false), ErrorKind::kRuntime,
          "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory "
          "allocator is available on this system.");
    if (is_tensor(given[0]))
      warn_user(
          "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() "
          "or sourceTensor.detach().clone().requires_grad_(True), rather than "
          "torch.tensor(sourceTensor).");
    TensorRef made = from_data(given[0], typed ? &dtype : nullptr);
    if (is_tensor(given[0])) {
      const TensorImpl* from = impl_of(given[0]);
      if (from->requires_grad())
        made->set_cut(Cut::kCopied, Site::capture());
      else
        made->set_cut_as(*from);
    }
    return wrap(finish_tensor(std::move(made), requires_grad));
  });
}

PyObject* py_as_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    constexpr Parameters parameters = {"as_tensor", 1, 1, 3, {"data", "dtype", "device"}};
    PyObject* given[3];
    parse_arguments(parameters, args, nargs, kwnames, given);
    PyObject* data = given[0];
    DType dtype;
    bool typed = dtype_argument("as_tensor", given[1], &dtype);
    device_argument("as_tensor", given[2]);
    if (is_tensor(data)) {
      TensorImpl* t = impl_of(data);
      if (!typed || t->dtype() == dtype) return Py_NewRef(data);
      return wrap(tensor_math.cast(t, dtype));
    }
    if (is_ndarray(data)) {
      ArrayBuffer array(data);
      if (!typed || array.dtype() == dtype) return wrap(finish_tensor(array.share(), false));
    } else if (TensorRef from = offered_tensor(data)) {
      if (!typed || from->dtype() == dtype) return wrap(std::move(from));
    }
    return wrap(finish_tensor(from_data(data, typed ? &dtype : nullptr), false));
  });
}

PyObject* py_positive(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    constexpr Parameters parameters = {"positive", 1, 1, 1, {"input"}};
    PyObject* input;
    parse_arguments(parameters, args, nargs, kwnames, &input);
    check(is_tensor(input), ErrorKind::kType,
          "positive(): argument 'input' (position 1) must be Tensor, not ",
          Py_TYPE(input)->tp_name);
    return positive_of(input);
  });
}

bool g_warn_always = false;

PyObject* set_warn_always(PyObject*, PyObject* on) {
  return guarded([&]() -> PyObject* {
    check(PyBool_Check(on), ErrorKind::kRuntime, "setWarnOnlyOnce expects a bool, but got ",
          Py_TYPE(on)->tp_name);
    g_warn_always = on == Py_True;
    Py_RETURN_NONE;
  });
}

PyObject* is_warn_always_enabled(PyObject*, PyObject*) { return PyBool_FromLong(g_warn_always); }

PyMethodDef kFunctions[] = {
    {"positive", method(py_positive), METH_FASTCALL | METH_KEYWORDS,
     "positive(input)\n--\n\nThe tensor itself.\n\nRaises: RuntimeError for bool."},
    {"set_warn_always", set_warn_always, METH_O,
     "set_warn_always(b)\n--\n\nWhether warnings that come once in a process come each time."},
    {"is_warn_always_enabled", is_warn_always_enabled, METH_NOARGS,
     "Whether set_warn_always(True) was called."},
    {"tensor", method(py_tensor), METH_FASTCALL | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False)\n--\n\n"
     "A new leaf tensor with a copy of the data.\n\n"
     "data: number, nested sequence of numbers, NumPy array or tensor.\n"
     "dtype: of the elements; by default what the data are: float (the default dtype), int64 or "
     "bool.\n"
     "Raises: ValueError where rows differ in length, TypeError for data that are no numbers."},
    {"as_tensor", method(py_as_tensor), METH_FASTCALL | METH_KEYWORDS,
     "as_tensor(data, *, dtype=None, device=None)\n--\n\n"
     "The data as a tensor: a tensor itself, the memory of a NumPy array, else a copy.\n\n"
     "Raises: as tensor()."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

TensorRef finish_tensor(TensorRef t, bool requires_grad) {
  check(!requires_grad || is_float(t->dtype()), ErrorKind::kRuntime,
        "Only Tensors of floating point and complex dtype can require gradients");
  if (inference_enabled()) t->set_inference();
  if (requires_grad) t->set_requires_grad(true);
  return t;
}

bool dtype_argument(const char* function, PyObject* object, DType* dtype) {
  if (!object || object == Py_None) return false;
  if (!is_dtype(object))
    fail(ErrorKind::kType, function, "(): argument 'dtype' must be torch.dtype, not ",
         Py_TYPE(object)->tp_name);
  *dtype = dtype_value(object);
  return true;
}

void device_argument(const char* function, PyObject* object) {
  if (object) check_device(object, function);
}

void warn_user(const char* text) {
  checked(PyErr_WarnEx(PyExc_UserWarning, text, user_stack_level()));
}

void warn_user_once(bool& warned, const char* text) {
  if (warned && !g_warn_always) return;
  warned = warned || !g_warn_always;
  warn_user(text);
}

TensorRef tensor_from_data(PyObject* data, PyObject* dtype) {
  DType wanted;
  bool typed = dtype_argument("tensor", dtype, &wanted);
  return finish_tensor(from_data(data, typed ? &wanted : nullptr), false);
}

bool init_conversions(PyObject* module) {
  return init_numpy_bridge(module) && init_to_python(module) && init_dlpack(module) &&
         init_storage_type(module) && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

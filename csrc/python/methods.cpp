// Methods of Tensor that are not ops: geometry, flags, conversions, memory.
#include <utility>

#include "graph/grad_mode.h"
#include "graph/view.h"
#include "ops/copy.h"
#include "ops/shape.h"
#include "ops/table.h"
#include "python/autograd.h"
#include "python/parse_errors.h"
#include "python/stories.h"
#include "python/subclass.h"
#include "python/tensor_type.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{"size", 1, 0, 1, {"dim"}};
    PyObject* dim = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &dim);
    TensorImpl* t = impl_of(self);
    if (!dim || dim == Py_None) return make_size(t->sizes(), t->ndim());
    int64_t d = PyLong_AsLongLong(dim);
    if (d == -1 && PyErr_Occurred()) throw_python();
    check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", d,
          " but tensor has no dimensions");
    return PyLong_FromLongLong(t->sizes()[wrap_dim(d, t->ndim())]);
  });
}

PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{"stride", 1, 0, 1, {"dim"}};
    PyObject* dim = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &dim);
    TensorImpl* t = impl_of(self);
    if (dim && dim != Py_None) {
      int64_t d = PyLong_AsLongLong(dim);
      if (d == -1 && PyErr_Occurred()) throw_python();
      return PyLong_FromLongLong(t->strides()[wrap_dim(d, t->ndim())]);
    }
    PyRef tuple(checked(PyTuple_New(t->ndim())));
    for (int d = 0; d < t->ndim(); ++d)
      PyTuple_SET_ITEM(tuple.get(), d, checked(PyLong_FromLongLong(t->strides()[d])));
    return tuple.release();
  });
}

PyObject* dim(PyObject* self, PyObject*) { return PyLong_FromLong(impl_of(self)->ndim()); }
PyObject* numel(PyObject* self, PyObject*) { return PyLong_FromLongLong(impl_of(self)->numel()); }
PyObject* element_size(PyObject* self, PyObject*) {
  return PyLong_FromSize_t(item_size(impl_of(self)->dtype()));
}
PyObject* storage_offset(PyObject* self, PyObject*) {
  return PyLong_FromLongLong(impl_of(self)->offset());
}
PyObject* data_ptr(PyObject* self, PyObject*) {
  TensorImpl* t = impl_of(self);
  return PyLong_FromVoidPtr(t->numel() ? t->mut_data() : nullptr);
}
PyObject* is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{"is_contiguous", 0, 0, 1, {"memory_format"}};
    PyObject* format = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &format);
    Value asked;
    check(!format || convert_memory_format(format, &asked), ErrorKind::kType,
          "is_contiguous(): argument 'memory_format' must be torch.memory_format, not ",
          format ? Py_TYPE(format)->tp_name : "");
    return PyBool_FromLong(impl_of(self)->is_contiguous());
  });
}
PyObject* is_never(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* is_floating_point(PyObject* self, PyObject*) {
  return PyBool_FromLong(is_float(impl_of(self)->dtype()));
}
PyObject* is_complex(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* is_inference(PyObject* self, PyObject*) {
  return PyBool_FromLong(impl_of(self)->is_inference());
}
PyObject* is_view(PyObject* self, PyObject*) { return PyBool_FromLong(impl_of(self)->is_view()); }
PyObject* item(PyObject* self, PyObject*) {
  return guarded([&] {
    note_number(impl_of(self));
    return item_of(impl_of(self));
  });
}
PyObject* tolist(PyObject* self, PyObject*) {
  return guarded([&] {
    note_number(impl_of(self));
    return tolist_of(impl_of(self));
  });
}

PyObject* numpy(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static constexpr Parameters kParameters{"numpy", 0, 0, 1, {"force"}};
    PyObject* force = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &force);
    return numpy_of(self, bool_argument("numpy", "force", force, false));
  });
}

// NumPy's protocol: np.asarray(t) shares memory where dtype allows it.
PyObject* array(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    PyObject *dtype = Py_None, *copy = Py_None;
    static const char* names[] = {"dtype", "copy", nullptr};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", const_cast<char**>(names), &dtype, &copy))
      throw_python();
    PyRef made(numpy_of(self, false));
    if (dtype == Py_None)
      return copy == Py_True ? PyObject_CallMethod(made.get(), "copy", nullptr) : made.release();
    PyRef astype(checked(PyObject_GetAttrString(made.get(), "astype")));
    PyRef positional(checked(PyTuple_Pack(1, dtype)));
    PyRef options(checked(Py_BuildValue("{s:O}", "copy", copy == Py_True ? Py_True : Py_False)));
    PyRef result(checked(PyObject_Call(astype.get(), positional.get(), options.get())));
    check(copy != Py_False || result.get() == made.get(), ErrorKind::kValue,
          "Unable to avoid copy while creating an array as requested.\n  fix: ask for the tensor's "
          "own dtype, or leave out copy=False.");
    return result.release();
  });
}

PyObject* requires_grad_(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static constexpr Parameters kParameters{"requires_grad_", 1, 0, 1, {"requires_grad"}};
    PyObject* on = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &on);
    change_requires_grad(self,
                         bool_argument("requires_grad_", "requires_grad", on, true, n ? 1 : 0),
                         "only Tensors of floating point dtype can require gradients", false);
    return Py_NewRef(self);
  });
}

PyObject* detach_(PyObject* self, PyObject*) {
  return guarded([&] {
    TensorImpl* t = impl_of(self);
    check(!t->is_view(), ErrorKind::kRuntime,
          "Can't detach views in-place. Use detach() instead. If you are using "
          "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as True, "
          "gradients are views of DDP buckets, and hence detach_() cannot be called on these "
          "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
          "torch/optim/optimizer.py as the solution.");
    if (t->is_leaf())
      t->set_requires_grad(false);
    else
      t->set_grad_fn(nullptr, 0);
    t->set_cut(Cut::kDetach, Site::capture());
    return Py_NewRef(self);
  });
}

// The tensor itself where nothing changes, else a copy. `format`: true for row-major.
TensorRef converted(TensorImpl* t, DType dtype, bool copy, const Value& format = Value::none()) {
  if (t->dtype() == dtype && !copy) return TensorRef::borrow(t);
  return call_op(op_of<ops::ToCopy>(), {Value::of(t), Value::of(dtype), format}).ref();
}

Value memory_format_argument(const char* function, PyObject* object) {
  Value format;
  check(!object || convert_memory_format(object, &format), ErrorKind::kType, function,
        "(): argument 'memory_format' must be torch.memory_format, not ",
        object ? Py_TYPE(object)->tp_name : "");
  return format;
}

constexpr const char* kCastNames[kDTypes] = {"bool", "byte", "char",     "short", "int",
                                             "long", "half", "bfloat16", "float", "double"};

template <DType kType>
PyObject* cast(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    if (n == 0 && !kwnames) return wrap(converted(impl_of(self), kType, false));
    constexpr const char* kName = kCastNames[static_cast<int>(kType)];
    static constexpr Parameters kParameters{kName, 0, 0, 1, {"memory_format"}};
    PyObject* format = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &format);
    return wrap(converted(impl_of(self), kType, false, memory_format_argument(kName, format)));
  });
}

// The arguments of to(): a dtype, a device and a dtype, or a tensor; then non_blocking and copy.
struct ToArguments {
  DType dtype;
  bool copy = false;
  Value format;

  // False for what fits no form.
  bool take(PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
    Py_ssize_t i = 0;
    bool has_dtype = false, has_device = false;
    if (n && is_tensor(args[0])) {
      dtype = impl_of(args[0])->dtype();
      has_dtype = has_device = true;
      i = 1;
    } else if (n && take_dtype(args[0])) {
      has_dtype = has_device = true;  // no device follows
      i = 1;
    } else if (n && take_device(args[0])) {
      has_device = true;
      i = 1;
      if (n > 1 && (args[1] == Py_None || take_dtype(args[1]))) {
        has_dtype = true;
        i = 2;
      }
    }
    for (int flag = 0; i < n; ++i, ++flag) {
      if (flag > 1 || !PyBool_Check(args[i])) return false;
      if (flag == 1) copy = args[i] == Py_True;
    }
    for (Py_ssize_t k = 0, count = kwnames ? PyTuple_GET_SIZE(kwnames) : 0; k < count; ++k) {
      std::string name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k));
      PyObject* value = args[n + k];
      bool fits = true;
      if (name == "dtype")
        fits = !std::exchange(has_dtype, true) && (value == Py_None || take_dtype(value));
      else if (name == "device")
        fits = !std::exchange(has_device, true) && take_device(value);
      else if (name == "copy")
        copy = bool_argument("to", "copy", value, false);
      else if (name == "memory_format")
        format = memory_format_argument("to", value);
      else
        fits = name == "non_blocking" && PyBool_Check(value);
      if (!fits) return false;
    }
    return true;
  }

 private:
  bool take_dtype(PyObject* value) {
    if (!is_dtype(value)) return false;
    dtype = dtype_value(value);
    return true;
  }
  bool take_device(PyObject* value) {
    if (value == Py_None) return true;
    if (!is_device(value) && !PyUnicode_Check(value) && !PyLong_CheckExact(value)) return false;
    check_device(value);
    return true;
  }
};

PyObject* to(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    TensorImpl* t = impl_of(self);
    ToArguments asked{.dtype = t->dtype(), .copy = false, .format = Value::none()};
    check(asked.take(args, n, kwnames), ErrorKind::kType,
          "to() received an invalid combination of arguments - got ",
          describe_arguments(nullptr, args, n, kwnames),
          ", but expected one of:\n * (torch.device device = None, torch.dtype dtype = None, bool "
          "non_blocking = False, bool copy = False, *, torch.memory_format memory_format = None)\n "
          "* (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
          "torch.memory_format memory_format = None)\n * (Tensor tensor, bool non_blocking = "
          "False, bool copy = False, *, torch.memory_format memory_format = None)");
    return wrap(converted(t, asked.dtype, asked.copy, asked.format));
  });
}

PyObject* same(PyObject* self, PyObject* const*, Py_ssize_t, PyObject*) { return Py_NewRef(self); }

PyObject* to_cuda(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyRef name(checked(PyUnicode_FromString("cuda")));
    check_device(name.get());
    Py_RETURN_NONE;
  });
}

PyObject* type(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{"type", 1, 0, 2, {"dtype", "non_blocking"}};
    PyObject* values[2] = {};
    parse_arguments(kParameters, args, n, kwnames, values);
    TensorImpl* t = impl_of(self);
    if (!values[0] || values[0] == Py_None)
      return PyUnicode_FromString(dtype_tensor_type(t->dtype()));
    if (PyType_Check(values[0])) {
      if (values[0] == reinterpret_cast<PyObject*>(tensor_type))
        return wrap(converted(t, default_dtype(), false));
      PyRef dtype(PyObject_GetAttrString(values[0], "dtype"));  // a tensor type has it
      if (!dtype.get()) PyErr_Clear();
      check(dtype.get() && is_dtype(dtype.get()), ErrorKind::kValue, "invalid type: '",
            reinterpret_cast<PyTypeObject*>(values[0])->tp_name, "'");
      return wrap(converted(t, dtype_value(dtype.get()), false));
    }
    if (is_dtype(values[0])) return wrap(converted(t, dtype_value(values[0]), false));
    check(PyUnicode_Check(values[0]), ErrorKind::kType,
          "dtype must be a type, str, or dtype object");
    const char* wanted = PyUnicode_AsUTF8(values[0]);
    for (int i = 0; wanted && i < kDTypes; ++i)
      if (std::strcmp(wanted, dtype_tensor_type(static_cast<DType>(i))) == 0)
        return wrap(converted(t, static_cast<DType>(i), false));
    fail(ErrorKind::kValue, "invalid type: '", wanted ? wanted : "?", "'");
  });
}

PyObject* resize_(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    (void)kwnames;
    TensorImpl* t = impl_of(self);
    check(!t->requires_grad(), ErrorKind::kRuntime, "cannot resize variables that require grad");
    Dims sizes;
    Unpacking failed;
    bool list = n == 1 && !PyLong_Check(args[0]);
    bool ok = list ? parse_dims(args[0], &sizes, &failed) : parse_row(args, n, &sizes, &failed);
    if (failed.at) fail_unpacking("resize_", "size", failed);
    check(ok, ErrorKind::kType, "resize_(): argument 'size' must be tuple of ints");
    for (int64_t s : sizes)
      check(s >= 0, ErrorKind::kRuntime, "Trying to resize to a negative size: ", shown(sizes));
    if (t->shape() == sizes) return Py_NewRef(self);
    resize_tensor(t, sizes);
    t->bump_version();
    return Py_NewRef(self);
  });
}

PyObject* positive(PyObject* self, PyObject*) {
  return guarded([&] { return positive_of(self); });
}

PyObject* get_device(PyObject*, PyObject*) { return PyLong_FromLong(-1); }

// The slot serves hash(); this one words the complaint about arguments.
PyObject* hash(PyObject* self, PyObject* args) {
  return guarded([&] {
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    check(n == 0, ErrorKind::kType, "Tensor.__hash__() takes 1 positional argument but ", n + 1,
          " were given");
    return PyLong_FromSsize_t(tensor_type->tp_hash(self));  // a subclass's would come back here
  });
}

constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef kMethods[] = {
    {"backward", method(tensor_backward), kFast,
     "backward($self, gradient=None, retain_graph=None, create_graph=False, inputs=None)\n--\n\n"
     "Adds the gradient of this tensor to .grad of the leaves it was computed from."},
    {"size", method(size), kFast,
     "size($self, dim=None)\n--\n\nSizes of all dimensions, or of one."},
    {"stride", method(stride), kFast, "stride($self, dim=None)\n--\n\nSteps in elements."},
    {"dim", dim, METH_NOARGS, "Number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "Number of dimensions."},
    {"numel", numel, METH_NOARGS, "Number of elements."},
    {"nelement", numel, METH_NOARGS, "Number of elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", storage_offset, METH_NOARGS, "Place of the first element in the memory."},
    {"data_ptr", data_ptr, METH_NOARGS, "Address of the first element."},
    {"is_contiguous", method(is_contiguous), kFast,
     "is_contiguous($self, *, memory_format=torch.contiguous_format)\n--\n\nRow-major without "
     "gaps."},
    {"is_pinned", is_never, METH_NOARGS, "False: there is no pinned memory."},
    {"is_shared", is_never, METH_NOARGS, "False: no memory is shared between processes."},
    {"is_floating_point", is_floating_point, METH_NOARGS, "Whether the dtype is a float."},
    {"is_complex", is_complex, METH_NOARGS, "Whether the dtype is complex."},
    {"is_inference", is_inference, METH_NOARGS, "Made in inference mode."},
    {"_is_view", is_view, METH_NOARGS, "Whether it looks at another tensor's memory."},
    {"item", item, METH_NOARGS, "The Python number of a one-element tensor."},
    {"tolist", tolist, METH_NOARGS, "Nested lists of Python numbers."},
    {"numpy", method(numpy), kFast,
     "numpy($self, *, force=False)\n--\n\nA NumPy array over the same memory."},
    {"__array__", method(array), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"requires_grad_", method(requires_grad_), kFast,
     "requires_grad_($self, requires_grad=True)\n--\n\nTurns recording on or off, in place."},
    {"detach_", detach_, METH_NOARGS, "Forgets the history, in place."},
    {"retain_grad", tensor_retain_grad, METH_NOARGS, "Keeps .grad of a tensor that is no leaf."},
    {"to", method(to), kFast, "Another dtype or device; the tensor itself when nothing changes."},
    {"float", method(cast<DType::kFloat32>), kFast, "to(float32)"},
    {"double", method(cast<DType::kFloat64>), kFast, "to(float64)"},
    {"long", method(cast<DType::kInt64>), kFast, "to(int64)"},
    {"bool", method(cast<DType::kBool>), kFast, "to(bool)"},
    {"byte", method(cast<DType::kUInt8>), kFast, "to(uint8)"},
    {"char", method(cast<DType::kInt8>), kFast, "to(int8)"},
    {"short", method(cast<DType::kInt16>), kFast, "to(int16)"},
    {"int", method(cast<DType::kInt32>), kFast, "to(int32)"},
    {"half", method(cast<DType::kFloat16>), kFast, "to(float16)"},
    {"bfloat16", method(cast<DType::kBFloat16>), kFast, "to(bfloat16)"},
    {"cpu", method(same), kFast, "The tensor itself: it is on the CPU."},
    {"cuda", method(to_cuda), kFast, "Refuses: there is no GPU."},
    {"type", method(type), kFast, "The type's name, or a conversion to it."},
    {"resize_", method(resize_), kFast, "Other sizes, in place; new elements are uninitialised."},
    {"positive", positive, METH_NOARGS, "The tensor itself; refuses bool."},
    {"get_device", get_device, METH_NOARGS, "-1: the CPU."},
    {"__hash__", hash, METH_VARARGS | METH_COEXIST, "By identity."},
    {"as_subclass", method(as_subclass), kFast,
     "as_subclass($self, cls)\n--\n\nThe same memory and history under another class."},
    {"_make_subclass", method(make_subclass), kFast | METH_STATIC,
     "_make_subclass(cls, data, require_grad=False)\n--\n\nA leaf of class cls over the memory of "
     "data."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void resize_tensor(TensorImpl* t, const Dims& sizes) {
  if (same_sizes(t->sizes(), t->ndim(), sizes.v, sizes.n)) return;
  int64_t strides[kMaxDims];
  contiguous_strides(sizes.v, sizes.n, strides);
  size_t bytes;
  bool overflow = __builtin_add_overflow(checked_numel(sizes.v, sizes.n), t->offset(), &bytes) ||
                  __builtin_mul_overflow(bytes, item_size(t->dtype()), &bytes) || bytes > INT64_MAX;
  check(!overflow, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(sizes));
  if (bytes > t->storage()->bytes()) {
    check(t->storage()->resizable(), ErrorKind::kRuntime,
          "Trying to resize storage that is not resizable");
    t->storage()->resize(bytes);
  }
  t->set_geometry(sizes, strides, t->offset());
}

void copy_into_tensor(TensorImpl* to, TensorImpl* from) {
  Call call(op_of<ops::Copy>());
  call.args[0] = Value::of(to);
  call.args[1] = Value::of(from);
  call.args[2] = Value::of_bool(false);
  call.target = to;
  dispatch(call);
}

PyObject* positive_of(PyObject* tensor) {
  check(impl_of(tensor)->dtype() != DType::kBool, ErrorKind::kRuntime,
        "The `+` operator, on a bool tensor is not supported.");
  return Py_NewRef(tensor);
}

PyMethodDef* tensor_methods() { return kMethods; }

}  // namespace rl::python

// Tensor(2, 3), Tensor([1., 2.]), Tensor(tensor), Tensor(): the constructor, for subclasses too.
#include "ops/index.h"
#include "ops/table.h"
#include "python/parse.h"
#include "python/tensor_type.h"
#include "python/types.h"

namespace rl::python {

namespace {

// The names that PyTorch's forms of the constructor give to its one argument.
enum Given { kNothing, kPositional, kOther, kSize, kData };

struct Arguments {
  Given given = kNothing;
  PyObject* value = nullptr;  // the first positional one, or the keyword's
  PyObject* all;              // the positional ones
};

[[noreturn, gnu::cold]] void refuse(PyObject* args, PyObject* kwargs) {
  PyRef names(checked(kwargs ? PyDict_Keys(kwargs) : PyList_New(0)));
  PyRef keywords(checked(PyList_AsTuple(names.get())));
  std::vector<PyObject*> values(PySequence_Fast_ITEMS(args),
                                PySequence_Fast_ITEMS(args) + PyTuple_GET_SIZE(args));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords.get()); ++i)
    values.push_back(PyDict_GetItem(kwargs, PyTuple_GET_ITEM(keywords.get(), i)));
  fail(ErrorKind::kType, "new() received an invalid combination of arguments - got ",
       describe_arguments(nullptr, values.data(), PyTuple_GET_SIZE(args), keywords.get()),
       ", but expected one of:\n * (*, torch.device device = None)\n"
       " * (torch.Storage storage)\n * (Tensor other)\n"
       " * (tuple of ints size, *, torch.device device = None)\n"
       " * (object data, *, torch.device device = None)");
}

Arguments read(PyObject* args, PyObject* kwargs) {
  Arguments a;
  a.all = args;
  if (PyTuple_GET_SIZE(args)) {
    a.given = kPositional;
    a.value = PyTuple_GET_ITEM(args, 0);
  }
  if (!kwargs) return a;
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(kwargs, &at, &key, &value)) {
    const char* name = PyUnicode_AsUTF8(key);
    if (!name) throw_python();
    std::string_view word(name);
    if (word == "device") {
      if (value == Py_None) continue;
      if (!is_device(value) && !PyUnicode_Check(value) && !PyLong_CheckExact(value))
        refuse(args, kwargs);
      check_device(value);
      continue;
    }
    Given form = word == "other"  ? kOther
                 : word == "size" ? kSize
                 : word == "data" ? kData
                                  : kNothing;
    if (form == kNothing || a.given != kNothing) refuse(args, kwargs);
    a.given = form;
    a.value = value;
  }
  return a;
}

bool is_size_part(PyObject* object) {
  if (PyLong_CheckExact(object)) return true;
  return !PyBool_Check(object) && !is_tensor(object) && PyIndex_Check(object) &&
         !PySequence_Check(object);
}

TensorRef of_size(PyObject* parts) {
  Dims sizes;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(parts); ++i) {
    PyRef part = PyRef::borrow(PySequence_Fast_GET_ITEM(parts, i));
    check(is_size_part(part.get()), ErrorKind::kType,
          "new(): argument 'size' failed to unpack the ", "object at pos ", i + 1,
          " with error \"type must be tuple of ints,but got ", Py_TYPE(part.get())->tp_name, "\"");
    Py_ssize_t size = PyNumber_AsSsize_t(part.get(), PyExc_OverflowError);
    if (size == -1 && PyErr_Occurred()) throw_python();
    sizes.push(size);
  }
  for (int64_t size : sizes)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", to_string(sizes.v, sizes.n));
  return TensorImpl::empty(default_dtype(), sizes);
}

TensorRef of_data(PyObject* data) {
  bool sequence = PySequence_Check(data) || PyObject_CheckBuffer(data);
  check(sequence, ErrorKind::kType, "new(): data must be a sequence (got ", Py_TYPE(data)->tp_name,
        ")\n  fix: torch.tensor(...) makes a tensor of a number.");
  return tensor_from_data(data, dtype_object(default_dtype()));
}

TensorRef alias_of(PyObject* tensor) {
  return call_op(op_of<ops::Alias>(), {Value::of(impl_of(tensor))}).ref();
}

TensorRef make(const Arguments& a, PyObject* kwargs) {
  Py_ssize_t n = PyTuple_GET_SIZE(a.all);
  switch (a.given) {
    case kNothing: {
      int64_t zero = 0;
      return TensorImpl::empty(default_dtype(), &zero, 1);
    }
    case kOther:
      if (!is_tensor(a.value)) refuse(a.all, kwargs);
      return alias_of(a.value);
    case kSize: {
      if (!PyTuple_Check(a.value) && !PyList_Check(a.value)) refuse(a.all, kwargs);
      return of_size(a.value);
    }
    case kData:
      return of_data(a.value);
    case kPositional:
      break;
  }
  if (is_size_part(a.value)) return of_size(a.all);
  if (n > 1) refuse(a.all, kwargs);
  if (is_tensor(a.value)) return alias_of(a.value);
  return is_size(a.value) ? of_size(a.value) : of_data(a.value);
}

}  // namespace

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    TensorRef t = make(read(args, kwargs), kwargs);
    return type == tensor_type ? wrap(std::move(t)) : wrap_as(std::move(t), type);
  });
}

}  // namespace rl::python

// A function here walks a list from a place on, as far as its tensors are plain ones, and returns
// the place where it stopped: that parameter is for the Python code, which alone knows all cases.
#include "python/optimizer.h"

#include "ops/optimize.h"
#include "python/torch_function.h"
#include "python/type_tools.h"

namespace rl::python {

namespace {

PyObject* g_names[3];  // what is read and called of a parameter
PyObject* g_buffer;    // "momentum_buffer"

// Whether a parameter of this class behaves as a plain tensor: nn.Parameter does. Of the last such
// class CPython's version tag tells that it is still the same.
bool is_plain_class(PyTypeObject* type) {
  static struct {
    PyTypeObject* type;
    unsigned tag;
  } last;
  if (type == tensor_type) return true;
  if (type == last.type && type->tp_version_tag && type->tp_version_tag == last.tag) return true;
  if (!PyType_IsSubtype(type, tensor_type) || type->tp_getattro != tensor_type->tp_getattro ||
      type->tp_setattro != tensor_type->tp_setattro)
    return false;
  for (PyObject* name : g_names)
    if (_PyType_Lookup(type, name) != _PyType_Lookup(tensor_type, name)) return false;
  last = {type, type->tp_version_tag};
  return true;
}

// The plain tensor behind a parameter, or null.
TensorImpl* plain(PyObject* object) {
  return is_plain_class(Py_TYPE(object)) && (Py_TYPE(object) == tensor_type || !takes_over(object))
             ? impl_of(object)
             : nullptr;
}

bool is_plain(TensorImpl* t) {
  auto* wrapper = static_cast<PyObject*>(t->wrapper());
  return !wrapper || Py_TYPE(wrapper) == tensor_type;
}

// `step(parameter)` for each item from `start` on, until it returns false.
template <class Step>
PyObject* walk(PyObject* list, PyObject* start, Step&& step) {
  Py_ssize_t at = PyLong_AsSsize_t(start);
  if (at < 0) throw_python();
  for (; PyList_CheckExact(list) && !torch_function_modes && at < PyList_GET_SIZE(list); ++at) {
    PyRef item = PyRef::borrow(PyList_GET_ITEM(list, at));
    if (!plain(item.get()) || !step(item.get())) break;
  }
  return PyLong_FromSsize_t(at);
}

// An option as a number: a float, or an int that a double holds.
bool read_number(PyObject* object, double* out) {
  if (PyFloat_Check(object)) {
    *out = PyFloat_AS_DOUBLE(object);
    return true;
  }
  constexpr long long kExact = 1LL << 53;
  int overflow;
  if (!PyLong_CheckExact(object)) return false;
  long long x = PyLong_AsLongLongAndOverflow(object, &overflow);
  *out = static_cast<double>(x);
  return !overflow && -kExact < x && x < kExact;
}

bool read_flag(PyObject* object, bool* out) {
  *out = object == Py_True;
  return PyBool_Check(object);
}

// state[param]["momentum_buffer"], or null where there is none that is plain. Keys may run Python
// code where they are compared.
TensorRef buffer_of(PyObject* state, PyObject* param) {
  if (!PyDict_Check(state) ||
      Py_TYPE(state)->tp_as_mapping->mp_subscript != PyDict_Type.tp_as_mapping->mp_subscript)
    return TensorRef();
  auto entry = PyRef::borrow(PyDict_GetItemWithError(state, param));
  if (!entry && PyErr_Occurred()) throw_python();
  if (!entry || !PyDict_CheckExact(entry.get())) return TensorRef();
  PyObject* buffer = PyDict_GetItemWithError(entry.get(), g_buffer);
  if (!buffer && PyErr_Occurred()) throw_python();
  if (!buffer || Py_TYPE(buffer) != tensor_type) return TensorRef();
  return TensorRef::borrow(impl_of(buffer));
}

PyObject* sgd(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 9, ErrorKind::kType, "_sgd_step() takes 9 arguments");
    SgdStep options;
    bool known = read_number(args[3], &options.lr) && read_number(args[4], &options.momentum) &&
                 read_number(args[5], &options.dampening) &&
                 read_number(args[6], &options.weight_decay) &&
                 read_flag(args[7], &options.nesterov) && read_flag(args[8], &options.maximize);
    return walk(args[0], args[1], [&](PyObject* param) {
      TensorImpl* t = impl_of(param);
      TensorRef grad = t->grad(), buffer;
      if (!grad) return t->is_leaf() || t->retains_grad() || !t->requires_grad();
      if (!known || !is_plain(grad.get())) return false;
      if (options.momentum != 0) buffer = buffer_of(args[2], param);
      return (buffer || options.momentum == 0) && sgd_step(t, grad.get(), buffer.get(), options);
    });
  });
}

PyObject* zero(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2, ErrorKind::kType, "_zero_grads() takes 2 arguments");
    return walk(args[0], args[1], [](PyObject* param) {
      TensorImpl* t = impl_of(param);
      TensorImpl* grad = t->grad().get();
      if (!grad) return t->is_leaf() || t->retains_grad() || !t->requires_grad();
      return is_plain(grad) && zero_in_place(grad);
    });
  });
}

PyObject* forget(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2, ErrorKind::kType, "_forget_grads() takes 2 arguments");
    return walk(args[0], args[1], [](PyObject* param) {
      impl_of(param)->set_grad(TensorRef());
      return true;
    });
  });
}

PyMethodDef kFunctions[] = {
    {"_sgd_step", method(sgd), METH_FASTCALL,
     "(params, start, state, lr, momentum, dampening, weight_decay, nesterov, maximize): SGD's "
     "step, as far as it can be taken here."},
    {"_zero_grads", method(zero), METH_FASTCALL,
     "(params, start): grad.zero_() of each, as far as it can be done here."},
    {"_forget_grads", method(forget), METH_FASTCALL,
     "(params, start): grad = None for each, as far as it can be done here."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_optimizer(PyObject* module) {
  const char* const names[] = {"grad", "add_", "__hash__"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (!(g_names[i] = PyUnicode_InternFromString(names[i]))) return false;
  g_buffer = PyUnicode_InternFromString("momentum_buffer");
  return g_buffer && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

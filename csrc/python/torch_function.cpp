#include "python/torch_function.h"

#include "python/type_tools.h"

namespace rl::python {

constinit thread_local TorchFunctionState torch_function_state;
PyObject* disabled_torch_function;

namespace {

// _disabled_torch_function_impl(func, types, args=(), kwargs={}): func(*args, **kwargs).
PyObject* disabled_impl(PyObject*, PyObject* args) {
  PyObject *function, *types, *call_args = nullptr, *kwargs = nullptr;
  if (!PyArg_UnpackTuple(args, "function", 2, 4, &function, &types, &call_args, &kwargs))
    return nullptr;
  PyRef tuple(call_args ? PySequence_Tuple(call_args) : PyTuple_New(0));
  if (!tuple) return nullptr;
  if (kwargs == Py_None) kwargs = nullptr;
  if (kwargs && !PyDict_Check(kwargs)) {
    PyErr_Format(PyExc_TypeError, "kwargs must be a dict or None, not %s",
                 Py_TYPE(kwargs)->tp_name);
    return nullptr;
  }
  SubclassesDisabled off;
  return PyObject_Call(function, tuple.get(), kwargs);
}

PyMethodDef kFunctions[] = {
    {"_disabled_torch_function_impl", disabled_impl, METH_VARARGS,
     "The __torch_function__ of classes that take part in nothing: their results are Tensors."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_torch_function(PyObject* module) {
  if (PyModule_AddFunctions(module, kFunctions) < 0) return false;
  disabled_torch_function = PyObject_GetAttrString(module, "_disabled_torch_function_impl");
  return disabled_torch_function != nullptr;
}

}  // namespace rl::python

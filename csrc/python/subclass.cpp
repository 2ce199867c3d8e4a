// Tensors of a class of their own: as_subclass, _make_subclass.
#include "python/subclass.h"

#include "ops/index.h"
#include "ops/table.h"
#include "python/tensor_type.h"
#include "python/type_tools.h"

namespace rl::python {

PyTypeObject* subclass_argument(PyObject* cls) {
  check(PyType_Check(cls), ErrorKind::kType, "cls must be a type (got ", Py_TYPE(cls)->tp_name,
        ")");
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  check(PyType_IsSubtype(type, tensor_type), ErrorKind::kType,
        "Creating a Tensor subclass from a class that does not inherit from Tensor is not "
        "possible. Make sure your class inherits from Tensor.");
  return type;
}

PyObject* alias_as(TensorImpl* t, PyTypeObject* type) {
  TensorRef aliased = call_op(op_of<ops::Alias>(), {Value::of(t)}).ref();
  return type == tensor_type ? wrap(std::move(aliased)) : wrap_as(std::move(aliased), type);
}

PyObject* as_subclass(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static constexpr Parameters kParameters{"as_subclass", 1, 1, 1, {"cls"}};
    PyObject* cls = nullptr;
    parse_arguments(kParameters, args, n, kwnames, &cls);
    return alias_as(impl_of(self), subclass_argument(cls));
  });
}

PyObject* make_subclass(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{
        "_make_subclass", 3, 2, 3, {"cls", "data", "require_grad"}};
    PyObject* v[3] = {};
    parse_arguments(kParameters, args, n, kwnames, v);
    check(is_tensor(v[1]), ErrorKind::kType,
          "_make_subclass(): argument 'data' (position 2) must be Tensor, not ",
          Py_TYPE(v[1])->tp_name);
    check(!v[2] || PyBool_Check(v[2]), ErrorKind::kType,
          "_make_subclass(): argument 'require_grad' (position 3) must be bool, not ",
          v[2] ? Py_TYPE(v[2])->tp_name : "");
    PyTypeObject* type = subclass_argument(v[0]);
    TensorImpl* data = impl_of(v[1]);
    bool on = v[2] == Py_True;
    check(!on || is_float(data->dtype()), ErrorKind::kRuntime,
          "Only Tensors of floating point and complex dtype can require gradients");
    TensorRef leaf = detached_alias(data);
    leaf->share_version(*data);
    leaf->set_requires_grad(on);
    return type == tensor_type ? wrap(std::move(leaf)) : wrap_as(std::move(leaf), type);
  });
}

}  // namespace rl::python

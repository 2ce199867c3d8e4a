#include "python/gradient_edge.h"

#include "graph/accumulate_grad.h"
#include "graph/node.h"
#include "graph/view.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyTypeObject* g_type = nullptr;  // rushlight.autograd.graph.GradientEdge, once that is imported

// _set_gradient_edge(type)
PyObject* set_type(PyObject*, PyObject* type) {
  return guarded([&]() -> PyObject* {
    check(PyType_Check(type) &&
              PyType_FastSubclass(reinterpret_cast<PyTypeObject*>(type), Py_TPFLAGS_TUPLE_SUBCLASS),
          ErrorKind::kType, "_set_gradient_edge() takes a type of tuples");
    Py_XSETREF(g_type, reinterpret_cast<PyTypeObject*>(Py_NewRef(type)));
    Py_RETURN_NONE;
  });
}

// _gradient_edge(tensor): the node that its gradient goes to and the number of the node's output,
// or None where it has none.
PyObject* gradient_edge_of(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kType, "expected a Tensor, but got ",
          Py_TYPE(tensor)->tp_name);
    Edge edge = gradient_edge(impl_of(tensor));
    if (!edge.node) Py_RETURN_NONE;
    auto node = NodeRef::steal(edge.node);
    return Py_BuildValue("(NI)", wrap_node(node.get()), edge.nr);
  });
}

PyMethodDef kFunctions[] = {
    {"_set_gradient_edge", set_type, METH_O, nullptr},
    {"_gradient_edge", gradient_edge_of, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_gradient_edge(PyObject* object) {
  return g_type && PyObject_TypeCheck(object, g_type) && PyTuple_GET_SIZE(object) >= 2;
}

TensorRef tensor_at(PyObject* edge) {
  PyObject* first = PyTuple_GET_ITEM(edge, 0);
  Node* node = is_node(first) ? node_of(first) : nullptr;
  check(node, ErrorKind::kRuntime,
        "GradientEdge's first object must be an autograd.graph.Node but got ",
        Py_TYPE(first)->tp_name);
  PyRef index(checked(PyNumber_Index(PyTuple_GET_ITEM(edge, 1))));
  Py_ssize_t nr = PyNumber_AsSsize_t(index.get(), nullptr);
  check(nr >= 0 && nr < static_cast<Py_ssize_t>(node->n_outputs()), ErrorKind::kRuntime,
        "GradientEdge's output_nr is ", nr, ", but ", node->name(), " has ", node->n_outputs(),
        " output(s)\n  fix: get_gradient_edge(tensor) gives the edge of a tensor.");
  if (node->is_accumulate_grad())
    return TensorRef::borrow(static_cast<AccumulateGrad*>(node)->variable());
  auto output = static_cast<uint32_t>(nr);
  OutputMeta meta = node->output_meta(output);
  check(meta.defined && is_float(meta.dtype), ErrorKind::kRuntime, "output ", nr, " of ",
        node->name(), " takes no gradient");
  TensorRef one = TensorImpl::empty(meta.dtype, nullptr, 0);
  Dims shape = node->output_shape(output);
  const int64_t strides[kMaxDims] = {};
  TensorRef all = TensorImpl::alias(one->storage(), meta.dtype, shape, strides, 0);
  all->set_grad_fn(node, output);
  return all;
}

bool init_gradient_edge(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

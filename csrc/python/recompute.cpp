// For rushlight.debug: what a node was given, its operation and its derivative once more, without
// effect on the graph or on any .grad.
#include "ops/recompute.h"

#include "engine/engine.h"
#include "graph/accumulate_grad.h"
#include "graph/copy_slices.h"
#include "graph/grad_mode.h"
#include "graph/tensor_math.h"
#include "kernels/finite.h"
#include "python/function_node.h"
#include "python/nonfinite.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

Node* node_argument(PyObject* object) {
  if (!is_node(object)) fail(ErrorKind::kType, "expected a node of a graph");
  return check(node_of(object), ErrorKind::kRuntime, "the node is gone"), node_of(object);
}

OpNode* op_argument(PyObject* object) {
  OpNode* node = as_op_node(node_argument(object));
  check(node, ErrorKind::kType, "expected the node of an operation");
  return node;
}

template <class F>
PyObject* tuple_of(size_t n, F&& item) {
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(n))));
  for (size_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(item(i)));
  return tuple.release();
}

PyObject* tuple_of(const std::vector<TensorRef>& tensors) {
  return tuple_of(tensors.size(), [&](size_t i) { return wrap(tensors[i]); });
}

// _node_kind(node): "op", "leaf", "slices" (a write into a view), "function" or "other".
PyObject* node_kind(PyObject*, PyObject* object) {
  return guarded([&] {
    Node* node = node_argument(object);
    const char* kind = node->is_accumulate_grad()        ? "leaf"
                       : node->holds_python()            ? "function"
                       : as_op_node(node)                ? "op"
                       : dynamic_cast<CopySlices*>(node) ? "slices"
                                                         : "other";
    return PyUnicode_FromString(kind);
  });
}

// _node_arguments(node): (name, state, value, first edge, number of edges, whether the leaf
// there has changed, whether the gradient needs it) for each.
PyObject* node_arguments(PyObject*, PyObject* object) {
  return guarded([&] {
    OpNode* node = op_argument(object);
    NodeArguments arguments(*node);
    return tuple_of(arguments.size(), [&](size_t i) {
      const NodeArgument& a = arguments[i];
      const char* state = a.state == NodeArgument::State::kKnown    ? "known"
                          : a.state == NodeArgument::State::kEdge   ? "edge"
                          : a.state == NodeArgument::State::kPacked ? "packed"
                                                                    : "gone";
      PyRef value(checked(value_object(a.value)));
      return Py_BuildValue("(ssOIIOO)", node->op().signature.params[i].names[0].c_str(), state,
                           value.get(), a.edge, a.n_edges, a.leaf_changed ? Py_True : Py_False,
                           a.saved ? Py_True : Py_False);
    });
  });
}

// _node_results(node): {output: tensor} as far as saved and unchanged.
PyObject* node_results(PyObject*, PyObject* object) {
  return guarded([&] {
    Node* node = node_argument(object);
    PyRef found(checked(PyDict_New()));
    auto add = [&](int nr, TensorImpl* t) {
      PyRef key(checked(PyLong_FromLong(nr)));
      PyRef tensor(checked(wrap(TensorRef::borrow(t))));
      checked(PyDict_SetItem(found.get(), key.get(), tensor.get()));
    };
    if (NodeSide* side = node->side())
      for (const KeptTensor& kept : side->kept)
        if (kept.tensor->version() == kept.version) add(kept.place, kept.tensor.get());
    if (OpNode* op = as_op_node(node))
      for (int i = 0; i < op->n_slots(); ++i) {
        const SlotSpec& spec = op->op().slots[static_cast<size_t>(i)];
        const SavedSlot& slot = op->slot(i);
        if (spec.source == Source::kResult && slot.is_tensor() && slot.is_current())
          add(spec.arg, slot.raw_tensor());
      }
    return found.release();
  });
}

// _recompute(node, values): the results for tensors (and tuples of them) in the place of the
// arguments; what is None there is as it was. None where something is not known.
PyObject* recompute_node(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2 && PyTuple_Check(args[1]), ErrorKind::kType, "_recompute(node, values)");
    OpNode* node = op_argument(args[0]);
    const Op& op = node->op();
    if (!repeatable(op)) Py_RETURN_NONE;
    NodeArguments arguments(*node);
    Value values[kMaxArgs];
    std::deque<std::vector<TensorImpl*>> pointers;
    std::deque<TensorList> lists;
    check(static_cast<size_t>(PyTuple_GET_SIZE(args[1])) == arguments.size(), ErrorKind::kValue,
          "_recompute() takes one value for each argument");
    for (size_t i = 0; i < arguments.size(); ++i) {
      PyObject* given = PyTuple_GET_ITEM(args[1], static_cast<Py_ssize_t>(i));
      const ParamKind kind = op.signature.params[i].kind;
      const bool one = kind == ParamKind::kTensor || kind == ParamKind::kTensorOrNumber;
      check(!is_tensor(given) || one, ErrorKind::kType, "argument ", i, " takes no tensor");
      check(!PyTuple_Check(given) || kind == ParamKind::kTensors, ErrorKind::kType, "argument ", i,
            " takes no tensors");
      if (is_tensor(given)) {
        values[i] = Value::of(impl_of(given));
      } else if (PyTuple_Check(given)) {
        std::vector<TensorImpl*>& list = pointers.emplace_back();
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(given); ++k) {
          PyObject* entry = PyTuple_GET_ITEM(given, k);
          check(entry == Py_None || is_tensor(entry), ErrorKind::kType, "expected tensors");
          list.push_back(entry == Py_None ? nullptr : impl_of(entry));
        }
        lists.push_back({list.data(), static_cast<int>(list.size())});
        values[i] = Value::of(lists.back());
      } else if (arguments[i].state == NodeArgument::State::kKnown) {
        values[i] = arguments[i].value;
      } else if (i > 0 || !op.record->mutates) {
        Py_RETURN_NONE;
      }
    }
    return tuple_of(recompute(*node, values));
  });
}

// _node_backward(node, grads): for the gradients of the first outputs, the gradient for each edge,
// None where nothing goes. Never of a custom Function, whose backward() is the user's.
PyObject* node_backward(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2 && PyTuple_Check(args[1]), ErrorKind::kType, "_node_backward(node, grads)");
    Node* node = node_argument(args[0]);
    auto* slices = dynamic_cast<CopySlices*>(node);
    const Node* inner = slices ? slices->write() : node;
    check(!inner->holds_python() && !inner->has_packed() && !node->is_accumulate_grad(),
          ErrorKind::kType, "_node_backward() runs no user code and no accumulation");
    std::vector<TensorRef> in = node_gradients("_node_backward", *node, args[1]);
    std::vector<TensorRef> out(node->n_edges());
    GradModeGuard no_grad(false);
    node->apply(in.data(), out.data());
    for (uint32_t i = 0; i < node->n_edges(); ++i) {
      const Edge& edge = node->edges()[i];
      if (!edge.node || !edge_wanted(edge)) out[i] = TensorRef();
      if (!out[i]) continue;
      const OutputMeta meta = edge.node->output_meta(edge.nr);
      if (!meta.defined) continue;
      if (!gradient_fits(edge, *out[i]))
        out[i] = tensor_math.sum_to(out[i].get(), edge.node->output_shape(edge.nr));
      if (out[i]->dtype() != meta.dtype) out[i] = tensor_math.cast(out[i].get(), meta.dtype);
    }
    return tuple_of(out);
  });
}

// _slices_parts(node): (the write's node, the edge of the view's old values, sizes and strides of
// base and view, the view's offset in the base).
PyObject* slices_parts(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    auto* node = dynamic_cast<CopySlices*>(node_argument(object));
    check(node, ErrorKind::kType, "expected a CopySlices node");
    const CopySlices::Geometry& g = node->geometry();
    auto dims = [](const Dims& d) { return PyRef(checked(make_size(d.v, d.n))); };
    PyRef write(checked(wrap_node(node->write())));
    PyRef base = dims(g.base_sizes), strides = dims(g.base_strides);
    PyRef view = dims(g.view_sizes), view_strides = dims(g.view_strides);
    return Py_BuildValue("(OIOOOOL)", write.get(), node->target(), base.get(), strides.get(),
                         view.get(), view_strides.get(),
                         static_cast<long long>(g.view_offset - g.base_offset));
  });
}

// _last_writer(tensor): the Site of the last write in place, or None.
PyObject* last_writer(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kType, "expected a tensor");
    const Site* site = impl_of(tensor)->last_writer();
    if (!site) Py_RETURN_NONE;
    return site_object(*site);
  });
}

// _first_nonfinite(tensor): the row-major number of the first infinity or nan; -1 without one.
PyObject* first_bad(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kType, "expected a tensor");
    return PyLong_FromLongLong(first_nonfinite(*impl_of(tensor)));
  });
}

PyMethodDef kFunctions[] = {
    {"_node_kind", node_kind, METH_O, nullptr},
    {"_node_arguments", node_arguments, METH_O, nullptr},
    {"_node_results", node_results, METH_O, nullptr},
    {"_recompute", method(recompute_node), METH_FASTCALL, nullptr},
    {"_node_backward", method(node_backward), METH_FASTCALL, nullptr},
    {"_slices_parts", slices_parts, METH_O, nullptr},
    {"_last_writer", last_writer, METH_O, nullptr},
    {"_first_nonfinite", first_bad, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

std::vector<TensorRef> node_gradients(const char* function, Node& node, PyObject* tuple) {
  const auto n = static_cast<size_t>(PyTuple_GET_SIZE(tuple));
  check(n <= node.n_outputs(), ErrorKind::kValue, function,
        "() takes one gradient for each output");
  std::vector<TensorRef> grads(node.n_outputs());
  for (uint32_t i = 0; i < n; ++i) {
    PyObject* given = PyTuple_GET_ITEM(tuple, i);
    if (given == Py_None) continue;
    check(is_tensor(given), ErrorKind::kType, function, "() takes tensors and None");
    const OutputMeta meta = node.output_meta(i);
    TensorImpl* grad = impl_of(given);
    check(!meta.defined || grad->dtype() == meta.dtype, ErrorKind::kType, function, "(): gradient ",
          i, " is not of its output's dtype");
    check(!meta.defined || gradient_fits({&node, i}, *grad), ErrorKind::kValue, function,
          "(): gradient ", i, " is not of its output's shape");
    grads[i] = TensorRef::borrow(grad);
  }
  return grads;
}

PyObject* value_object(const Value& v) {
  switch (v.kind) {
    case Kind::kTensor:
      return wrap(TensorRef::borrow(v.t));
    case Kind::kTensors:
      return tuple_of(static_cast<size_t>(v.list->n),
                      [&](size_t i) { return wrap(TensorRef::borrow(v.list->v[i])); });
    case Kind::kDouble:
      return PyFloat_FromDouble(v.d);
    case Kind::kInt:
      return PyLong_FromLongLong(v.i);
    case Kind::kBool:
      return PyBool_FromLong(v.i != 0);
    case Kind::kDims:
      return make_size(v.dims->v, v.dims->n);
    case Kind::kDType:
      return Py_NewRef(dtype_object(v.dtype));
    case Kind::kString:
      return PyUnicode_FromString(v.s);
    case Kind::kInts:
      return tuple_of(static_cast<size_t>(v.ints->n),
                      [&](size_t i) { return PyLong_FromLongLong(v.ints->v[i]); });
    default:
      Py_RETURN_NONE;
  }
}

bool init_recompute(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

// FunctionCtx: the Python type of `ctx`, which is the grad_fn of what the Function returned.
#include <Python.h>
#include <structmember.h>

#include <cstddef>

#include "graph/cycles.h"
#include "graph/provenance.h"
#include "graph/view.h"
#include "python/function_node.h"
#include "python/owned.h"
#include "python/saved_hooks.h"
#include "python/tensor_type.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

PyTypeObject* context_type;
FunctionDefaults function_defaults;

namespace {

// --- what the user declares

// One of the methods that keep their arguments as a tuple.
template <PyObject* PyContext::* field>
PyObject* keep(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  PyObject* tuple = PyTuple_New(n);
  if (!tuple) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple, i, Py_NewRef(args[i]));
  Py_XSETREF(as_context(self)->*field, tuple);
  Py_RETURN_NONE;
}

PyObject* save_for_forward(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i)
    if (args[i] != Py_None && !is_tensor(args[i])) {
      PyErr_SetString(PyExc_AssertionError,
                      "save_for_forward expects all arguments to be tensors; you should save "
                      "non-tensors as attributes on ctx.");
      return nullptr;
    }
  return keep<&PyContext::saved_for_forward>(self, args, n);
}

int set_materialize(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    check(value && PyBool_Check(value), ErrorKind::kType,
          "set_materialize_grads received an invalid combination of arguments - got (",
          value ? Py_TYPE(value)->tp_name : "", "), but expected (bool)");
    as_context(self)->skip_materialize = value == Py_False;
    return 0;
  });
}

PyObject* set_materialize_grads(PyObject* self, PyObject* value) {
  if (set_materialize(self, value, nullptr) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyObject* mark_shared_storage(PyObject*, PyObject* const*, Py_ssize_t) {
  if (PyErr_WarnEx(PyExc_FutureWarning,
                   "`mark_shared_storage` is deprecated. Tensors with shared storages are "
                   "automatically tracked. Note that calls to `set_()` are not tracked",
                   1) < 0)
    return nullptr;
  Py_RETURN_NONE;
}

// --- attributes

template <PyObject* PyContext::* field>
PyObject* get_field(PyObject* self, void*) {
  PyObject* value = as_context(self)->*field;
  return Py_NewRef(value ? value : Py_None);
}
template <PyObject* PyContext::* field>
int set_field(PyObject* self, PyObject* value, void*) {
  if (value == Py_None) value = nullptr;
  Py_XSETREF(as_context(self)->*field, Py_XNewRef(value));
  return 0;
}

PyObject* needs_input_grad(PyObject* self, void*) {
  PyContext* context = as_context(self);
  if (!context->needs_input_grad) {
    size_t n = context->inputs.size();
    PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(n));
    if (!tuple) return nullptr;
    for (size_t i = 0; i < n; ++i)
      PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i),
                       PyBool_FromLong(context->inputs[i] & InputFlags::kNeedsGrad));
    context->needs_input_grad = tuple;
  }
  return Py_NewRef(context->needs_input_grad);
}

PyObject* saved_tensors(PyObject* self, void*) {
  return guarded([&] {
    FunctionNode* node = node_of_context(as_context(self));
    return node ? node->saved_tensors() : checked(PyTuple_New(0));
  });
}

PyObject* raw_saved_tensors(PyObject* self, void*) {
  return guarded([&] {
    FunctionNode* node = node_of_context(as_context(self));
    if (!node) return checked(PyTuple_New(0));
    node->check_not_freed();
    PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(node->n_saved()))));
    for (size_t i = 0; i < node->n_saved(); ++i)
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), raw_saved(node, &node->slot(i)));
    return tuple.release();
  });
}

PyObject* saved_variables(PyObject* self, void*) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning, "'saved_variables' is deprecated; use 'saved_tensors'",
                   1) < 0)
    return nullptr;
  return saved_tensors(self, nullptr);
}

PyObject* metadata(PyObject* self, void*) {
  PyContext* context = as_context(self);
  if (!context->metadata) context->metadata = PyDict_New();
  return Py_XNewRef(context->metadata);
}

PyObject* name(PyObject* self, PyObject*) {
  const char* full = Py_TYPE(self)->tp_name;
  const char* dot = std::strrchr(full, '.');
  return PyUnicode_FromString(dot ? dot + 1 : full);
}

// --- life and death

template <class F>
void each_field(PyContext* context, F&& f) {
  for (auto field :
       {&PyContext::dict, &PyContext::to_save, &PyContext::non_differentiable,
        &PyContext::dirty_tensors, &PyContext::saved_for_forward, &PyContext::needs_input_grad,
        &PyContext::metadata, &PyContext::pre_hooks, &PyContext::post_hooks})
    f(context->*field);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  PyContext* context = as_context(self);
  Py_VISIT(Py_TYPE(self));
  int stop = 0;
  each_field(context, [&](PyObject* held) {
    if (held && !stop) stop = visit(held, arg);
  });
  if (stop || !context->node || context->owned_by_node) return stop;
  return visit_owned(context->node, visit, arg);
}

int clear(PyObject* self) {
  PyContext* context = as_context(self);
  each_field(context, [](PyObject*& held) { Py_CLEAR(held); });
  if (context->node && !context->owned_by_node) clear_owned(context->node);
  return 0;
}

void finalize(PyObject* self) { hand_back(as_context(self)); }

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyContext* context = as_context(self);
  PyObject_GC_UnTrack(self);
  if (context->weakrefs) PyObject_ClearWeakRefs(self);
  part_context(context);
  each_field(context, [](PyObject*& held) { Py_CLEAR(held); });
  if (cycles_due) break_cycles();
  context->inputs.free();
  type->tp_free(self);
  Py_DECREF(type);
}

// FunctionCtx(...): arguments are for an __init__, as object's __new__ takes them.
PyObject* make_new(PyTypeObject* type, PyObject*, PyObject*) { return type->tp_alloc(type, 0); }

constexpr int kFast = METH_FASTCALL;

PyMethodDef kMethods[] = {
    {"save_for_backward", method(keep<&PyContext::to_save>), kFast,
     "save_for_backward(*tensors)\n--\n\nKeep tensors, or None, for backward(), which finds them "
     "in ``saved_tensors``.\n\nThe last call counts. Inputs, outputs and anything else can be "
     "saved; a tensor that is\nchanged in place afterwards is an error when it is unpacked."},
    {"save_for_forward", method(save_for_forward), kFast,
     "save_for_forward(*tensors)\n--\n\nKeep tensors, or None, for jvp().\n\nRaises: "
     "AssertionError for anything else."},
    {"mark_dirty", method(keep<&PyContext::dirty_tensors>), kFast,
     "mark_dirty(*inputs)\n--\n\nDeclare the inputs that forward() changed in place; it has to "
     "return them."},
    {"mark_non_differentiable", method(keep<&PyContext::non_differentiable>), kFast,
     "mark_non_differentiable(*outputs)\n--\n\nDeclare outputs that do not require grad; "
     "backward() gets zeros for them."},
    {"set_materialize_grads", set_materialize_grads, METH_O,
     "set_materialize_grads(value)\n--\n\nvalue: False hands a gradient that nobody computed to "
     "backward() as None, True as zeros."},
    {"mark_shared_storage", method(mark_shared_storage), kFast, nullptr},
    {"name", name, METH_NOARGS, "The node's name: that of its type."},
    {"apply", method(function_apply), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
     "apply(*args, **kwargs)\n--\n\nRun forward() without recording what it does; what it "
     "returns gets backward() as its\nderivative, if a tensor among args requires "
     "grad.\n\nReturns: what forward() returned; an input that it returned as a view of "
     "itself.\nRaises: RuntimeError where a declaration on ctx does not hold, and whatever "
     "forward() raises."},
    {nullptr, nullptr, 0, nullptr},
};

template <PyObject* PyContext::* field>
constexpr PyGetSetDef attribute(const char* name, const char* doc) {
  return {name, get_field<field>, set_field<field>, doc, nullptr};
}

PyGetSetDef kAttributes[] = {
    {"saved_tensors", saved_tensors, nullptr, "What save_for_backward() kept, as a tuple.",
     nullptr},
    {"_raw_saved_tensors", raw_saved_tensors, nullptr, "The same as they lie, to register hooks.",
     nullptr},
    {"saved_variables", saved_variables, nullptr, nullptr, nullptr},
    {"needs_input_grad", needs_input_grad, set_field<&PyContext::needs_input_grad>,
     "For each argument of forward(), whether it is a tensor that requires grad.", nullptr},
    {"metadata", metadata, nullptr, "A dict for the user.", nullptr},
    {"materialize_grads", nullptr, set_materialize, nullptr, nullptr},
    attribute<&PyContext::to_save>("to_save", nullptr),
    attribute<&PyContext::non_differentiable>("non_differentiable", nullptr),
    attribute<&PyContext::dirty_tensors>("dirty_tensors", nullptr),
    attribute<&PyContext::saved_for_forward>("saved_for_forward", nullptr),
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMemberDef kMembers[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyContext, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyContext, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_doc,
     const_cast<char*>("What forward() and backward() of a Function get as ``ctx``, and what "
                       "grad_fn is afterwards.\n\nAttributes that are set on it are kept.")},
    {Py_tp_new, slot(make_new)},
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_finalize, slot(finalize)},
    {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},
    {Py_tp_repr, slot(PyBaseObject_Type.tp_repr)},
    {Py_tp_getattro, slot(PyObject_GenericGetAttr)},
    {Py_tp_methods, kMethods},
    {Py_tp_members, kMembers},
    {Py_tp_getset, kAttributes},
    {0, nullptr},
};

PyType_Spec kSpec = {"rushlight._C.FunctionCtx", sizeof(PyContext), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, kSlots};

// _set_function_defaults(backward, setup_context, bind)
PyObject* set_defaults(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (n != 3) {
    PyErr_SetString(PyExc_TypeError, "_set_function_defaults(backward, setup_context, bind)");
    return nullptr;
  }
  function_defaults = {Py_NewRef(args[0]), Py_NewRef(args[1]), Py_NewRef(args[2])};
  Py_RETURN_NONE;
}

// --- once_differentiable

// Stands where a second differentiation would go on.
class DelayedError final : public Node {
 public:
  const char* name() const override { return "torch::autograd::Error"; }
  void apply(TensorRef*, TensorRef*) override {
    Provenance story;
    story.line("computed by", site());
    story.fix("write backward() in differentiable operations and drop @once_differentiable.");
    fail(ErrorKind::kRuntime,
         "trying to differentiate twice a function that was marked with @once_differentiable",
         story.text());
  }
};

// _once_differentiable(tensors): the same values behind a node that refuses to be differentiated.
PyObject* once_differentiable(PyObject*, PyObject* tuple) {
  return guarded([&] {
    check(PyTuple_Check(tuple), ErrorKind::kType, "_once_differentiable(tuple)");
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    PyRef out(checked(PyTuple_New(n)));
    auto node = Node::make<DelayedError>({.n_edges = 0, .n_outputs = static_cast<size_t>(n)});
    node->finish();
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PyTuple_GET_ITEM(tuple, i);
      if (is_tensor(item) && is_float(impl_of(item)->dtype())) {
        TensorRef alias = make_detached(impl_of(item));
        alias->set_grad_fn(node.get(), static_cast<uint32_t>(i));
        PyTuple_SET_ITEM(out.get(), i, wrap(std::move(alias)));
      } else {
        PyTuple_SET_ITEM(out.get(), i, Py_NewRef(item));
      }
    }
    return out.release();
  });
}

PyMethodDef kFunctions[] = {
    {"_set_function_defaults", method(set_defaults), METH_FASTCALL, nullptr},
    {"_once_differentiable", once_differentiable, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_function_type(PyObject* module) {
  PyRef bases(PyTuple_Pack(1, node_base_type));
  if (!bases) return false;
  context_type = add_type(module, kSpec, bases.get());
  return context_type && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

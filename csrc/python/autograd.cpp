// backward() and grad(): checks and errors around the engine; tensor hooks.
#include "python/autograd.h"

#include "engine/engine.h"
#include "engine/hooks.h"
#include "graph/accumulate_grad.h"
#include "graph/current_run.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/view.h"
#include "ops/copy.h"
#include "ops/tensor.h"
#include "python/conversions.h"
#include "python/gradient_edge.h"
#include "python/graph_growth.h"
#include "python/stories.h"
#include "python/tensor_type.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

std::string short_type(PyObject* object) {
  const char* name = Py_TYPE(object)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return dot ? dot + 1 : name;
}

// The gradient that a root starts with.
TensorRef root_gradient(TensorImpl* out, PyObject* given, size_t index) {
  if (!given || given == Py_None) {
    if (!out->requires_grad()) return {};
    if (out->numel() != 1) fail_not_scalar(out);
    TensorRef one = TensorImpl::empty(out->dtype(), out->sizes(), out->ndim());
    if (out->dtype() == DType::kFloat32)
      *reinterpret_cast<float*>(one->mut_data()) = 1;
    else
      fill(one.get(), Value::of_int(1));
    return one;
  }
  check(is_tensor(given), ErrorKind::kType, "gradients can be either Tensors or None, but got ",
        short_type(given));
  TensorImpl* grad = impl_of(given);
  if (!same_sizes(grad->sizes(), grad->ndim(), out->sizes(), out->ndim()))
    fail_gradient_shape(grad, out, index);
  return TensorRef::borrow(grad);
}

void add_root(BackwardRequest& request, TensorImpl* out, PyObject* grad) {
  refresh_view(out);
  request.roots.push_back({{}, root_gradient(out, grad, request.roots.size()), out});
}

// After the gradients of all roots have been looked at.
void find_edges(BackwardRequest& request) {
  for (size_t i = 0; i < request.roots.size(); ++i) {
    Root& root = request.roots[i];
    root.edge = gradient_edge(root.value);
    if (!root.edge.node) fail_no_grad(root.value, i);
  }
  if (number_noted) forget_number();
}

PyRef tuple_of(PyObject* object, const char* what) {
  const bool iterable = Py_TYPE(object)->tp_iter || PySequence_Check(object);
  check(iterable, ErrorKind::kType, "'", short_type(object), "' object is not iterable\n  ", what);
  return PyRef(checked(PySequence_Tuple(object)));
}

// A tensor or a GradientEdge, or a sequence of them. An edge is replaced by a tensor at its place.
class Tensors {
 public:
  enum Role { kOutputs, kInputs };

  Tensors(PyObject* object, Role role, const char* what) {
    if (is_tensor(object) || is_gradient_edge(object)) {
      single_ = object;
      items_ = &single_;
      n = 1;
      check_items(role);
      return;
    }
    // A tuple of our own: a hook may change the caller's list during the run.
    if (role == kInputs && PyDict_CheckExact(object)) sequence_ = PyRef(PyDict_Values(object));
    sequence_ = tuple_of(sequence_ ? sequence_.get() : object, what);
    n = PyTuple_GET_SIZE(sequence_.get());
    items_ = reinterpret_cast<PyTupleObject*>(sequence_.get())->ob_item;
    check_items(role);
  }

  TensorImpl* operator[](Py_ssize_t i) const {
    return is_edge(i) ? at_edges_[static_cast<size_t>(i)].get() : impl_of(items_[i]);
  }
  bool is_edge(Py_ssize_t i) const {
    return !at_edges_.empty() && at_edges_[static_cast<size_t>(i)];
  }

  Py_ssize_t n = 0;

 private:
  void check_items(Role role) {
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (is_tensor(items_[i])) continue;
      if (is_gradient_edge(items_[i])) {
        at_edges_.resize(static_cast<size_t>(n));
        at_edges_[static_cast<size_t>(i)] = tensor_at(items_[i]);
        continue;
      }
      check(role == kOutputs, ErrorKind::kRuntime,
            "all inputs have to be Tensors or GradientEdges, but got ", short_type(items_[i]));
      fail(ErrorKind::kAssertion, "Expected output to be a torch.Tensor\n  it is outputs[", i,
           "], of type ", short_type(items_[i]));
    }
  }

  PyRef sequence_;
  PyObject* const* items_ = nullptr;
  PyObject* single_ = nullptr;
  std::vector<TensorRef> at_edges_;  // null for tensors; empty where there are no edges
};

// As in PyTorch, gradients beyond the last output are not looked at.
void add_roots(BackwardRequest& request, const Tensors& outputs, PyObject* grads) {
  PyRef sequence;
  Py_ssize_t given = outputs.n;
  PyObject* const* items = nullptr;
  if (grads && is_tensor(grads)) {
    items = &grads;
    given = 1;
  } else if (grads && grads != Py_None) {
    sequence = tuple_of(grads, "gradients can be either Tensors or None");
    items = reinterpret_cast<PyTupleObject*>(sequence.get())->ob_item;
    given = PyTuple_GET_SIZE(sequence.get());
  }
  for (Py_ssize_t i = 0; i < std::min(outputs.n, given); ++i)
    add_root(request, outputs[i], items ? items[i] : nullptr);
  check(given >= outputs.n, ErrorKind::kRuntime, "got ", outputs.n, " tensors and ", given,
        " gradients");
}

// A bool, or anything with an index, as PyTorch takes it.
bool flag(PyObject* object) {
  if (!object) return false;
  PyRef index(checked(PyNumber_Index(object)));
  int truth = PyObject_IsTrue(index.get());
  checked(truth);
  return truth != 0;
}

void set_flags(BackwardRequest& request, PyObject* retain_graph, PyObject* create_graph) {
  const bool keep_given = retain_graph && retain_graph != Py_None;
  request.keep_graph = flag(keep_given ? retain_graph : create_graph);
  request.create_graph = flag(create_graph);
}

void retain_grad(TensorImpl* t) {
  if (t->is_leaf() || t->retains_grad()) return;
  node_set_retained(t->grad_fn(), t->output_nr(), t);
  t->set_retains_grad(true);
}

std::vector<TensorRef> run(BackwardRequest& request) {
  std::vector<TensorRef> found = run_backward(request);
  pass_done(request.create_graph);
  return found;
}

// backward(inputs=): leaves accumulate in the run, other tensors retain their gradient.
void add_inputs(BackwardRequest& request, PyObject* inputs) {
  if (!inputs || inputs == Py_None) return;
  Tensors wanted(inputs, Tensors::kInputs, "inputs must be Tensors");
  check(wanted.n > 0, ErrorKind::kRuntime, "`inputs` argument to `backward()` cannot be empty.");
  for (Py_ssize_t i = 0; i < wanted.n; ++i) {
    TensorImpl* t = wanted[i];
    refresh_view(t);
    if (!t->requires_grad())
      fail(ErrorKind::kRuntime,
           "can't retain_grad on Tensor that has requires_grad=False\n  it is inputs[", i,
           "], of shape ", shown(t->sizes(), t->ndim()), why_no_grad(t));
    request.inputs.push_back(gradient_edge(t));
    if (!t->is_leaf() && !wanted.is_edge(i) && request.accumulate) retain_grad(t);
  }
}

void warn_create_graph() {
  warn_user(
      "Using backward() with create_graph=True will create a reference cycle between the parameter "
      "and its gradient which can cause a memory leak. We recommend using autograd.grad when "
      "creating the graph to avoid this. If you have to use this function, make sure to reset the "
      ".grad fields of your parameters to None after use to break the cycle and avoid the leak.");
}

}  // namespace

void fill_request(BackwardRequest& request, PyObject* const* v) {
  Tensors outputs(v[0], Tensors::kOutputs, "tensors must be Tensors");
  add_roots(request, outputs, v[1]);
  set_flags(request, v[2], v[3]);
  find_edges(request);
  if (request.create_graph && request.accumulate) warn_create_graph();
  if (outputs.n) add_inputs(request, v[4]);
}

namespace {

// backward(tensors, grad_tensors, retain_graph, create_graph, inputs)
PyObject* backward(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{
        "backward", 5, 1, 5, {"tensors", "grad_tensors", "retain_graph", "create_graph", "inputs"}};
    PyObject* v[5] = {};
    parse_arguments(kParameters, args, n, kwnames, v);
    BackwardRequest request;
    fill_request(request, v);
    if (!request.roots.empty()) run(request);
    Py_RETURN_NONE;
  });
}

// grad(outputs, inputs, grad_outputs, flags...): a tuple with the gradient of each input.
PyObject* grad(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{"grad",
                                            7,
                                            2,
                                            7,
                                            {"outputs", "inputs", "grad_outputs", "retain_graph",
                                             "create_graph", "allow_unused", "materialize_grads"}};
    PyObject* v[7] = {};
    parse_arguments(kParameters, args, n, kwnames, v);
    BackwardRequest request;
    request.accumulate = false;
    const int materialize = v[6] ? PyObject_IsTrue(v[6]) : 0;
    checked(materialize);
    check(!materialize || v[5] != Py_False, ErrorKind::kValue,
          "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
          "allow_unused=False.");
    Tensors outputs(v[0], Tensors::kOutputs, "outputs must be Tensors");
    Tensors inputs(v[1], Tensors::kInputs, "inputs must be Tensors");
    check(inputs.n > 0, ErrorKind::kRuntime, "`inputs` argument to `grad()` cannot be empty.");
    add_roots(request, outputs, v[2]);
    set_flags(request, v[3], v[4]);
    const bool allow_unused = flag(v[5] && v[5] != Py_None ? v[5] : v[6]);
    find_edges(request);
    for (Py_ssize_t i = 0; i < inputs.n; ++i) {
      TensorImpl* t = inputs[i];
      refresh_view(t);
      if (!t->requires_grad())
        fail(ErrorKind::kRuntime,
             "One of the differentiated Tensors does not require grad\n  it is inputs[", i,
             "], of shape ", shown(t->sizes(), t->ndim()), why_no_grad(t));
      request.inputs.push_back(gradient_edge(t));
    }
    std::vector<TensorRef> found = run(request);
    PyRef result(checked(PyTuple_New(inputs.n)));
    for (Py_ssize_t i = 0; i < inputs.n; ++i) {
      TensorRef& g = found[static_cast<size_t>(i)];
      TensorImpl* t = inputs[i];
      if (!g) {
        if (!allow_unused) fail_unused(request, t, static_cast<size_t>(i), !is_tensor(v[1]));
        if (materialize) {
          check(!inputs.is_edge(i), ErrorKind::kRuntime,
                "materialize_grads cannot be used when the given input is a GradientEdge");
          g = full(t->shape(), t->dtype(), 0).ref();
          if (request.create_graph) g->set_requires_grad(true);
        }
      }
      // It has no history: somebody may wonder why. A tensor of the caller's may pass through.
      if (g && g->refs() == 1 && !g->wrapper() && !(g->key() & (kRequiresGrad | kCut)))
        g->set_cut(Cut::kBackward, Site::capture());
      PyTuple_SET_ITEM(result.get(), i, wrap(std::move(g)));
    }
    return result.release();
  });
}

// The hooks on a tensor's gradient: with its node, or with the leaf itself.
HookList* tensor_hooks(TensorImpl* t, bool make) {
  if (t->is_leaf()) {
    if (!make && !t->extension()) return nullptr;
    Extension& extension = t->make_extension();
    if (!extension.hooks && make) extension.hooks = new HookList;
    return extension.hooks;
  }
  if (!make && !t->grad_fn()->side()) return nullptr;
  NodeSide& side = t->grad_fn()->make_side();
  if (side.output_hooks.size() <= t->output_nr()) {
    if (!make) return nullptr;
    side.output_hooks.resize(t->grad_fn()->n_outputs());
  }
  return &side.output_hooks[t->output_nr()];
}

// _hook_dict(tensor, make): the callable that holds the tensor's hooks, made by make() on first
// use.
PyObject* hook_dict(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2 && is_tensor(args[0]), ErrorKind::kType, "_hook_dict(tensor, make)");
    TensorImpl* t = impl_of(args[0]);
    refresh_view(t);
    if (!t->requires_grad())
      fail(ErrorKind::kRuntime, "cannot register a hook on a tensor that doesn't require gradient",
           why_no_grad(t));
    HookList* list = tensor_hooks(t, false);
    if (list && !list->hooks.empty())
      return Py_NewRef(static_cast<PyObject*>(list->hooks[0].callable));
    PyRef made(checked(PyObject_CallNoArgs(args[1])));
    tensor_hooks(t, true)->hooks.push_back({0, Py_NewRef(made.get())});
    tracked_from_now(t);
    return made.release();
  });
}

// _post_hook_dict(leaf, make): the same for hooks that run after .grad has changed.
PyObject* post_hook_dict(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2 && is_tensor(args[0]), ErrorKind::kType, "_post_hook_dict(tensor, make)");
    TensorImpl* t = impl_of(args[0]);
    refresh_view(t);
    if (!t->requires_grad())
      fail(ErrorKind::kRuntime, "cannot register a hook on a tensor that doesn't require gradient",
           why_no_grad(t));
    if (!t->is_leaf()) {
      Provenance story;
      story.line("asked for by", Site::capture());
      story.line("made by", t->grad_fn()->site());
      story.fix("register_hook() sees the gradient of a computed tensor.");
      fail(ErrorKind::kRuntime,
           "post accumulate grad hooks cannot be registered on non-leaf tensors", story.text());
    }
    Extension& extension = t->make_extension();
    if (extension.post_hooks && !extension.post_hooks->hooks.empty())
      return Py_NewRef(static_cast<PyObject*>(extension.post_hooks->hooks[0].callable));
    PyRef made(checked(PyObject_CallNoArgs(args[1])));
    if (!extension.post_hooks) extension.post_hooks = new HookList;
    extension.post_hooks->hooks.push_back({0, Py_NewRef(made.get())});
    tracked_from_now(t);
    return made.release();
  });
}

// _increment_version(tensor): as after a write that nobody recorded.
PyObject* increment_version(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kRuntime,
          "increment_version expects each element of the iterable to be a tensor");
    impl_of(tensor)->bump_version();
    Py_RETURN_NONE;
  });
}

// _pause_retained(on): whether passes of this thread leave retained gradients alone; what it was.
PyObject* py_pause_retained(PyObject*, PyObject* on) {
  return guarded([&] {
    return PyBool_FromLong(pause_retained(bool_argument("_pause_retained", "on", on, true)));
  });
}

PyMethodDef kFunctions[] = {
    {"_pause_retained", py_pause_retained, METH_O, nullptr},
    {"_increment_version", increment_version, METH_O, nullptr},
    {"_backward", method(backward), kFast, nullptr},
    {"_grad", method(grad), kFast, nullptr},
    {"_hook_dict", method(hook_dict), METH_FASTCALL, nullptr},
    {"_post_hook_dict", method(post_hook_dict), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* tensor_backward(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    BackwardRequest request;
    TensorImpl* t = impl_of(self);
    if (n == 0 && !kwnames) [[likely]] {
      add_root(request, t, nullptr);
      find_edges(request);
      run(request);
      Py_RETURN_NONE;
    }
    static constexpr Parameters kParameters{
        "Tensor.backward", 4, 0, 4, {"gradient", "retain_graph", "create_graph", "inputs"}};
    PyObject* v[4] = {};
    check(n <= 4, ErrorKind::kType, "Tensor.backward() takes from 1 to 5 positional arguments but ",
          n + 1, " were given");
    parse_arguments(kParameters, args, n, kwnames, v);
    add_roots(request, Tensors(self, Tensors::kOutputs, ""), v[0]);
    set_flags(request, v[1], v[2]);
    find_edges(request);
    if (request.create_graph) warn_create_graph();
    add_inputs(request, v[3]);
    run(request);
    Py_RETURN_NONE;
  });
}

PyObject* tensor_retain_grad(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    TensorImpl* t = impl_of(self);
    refresh_view(t);
    if (!t->requires_grad())
      fail(ErrorKind::kRuntime, "can't retain_grad on Tensor that has requires_grad=False",
           why_no_grad(t));
    retain_grad(t);
    Py_RETURN_NONE;
  });
}

PyObject* tensor_backward_hooks(PyObject* self) {
  TensorImpl* t = impl_of(self);
  HookList* list = t->requires_grad() || t->is_leaf() ? tensor_hooks(t, false) : nullptr;
  if (!list || list->hooks.empty()) Py_RETURN_NONE;
  return Py_NewRef(static_cast<PyObject*>(list->hooks[0].callable));
}

int set_tensor_backward_hooks(PyObject* self, PyObject* hooks) {
  return guarded_int([&] {
    check(hooks, ErrorKind::kRuntime, "Deletion of _backwards_hooks not allowed!");
    const bool none = hooks == Py_None;
    check(none || PyDict_Check(hooks), ErrorKind::kType,
          "_backward_hooks must be a dict of hooks by id, or None, but got ", short_type(hooks));
    TensorImpl* t = impl_of(self);
    refresh_view(t);
    check(t->is_leaf(), ErrorKind::kRuntime,
          "_backward_hooks can be set for a leaf only: those of a computed tensor belong to its "
          "grad_fn, which PyTorch does not change either\n  fix: y.register_hook(hook) adds one, "
          "handle.remove() takes it away.");
    PyRef made;
    if (!none) {
      PyRef module(checked(PyImport_ImportModule("rushlight._hooks")));
      PyRef type(checked(PyObject_GetAttrString(module.get(), "TensorHooks")));
      const bool own = Py_IS_TYPE(hooks, reinterpret_cast<PyTypeObject*>(type.get()));
      made = own ? PyRef::borrow(hooks) : PyRef(checked(PyObject_CallOneArg(type.get(), hooks)));
    }
    HookList* list = tensor_hooks(t, made.get() != nullptr);
    if (!list) return 0;
    auto before = std::exchange(list->hooks, {});
    if (made) list->hooks.push_back({0, made.release()});
    for (Hook& hook : before) Py_DECREF(static_cast<PyObject*>(hook.callable));
    tracked_from_now(t);
    return 0;
  });
}

TensorImpl* call_tensor_hook(void* hook, TensorImpl* grad) {
  PyRef argument(wrap(TensorRef::borrow(grad)));
  PyRef result(checked(PyObject_CallOneArg(static_cast<PyObject*>(hook), argument.get())));
  if (result.get() == Py_None) return nullptr;
  check(is_tensor(result.get()), ErrorKind::kType, "expected Variable, but hook returned '",
        short_type(result.get()), "'");
  TensorImpl* changed = impl_of(result.get());
  changed->retain();
  return changed;
}

bool init_autograd(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

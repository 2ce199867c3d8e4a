// Function.apply: calls the user's forward(), then makes its outputs part of the graph.
#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "graph/provenance.h"
#include "graph/view.h"
#include "python/conversions.h"
#include "python/function_node.h"
#include "python/tensor_type.h"

namespace rl::python {

namespace {

struct AttributeNames {
  PyObject* backward_class = PyUnicode_InternFromString("_backward_cls");
  PyObject* forward = PyUnicode_InternFromString("forward");
  PyObject* setup_context = PyUnicode_InternFromString("setup_context");
};
const AttributeNames& names() {
  static const AttributeNames instance;
  return instance;
}

// Tensors that the user named on ctx. Few, so they are searched one by one.
class Declared {
 public:
  Declared(PyObject* tuple, const char* attribute) : tuple_(PyRef::borrow(tuple)) {
    check(!tuple || PyTuple_Check(tuple), ErrorKind::kRuntime,
          "autograd internal error: ", attribute, " attribute is expected to be a tuple but is ",
          tuple ? Py_TYPE(tuple)->tp_name : "");
  }
  Py_ssize_t size() const { return tuple_ ? PyTuple_GET_SIZE(tuple_.get()) : 0; }
  PyObject* operator[](Py_ssize_t i) const { return PyTuple_GET_ITEM(tuple_.get(), i); }
  bool has(TensorImpl* t) const {
    for (Py_ssize_t i = 0; i < size(); ++i)
      if (is_tensor((*this)[i]) && impl_of((*this)[i]) == t) return true;
    return false;
  }

 private:
  PyRef tuple_;
};

PyRef tuple_of(PyObject* const* args, Py_ssize_t n) {
  PyRef tuple(checked(PyTuple_New(n)));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  return tuple;
}

bool needs_grad(TensorImpl* t) {
  return t->requires_grad() || (t->is_view() && t->base()->requires_grad());
}

// One call of apply().
class Application {
 public:
  // `args` live as long as this.
  Application(PyObject* cls, PyObject* const* args, size_t n);
  ~Application() {
    for (size_t i = 0; i < n_edges_; ++i)
      if (edges_[i].node) edges_[i].node->release();
  }
  Application(const Application&) = delete;
  Application& operator=(const Application&) = delete;

  // Calls forward() without recording, and setup_context() if it is not null.
  PyRef forward(PyObject* function, PyObject* setup);
  // What apply() returns for what forward() returned.
  PyObject* finish(PyObject* raw);

 private:
  struct Declarations {
    Declared non_differentiable, dirty, saved;
  };

  void collect_edges();
  void mark_dirty(const Declared& dirty, PyObject* const* outputs, Py_ssize_t n);
  void make_node(PyObject* const* outputs, Py_ssize_t n);
  PyRef link(const Declarations& declared, PyObject* raw, uint32_t nr);
  TensorRef cut(TensorImpl* t, bool input, bool dirty, bool marked);
  void write(TensorImpl* t, int edge, uint32_t nr);
  void save(const Declared& saved);
  void settle();
  void keep(TensorImpl* t, int32_t place);
  // The position among the tensors that were given, -1 for another tensor.
  int input_index(TensorImpl* t) const;

  PyObject* const* args_;
  size_t n_;
  PyRef owned_context_;
  PyContext* context_;
  bool split_ = false;  // setup_context() is overridden
  size_t n_tensors_ = 0;
  // The edges, once recording is certain; the node takes their counts over.
  static constexpr size_t kInline = 8;
  Edge inline_edges_[kInline];
  std::vector<Edge> more_edges_;
  Edge* edges_ = inline_edges_;
  size_t n_edges_ = 0;
  bool recorded_ = false;
  Ref<FunctionNode> node_;  // null where nothing is recorded
  Py_ssize_t n_outputs_ = 0;
  int n_differentiable_ = 0;
  TensorImpl* written_view_ = nullptr;
};

Application::Application(PyObject* cls, PyObject* const* args, size_t n) : args_(args), n_(n) {
  PyRef type(checked(PyObject_GetAttr(cls, names().backward_class)));
  auto* backward = reinterpret_cast<PyTypeObject*>(type.get());
  check(PyType_Check(type.get()) && PyType_IsSubtype(backward, context_type), ErrorKind::kType,
        "_backward_cls must be a subclass of torch.autograd.function.FunctionCtx");
  owned_context_ = PyRef(checked(backward->tp_alloc(backward, 0)));
  context_ = as_context(owned_context_.get());
  InputFlags& inputs = context_->inputs;
  inputs.resize(n);
  bool any = false;
  for (size_t i = 0; i < n; ++i) {
    if (!is_tensor(args[i])) continue;
    ++n_tensors_;
    bool needs = needs_grad(impl_of(args[i]));
    inputs[i] = needs ? InputFlags::kTensor | InputFlags::kNeedsGrad : InputFlags::kTensor;
    any |= needs;
  }
  recorded_ = any && (thread_state.key_mask & kRequiresGrad);
  if (recorded_) collect_edges();
}

// Before forward(): what it writes must not change where the gradients go.
void Application::collect_edges() {
  check(n_tensors_ <= UINT16_MAX, ErrorKind::kRuntime, "apply(): more than ", UINT16_MAX,
        " tensors in one recorded call are not supported");
  if (n_tensors_ > kInline) {
    more_edges_.resize(n_tensors_);
    edges_ = more_edges_.data();
  }
  for (size_t i = 0; i < n_; ++i) {
    if (!is_tensor(args_[i])) continue;
    edges_[n_edges_] = gradient_edge(impl_of(args_[i]));
    ++n_edges_;
  }
}

PyRef Application::forward(PyObject* function, PyObject* setup) {
  split_ = setup != nullptr;
  GradModeGuard no_grad(false);
  Arguments arguments(n_ + 1);
  if (!split_) arguments.push(Py_NewRef(owned_context_.get()));
  for (size_t i = 0; i < n_; ++i) arguments.push(Py_NewRef(args_[i]));
  PyRef raw(arguments.call(function));
  if (!split_) return raw;
  PyRef inputs = tuple_of(args_, static_cast<Py_ssize_t>(n_));
  PyObject* given[] = {nullptr, owned_context_.get(), inputs.get(), raw.get()};
  PyRef ignored(
      checked(PyObject_Vectorcall(setup, given + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr)));
  return raw;
}

int Application::input_index(TensorImpl* t) const {
  int index = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (!is_tensor(args_[i])) continue;
    if (impl_of(args_[i]) == t) return index;
    ++index;
  }
  return -1;
}

void Application::mark_dirty(const Declared& dirty, PyObject* const* outputs, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < dirty.size(); ++i) {
    check(is_tensor(dirty[i]), ErrorKind::kRuntime,
          "mark_dirty can only accept variables, but argument ", i, " is of type ",
          Py_TYPE(dirty[i])->tp_name);
    impl_of(dirty[i])->bump_version();
  }
  for (Py_ssize_t i = 0; i < dirty.size(); ++i) {
    bool returned = false;
    for (Py_ssize_t k = 0; k < n; ++k) returned |= outputs[k] == dirty[i];
    check(
        returned, ErrorKind::kRuntime,
        "Some elements marked as dirty during the forward method were not returned as output. The "
        "inputs that are modified inplace must all be outputs of the Function.\n  it is argument ",
        i, " of mark_dirty(), of shape ",
        shown(impl_of(dirty[i])->sizes(), impl_of(dirty[i])->ndim()),
        "\n  fix: return that tensor itself from forward(), not a copy of it.");
  }
}

void Application::make_node(PyObject* const* outputs, Py_ssize_t n) {
  check(n <= UINT16_MAX, ErrorKind::kRuntime, "apply(): more than ", UINT16_MAX,
        " outputs of one recorded call are not supported");
  size_t n_dims = 0;
  for (Py_ssize_t i = 0; i < n; ++i)
    if (is_tensor(outputs[i])) n_dims += static_cast<size_t>(impl_of(outputs[i])->ndim());
  PyObject* saved = context_->to_save;
  size_t n_saved = saved && PyTuple_Check(saved) ? static_cast<size_t>(PyTuple_GET_SIZE(saved)) : 0;
  node_ = FunctionNode::make(context_, n_edges_, static_cast<size_t>(n), n_dims, n_saved);
  for (size_t i = 0; i < n_edges_; ++i) node_->edges()[i] = std::exchange(edges_[i], {});
  for (Py_ssize_t i = 0; i < n; ++i) {
    auto nr = static_cast<uint32_t>(i);
    if (is_tensor(outputs[i])) {
      TensorImpl* t = impl_of(outputs[i]);
      node_->set_output(nr, t->dtype(), t->sizes(), t->ndim());
    } else {
      node_->set_no_output(nr);
    }
  }
  node_->finish();
  if (!(observed & kKeepsArguments)) [[likely]]
    return;
  int32_t index = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (!is_tensor(args_[i])) continue;
    keep(impl_of(args_[i]), -1 - index++);
  }
}

// The output as it is without history: null for the tensor itself.
TensorRef Application::cut(TensorImpl* t, bool input, bool dirty, bool marked) {
  TensorRef other;
  if (!t->requires_grad()) {
    if (input && !dirty) other = make_view(t, t->shape(), t->strides(), t->offset());
  } else if (input) {
    other = make_detached(t);
  } else if (!t->is_view()) {
    if (t->is_leaf())
      t->set_requires_grad(false);
    else
      t->set_grad_fn(nullptr, 0);
  }
  if (marked) (other ? other.get() : t)->set_cut(Cut::kMarked, Site::capture());
  return other;
}

// The call changed `t` in place and returned it.
void Application::write(TensorImpl* t, int edge, uint32_t nr) {
  if (t->is_leaf() && t->requires_grad()) {
    Provenance story;
    story.line("changed by", Site::capture());
    story.fix("clone() it before apply(), or call apply() under torch.no_grad().");
    fail(ErrorKind::kRuntime,
         "a leaf Variable that requires grad has been used in an in-place operation.",
         story.text());
  }
  if (edge < 0)
    warn_user(
        "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have "
        "been mutated should be passed to ctx.mark_dirty().");
  if (edge >= 0 && !t->is_view()) t->set_grad({});  // it was that of the old value
  if (edge < 0 || !t->is_view()) return t->set_grad_fn(node_.get(), nr);
  check(
      n_outputs_ == 1, ErrorKind::kRuntime,
      "If your Function modifies inplace an input that is a view of another Tensor, your Function "
      "cannot return more than one Tensor. This is not supported by the current autograd engine. "
      "You should either make sure the input is not a view (using .clone() for example) or make "
      "your Function only return one Tensor (potentially splitting it into two Functions: one "
      "doing the inplace that returns a single Tensor and a second one that does the other "
      "operations).");
  check_inplace(t, true);
  rebase_history(t, Ref<Node>::borrow(node_.get()), static_cast<uint32_t>(edge));
  written_view_ = t;
}

PyRef Application::link(const Declarations& declared, PyObject* raw, uint32_t nr) {
  if (!is_tensor(raw)) return PyRef::borrow(raw);
  TensorImpl* t = impl_of(raw);
  int edge = input_index(t);
  bool input = edge >= 0;
  bool dirty = declared.dirty.has(t);
  bool marked = declared.non_differentiable.has(t);
  TensorRef other;
  if (!node_ || marked || !is_float(t->dtype())) {
    other = cut(t, input, dirty, node_ && marked);
  } else {
    ++n_differentiable_;
    if (dirty) {
      write(t, edge, nr);
    } else {
      if (input) {
        check(
            !split_ || !declared.saved.has(t), ErrorKind::kRuntime,
            "An input that has been returned as-is as output is being saved for backward. This is "
            "not supported if you override setup_context. You should return and save a view of "
            "the input instead, e.g. with x.view_as(x) or setup ctx inside the forward function "
            "itself.");
        other = make_view(t, t->shape(), t->strides(), t->offset());
      }
      TensorImpl* out = other ? other.get() : t;
      out->set_grad_fn(node_.get(), nr);
      mark_view_current(out);
    }
    if (!other) tracked_from_now(t);
  }
  TensorImpl* out = other ? other.get() : t;
  if (node_ && observed & kKeepsArguments) [[unlikely]]
    keep(out, static_cast<int32_t>(nr));
  if (out->is_view() && !out->is_inference() && !(input && dirty))
    out->extension()->creation = Creation::kCustomFunction;
  return other ? PyRef(wrap(std::move(other))) : PyRef::borrow(raw);
}

// For who looks into the graph later: forward() is never run again. The bytes, without a history.
void Application::keep(TensorImpl* t, int32_t place) {
  TensorRef copy = alias_of(t);
  const uint32_t version = copy->version();
  node_->make_side().kept.push_back({std::move(copy), version, place});
}

void Application::save(const Declared& saved) {
  if (!node_) return;
  for (Py_ssize_t i = 0; i < saved.size(); ++i) {
    if (saved[i] == Py_None) continue;
    check(is_tensor(saved[i]), ErrorKind::kType,
          "save_for_backward can only save variables, but argument ", i, " is of type ",
          Py_TYPE(saved[i])->tp_name,
          "\n  fix: keep what is no tensor as an attribute: ctx.name = value.");
    node_->save(static_cast<size_t>(i), impl_of(saved[i]), written_view_);
  }
}

void Application::settle() {
  for (auto field : {&PyContext::to_save, &PyContext::non_differentiable, &PyContext::dirty_tensors,
                     &PyContext::saved_for_forward})
    Py_CLEAR(context_->*field);
  owned_context_ = PyRef();
  if (node_) node_->settle();
}

PyObject* Application::finish(PyObject* raw) {
  bool many = PyTuple_Check(raw);
  n_outputs_ = many ? PyTuple_GET_SIZE(raw) : 1;
  PyObject* const* items = many ? reinterpret_cast<PyTupleObject*>(raw)->ob_item : &raw;
  Declarations declared{{context_->non_differentiable, "non_differentiable"},
                        {context_->dirty_tensors, "dirty_tensors"},
                        {context_->to_save, "to_save"}};
  for (Py_ssize_t i = 0; i < declared.non_differentiable.size(); ++i)
    check(is_tensor(declared.non_differentiable[i]), ErrorKind::kRuntime,
          "mark_non_differentiable only accepts variable arguments, but got ",
          Py_TYPE(declared.non_differentiable[i])->tp_name);
  mark_dirty(declared.dirty, items, n_outputs_);
  if (recorded_) make_node(items, n_outputs_);
  PyRef result;
  if (many) {
    result = PyRef(checked(PyTuple_New(n_outputs_)));
    for (Py_ssize_t i = 0; i < n_outputs_; ++i)
      PyTuple_SET_ITEM(result.get(), i,
                       link(declared, items[i], static_cast<uint32_t>(i)).release());
  } else {
    result = link(declared, raw, 0);
  }
  if (n_differentiable_ > 1)
    for (Py_ssize_t i = 0; i < n_outputs_; ++i) {
      PyObject* item = PyTuple_GET_ITEM(result.get(), i);
      if (is_tensor(item) && impl_of(item)->is_view())
        impl_of(item)->extension()->creation = Creation::kMultiOutput;
    }
  save(declared.saved);
  settle();
  return result.release();
}

// The arguments of a forward() without ctx as one tuple, defaults included; null where they are
// those of the call.
PyRef bind_split(PyObject* forward, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  if (!kwnames && PyFunction_Check(forward)) {
    auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(forward));
    if (code->co_argcount == n && !code->co_kwonlyargcount && !(code->co_flags & CO_VARARGS))
      return {};
  }
  PyRef keywords(checked(PyDict_New()));
  for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
    checked(PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(kwnames, i), args[n + i]));
  PyRef bound(checked(PyObject_CallFunctionObjArgs(
      function_defaults.bind, forward, tuple_of(args, n).get(), keywords.get(), nullptr)));
  check(PyTuple_Check(bound.get()), ErrorKind::kType, "forward() could not be bound");
  return bound;
}

[[noreturn]] void fail_keyword(const char* problem, PyObject* keyword) {
  const char* name = PyUnicode_AsUTF8(keyword);
  if (!name) throw_python();
  fail(ErrorKind::kType, "forward() got ", problem, " '", name, "'");
}

// The arguments of forward(ctx, ...) as one tuple: keywords go to the places of its parameters, for
// gradients belong to places.
PyRef bind_keywords(PyObject* forward, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  Py_ssize_t first = PyMethod_Check(forward) ? 2 : 1;  // after (cls and) ctx
  PyRef code(checked(PyObject_GetAttrString(forward, "__code__")));
  check(PyCode_Check(code.get()), ErrorKind::kType, "the __code__ of forward() is no code object");
  auto* body = reinterpret_cast<PyCodeObject*>(code.get());
  PyRef parameters(checked(PyCode_GetVarnames(body)));
  Py_ssize_t end = body->co_argcount;
  std::vector<PyObject*> given(args, args + n);
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(kwnames); ++k) {
    PyObject* keyword = PyTuple_GET_ITEM(kwnames, k);
    Py_ssize_t at = first;
    while (at < end && PyUnicode_Compare(PyTuple_GET_ITEM(parameters.get(), at), keyword) != 0)
      ++at;
    if (at >= end) fail_keyword("an unexpected keyword argument", keyword);
    auto place = static_cast<size_t>(at - first);
    if (place >= given.size()) given.resize(place + 1, nullptr);
    if (given[place]) fail_keyword("multiple values for argument", keyword);
    given[place] = args[n + k];
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i]) continue;
    const char* name =
        PyUnicode_AsUTF8(PyTuple_GET_ITEM(parameters.get(), first + static_cast<Py_ssize_t>(i)));
    fail(ErrorKind::kType, "forward() missing required argument: '", name ? name : "?",
         "' (position ", i, ")");
  }
  return tuple_of(given.data(), static_cast<Py_ssize_t>(given.size()));
}

// Tells observers of the call, as long as it takes.
class Observed {
 public:
  explicit Observed(PyObject* cls) : on_(observed & kObservesOps) {
    if (!on_) [[likely]]
      return;
    name_ = reinterpret_cast<PyTypeObject*>(cls)->tp_name;
    for_each_observer([&](Observer& o) { o.function_begins(name_); });
  }
  ~Observed() {
    if (on_) [[unlikely]]
      for_each_observer([&](Observer& o) { o.function_ended(name_); });
  }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

 private:
  const bool on_;
  const char* name_ = nullptr;
};

}  // namespace

PyObject* function_apply(PyObject* cls, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    PyRef setup(checked(PyObject_GetAttr(cls, names().setup_context)));
    bool split = setup.get() != function_defaults.setup_context;
    PyRef forward(checked(PyObject_GetAttr(cls, names().forward)));
    PyRef bound;
    if (split)
      bound = bind_split(forward.get(), args, n, kwnames);
    else if (kwnames)
      bound = bind_keywords(forward.get(), args, n, kwnames);
    if (bound) {
      args = reinterpret_cast<PyTupleObject*>(bound.get())->ob_item;
      n = PyTuple_GET_SIZE(bound.get());
    }
    Observed observed(cls);
    Application call(cls, args, static_cast<size_t>(n));
    PyRef raw = call.forward(forward.get(), split ? setup.get() : nullptr);
    return call.finish(raw.get());
  });
}

}  // namespace rl::python

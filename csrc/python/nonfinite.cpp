// Looks for infinities and nan at the two ends of every backward pass: the values that it starts
// from and the gradients that it leaves. Only where one is found, Python is called to find out why.
#include "python/nonfinite.h"

#include <memory>
#include <vector>

#include "engine/engine.h"
#include "graph/accumulate_grad.h"
#include "graph/observer.h"
#include "graph/tensor_math.h"
#include "kernels/finite.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

class Watch final : public Observer {
 public:
  uint8_t observes() const override {
    return kObservesPasses | kObservesUserCode | kKeepsArguments;
  }
  void pass_begins(Pass& pass) override;
  void pass_ended(Pass& pass, bool failed) override;
  void node_begins(Node& node, TensorRef* grads) override;
  void node_ended(Node& node, TensorRef* grads) override;
  void node_failed(Node&) override {}
  void hooks_ended(Node& node, TensorRef* grads) override;

  // Takes counts of what Python finds: null stops. Returns whether it was on.
  bool set(PyObject* begun, PyObject* ended);
  // Whether this thread's passes are looked at.
  static thread_local bool paused;

 private:
  struct Start {
    NodeRef node;
    uint32_t nr;
    TensorRef value, grad;
  };
  // Gradients at nodes that ran the user's code, which is not run again: "arrived" there, "made"
  // by the node, "sent" on by the hooks after it; "finite" is a leaf's .grad before such hooks.
  struct Seen {
    NodeRef node;
    const char* what;
    std::vector<TensorRef> grads;
  };
  struct State {
    uint32_t id = 0;
    std::vector<Start> roots;
    std::vector<Seen> seen;
    PyRef found;  // what the callback made of a bad root
  };

  State* current();
  void look(Pass& pass, const State& state);
  static PyRef roots_of(const State& state);
  static PyRef seen_of(const State& state);

  std::vector<std::unique_ptr<State>> passes_;  // under way, on any thread
  std::unique_ptr<State> spare_;                // an ended one, for its memory
  PyRef begun_, ended_;
};

thread_local bool Watch::paused = false;

Watch& watch() {
  static auto* instance = new Watch;
  return *instance;
}

bool Watch::set(PyObject* begun, PyObject* ended) {
  const bool was = static_cast<bool>(begun_);
  PyRef old_begun = std::exchange(begun_, PyRef::borrow(begun));
  PyRef old_ended = std::exchange(ended_, PyRef::borrow(ended));
  if (was && !begun) {
    remove_observer(*this);
    auto gone = std::exchange(passes_, {});
  } else if (!was && begun) {
    add_observer(*this);
  }
  return was;
}

PyRef tensor_or_none(const TensorRef& t) { return PyRef(checked(wrap(t))); }

PyRef node_object(const NodeRef& node) { return PyRef(checked(wrap_node(node.get()))); }

// [(node, output, value, gradient)]
PyRef Watch::roots_of(const State& state) {
  PyRef list(checked(PyList_New(0)));
  for (const Start& root : state.roots) {
    PyRef node = node_object(root.node);
    PyRef value = tensor_or_none(root.value), grad = tensor_or_none(root.grad);
    PyRef item(checked(Py_BuildValue("(OIOO)", node.get(), root.nr, value.get(), grad.get())));
    checked(PyList_Append(list.get(), item.get()));
  }
  return list;
}

// [(node, what, [gradient])]
PyRef Watch::seen_of(const State& state) {
  PyRef list(checked(PyList_New(0)));
  for (const Seen& seen : state.seen) {
    PyRef node = node_object(seen.node);
    PyRef grads(checked(PyList_New(0)));
    for (const TensorRef& grad : seen.grads)
      checked(PyList_Append(grads.get(), tensor_or_none(grad).get()));
    PyRef item(checked(Py_BuildValue("(OsO)", node.get(), seen.what, grads.get())));
    checked(PyList_Append(list.get(), item.get()));
  }
  return list;
}

Watch::State* Watch::current() {
  for (auto& state : passes_)
    if (state->id == current_run.id) return state.get();
  return nullptr;
}

void Watch::pass_begins(Pass& pass) {
  if (paused) return;
  pass.keep_until_end();
  if (!spare_) spare_ = std::make_unique<State>();
  State& state = *passes_.emplace_back(std::move(spare_));
  state.id = pass.id();
  pass.for_each_root([&](const Edge& edge, TensorImpl* value, TensorImpl* grad) {
    state.roots.push_back({NodeRef::borrow(edge.node), edge.nr,
                           value ? TensorRef::borrow(value) : TensorRef(),
                           grad ? TensorRef::borrow(grad) : TensorRef()});
  });
  bool bad = false;
  for (const Start& root : state.roots) bad = bad || (root.value && !all_finite(*root.value));
  if (!bad) return;
  const uint32_t id = state.id;
  PyRef begun = begun_;
  PyRef found(checked(PyObject_CallFunctionObjArgs(begun.get(), roots_of(state).get(), nullptr)));
  for (auto& now : passes_)  // others may have come and gone
    if (now->id == id) now->found = std::move(found);
}

bool has_hooks(Node& node) {
  if (node.is_accumulate_grad()) {
    Extension* extension = static_cast<AccumulateGrad&>(node).variable()->extension();
    return extension && extension->hooks;
  }
  const NodeSide* side = node.side();
  return side && (!side->output_hooks.empty() || side->pre_hooks || side->post_hooks);
}

void Watch::node_begins(Node& node, TensorRef* grads) {
  State* state = paused ? nullptr : current();
  if (!state) return;
  if (!has_hooks(node)) return;  // another observer wants to see all nodes
  state->seen.push_back({NodeRef::borrow(&node), "arrived", {grads, grads + node.n_outputs()}});
}

void Watch::node_ended(Node& node, TensorRef* grads) {
  if (node.is_accumulate_grad()) {
    TensorImpl* leaf = static_cast<AccumulateGrad&>(node).variable();
    State* state =
        paused || !leaf->extension() || !leaf->extension()->post_hooks ? nullptr : current();
    if (state && leaf->grad() && all_finite(*leaf->grad()))
      state->seen.push_back({NodeRef::borrow(&node), "finite", {}});
    return;
  }
  const bool again = !node.holds_python() && !node.has_packed();  // its derivative may run
  State* state = paused || again ? nullptr : current();
  if (!state) return;
  Seen made{NodeRef::borrow(&node), "made", {grads, grads + node.n_edges()}};
  if (node.side() && node.side()->post_hooks)  // they may write into them
    for (TensorRef& grad : made.grads)
      if (grad) grad = tensor_math.clone_like(grad.get(), grad.get());
  state->seen.push_back(std::move(made));
}

void Watch::hooks_ended(Node& node, TensorRef* grads) {
  State* state = paused || !grads ? nullptr : current();
  if (!state) return;
  state->seen.push_back({NodeRef::borrow(&node), "sent", {grads, grads + node.n_edges()}});
}

void Watch::pass_ended(Pass& pass, bool failed) {
  std::unique_ptr<State> state;
  for (size_t i = passes_.size(); i-- > 0 && !state;) {
    if (passes_[i]->id != pass.id()) continue;
    state = std::move(passes_[i]);
    passes_.erase(passes_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (!state) return;
  if (!failed) look(pass, *state);
  state->roots.clear();
  state->seen.clear();
  state->found = PyRef();
  spare_ = std::move(state);
}

void Watch::look(Pass& pass, const State& state) {
  struct Captured {
    NodeRef node;
    uint32_t nr;
    TensorRef grad;
  };
  struct Bad {
    std::vector<NodeRef> leaves;
    std::vector<Captured> captured;

    void look(Node* node, uint32_t nr, TensorImpl* grad) {
      if (!all_finite(*grad))
        captured.push_back({NodeRef::borrow(node), nr, TensorRef::borrow(grad)});
    }
  } bad;
  for (size_t at = 0; Node* node = pass.next_executed(at);) {
    if (node->is_accumulate_grad()) {
      const TensorRef& grad = static_cast<AccumulateGrad*>(node)->variable()->grad();
      if (grad && !all_finite(*grad)) bad.leaves.push_back(NodeRef::borrow(node));
    } else if (node->has_side()) {
      const NodeSide* side = node->side();
      for (uint32_t i = 0; i < side->retain_grad.size(); ++i)
        if (TensorImpl* t = side->retain_grad[i]; t && t->grad())
          bad.look(node, i, t->grad().get());
    }
  }
  pass.for_each_captured(
      [&bad](const Edge& edge, TensorImpl* grad) { bad.look(edge.node, edge.nr, grad); });
  const auto& [leaves, captured] = bad;
  if (leaves.empty() && captured.empty() && !state.found) return;
  PyRef leaf_list(checked(PyList_New(0))), captured_list(checked(PyList_New(0)));
  for (const NodeRef& node : leaves)
    checked(PyList_Append(leaf_list.get(), node_object(node).get()));
  for (const Captured& c : captured) {
    PyRef node = node_object(c.node), grad = tensor_or_none(c.grad);
    PyRef item(checked(Py_BuildValue("(OIO)", node.get(), c.nr, grad.get())));
    checked(PyList_Append(captured_list.get(), item.get()));
  }
  PyObject* found = state.found ? state.found.get() : Py_None;
  PyRef ended = ended_;
  if (!ended) return;
  PyRef done(checked(PyObject_CallFunctionObjArgs(ended.get(), found, roots_of(state).get(),
                                                  leaf_list.get(), captured_list.get(),
                                                  seen_of(state).get(), nullptr)));
}

// _watch_nonfinite(begun, ended): begun(roots) for values that are not finite, whose answer
// ended(answer, roots, leaves, captured, seen) gets; ended() for gradients, too. None stops.
PyObject* watch_nonfinite(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check(n == 2, ErrorKind::kType, "_watch_nonfinite(begun, ended)");
    const bool off = args[0] == Py_None;
    check(off || (PyCallable_Check(args[0]) && PyCallable_Check(args[1])), ErrorKind::kType,
          "_watch_nonfinite() takes two callables, or None for none");
    return PyBool_FromLong(off ? watch().set(nullptr, nullptr) : watch().set(args[0], args[1]));
  });
}

// _pause_nonfinite(on): whether passes of this thread are looked at; what it was.
PyObject* pause_nonfinite(PyObject*, PyObject* on) {
  return guarded([&] {
    const bool before = Watch::paused;
    Watch::paused = bool_argument("_pause_nonfinite", "on", on, true);
    return PyBool_FromLong(before);
  });
}

PyMethodDef kFunctions[] = {
    {"_watch_nonfinite", method(watch_nonfinite), METH_FASTCALL, nullptr},
    {"_pause_nonfinite", pause_nonfinite, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool nonfinite_paused() { return Watch::paused; }

bool init_nonfinite(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

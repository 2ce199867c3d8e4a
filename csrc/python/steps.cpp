// What rushlight.debug sees of backward passes: nodes as they run, a pass that stops after each of
// them, and what is known of a node's derivative.
#include <memory>
#include <unordered_map>
#include <vector>

#include "graph/accumulate_grad.h"
#include "graph/copy_slices.h"
#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "graph/tensor_math.h"
#include "graph/view.h"
#include "ops/op_node.h"
#include "python/autograd.h"
#include "python/nonfinite.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyRef tensors_tuple(TensorRef* tensors, uint32_t n) {
  PyRef tuple(checked(PyTuple_New(n)));
  for (uint32_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i, checked(wrap(tensors[i])));
  return tuple;
}

// Gradients that go on, None where undefined; False in the place of those that nobody wants.
PyRef wanted_tuple(Node& node, TensorRef* gradients) {
  PyRef tuple(checked(PyTuple_New(node.n_edges())));
  for (uint32_t i = 0; i < node.n_edges(); ++i) {
    bool wanted = edge_wanted(node.edges()[i]);
    PyTuple_SET_ITEM(tuple.get(), i, wanted ? checked(wrap(gradients[i])) : Py_NewRef(Py_False));
  }
  return tuple;
}

// A node that has begun and not ended.
struct Pending {
  Node* node;
  uint32_t run;
  PyRef grads;
  PyRef before;  // of an AccumulateGrad: a copy of the leaf's gradient, or None
};
std::vector<Pending>& pending() {
  static thread_local std::vector<Pending> list;
  return list;
}

// Calls back for nodes of some passes or threads, and for tensors that operations of a thread use.
class Watcher final : public Observer {
 public:
  void pass_begins(Pass& pass) override {
    if (!expecting) return;
    // The pass is traced: its numbers are read between its steps.
    expecting = false;
    pass.keep_until_end();
  }
  void pass_ended(Pass& pass, bool) override { forget(pass.id()); }
  void node_begins(Node& node, TensorRef* grads) override {
    if (!callback()) return;
    forget(current_run.id);
    PyRef before;
    if (node.is_accumulate_grad()) {
      const TensorRef& grad = static_cast<AccumulateGrad&>(node).variable()->grad();
      GradModeGuard plain(false);
      before = PyRef(checked(wrap(grad ? tensor_math.clone(grad.get()) : TensorRef())));
    }
    pending().push_back(
        {&node, current_run.id, tensors_tuple(grads, node.n_outputs()), std::move(before)});
  }
  void node_ended(Node& node, TensorRef* gradients) override {
    auto& list = pending();
    if (list.empty() || list.back().node != &node || list.back().run != current_run.id) return;
    Pending begun = std::move(list.back());
    list.pop_back();
    PyRef call = PyRef::borrow(callback());
    if (!call) return;
    PyRef object(checked(wrap_node(&node)));
    PyRef out = gradients ? wanted_tuple(node, gradients) : PyRef::borrow(Py_None);
    PyRef before = begun.before ? begun.before : PyRef::borrow(Py_None);
    PyRef(checked(PyObject_CallFunctionObjArgs(call.get(), object.get(), begun.grads.get(),
                                               out.get(), before.get(), nullptr)));
  }
  void node_failed(Node&) override { forget(current_run.id); }
  void op_begins(Call& call) override {
    if (!tensors || busy) return;
    busy = true;
    struct Free {
      ~Free() { busy = false; }
    } free;
    for (int i = 0; i < call.op->n_tensor_args; ++i) {
      const Value& v = call.args[call.op->tensor_args[i]];
      if (v.kind == Kind::kTensor) tell(v.t);
      if (v.kind == Kind::kTensors)
        for (int k = 0; k < v.list->n; ++k) tell(v.list->v[k]);
    }
  }

  // The callbacks of this thread, counted: for nodes, for tensors.
  static thread_local PyObject* nodes;
  static thread_local PyObject* tensors;
  static thread_local bool busy;
  // The next pass that this thread begins is a traced one.
  static thread_local bool expecting;
  // Callbacks of traced passes, counted.
  std::unordered_map<uint32_t, PyObject*> runs;

  void use() {
    if (users_++ == 0) add_observer(*this);
  }
  void unuse() {
    if (--users_ == 0) remove_observer(*this);
  }

 private:
  PyObject* callback() {
    if (auto at = runs.find(current_run.id); at != runs.end()) return at->second;
    return nodes;
  }
  static void forget(uint32_t run) {
    auto& list = pending();
    for (size_t i = list.size(); i-- > 0;) {
      if (list[i].run != run) continue;
      Pending dead = std::move(list[i]);  // what it lets go of may come back here
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
      return;  // a run has one node under way
    }
  }
  static void tell(TensorImpl* t) {
    if (!t || !t->requires_grad()) return;
    refresh_view(t);
    if (!t->grad_fn()) return;
    PyRef node(checked(wrap_node(t->grad_fn())));
    PyRef nr(checked(PyLong_FromUnsignedLong(t->output_nr())));
    PyRef tensor(checked(wrap(TensorRef::borrow(t))));
    PyRef(checked(
        PyObject_CallFunctionObjArgs(tensors, node.get(), nr.get(), tensor.get(), nullptr)));
  }

  int users_ = 0;
};
thread_local PyObject* Watcher::nodes = nullptr;
thread_local PyObject* Watcher::tensors = nullptr;
thread_local bool Watcher::busy = false;
thread_local bool Watcher::expecting = false;

// As observers are, never destroyed.
Watcher& watcher() {
  static auto* instance = new Watcher;
  return *instance;
}

// Sets this thread's callback, None for none; returns the one before.
PyObject* exchange_callback(PyObject*& place, PyObject* callback) {
  check(callback == Py_None || PyCallable_Check(callback), ErrorKind::kType,
        "expected a callable or None");
  PyObject* next = callback == Py_None ? nullptr : Py_NewRef(callback);
  if (next && !place) watcher().use();
  if (!next && place) watcher().unuse();
  PyObject* before = std::exchange(place, next);
  return before ? before : Py_NewRef(Py_None);
}

PyObject* watch_nodes(PyObject*, PyObject* callback) {
  return guarded([&] { return exchange_callback(Watcher::nodes, callback); });
}

PyObject* watch_tensors(PyObject*, PyObject* callback) {
  return guarded([&] { return exchange_callback(Watcher::tensors, callback); });
}

// --- a pass in steps

struct PySteps {
  PyObject_HEAD
  BackwardSteps* steps;  // null when it is over
  PyObject* callback;    // must not lead back to this object
  uint32_t run;
  bool at_work;  // inside a step, which may call what asks for another or for the end
};

PySteps* self_steps(PyObject* self) { return reinterpret_cast<PySteps*>(self); }

void end_pass(PySteps* self) {
  std::unique_ptr<BackwardSteps> over(std::exchange(self->steps, nullptr));
  over.reset();
  if (!self->callback) return;
  watcher().runs.erase(self->run);
  watcher().unuse();
  Py_CLEAR(self->callback);
}

// (tensors, grad_tensors, retain_graph, create_graph, inputs, accumulate, callback)
PyObject* new_steps(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyObject *v[5] = {}, *callback;
    int accumulate;
    if (!PyArg_ParseTuple(args, "OOOOOpO", &v[0], &v[1], &v[2], &v[3], &v[4], &accumulate,
                          &callback))
      throw_python();
    auto request = std::make_unique<BackwardRequest>();
    request->accumulate = accumulate;
    fill_request(*request, v);
    PyRef self(checked(type->tp_alloc(type, 0)));
    PySteps* steps = self_steps(self.get());
    if (request->roots.empty()) return self.release();
    steps->callback = Py_NewRef(callback);
    watcher().use();
    Watcher::expecting = true;
    try {
      steps->steps = new BackwardSteps(std::move(request));
    } catch (...) {
      Watcher::expecting = false;
      end_pass(steps);
      throw;
    }
    steps->run = steps->steps->id();
    watcher().runs[steps->run] = callback;
    return self.release();
  });
}

void check_at_rest(const PySteps* self) {
  check(!self->at_work, ErrorKind::kRuntime,
        "trace_backward(): a step of this pass is running\n  fix: leave the hook or the backward() "
        "that it called, and ask for the next step or close the pass from outside.");
}

// Runs the next node and the leaves that it completes; False when there is none.
PyObject* next_step(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    PySteps* steps = self_steps(self);
    bool more = false;
    if (!steps->steps) Py_RETURN_FALSE;
    check_at_rest(steps);
    steps->at_work = true;
    try {
      more = steps->steps->next();
    } catch (...) {
      steps->at_work = false;
      end_pass(steps);
      throw;
    }
    steps->at_work = false;
    if (!more) end_pass(steps);
    return PyBool_FromLong(more);
  });
}

PyObject* close_steps(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    check_at_rest(self_steps(self));
    end_pass(self_steps(self));
    Py_RETURN_NONE;
  });
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  end_pass(self_steps(self));
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"next", next_step, METH_NOARGS, "Run the next node; False when there is none."},
    {"close", close_steps, METH_NOARGS, "End the pass as an exception would."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_new, slot(new_steps)},
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_methods, kMethods},
    {0, nullptr},
};

PyType_Spec kSpec = {"rushlight._C._BackwardSteps", sizeof(PySteps), 0, Py_TPFLAGS_DEFAULT, kSlots};

// --- what is known of a node

// The node of an op: itself, or what a CopySlices plays; null for Functions and leaves.
OpNode* op_node_of(Node* node) {
  if (auto* slices = dynamic_cast<CopySlices*>(node)) node = slices->write();
  return as_op_node(node);
}

// What a slot is called in the op's formulas: a parameter, y for a result, n for the number of
// elements; empty for shapes.
std::string slot_name(const Op& op, const SlotSpec& spec) {
  if (spec.source == Source::kArg) return op.signature.params[spec.arg].names[0];
  if (spec.source == Source::kNumel) return "n";
  if (spec.source == Source::kResult) return spec.arg ? concat("y", int{spec.arg}) : "y";
  return {};
}

PyObject* slot_value(OpNode* node, const SavedSlot& slot) {
  switch (slot.kind()) {
    case SavedKind::kInput:
    case SavedKind::kOutput:
    case SavedKind::kOwnedOutput:
      return wrap(slot.tensor(node, false));
    case SavedKind::kDouble:
      return PyFloat_FromDouble(slot.as_double());
    case SavedKind::kInt:
      return PyLong_FromLongLong(slot.as_int());
    case SavedKind::kBool:
      return PyBool_FromLong(slot.as_bool());
    default:
      return nullptr;  // sizes, lists, and what hooks have packed: unpacking it may cost or count
  }
}

// _node_rule(node): (op, derivative, parameters, parameter of each edge, saved values by name),
// None for nodes that are no op's.
PyObject* node_rule(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(is_node(object), ErrorKind::kType, "_node_rule(): not a node");
    Node* outer = node_of(object);
    OpNode* node = outer ? op_node_of(outer) : nullptr;
    if (!node) Py_RETURN_NONE;
    const Op& op = node->op();
    PyRef edges(checked(PyTuple_New(outer->n_edges())));
    for (uint32_t i = 0; i < outer->n_edges(); ++i) {
      // Of a list every entry has an edge; what follows it is not told apart.
      uint32_t at = std::min<uint32_t>(i, op.n_edges ? op.n_edges - 1 : 0);
      std::string name = op.n_edges ? op.signature.params[op.edge_args[at]].names[0] : "input";
      if (op.takes_list) name = concat(name, "[", i, "]");
      PyTuple_SET_ITEM(edges.get(), i, checked(PyUnicode_FromString(name.c_str())));
    }
    PyRef parameters(checked(PyTuple_New(static_cast<Py_ssize_t>(op.signature.params.size()))));
    for (size_t i = 0; i < op.signature.params.size(); ++i)
      PyTuple_SET_ITEM(parameters.get(), static_cast<Py_ssize_t>(i),
                       checked(PyUnicode_FromString(op.signature.params[i].names[0].c_str())));
    PyRef values(checked(PyDict_New()));
    for (int i = 0; i < node->n_slots(); ++i) {
      std::string name = slot_name(op, op.slots[static_cast<size_t>(i)]);
      if (name.empty()) continue;
      PyRef value(slot_value(node, node->slot(i)));
      if (!value && PyErr_Occurred()) throw_python();
      if (value) checked(PyDict_SetItemString(values.get(), name.c_str(), value.get()));
    }
    return checked(Py_BuildValue("(ssOOO)", op.record->name, op.record->derivative,
                                 parameters.get(), edges.get(), values.get()));
  });
}

// _node_hooks(node): (whether hooks change what comes, whether hooks change what it passes on).
PyObject* node_hooks(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    check(is_node(object), ErrorKind::kType, "_node_hooks(): not a node");
    Node* node = node_of(object);
    bool before = false, after = false;
    if (NodeSide* side = node ? node->side() : nullptr) {
      before = side->pre_hooks;
      after = side->post_hooks;
      for (const HookList& list : side->output_hooks) before |= !list.hooks.empty();
    }
    if (node && node->is_accumulate_grad()) {
      const Extension* extension = static_cast<AccumulateGrad*>(node)->variable()->extension();
      before |= extension && extension->hooks;
    }
    return checked(Py_BuildValue("(NN)", PyBool_FromLong(before), PyBool_FromLong(after)));
  });
}

// _apply_node(node, gradients): what an op's node makes of them, once more; None where asking would
// run the user's code.
PyObject* apply_node(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object, *gradients;
    if (!PyArg_ParseTuple(args, "OO!", &object, &PyTuple_Type, &gradients)) throw_python();
    check(is_node(object), ErrorKind::kType, "_apply_node(): not a node");
    Node* node = node_of(object);
    OpNode* op = node ? op_node_of(node) : nullptr;
    if (!op || op->has_packed()) Py_RETURN_NONE;
    std::vector<TensorRef> in = node_gradients("_apply_node", *node, gradients);
    std::vector<TensorRef> out(node->n_edges());
    node->apply(in.data(), out.data());
    return wanted_tuple(*node, out.data()).release();
  });
}

PyMethodDef kFunctions[] = {
    {"_node_rule", node_rule, METH_O, nullptr},
    {"_node_hooks", node_hooks, METH_O, nullptr},
    {"_apply_node", apply_node, METH_VARARGS, nullptr},
    {"_watch_nodes", watch_nodes, METH_O, nullptr},
    {"_watch_tensors", watch_tensors, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_steps(PyObject* module) {
  return add_type(module, kSpec) && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

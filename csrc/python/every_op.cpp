// watch_nonfinite(every_op=True): each result is looked at while it is still in the cache, and the
// operation that made the first infinity or nan is told about.
#include "python/every_op.h"

#include <algorithm>
#include <cmath>

#include "engine/engine.h"
#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "kernels/finite.h"
#include "ops/op_node.h"
#include "python/node_type.h"
#include "python/nonfinite.h"
#include "python/types.h"

namespace rl::python {

namespace {

// Of this thread: operations inside operations, and nodes whose operations are their own affair,
// since a derivative may compute an infinity only to mask it.
constinit thread_local int t_depth = 0, t_inside = 0;
constinit thread_local bool t_was_bad = false;  // the target before it was written
constinit thread_local uint32_t t_watch = 0;    // the watch that these count for
uint32_t g_watch = 0;
PyObject* g_found = nullptr;  // counted; called with what was found

// A watch may begin and end inside operations.
void count_anew() {
  if (t_watch == g_watch) [[likely]]
    return;
  t_watch = g_watch;
  t_depth = t_inside = 0;
}

// What the last writes left finite, so that the next write need not look at it first. The version
// block is held: no other tensor takes its place in memory.
struct Known {
  Ref<Version> block;
  uint32_t version;
  const void* data;
  int64_t numel;
};
constexpr size_t kKnown = 256;
Known g_known[kKnown];

Known& known_place(const Version* block) {
  return g_known[(reinterpret_cast<uintptr_t>(block) >> 4) % kKnown];
}

bool known_finite(TensorImpl& t) {
  Version& block = t.shared_version();
  const Known& known = known_place(&block);
  return known.block.get() == &block && known.version == t.version() && known.data == t.data() &&
         known.numel == t.numel() && t.is_contiguous();
}

void remember_finite(TensorImpl& t) {
  if (!t.is_contiguous()) return;
  Version& block = t.shared_version();
  known_place(&block) = {Ref<Version>::borrow(&block), t.version(), t.data(), t.numel()};
}

bool finite_argument(const Value& v) {
  if (v.is_tensor()) return all_finite(*v.t);
  if (v.kind == Kind::kDouble) return std::isfinite(v.d);
  if (v.kind != Kind::kTensors) return true;
  for (int i = 0; i < v.list->n; ++i)
    if (v.list->v[i] && !all_finite(*v.list->v[i])) return false;
  return true;
}

// Whether the op computes from tensors: what creates or only reserves memory is not asked.
bool computes(const Call& call) {
  for (const char* name : {"empty_like", "new_empty", "new_empty_strided"})
    if (call.op->signature.name == name) return false;
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    if (v.is_tensor() || v.kind == Kind::kTensors) return true;
  }
  return false;
}

// found(kind, name, node, site, tensor, output number, arguments)
[[gnu::cold]] void tell(const char* kind, const char* name, Node* node, TensorImpl* bad,
                        uint32_t nr, PyObject* arguments) {
  if (nonfinite_paused()) return;
  struct Inside {
    Inside() { ++t_inside; }
    ~Inside() { --t_inside; }
  } inside;
  PyRef given(checked(arguments)), of(checked(wrap_node(node)));
  PyRef site(checked(site_object(node && *kind != 'r' ? node->site() : Site::capture())));
  PyRef found = PyRef::borrow(g_found);
  PyRef tensor(checked(wrap(TensorRef::borrow(bad))));
  checked(PyRef(PyObject_CallFunction(found.get(), "ssOOOIO", kind, name, of.get(), site.get(),
                                      tensor.get(), nr, given.get()))
              .get());
}

[[gnu::cold]] PyObject* argument_tuple(const Call& call) {
  PyRef list(checked(PyList_New(0)));
  for (int i = 0; i < kMaxArgs && static_cast<size_t>(i) < call.op->signature.params.size(); ++i) {
    const Value& v = call.args[i];
    if (v.is_tensor() && v.t == call.target) continue;  // overwritten by now
    PyRef item;
    if (v.is_tensor())
      item = PyRef(wrap(TensorRef::borrow(v.t)));
    else if (v.kind == Kind::kDouble)
      item = PyRef(PyFloat_FromDouble(v.d));
    else if (v.kind == Kind::kInt)
      item = PyRef(PyLong_FromLongLong(v.i));
    else
      continue;
    PyRef pair(checked(
        Py_BuildValue("(sO)", call.op->signature.params[static_cast<size_t>(i)].names[0].c_str(),
                      checked(item.get()))));
    checked(PyList_Append(list.get(), pair.get()));
  }
  return checked(PyList_AsTuple(list.get()));
}

class EveryOp final : public Observer {
 public:
  void op_begins(Call& call) override {
    count_anew();
    if (t_depth++ || t_inside || !call.target) return;
    t_was_bad = !known_finite(*call.target) && !all_finite(*call.target);
  }
  void op_failed(Call&) override { t_depth = std::max(t_depth - 1, 0); }
  void op_ended(Call& call) override {
    count_anew();
    if (!t_depth || --t_depth || t_inside || call.op->record->view) return;
    look(call, call.output ? call.output.get() : call.target, 0);
    for (size_t i = 0; i < call.more.size(); ++i)
      look(call, call.more[i].get(), static_cast<uint32_t>(i + 1));
  }

  void pass_begins(Pass& pass) override {
    pass.for_each_root([](const Edge& edge, TensorImpl*, TensorImpl* grad) {
      if (grad && !all_finite(*grad))
        tell("root", edge.node->name(), edge.node, grad, edge.nr, PyTuple_New(0));
    });
  }
  // Every gradient was looked at when it was made: only hooks can have changed it.
  void node_begins(Node& node, TensorRef* grads) override {
    count_anew();
    if (node.side() || node.is_accumulate_grad())
      for (uint32_t i = 0; i < node.n_outputs(); ++i)
        if (grads[i] && !all_finite(*grads[i]))
          tell("hook", node.name(), &node, grads[i].get(), i, PyTuple_New(0));
    t_inside += hides(node);
  }
  void node_failed(Node& node) override { t_inside = std::max(t_inside - hides(node), 0); }
  void node_ended(Node& node, TensorRef* grads) override {
    node_failed(node);
    for (uint32_t i = 0; grads && i < node.n_edges(); ++i)
      if (grads[i] && !all_finite(*grads[i]))
        tell("node", node.name(), &node, grads[i].get(), i, PyTuple_New(0));
  }

 private:
  static int hides(const Node& node) {
    return !node.holds_python() && !node.is_accumulate_grad() ? 1 : 0;
  }
  // Of a pass; what a checkpoint computes again has another grad mode than its derivatives.
  static bool in_derivative() {
    return current_run.view && grad_enabled() == current_run.view->creates_graph();
  }
  static void look(const Call& call, TensorImpl* out, uint32_t nr) {
    if (!out) return;
    if (all_finite(*out)) [[likely]] {
      if (out == call.target) remember_finite(*out);
      return;
    }
    if (call.target ? t_was_bad : !computes(call)) return;
    for (int i = 0; i < kMaxArgs; ++i)
      if (call.args[i].t != call.target || !call.args[i].is_tensor())
        if (!finite_argument(call.args[i])) return;  // it only passed on what it got
    const Op& op = *call.op;
    const char* name = op.node_name.empty() ? op.signature.name.c_str() : op.node_name.c_str();
    tell(in_derivative() ? "pass" : "op", name, nullptr, out, nr, argument_tuple(call));
  }
};

EveryOp& every_op() {
  static auto* instance = new EveryOp;
  return *instance;
}

// _watch_every_op(found): None stops it. Returns what was called before, or None.
PyObject* watch_every_op(PyObject*, PyObject* found) {
  if (found != Py_None && !PyCallable_Check(found)) {
    PyErr_SetString(PyExc_TypeError, "_watch_every_op() takes a callable or None");
    return nullptr;
  }
  PyObject* before = g_found;
  if (before) remove_observer(every_op());
  for (Known& known : g_known) known.block = Ref<Version>();
  g_found = found == Py_None ? nullptr : Py_NewRef(found);
  if (g_found) add_observer(every_op());
  ++g_watch;
  return before ? before : Py_NewRef(Py_None);
}

PyMethodDef kFunctions[] = {
    {"_watch_every_op", watch_every_op, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_every_op(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

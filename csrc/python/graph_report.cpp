// What keeps graphs alive: finds the tensors with a history that Python objects hold, walks their
// graphs once, and adds up what the nodes of each Site take. Names and tables are Python's:
// rushlight/debug.
#include <algorithm>
#include <string>
#include <unordered_map>

#include "graph/copy_slices.h"
#include "graph/packed.h"
#include "ops/op_node.h"
#include "python/function_node.h"
#include "python/heap.h"
#include "python/saved_hooks.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

// A holder with more targets than this is one group, else each target is.
constexpr uint32_t kNamedEach = 8;
// Holders that are told of one group.
constexpr size_t kToldHolders = 4;

// How a tensor leads to a graph.
enum class Through : uint8_t { kItself, kGrad, kBase };
constexpr const char* kThrough[] = {"", ".grad", "._base"};

// A graph that a Python object hangs on to.
struct Target {
  PyObject* object;  // a tensor, a grad_fn or a saved tensor
  Node* root;
  Through through;
  uint32_t group = UINT32_MAX;
};

struct Group {
  std::vector<uint32_t> holdings;
  uint32_t target;  // the newest of them
  uint32_t n_targets = 0;
  bool used = false;
};

struct RowKey {
  void* code;
  int32_t offset;
  uint32_t group;
  bool operator==(const RowKey&) const = default;
};
struct RowHash {
  size_t operator()(const RowKey& key) const {
    return std::hash<void*>()(key.code) ^ size_t(key.offset) * 0x9E3779B97F4A7C15u ^
           size_t(key.group) << 17;
  }
};
struct Row {
  Site site;
  std::string title;
  int64_t nodes = 0, node_bytes = 0, saved_bytes = 0;
  std::vector<int64_t> ages;  // nodes that a pass came to, numbered above each of the bounds
};

class GraphReport {
 public:
  GraphReport(PyObject* objects, PyObject* frames, std::vector<uint64_t> bounds)
      : heap_(objects, frames), bounds_(std::move(bounds)) {}

  // No Python code runs in it: nothing dies, and addresses serve as names.
  void run() {
    find_targets();
    walk();
    add_up();
  }
  PyObject* result();

 private:
  struct Visit {
    uint64_t sequence;
    Node* node;
    uint32_t group;
  };

  void find_targets();
  uint32_t first_target(PyObject* object);
  void add_target(PyObject* object, Node* root, Through through);
  void group_targets();
  void walk();
  void push(Node* node) {
    if (node && seen_.insert(node, 0).second) stack_.push_back(node);
  }
  void push_history(TensorImpl* t);
  void follow(Node* node);
  void add_up();
  void count_saved(TensorImpl* t, Row& row);
  PyObject* groups_list(std::vector<PyRef>& keep);

  Heap heap_;
  std::vector<uint64_t> bounds_;
  PointerMap known_;             // object -> its first target
  std::vector<Target> targets_;  // those of an object stand together
  std::vector<uint32_t> held_;   // per holding: first target
  std::vector<Holder> holders_;  // per holding
  std::vector<Group> groups_;
  PointerMap seen_;
  std::vector<Node*> stack_;
  std::vector<Visit> visits_;
  PointerMap storages_;
  std::unordered_map<RowKey, Row, RowHash> rows_;
  int64_t leaf_bytes_ = 0;
};

void GraphReport::add_target(PyObject* object, Node* root, Through through) {
  if (root) targets_.push_back({object, root, through});
}

// UINT32_MAX where the object holds no graph.
uint32_t GraphReport::first_target(PyObject* object) {
  const bool node = is_node(object);
  Node* saved = node_of_saved(object);
  if (!node && !saved && !is_tensor(object)) return UINT32_MAX;
  auto next = static_cast<uint32_t>(targets_.size());
  auto [index, is_new] = known_.insert(object, next);
  if (!is_new) return index;
  if (node || saved) {
    add_target(object, node ? node_of(object) : saved, Through::kItself);
  } else if (TensorImpl* t = impl_of(object)) {
    add_target(object, t->grad_fn(), Through::kItself);
    if (TensorImpl* grad = t->grad().get()) add_target(object, grad->grad_fn(), Through::kGrad);
    // A view made without a history, as under no_grad, holds that of its base.
    if (TensorImpl* base = t->base(); base && !t->grad_fn())
      add_target(object, base->grad_fn(), Through::kBase);
  }
  if (targets_.size() == next) known_.set(object, UINT32_MAX);
  return targets_.size() == next ? UINT32_MAX : next;
}

void GraphReport::find_targets() {
  heap_.for_each_object([&](PyObject* object) {
    // Objects of Python's that only the graph holds are found in its nodes.
    const bool owned = is_tensor(object) ? impl_of(object) && impl_of(object)->owns_wrapper()
                                         : is_node(object) && node_of(object) &&
                                               node_of(object)->holds_python() &&
                                               as_context(object)->owned_by_node;
    if (!owned) first_target(object);
  });
  heap_.for_each_reference([&](PyObject* child, const Holder& holder) {
    if (is_node(holder.object)) return;  // a part of the graph, or in a dict, which comes by itself
    uint32_t target = first_target(child);
    if (target == UINT32_MAX) return;
    held_.push_back(target);
    holders_.push_back(holder);
  });
  group_targets();
}

void GraphReport::group_targets() {
  PointerMap counts, group_of;  // by holder
  std::vector<std::pair<PyObject*, uint32_t>> n_of;
  for (const Holder& holder : holders_) {
    auto [at, is_new] = counts.insert(holder.object, static_cast<uint32_t>(n_of.size()));
    if (is_new) n_of.push_back({holder.object, 0});
    ++n_of[at].second;
  }
  for (auto& [object, n] : n_of)
    if (n > kNamedEach && is_namespace(object)) n = 0;
  auto add = [&](uint32_t target, uint32_t group) {
    targets_[target].group = group;
    Group& g = groups_[group];
    ++g.n_targets;
    if (targets_[g.target].root->sequence() < targets_[target].root->sequence()) g.target = target;
  };
  auto fresh = [&](uint32_t target) {
    groups_.push_back({{}, target});
    return static_cast<uint32_t>(groups_.size() - 1);
  };
  for (size_t i = 0; i < held_.size(); ++i) {
    const Holder& holder = holders_[i];
    // A frame's variables are told apart by their names, whatever their number.
    const bool large = !holder.name && n_of[counts.find(holder.object)].second > kNamedEach;
    if (!large) continue;
    for (uint32_t t = held_[i]; t < targets_.size(); ++t) {
      if (targets_[t].object != targets_[held_[i]].object) break;
      if (targets_[t].group != UINT32_MAX) continue;
      auto [group, is_new] = group_of.insert(holder.object, static_cast<uint32_t>(groups_.size()));
      if (is_new) {
        fresh(t);
        groups_[group].holdings.push_back(static_cast<uint32_t>(i));
      }
      add(t, group);
    }
  }
  for (uint32_t t = 0; t < targets_.size(); ++t)
    if (targets_[t].group == UINT32_MAX) add(t, fresh(t));
  for (uint32_t i = 0; i < held_.size(); ++i)
    for (uint32_t t = held_[i]; t < targets_.size(); ++t) {
      if (targets_[t].object != targets_[held_[i]].object) break;
      Group& group = groups_[targets_[t].group];
      if (group.target != t || group.holdings.size() >= kToldHolders) continue;
      if (group.holdings.empty() || holders_[group.holdings[0]].object != holders_[i].object)
        group.holdings.push_back(i);
    }
}

// Oldest roots first: of all that hold a node, the one nearest to it. So what a hidden state leads
// to is its own and not that of each loss computed from it.
void GraphReport::walk() {
  std::vector<std::pair<uint64_t, uint32_t>> order;
  for (uint32_t i = 0; i < targets_.size(); ++i) order.push_back({targets_[i].root->sequence(), i});
  std::sort(order.begin(), order.end());
  for (auto [sequence, i] : order) {
    push(targets_[i].root);
    while (!stack_.empty()) {
      Node* node = stack_.back();
      stack_.pop_back();
      visits_.push_back({node->sequence(), node, targets_[i].group});
      follow(node);
    }
  }
}

void GraphReport::push_history(TensorImpl* t) {
  push(t->grad_fn());
  if (TensorImpl* base = t->base()) push(base->grad_fn());
}

// f(slot) for each value that the node saved, those of lists one by one.
template <class F>
void for_each_value(Node* node, F&& f) {
  for_each_slot(node, [&](SavedSlot& slot) {
    if (slot.kind() != SavedKind::kList) return f(slot);
    for (SavedSlot& item : slot.list()) f(item);
  });
}

// f(tensor) for each tensor that the node keeps.
template <class F>
void for_each_saved(Node* node, F&& f) {
  auto of_object = [&](void* pointer) {
    auto* object = static_cast<PyObject*>(pointer);
    if (is_tensor(object) && impl_of(object)) f(impl_of(object));
    return 0;
  };
  for_each_value(node, [&](SavedSlot& slot) {
    if (slot.is_tensor()) f(slot.raw_tensor());
    if (slot.kind() != SavedKind::kPacked) return;
    if (slot.packed().kept.is_tensor()) f(slot.packed().kept.raw_tensor());
    slot.visit_packed(of_object);
  });
  if (!node->holds_python()) return;
  PyContext* context = static_cast<FunctionNode*>(node)->context();
  PyObject *key, *value;
  Py_ssize_t at = 0;
  if (context && context->dict)
    while (PyDict_Next(context->dict, &at, &key, &value)) of_object(value);
}

void GraphReport::follow(Node* node) {
  for (uint32_t i = 0; i < node->n_edges(); ++i) push(node->edges()[i].node);
  if (auto* slices = dynamic_cast<CopySlices*>(node)) push(slices->write());
  for_each_saved(node, [&](TensorImpl* t) { push_history(t); });
  if (node->has_packed())
    for_each_value(node, [&](SavedSlot& slot) {
      if (slot.kind() == SavedKind::kPacked) push(slot.packed().edge.node);
    });
}

void GraphReport::count_saved(TensorImpl* t, Row& row) {
  Storage* storage = t->storage().get();
  if (!storage || !storages_.insert(storage, 0).second) return;
  TensorImpl* owner = t->base() ? t->base() : t;
  // Parameters are alive anyway.
  int64_t& to = owner->is_leaf() && owner->requires_grad() ? leaf_bytes_ : row.saved_bytes;
  to += static_cast<int64_t>(storage->bytes());
}

void GraphReport::add_up() {
  // In the order of recording: a storage belongs to the node that saved it first.
  std::sort(visits_.begin(), visits_.end(),
            [](const Visit& a, const Visit& b) { return a.sequence < b.sequence; });
  for (const Visit& visit : visits_) {
    Node* node = visit.node;
    const Site& site = node->site();
    Row& row = rows_[{site.code(), site.offset(), visit.group}];
    if (!row.nodes) {
      row.site = site;
      row.title = op_title(*node);
      row.ages.resize(bounds_.size());
      groups_[visit.group].used = true;
    }
    ++row.nodes;
    row.node_bytes += node->bytes();
    if (node->run_slot.run && !node->is_accumulate_grad())
      for (size_t i = 0; i < bounds_.size(); ++i) row.ages[i] += node->sequence() > bounds_[i];
    for_each_saved(node, [&](TensorImpl* t) { count_saved(t, row); });
  }
}

// [(object, how it leads there, number of objects, [(holder, name)], code, offset, whether the
// object has one element)], None for a group without nodes of its own.
PyObject* GraphReport::groups_list(std::vector<PyRef>& keep) {
  PyRef list(checked(PyList_New(static_cast<Py_ssize_t>(groups_.size()))));
  size_t kept = 0;
  for (size_t i = 0; i < groups_.size(); ++i) {
    const Group& group = groups_[i];
    PyObject* item = Py_NewRef(Py_None);
    if (group.used) {
      Py_DECREF(item);
      const Target& target = targets_[group.target];
      PyRef holders(checked(PyList_New(0)));
      PyObject* object = keep[kept++].get();
      for (size_t k = 0; k < group.holdings.size(); ++k) {
        PyObject* holder = keep[kept++].get();
        PyObject* name = keep[kept++].get();
        PyRef pair(checked(PyTuple_Pack(2, holder, name)));
        checked(PyList_Append(holders.get(), pair.get()));
      }
      const Site& site = target.root->site();
      PyObject* code = site.code() ? static_cast<PyObject*>(site.code()) : Py_None;
      const bool one = is_tensor(object) && impl_of(object)->numel() == 1;
      item =
          checked(Py_BuildValue("(OsIOOiO)", object, kThrough[int(target.through)], group.n_targets,
                                holders.get(), code, site.offset(), one ? Py_True : Py_False));
    }
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), item);
  }
  return list.release();
}

// (rows, groups, bytes of leaves), rows [(code, offset, op, group, nodes, node bytes, saved bytes,
// ages)].
PyObject* GraphReport::result() {
  // Making lists may collect garbage: from here on counts keep what is told alive.
  std::vector<PyRef> keep;
  for (const Group& group : groups_) {
    if (!group.used) continue;
    keep.push_back(PyRef::borrow(targets_[group.target].object));
    for (uint32_t i : group.holdings) {
      keep.push_back(PyRef::borrow(holders_[i].object));
      keep.push_back(PyRef::borrow(holders_[i].name ? holders_[i].name : Py_None));
    }
  }
  PyRef groups(groups_list(keep));
  PyRef rows(checked(PyList_New(0)));
  for (const auto& [key, row] : rows_) {
    PyRef ages(checked(PyTuple_New(static_cast<Py_ssize_t>(row.ages.size()))));
    for (size_t i = 0; i < row.ages.size(); ++i)
      PyTuple_SET_ITEM(ages.get(), static_cast<Py_ssize_t>(i),
                       checked(PyLong_FromLongLong(row.ages[i])));
    PyObject* code = row.site ? static_cast<PyObject*>(row.site.code()) : Py_None;
    PyRef item(
        checked(Py_BuildValue("(OisILLLO)", code, row.site.offset(), row.title.c_str(), key.group,
                              row.nodes, row.node_bytes, row.saved_bytes, ages.get())));
    checked(PyList_Append(rows.get(), item.get()));
  }
  return Py_BuildValue("(OOL)", rows.get(), groups.get(), leaf_bytes_);
}

// _graph_report(objects, frames, bounds): see result(). `bounds` are sequence numbers.
PyObject* graph_report(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 3 && PyList_Check(args[0]) && PyList_Check(args[1]) && PyTuple_Check(args[2]),
          ErrorKind::kType, "_graph_report(objects: list, frames: list, bounds: tuple)");
    std::vector<uint64_t> bounds;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[2]); ++i)
      bounds.push_back(PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(args[2], i)));
    if (PyErr_Occurred()) throw_python();
    GraphReport report(args[0], args[1], std::move(bounds));
    report.run();
    return report.result();
  });
}

PyObject* live_node_count(PyObject*, PyObject*) { return PyLong_FromLongLong(live_nodes); }

PyMethodDef kFunctions[] = {
    {"_graph_report", method(graph_report), METH_FASTCALL, nullptr},
    {"_live_nodes", live_node_count, METH_NOARGS, "The number of graph nodes that exist."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_graph_report(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

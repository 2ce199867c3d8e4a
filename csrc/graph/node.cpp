#include "graph/node.h"

#include <algorithm>
#include <unordered_map>

#include "graph/accumulate_grad.h"
#include "graph/cycles.h"
#include "graph/observer.h"
#include "graph/view.h"

namespace rl {

namespace {

uint64_t g_sequence = 0;

std::unordered_map<const Node*, NodeSide>& side_table() {
  static auto* table = new std::unordered_map<const Node*, NodeSide>;
  return *table;
}

// Dead nodes wait here while one is being taken apart, so releasing a chain never recurses. One
// list per thread, shared by nested releases (node -> Python object -> tensor -> node).
struct DrainList {
  Node* head = nullptr;
  bool draining = false;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local DrainList t_drain;

}  // namespace

constinit thread_local const EdgeFilter* edge_filter = nullptr;
int64_t live_nodes = 0;
uint64_t last_sequence() { return g_sequence; }

void Node::lay_out(size_t object, size_t bytes, const NodeLayout& layout) {
  ++live_nodes;
  object_words_ = static_cast<uint8_t>(object / 8);
  bytes_ = static_cast<uint32_t>(bytes);
  n_edges_ = static_cast<uint16_t>(layout.n_edges);
  n_outputs_ = static_cast<uint32_t>(layout.n_outputs);
  n_dims_ = static_cast<uint32_t>(layout.n_dims);
  for (size_t i = 0; i < layout.n_edges; ++i) edges()[i] = Edge{};
  for (size_t i = 0; i < layout.n_outputs; ++i) metas()[i] = OutputMeta{};
}

void Node::set_output(uint32_t nr, DType dtype, const int64_t* sizes, int ndim) {
  uint32_t at = 0;
  if (nr > 0) {
    const OutputMeta& before = metas()[nr - 1];
    at = before.dims_at + before.ndim;
  }
  metas()[nr] = OutputMeta{dtype, static_cast<uint8_t>(ndim), true, at};
  for (int i = 0; i < ndim; ++i) dims()[at + static_cast<uint32_t>(i)] = sizes[i];
}

void Node::set_no_output(uint32_t nr) {
  set_output(nr, DType::kFloat32, nullptr, 0);
  metas()[nr].defined = false;
}

void Node::finish() {
  sequence_ = ++g_sequence;
  site_ = Site::capture();
  if (observed & kObservesNodes) [[unlikely]]
    for_each_observer([this](Observer& o) { o.recorded(*this); });
}

uint64_t Node::last_sequence() { return g_sequence; }

void Node::finish_last() {
  sequence_ = UINT64_MAX;
  if (observed & kObservesNodes) [[unlikely]]
    for_each_observer([this](Observer& o) { o.accumulator_made(*this); });
}

NodeSide* Node::side() const {
  if (!has_side_) [[likely]]
    return nullptr;
  return &side_table()[this];
}

NodeSide& Node::make_side() {
  has_side_ = true;
  return side_table()[this];
}

void Node::destroy() {
  if (refs_ && !cycle_released(this)) [[unlikely]]
    return;
  DrainList& drain = t_drain;
  next_dead_ = drain.head;
  drain.head = this;
  if (drain.draining) return;
  drain.draining = true;
  while (Node* node = drain.head) {
    drain.head = node->next_dead_;
    node->destroy_now();
  }
  drain.draining = false;
}

void Node::destroy_now() {
  if (has_side_) {
    // The table entry goes first: letting go of Python objects may come back to the table.
    auto entry = side_table().extract(this);
    NodeSide& side = entry.mapped();
    if (side.cell) side.cell->node = nullptr;
    for (HookList& list : side.output_hooks)
      for (Hook& hook : list.hooks) host().decref(hook.callable);
    for (void* held : {side.metadata, side.pre_hooks, side.post_hooks})
      if (held) host().decref(held);
  }
  --live_nodes;
  size_t bytes = bytes_;
  Edge* to = edges();
  for (uint32_t i = 0; i < n_edges_; ++i) {
    Node* next = to[i].node;
    if (!next || static_cast<int32_t>(--next->refs_) > 0) continue;
    if (next->refs_) [[unlikely]] {
      next->destroy();
    } else {
      next->next_dead_ = t_drain.head;  // destroy() is under way
      t_drain.head = next;
    }
  }
  this->~Node();
  small_free(this, bytes);
}

void node_retain(Node* node) { node->retain(); }
void node_release(Node* node) noexcept { node->release(); }
bool node_adopt_output(Node* node, TensorImpl* impl) noexcept {
  // Only the tensor itself holds the node: both go.
  return node->adopt_output(impl, node->count() > 1);
}
void node_detach_output(Node* node, TensorImpl* impl) { node->detach_output(impl); }

void node_set_retained(Node* node, uint32_t output_nr, TensorImpl* impl) {
  NodeSide& side = node->make_side();
  if (side.retain_grad.size() < node->n_outputs()) side.retain_grad.resize(node->n_outputs());
  side.retain_grad[output_nr] = impl;
}

void hooks_free(HookList* hooks) noexcept {
  for (Hook& hook : hooks->hooks) host().decref(hook.callable);
  delete hooks;
}

Edge gradient_edge(TensorImpl* t) {
  if (t->key() & kView) refresh_view(t);
  if (!t->requires_grad()) return {};
  if (Node* node = t->grad_fn()) {
    node->retain();
    return {node, t->output_nr()};
  }
  // A view made outside the graph requires grad because its base does; nothing leads to it.
  if (t->is_view() && !t->extension()->own_grad) return {};
  return {accumulator_of(t).detach(), 0};
}

std::string op_title(const Node& node) {
  // As PyTorch cuts it: "MulBackward0" is Mul, "FillBackward2" is Fill2, other names stay whole.
  std::string name = node.name();
  size_t at = name.rfind("Backward");
  if (at == std::string::npos || name.find("::") != std::string::npos) return name;
  bool zero = name.compare(at, std::string::npos, "Backward0") == 0;
  return name.substr(0, at) + (zero ? "" : name.substr(at + 8));
}

}  // namespace rl

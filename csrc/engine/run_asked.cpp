// What hooks and observers ask of a run, and are told.
#include <algorithm>

#include "engine/hooks.h"
#include "engine/run.h"

namespace rl {

Node* Run::last_root() const {
  Node* last = nullptr;
  for (const Root& root : request_.roots) {
    Node* node = root.edge.node;
    if (node->sequence() == UINT64_MAX) continue;  // a leaf, which no pass uses up
    if (!last || node->sequence() > last->sequence()) last = node;
  }
  return last;
}

void Run::apply_observed(Node* node, TensorRef* grads, TensorRef* out) {
  auto failed = [&](Observer& o) { o.node_failed(*node); };
  begin_for_each_observer([&](Observer& o) { o.node_begins(*node, grads); }, failed);
  try {
    node->apply(grads, out);
  } catch (...) {
    for_each_observer(failed);
    throw;
  }
  for_each_observer(
      [&](Observer& o) { o.node_ended(*node, node->is_accumulate_grad() ? nullptr : out); });
}

void Run::tell_hooks_ended(Node* node, TensorRef* out) {
  if (!has_post_hooks(node)) return;
  for_each_observer(
      [&](Observer& o) { o.hooks_ended(*node, node->is_accumulate_grad() ? nullptr : out); });
}

void Run::for_each_root(const RootFn& f) const {
  for (const Root& root : request_.roots) f(root.edge, root.value, root.grad.get());
}

void Run::for_each_captured(const std::function<void(const Edge&, TensorImpl*)>& f) const {
  for (size_t i = 0; i < results_.size(); ++i)
    if (results_[i]) f(request_.inputs[i], results_[i].get());
}

Node* Run::next_executed(size_t& at) const {
  while (at < entries_.size())
    if (const Entry& entry = entries_[at++]; entry.executed) return entry.node.get();
  return nullptr;
}

void Run::tell_end(bool failed) {
  told_ = false;
  for_each_observer([&](Observer& o) { o.pass_ended(*this, failed); });
}

std::vector<Node*> Run::order() const {
  std::vector<uint32_t> missing(entries_.size());  // gradients, for each node
  std::vector<Ready> ready;
  auto each_target = [&](const Node* node, auto&& use) {
    for (uint32_t i = 0; i < node->n_edges(); ++i)
      if (const Edge& edge = node->edges()[i]; edge.node && find(edge.node))
        use(static_cast<uint32_t>(find(edge.node) - entries_.data()));
  };
  auto add = [&](uint32_t index) {
    const Entry& entry = entries_[index];
    if (!entry.needed && entry.first_capture == kNoCapture) return;
    ready.push_back({entry.node->sequence(), index});
    std::push_heap(ready.begin(), ready.end());
  };
  for (const Entry& entry : entries_)
    each_target(entry.node.get(), [&](uint32_t index) { ++missing[index]; });
  for (uint32_t i = 0; i < entries_.size(); ++i)
    if (!missing[i]) add(i);
  std::vector<Node*> order;
  while (!ready.empty()) {
    std::pop_heap(ready.begin(), ready.end());
    order.push_back(entries_[ready.back().index].node.get());
    ready.pop_back();
    each_target(order.back(), [&](uint32_t index) {
      if (--missing[index] == 0) add(index);
    });
  }
  return order;
}

}  // namespace rl

// Inside the engine: one backward pass. engine.cpp plays it, run_asked.cpp answers what hooks and
// observers ask of it, nested.cpp starts it.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "graph/observer.h"
#include "graph/saved.h"

namespace rl {

inline constexpr uint32_t kNoCapture = UINT32_MAX;

// What one run knows of one node.
struct Entry {
  NodeRef node;
  uint32_t dependencies = 0;
  uint32_t first_capture = kNoCapture;  // index into the run's captures, chained
  bool needed = true;
  bool queued = false;
  bool executed = false;
  TensorRef grad;                // of a node with one output
  std::vector<TensorRef> grads;  // of a node with several

  TensorRef* buffers() { return grads.empty() ? &grad : grads.data(); }
};

// A gradient that autograd.grad asked for.
struct Capture {
  uint32_t output_nr;
  uint32_t next;  // of the same node
  size_t result;
};

struct Ready {
  uint64_t sequence;
  uint32_t index;
  bool operator<(const Ready& other) const { return sequence < other.sequence; }
};

class Run final : public EdgeFilter, public Pass, public RunView {
 public:
  explicit Run(BackwardRequest& request);
  ~Run() override;
  // Between begin() and end() runs node after node, while step() says that there was one; all of
  // them with a Playing around.
  void begin();
  bool step();
  std::vector<TensorRef> end();
  // All three.
  std::vector<TensorRef> play();

  uint32_t id() const override { return id_; }
  bool frees() const override { return !request_.keep_graph; }
  void for_each_root(const RootFn& f) const override;
  void for_each_captured(const std::function<void(const Edge&, TensorImpl*)>& f) const override;
  Node* next_executed(size_t& at) const override;
  const BackwardRequest& request() const { return request_; }
  // The last made of the nodes that it starts from.
  Node* last_root() const;
  bool wants(const Edge& edge) const override {
    const Entry* entry = find(edge.node);
    return entry && (entry->needed || entry->first_capture != kNoCapture);
  }
  bool creates_graph() const override { return request_.create_graph; }
  Node* running() const override { return running_; }
  bool executes(Node* node) const override { return wants({node, 0}); }
  std::vector<Node*> order() const override;

 private:
  uint32_t index_of(Node* node);  // while counting: makes an entry on first sight
  uint32_t index_known(Node* node) { return static_cast<uint32_t>(find(node) - entries_.data()); }
  const Entry* find(Node* node) const;
  Entry* find(Node* node) { return const_cast<Entry*>(std::as_const(*this).find(node)); }
  void count(Node* root);
  void mark_needed();
  void push(uint32_t index);
  void add_gradient(Entry& entry, uint32_t nr, TensorRef grad);
  bool take_next();
  void take_turn(uint32_t index);
  void take_observed_turn(uint32_t index);
  void run_node(uint32_t index);
  void apply_observed(Node* node, TensorRef* grads, TensorRef* out);
  void tell_hooks_ended(Node* node, TensorRef* out);
  void tell_end(bool failed);
  void call_post_hooks(Node* node, TensorRef* grad_inputs);
  void send(Node* from, uint32_t edge_nr, const Edge& edge, TensorRef grad);
  void validate(Node* from, uint32_t edge_nr, const Edge& edge, TensorRef& grad);

  BackwardRequest& request_;
  uint32_t id_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> post_order_;
  std::vector<Ready> heap_;
  std::vector<Capture> captures_;
  std::vector<TensorRef> results_;
  // Entries of nodes whose slot another active run holds.
  std::unordered_map<Node*, uint32_t> elsewhere_;
  Ref<FreedBy> freed_by_;  // with what it lets go of
  uint32_t executed_ = 0;
  bool told_ = false;  // observers know of this pass and not of its end
  Node* running_ = nullptr;
  std::vector<TensorRef> shown_;  // to the post-hooks of the node that runs
};

}  // namespace rl

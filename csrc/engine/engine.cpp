// A run: count the in-edges of every node it will execute, then take ready nodes by falling
// sequence number; an AccumulateGrad runs as soon as its last gradient is there.
#include <algorithm>

#include "engine/hooks.h"
#include "engine/run.h"
#include "graph/accumulate_grad.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/tensor_math.h"

namespace rl {

namespace {

uint32_t g_last_run = 0;
// Runs under way, on any thread: their claims on run slots stand.
std::vector<uint32_t>& active_runs() {
  static auto* runs = new std::vector<uint32_t>;
  return *runs;
}

// Vectors keep their memory from run to run; a nested run takes fresh ones.
struct Scratch {
  std::vector<Entry> entries;
  std::vector<uint32_t> post_order;
  std::vector<Ready> heap;
};
Scratch& scratch() {
  static auto* instance = new Scratch;
  return *instance;
}

}  // namespace

Run::Run(BackwardRequest& request) : request_(request) {
  id_ = ++g_last_run;
  if (id_ == 0) id_ = ++g_last_run;  // 0 means that no run holds the slot
  active_runs().push_back(id_);
  entries_.swap(scratch().entries);
  post_order_.swap(scratch().post_order);
  heap_.swap(scratch().heap);
}

Run::~Run() {
  if (told_) tell_end(true);
  for (void* held : {callbacks, local})
    if (held) host().decref(held);
  auto& runs = active_runs();
  runs.erase(std::find(runs.begin(), runs.end(), id_));
  // Dropping entries may run Python code and so other runs: empty first, then give back.
  entries_.clear();
  post_order_.clear();
  heap_.clear();
  constexpr size_t kKeep = 4096;
  if (entries_.capacity() <= kKeep && entries_.capacity() > scratch().entries.capacity())
    entries_.swap(scratch().entries);
  if (post_order_.capacity() <= kKeep && post_order_.capacity() > scratch().post_order.capacity())
    post_order_.swap(scratch().post_order);
  if (heap_.capacity() <= kKeep && heap_.capacity() > scratch().heap.capacity())
    heap_.swap(scratch().heap);
}

const Entry* Run::find(Node* node) const {
  if (node->run_slot.run == id_) return &entries_[node->run_slot.index];
  if (elsewhere_.empty()) return nullptr;
  auto at = elsewhere_.find(node);
  return at == elsewhere_.end() ? nullptr : &entries_[at->second];
}

uint32_t Run::index_of(Node* node) {
  Node::RunSlot& slot = node->run_slot;
  if (slot.run == id_) return slot.index;
  if (!elsewhere_.empty())
    if (auto at = elsewhere_.find(node); at != elsewhere_.end()) return at->second;
  auto index = static_cast<uint32_t>(entries_.size());
  bool taken =
      slot.run != 0 && active_runs().size() > 1 &&
      std::find(active_runs().begin(), active_runs().end(), slot.run) != active_runs().end();
  if (taken) {
    elsewhere_.emplace(node, index);
  } else {
    slot = {id_, index};
  }
  Entry& entry = entries_.emplace_back();
  entry.node = NodeRef::borrow(node);
  if (node->n_outputs() > 1) entry.grads.resize(node->n_outputs());
  return index;
}

// Depth first from `root`, without recursion; leaves nodes in post-order when inputs restrict the
// run.
void Run::count(Node* root) {
  struct Frame {
    uint32_t index;
    uint32_t next_edge;
  };
  size_t before = entries_.size();
  uint32_t root_index = index_of(root);
  if (entries_.size() == before) return;  // seen from another root
  bool ordered = !request_.inputs.empty();
  std::vector<Frame> stack;
  Frame frame{root_index, 0};
  for (size_t seen = 1;; ++seen) {
    if ((seen & 0xffff) == 0) host().poll();  // an interrupt need not wait for a long graph
    Node* node = entries_[frame.index].node.get();
    bool descended = false;
    while (frame.next_edge < node->n_edges()) {
      Node* next = node->edges()[frame.next_edge++].node;
      if (!next) continue;
      size_t known = entries_.size();
      uint32_t index = index_of(next);
      ++entries_[index].dependencies;
      if (entries_.size() == known || next->n_edges() == 0) {
        if (entries_.size() != known && ordered) post_order_.push_back(index);
        continue;
      }
      stack.push_back(frame);
      frame = {index, 0};
      descended = true;
      break;
    }
    if (descended) continue;
    if (ordered) post_order_.push_back(frame.index);
    if (stack.empty()) return;
    frame = stack.back();
    stack.pop_back();
  }
}

// With inputs: only nodes on a path to one of them run, and for backward() their own.
void Run::mark_needed() {
  for (Entry& entry : entries_) entry.needed = false;
  results_.resize(request_.inputs.size());
  for (size_t i = 0; i < request_.inputs.size(); ++i) {
    const Edge& edge = request_.inputs[i];
    Entry* entry = edge.node ? find(edge.node) : nullptr;
    if (!entry) continue;
    // As in PyTorch, backward(inputs=) also runs the node of a tensor that is no leaf.
    if (request_.accumulate) {
      entry->needed = true;
      continue;
    }
    captures_.push_back({edge.nr, entry->first_capture, i});
    entry->first_capture = static_cast<uint32_t>(captures_.size() - 1);
  }
  for (uint32_t index : post_order_) {
    Entry& entry = entries_[index];
    Node* node = entry.node.get();
    for (uint32_t e = 0; e < node->n_edges() && !entry.needed; ++e) {
      Node* next = node->edges()[e].node;
      if (!next) continue;
      const Entry* target = find(next);
      entry.needed = target->needed || target->first_capture != kNoCapture;
    }
  }
}

void Run::push(uint32_t index) {
  entries_[index].queued = true;
  heap_.push_back({entries_[index].node->sequence(), index});
  std::push_heap(heap_.begin(), heap_.end());
}

void Run::add_gradient(Entry& entry, uint32_t nr, TensorRef grad) {
  if (!grad) return;
  TensorRef& place = entry.buffers()[nr];
  if (!place) {
    place = std::move(grad);
    return;
  }
  // In place when this run alone owns the sum so far and nobody differentiates it.
  auto owned = [](TensorImpl* t) {
    return t->refs() == 1 && !t->is_inference() && t->storage()->refs() == 1 && !t->is_view() &&
           t->is_contiguous() && t->storage()->resizable();
  };
  if (!grad_enabled() && owned(place.get())) {
    tensor_math.accumulate(place.get(), grad.get());
  } else if (!grad_enabled() && owned(grad.get())) {
    tensor_math.accumulate(grad.get(), place.get());
    place = std::move(grad);
  } else {
    place = tensor_math.add(place.get(), grad.get());
  }
}

namespace {

[[noreturn, gnu::cold]] void fail_gradient(Node* from, uint32_t edge_nr, const Edge& edge,
                                           const TensorImpl& grad, const Dims& want) {
  Provenance story;
  if (from) story.line("used by", from->site());
  story.line("gradient of", edge.node->site());
  if (from) from->tell_derivative(story, edge_nr);
  fail(ErrorKind::kRuntime, from ? concat("Function ", from->name(), " returned an ") : "",
       "invalid gradient at index ", edge_nr, " - got ", shown(grad.sizes(), grad.ndim()),
       " but expected shape compatible with ", shown(want), story.text());
}

}  // namespace

// Brings a gradient to the shape and dtype of the tensor it belongs to.
void Run::validate(Node* from, uint32_t edge_nr, const Edge& edge, TensorRef& grad) {
  if (grad->is_inference() && !inference_enabled()) [[unlikely]]
    grad = plain(grad.get());
  OutputMeta meta = edge.node->output_meta(edge.nr);
  if (!meta.defined) return;
  if (!gradient_fits(edge, *grad)) {
    Dims want = edge.node->output_shape(edge.nr);
    if (!expandable_to(want.v, want.n, grad->sizes(), grad->ndim()))
      fail_gradient(from, edge_nr, edge, *grad, want);
    grad = tensor_math.sum_to(grad.get(), want);
  }
  if (grad->dtype() != meta.dtype) grad = tensor_math.cast(grad.get(), meta.dtype);
}

namespace {

// A reshaped or transposed gradient whose base nobody else holds, without that base: it can be
// written over, and a leaf can take it as its .grad.
inline TensorRef without_base(TensorRef grad) {
  if (!grad || !grad->is_view() || grad->refs() != 1 || grad->wrapper() || grad_enabled())
    return grad;
  const TensorImpl* base = grad->base();
  auto bytes = static_cast<size_t>(grad->numel()) * item_size(grad->dtype());
  // An expanded gradient has more bytes than its storage, a slice fewer.
  if (!base || base->refs() != 1 || base->wrapper() || grad->storage()->refs() != 2 ||
      grad->storage()->bytes() != bytes)
    return grad;
  grad = TensorImpl::alias(grad->storage(), grad->dtype(), grad->shape(), grad->strides(),
                           grad->offset());
  return grad;
}

}  // namespace

inline void Run::send(Node* from, uint32_t edge_nr, const Edge& edge, TensorRef grad) {
  uint32_t index = index_known(edge.node);
  if (grad) validate(from, edge_nr, edge, grad);
  Entry& entry = entries_[index];
  add_gradient(entry, edge.nr, std::move(grad));
  if (--entry.dependencies) return;
  if (!entry.node->is_accumulate_grad()) return push(index);
  Node* sender = running_;
  take_turn(index);
  running_ = sender;
}

namespace {

bool runs_user_code(Node* node) {
  if (node->holds_python() || node->has_packed()) return true;
  if (node->is_accumulate_grad()) {
    Extension* extension = static_cast<AccumulateGrad*>(node)->variable()->extension();
    return extension && (extension->hooks || extension->post_hooks);
  }
  if (!node->has_side()) return false;
  NodeSide* side = node->side();
  return side && (!side->output_hooks.empty() || side->pre_hooks || side->post_hooks);
}

bool is_observed(Node* node) {
  return observed & kObservesNodes || (observed & kObservesUserCode && runs_user_code(node));
}

}  // namespace

// Post-hooks see what the edges' nodes will get, and what a Function returned for other inputs.
void Run::call_post_hooks(Node* node, TensorRef* grad_inputs) {
  if (!has_post_hooks(node)) return;
  for (uint32_t i = 0; i < node->n_edges(); ++i) {
    const Edge& edge = node->edges()[i];
    if (edge.node && grad_inputs[i]) validate(node, i, edge, grad_inputs[i]);
  }
  run_post_hooks(node, grad_inputs, shown_);
}

inline void Run::take_turn(uint32_t index) {
  if (observed & kObservesNodes) [[unlikely]]
    return take_observed_turn(index);
  run_node(index);
}

[[gnu::cold]] void Run::take_observed_turn(uint32_t index) {
  Node* node = entries_[index].node.get();
  for_each_observer([&](Observer& o) { o.turn_begins(*node); });
  try {
    run_node(index);
  } catch (...) {
    for_each_observer([&](Observer& o) { o.turn_failed(*node); });
    throw;
  }
  for_each_observer([&](Observer& o) { o.turn_ended(*node); });
}

void Run::run_node(uint32_t index) {
  Entry& entry = entries_[index];
  Node* node = entry.node.get();
  TensorRef* grads = entry.buffers();
  running_ = node;
  // As in PyTorch: of a node that runs what came is captured, of another what its hooks made of it.
  if (!entry.needed && entry.first_capture != kNoCapture) run_tensor_hooks(node, grads);
  for (uint32_t c = entry.first_capture; c != kNoCapture; c = captures_[c].next) {
    const Capture& capture = captures_[c];
    results_[capture.result] = grads[capture.output_nr];
  }
  if (!entry.needed) {
    for (uint32_t i = 0; i < node->n_outputs(); ++i) grads[i] = TensorRef();
    return;
  }
  const bool leaf = node->is_accumulate_grad();
  if (leaf || node->has_side()) run_tensor_hooks(node, grads);
  if (node->has_side()) [[unlikely]]
    run_pre_hooks(node, grads, shown_);
  if ((++executed_ & 15) == 0) host().poll();
  constexpr uint32_t kInlineEdges = 8;
  TensorRef inline_grads[kInlineEdges];
  std::vector<TensorRef> more;
  TensorRef* out = inline_grads;
  uint32_t n = node->n_edges();
  if (n > kInlineEdges) {
    more.resize(n);
    out = more.data();
  }
  entry.executed = true;
  if (observed && is_observed(node)) [[unlikely]]
    apply_observed(node, grads, out);
  else
    node->apply(grads, out);
  if (leaf) run_post_accumulate_hooks(node);
  if (node->has_side()) [[unlikely]] {
    call_post_hooks(node, out);
    if (observed) tell_hooks_ended(node, out);
  }
  if (leaf) return;
  if (!request_.keep_graph && !keep_) node->release_saved(*freed_by_);
  for (uint32_t i = 0; i < node->n_outputs(); ++i) grads[i] = TensorRef();
  // entries_ does not grow any more: every target was counted.
  for (uint32_t i = 0; i < n; ++i) {
    const Edge& edge = node->edges()[i];
    if (!edge.node) continue;
    if (!edge_wanted(edge)) out[i] = TensorRef();
    send(node, i, edge, without_base(std::move(out[i])));
  }
}

void Run::begin() {
  if (!request_.keep_graph)
    freed_by_ = FreedBy::make(request_.site ? request_.site : Site::capture(),
                              current_run.root ? current_run.root->sequence() : 0);
  for (Root& root : request_.roots) count(root.edge.node);
  if (!request_.inputs.empty()) mark_needed();
  if (observed & kObservesPasses) [[unlikely]] {
    told_ = true;
    for_each_observer([&](Observer& o) { o.pass_begins(*this); });
  }
  for (Root& root : request_.roots) {
    uint32_t index = index_known(root.edge.node);
    TensorRef grad = std::move(root.grad);
    if (grad) validate(nullptr, root.edge.nr, root.edge, grad);
    add_gradient(entries_[index], root.edge.nr, std::move(grad));
  }
  for (Root& root : request_.roots) {
    uint32_t index = index_known(root.edge.node);
    if (!entries_[index].dependencies && !entries_[index].queued) push(index);
  }
}

[[gnu::always_inline]] inline bool Run::take_next() {
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end());
  uint32_t index = heap_.back().index;
  heap_.pop_back();
  take_turn(index);
  return true;
}

bool Run::step() { return take_next(); }

std::vector<TensorRef> Run::play() {
  begin();
  while (take_next()) {
  }
  return end();
}

std::vector<TensorRef> Run::end() {
  if (told_) [[unlikely]]
    tell_end(false);
  if (keep_ && !request_.keep_graph)
    for (Entry& entry : entries_)
      if (entry.executed) entry.node->release_saved(*freed_by_);
  running_ = nullptr;
  if (callbacks) host().call_all(callbacks);
  return std::move(results_);
}

}  // namespace rl

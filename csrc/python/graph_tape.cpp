#include "python/graph_tape.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <unordered_set>
#include <utility>

#include "core/allocator.h"
#include "graph/accumulate_grad.h"
#include "graph/current_run.h"
#include "ops/op_node.h"

namespace rl::python {

namespace {

// Graphs of up to so many nodes are told node by node.
constexpr size_t kFew = 2000;
constexpr size_t kMostLeaves = 1024;
// Values that no pass has asked for yet: what is computed and never differentiated fills no memory.
constexpr size_t kMostKept = size_t{1} << 20;
constexpr size_t kMostSteps = size_t{1} << 16;

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Of an expanded tensor only what exists.
int64_t memory_of(const TensorImpl* t) {
  const auto item = static_cast<int64_t>(item_size(t->dtype()));
  return std::min(t->numel(), static_cast<int64_t>(t->storage()->bytes()) / item) * item;
}

// Takes out what `is_old`. The caller lets go of it, which may run Python code that comes back
// here.
template <class Map, class F>
std::vector<typename Map::mapped_type> take_old(Map& map, F&& is_old) {
  std::vector<typename Map::mapped_type> old;
  std::erase_if(map, [&](auto& item) {
    const bool goes = is_old(item);
    if (goes) old.push_back(std::move(item.second));
    return goes;
  });
  return old;
}

}  // namespace

// What the tape itself does takes no time of the program's.
class Tape::Apart {
 public:
  explicit Apart(Tape& tape) : tape_(tape), start_(nanoseconds()) {}
  ~Apart() { tape_.apart_ += nanoseconds() - start_; }
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;
  // The program's time when the tape was called.
  int64_t called() const { return start_ - tape_.apart_; }

 private:
  Tape& tape_;
  const int64_t start_;
};

Seen::Seen(TensorImpl* t, bool now) {
  if (now) {
    known_ = std::make_shared<const Summary>(summary_of(*t));
    return;
  }
  alias_ = alias_of(t);
  version_ = alias_->version();
  held_ = memory_of(t);
}

const std::shared_ptr<const Summary>& Seen::summary() {
  if (!known_ && alias_) {
    if (alias_->version() == version_)
      known_ = std::make_shared<const Summary>(summary_of(*alias_));
    held_ = 0;
    alias_ = TensorRef();
  }
  return known_;
}

NodeTimes& TimesRing::add(uint64_t sequence, uint64_t needed_from) {
  NodeTimes* place = &ring_[sequence & (ring_.size() - 1)];
  while (place->sequence != UINT64_MAX && place->sequence >= needed_from && ring_.size() < kMost) {
    std::vector<NodeTimes> old(2 * ring_.size());
    old.swap(ring_);
    for (const NodeTimes& t : old)
      if (t.sequence != UINT64_MAX) ring_[t.sequence & (ring_.size() - 1)] = t;
    place = &ring_[sequence & (ring_.size() - 1)];
  }
  *place = NodeTimes();
  place->sequence = sequence;
  return *place;
}

NodeTimes* TimesRing::find(uint64_t sequence) {
  NodeTimes& place = ring_[sequence & (ring_.size() - 1)];
  return place.sequence == sequence ? &place : nullptr;
}

// --- the forward pass

Seen Tape::look_at(TensorImpl* t, bool now) {
  Seen seen(t, now || held_ + memory_of(t) > limit_);
  held_ += seen.held();
  return seen;
}

void Tape::see(TensorImpl* t, bool now) {
  if (!values_ || !t || !t->grad_fn() || kept_.size() >= kMostKept) return;
  if (t->output_nr() >= kMostOutputs) return;
  const uint64_t key = t->grad_fn()->sequence() << 8 | t->output_nr();
  if (kept_.contains(key)) return;
  kept_.emplace(key, Kept{look_at(t, now), n_passes_});
}

// What a custom Function gave is seen where it is used.
void Tape::see_arguments(const Call& call) {
  if (!values_) return;
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    if (v.kind == Kind::kTensor) see(v.t);
    if (v.kind == Kind::kTensors)
      for (int k = 0; k < v.list->n; ++k) see(v.list->v[k]);
  }
}

void Tape::op_begins(Call& call) {
  Apart apart(*this);
  see_arguments(call);
  open_.push_back({&call, apart.called(), {}});
}

void Tape::op_ended(Call& call) {
  Apart apart(*this);
  // The operation around it may use the memory of what this one gave, and count no write.
  const bool inside = open_.size() > 1 && open_[open_.size() - 2].subject;
  see(call.output.get(), inside);
  for (const TensorRef& t : call.more) see(t.get(), inside);
  see(call.target, inside);
  const bool outermost = open_.size() == 1 && open_[0].subject == &call && !current_run.id;
  const int64_t start = outermost ? open_[0].start : 0;
  close(&call, apart.called(), false);
  if (!outermost) return;
  double bytes = 0;
  if (call.output && call.output.get() != call.target)
    bytes += static_cast<double>(memory_of(call.output.get()));
  for (const TensorRef& t : call.more)
    if (t) bytes += static_cast<double>(memory_of(t.get()));
  add_to_line(Site::capture(), apart.called() - start, bytes, true);
}

void Tape::op_failed(Call& call) { close(&call, 0, true); }

void Tape::function_begins() {
  Apart apart(*this);
  open_.push_back({nullptr, apart.called(), {}});
}

void Tape::function_ended() {
  Apart apart(*this);
  while (!open_.empty() && open_.back().subject) open_.pop_back();
  if (open_.empty()) return;
  const int64_t ns = apart.called() - open_.back().start;
  close(nullptr, apart.called(), false);
  last_function_ = static_cast<float>(ns) * 1e-3f;
  if (open_.empty() && !current_run.id) add_to_line(Site::capture(), ns, 0, true);
}

void Tape::close(const void* subject, int64_t now, bool failed) {
  size_t at = open_.size();
  while (at > 0 && open_[at - 1].subject != subject) --at;
  if (!at) return;  // it began before the recording did
  const Open& open = open_[at - 1];
  const float us = static_cast<float>(now - open.start) * 1e-3f;
  for (uint64_t node : open.nodes)
    if (NodeTimes* t = failed ? nullptr : times_.find(node))
      t->forward = us / static_cast<float>(open.nodes.size());
  open_.resize(at - 1);
}

void Tape::recorded(Node& node) {
  Apart apart(*this);
  NodeTimes& t = times_.add(node.sequence(), needed_from_);
  t.alive = static_cast<double>(data_stats().allocated.current);
  if (node.holds_python() && (open_.empty() || open_.back().subject)) {
    t.forward = last_function_;
    last_function_ = -1;
  } else if (!open_.empty()) {
    open_.back().nodes.push_back(node.sequence());
  }
  if (OpNode* op = as_op_node(&node); op && !open_.empty() && open_.back().subject)
    if (cuts_.size() < kMostKept) see_cuts(*op, *static_cast<const Call*>(open_.back().subject));
  const uint64_t sequence = node.sequence();
  const uint32_t scope = scopes_.now();  // asks Python, where a module is new
  if (NodeTimes* place = times_.find(sequence)) place->scope = scope;
}

// Of arguments that the node does not save, nothing is known afterwards.
void Tape::see_cuts(OpNode& node, const Call& call) {
  const Op& op = node.op();
  uint32_t edge = 0;
  for (uint32_t e = 0; e < op.n_edges && edge < node.n_edges(); ++e) {
    const Value& v = call.args[op.edge_args[e]];
    const bool list = op.signature.params[op.edge_args[e]].kind == ParamKind::kTensors;
    const uint32_t n = list ? node.n_edges() - op.n_edges + 1u : 1u;
    for (uint32_t i = 0; i < n && edge < node.n_edges(); ++i, ++edge) {
      if (node.edges()[edge].node) continue;
      const TensorImpl* t = v.kind == Kind::kTensor ? v.t : nullptr;
      if (list && v.kind == Kind::kTensors && static_cast<int>(i) < v.list->n) t = v.list->v[i];
      if (!t || t->requires_grad()) continue;
      cuts_[node.sequence()].push_back({edge, cut_reason(t), t->cut_site()});
    }
  }
}

void Tape::add_to_line(const Site& site, int64_t ns, double bytes, bool call) {
  if (!site) return;
  std::vector<LineTimes>& lines =
      lines_[reinterpret_cast<uint64_t>(site.code()) ^ uint64_t(site.offset()) << 44];
  LineTimes* line = nullptr;
  for (LineTimes& known : lines)
    if (known.site.code() == site.code() && known.site.offset() == site.offset()) line = &known;
  if (!line) {
    lines.push_back({site});
    line = &lines.back();
  }
  line->us += static_cast<double>(ns) * 1e-3;
  line->bytes += bytes;
  line->calls += call;
}

// --- the backward pass

void Tape::pass_begins(Pass& pass) {
  Apart apart(*this);
  if (pass_) return;  // one inside another belongs to that one's node
  auto fresh = std::make_unique<PassRecord>();
  std::vector<Edge> roots;
  pass.for_each_root([&](const Edge& edge, TensorImpl* value, TensorImpl*) {
    if (!edge.node) return;
    roots.push_back(edge);
    see(value);
  });
  fresh->graph.collect(roots, kFew);
  const size_t n = fresh->graph.size();
  fresh->times.resize(n);
  for (size_t i = 0; i < n; ++i)
    if (const NodeTimes* t = times_.find(fresh->graph.sequences()[i])) fresh->times[i] = *t;
  fresh->order.assign(n, kUnknown);
  fresh->edge_grads.assign(fresh->graph.n_edge_rows(), std::numeric_limits<double>::quiet_NaN());
  fresh->graph.tell_cuts([&](uint64_t sequence, uint32_t in) -> const CutSeen* {
    auto at = cuts_.find(sequence);
    if (at == cuts_.end()) return nullptr;
    for (const CutSeen& cut : at->second)
      if (cut.in == in) return &cut;
    return nullptr;
  });
  find_values(*fresh);
  name_new_leaves(*fresh);
  if (over_) return;  // ended by what it asked for names
  swept_from_ = std::exchange(needed_from_, Node::last_sequence() + 1);
  ++n_passes_;
  now_ = std::move(fresh);
  pass_ = &pass;
}

void Tape::find_values(PassRecord& pass) {
  if (!values_) return;
  std::unordered_set<const void*> memory;
  for (const auto& [number, leaf] : pass.graph.leaves()) {
    pass.values.push_back({uint64_t{number} << 8, Seen(leaf.get(), true)});
    memory.insert(leaf->storage().get());
  }
  std::unordered_map<uint64_t, uint32_t> number_of;
  number_of.reserve(pass.graph.size());
  for (uint32_t i = 0; i < pass.graph.size(); ++i)
    if (!pass.graph.is_leaf(i)) number_of[pass.graph.sequences()[i]] = i;
  for (auto& [key, kept] : kept_) {
    auto at = number_of.find(key >> 8);
    if (at == number_of.end()) continue;
    if (memory.contains(kept.seen.memory())) kept.seen.summary();  // an optimizer will write to it
    pass.values.push_back({uint64_t{at->second} << 8 | (key & 0xff), kept.seen});
  }
}

void Tape::name_new_leaves(PassRecord& pass) {
  std::vector<TensorImpl*> unknown;
  for (const auto& [number, leaf] : pass.graph.leaves())
    if (!leaf_at_.contains(leaf.get()) && leaf_names_.size() + unknown.size() < kMostLeaves)
      unknown.push_back(leaf.get());
  const PyRef ask = name_leaves_;  // it may be let go of meanwhile
  if (unknown.empty() || !ask) return;
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(unknown.size()))));
  for (size_t i = 0; i < unknown.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                     checked(wrap(TensorRef::borrow(unknown[i]))));
  PyRef names(checked(PyObject_CallOneArg(ask.get(), tuple.get())));
  for (size_t i = 0; i < unknown.size(); ++i) {
    PyRef name(checked(PySequence_GetItem(names.get(), static_cast<Py_ssize_t>(i))));
    std::string text = text_of(name.get());
    leaf_at_[unknown[i]] = static_cast<uint32_t>(leaf_names_.size());
    leaves_.push_back(TensorRef::borrow(unknown[i]));
    leaf_names_.push_back(std::move(text));
  }
}

void Tape::add_step(uint32_t leaf, double norm) {
  if (leaf == kUnknown || (n_passes_ - 1) % step_stride_) return;
  steps_.push_back({n_passes_ - 1, leaf, norm});
  if (steps_.size() > kMostSteps) thin_steps();
}

// Of a long training every second, fourth, eighth step is told.
void Tape::thin_steps() {
  step_stride_ *= 2;
  std::erase_if(steps_, [&](const Step& s) { return s.step % step_stride_ != 0; });
}

void Tape::add_leaf_gradient(uint32_t number, const TensorImpl* leaf, TensorImpl* grad) {
  // It becomes the leaf's own .grad, which is written to.
  Seen seen(grad, true);
  auto at = leaf_at_.find(leaf);
  add_step(at == leaf_at_.end() ? kUnknown : at->second, seen.summary()->norm);
  if (values_) now_->grads.push_back({uint64_t{number} << 8, std::move(seen)});
}

void Tape::node_begins(Node& node, TensorRef* grads) {
  Apart apart(*this);
  if (!pass_ || current_run.id != pass_->id()) return;
  const uint32_t number = now_->graph.number_of(&node);
  if (number == kUnknown) return;
  now_->order[number] = now_->turn++;
  if (node.is_accumulate_grad()) {
    if (grads[0])
      add_leaf_gradient(number, static_cast<AccumulateGrad&>(node).variable(), grads[0].get());
  } else if (values_) {
    for (uint32_t i = 0; i < node.n_outputs() && i < kMostOutputs; ++i)
      if (grads[i])
        now_->grads.push_back({uint64_t{number} << 8 | i, look_at(grads[i].get(), false)});
  }
  node_start_ = apart.called();
}

void Tape::node_ended(Node& node, TensorRef* gradients) {
  Apart apart(*this);
  if (!pass_ || current_run.id != pass_->id()) return;
  const uint32_t number = now_->graph.number_of(&node);
  if (number == kUnknown) return;
  const int64_t ns = apart.called() - node_start_;
  now_->times[number].backward = static_cast<float>(ns) * 1e-3f;
  add_to_line(node.site(), ns, 0, false);
  if (!gradients) return;
  const GraphData& graph = now_->graph;
  for (uint32_t row = graph.first_edge(number); row < graph.first_edge(number + 1); ++row)
    if (const TensorRef& g = gradients[graph.input_of(row)]; g && g->numel() == 1)
      now_->edge_grads[row] = summary_of(*g).data[0];
}

void Tape::pass_ended(Pass& pass, bool failed) {
  if (&pass != pass_) return;
  pass_ = nullptr;
  pass.for_each_captured([&](const Edge& edge, TensorImpl* grad) {
    const uint32_t number = now_->graph.number_of(edge.node);
    if (number != kUnknown && edge.node->is_accumulate_grad() && grad)
      add_leaf_gradient(number, static_cast<AccumulateGrad*>(edge.node)->variable(), grad);
  });
  now_->failed = failed;
  now_->graph.set_order(std::move(now_->order));
  now_->graph.forget_addresses();
  const std::shared_ptr<PassRecord> before = std::exchange(last_, std::move(now_));
  // What this pass and the one before used may be used by the next, and nothing older.
  const auto values =
      take_old(kept_, [&](const auto& item) { return item.second.pass + 1 < n_passes_; });
  const auto cuts = take_old(cuts_, [&](const auto& item) { return item.first < swept_from_; });
  held_ = 0;
  for (const auto& [key, kept] : kept_) held_ += kept.seen.held();
  for (const auto& [key, seen] : last_->grads) held_ += seen.held();
}

// --- what it made of them

void Tape::end() {
  over_ = true;
  pass_ = nullptr;
  open_.clear();
  held_ = 0;
  const auto now = std::move(now_);
  const auto values = std::exchange(kept_, {});
  const auto cuts = std::exchange(cuts_, {});
}

void Tape::settle() {
  end();
  const std::shared_ptr<PassRecord> last = last_;
  if (!last) return;
  for (auto* seen : {&last->values, &last->grads})
    for (auto& [key, item] : *seen) item.summary();
}

int Tape::visit(visitproc visit, void* arg) const {
  Py_VISIT(name_leaves_.get());
  for (const Scope& scope : scopes_.scopes()) Py_VISIT(scope.object.get());
  return 0;
}

void Tape::forget_objects() {
  const PyRef ask = std::move(name_leaves_);
  const std::vector<PyRef> objects = scopes_.take_objects();
  const std::vector<TensorRef> leaves = std::exchange(leaves_, {});
  leaf_at_.clear();
}

}  // namespace rl::python

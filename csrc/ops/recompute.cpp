#include "ops/recompute.h"

#include <algorithm>
#include <string_view>

#include "core/unlocked.h"
#include "graph/accumulate_grad.h"
#include "graph/grad_mode.h"
#include "graph/packed.h"
#include "graph/tensor_math.h"
#include "graph/view.h"

namespace rl {

namespace {

// Edges of the arguments, in the order of the node's.
class EdgeMap {
 public:
  explicit EdgeMap(const OpNode& node) : op_(node.op()) {
    for (uint32_t e = 0; e < op_.n_edges; ++e) list_edges_ += is_list(op_.edge_args[e]);
    if (list_edges_) list_length_ = node.n_edges() - op_.n_edges + 1;
  }
  // The first edge of argument i and how many it has; 0 without one.
  uint32_t find(size_t i, uint32_t* first) const {
    *first = 0;
    for (uint32_t e = 0; e < op_.n_edges; ++e) {
      uint32_t n = is_list(op_.edge_args[e]) ? list_length_ : 1;
      if (op_.edge_args[e] == i) return n;
      *first += n;
    }
    return 0;
  }

 private:
  bool is_list(uint8_t arg) const { return op_.signature.params[arg].kind == ParamKind::kTensors; }

  const Op& op_;
  uint32_t list_edges_ = 0;
  uint32_t list_length_ = 1;
};

}  // namespace

int OpNode::slot_of_argument(size_t i) const {
  for (size_t k = 0; k < op_->slots.size(); ++k) {
    const SlotSpec& spec = op_->slots[k];
    if (spec.source == Source::kArg && spec.arg == i && needed(spec)) return static_cast<int>(k);
  }
  return -1;
}

namespace {

constexpr int8_t kDraws = -2;  // in a KeepSpec: the generator of an operation's random numbers

[[gnu::cold, gnu::noinline]] void find_keeps(const Op& op) {
  for (size_t i = 0; i < op.signature.params.size(); ++i) {
    if (op.signature.params[i].names[0] == "out") continue;
    KeepSpec keep{static_cast<uint8_t>(i), -1, -1};
    bool always = false;
    for (size_t k = 0; k < op.slots.size(); ++k) {
      if (op.slots[k].source != Source::kArg || op.slots[k].arg != i) continue;
      keep.slot = static_cast<int8_t>(k);
      always = op.slots[k].needed_by == 0xff;
    }
    if (always) continue;
    for (uint8_t e = 0; e < op.n_edges; ++e)
      if (op.edge_args[e] == i) keep.edge = static_cast<int8_t>(e);
    if (op.signature.params[i].kind == ParamKind::kGenerator) keep.edge = kDraws;
    op.keeps.push_back(keep);
  }
  // What keep_results() asks of every call: the last one tells.
  std::ranges::stable_partition(op.keeps, [](KeepSpec keep) { return keep.edge != kDraws; });
  op.keeps_known = true;
}

}  // namespace

const std::vector<KeepSpec>& keeps_of(const Op& op) {
  if (!op.keeps_known) [[unlikely]]
    find_keeps(op);
  return op.keeps;
}

SavedSlot* OpNode::kept(size_t i) {
  for (size_t k = 0; has_kept() && k < op_->keeps.size(); ++k)
    if (op_->keeps[k].arg == i) return &slot(n_slots() + static_cast<int>(k));
  return nullptr;
}

// What the backward pass does not need, but the operation itself.
void OpNode::keep_arguments(Call& call) {
  constexpr int64_t kMaxCopied = 4096;  // elements of a target that is about to be overwritten
  SavedSlot* next = &slot(n_slots());
  const bool lists = op_->takes_list;
  for (const KeepSpec keep : op_->keeps) {
    SavedSlot& place = *next++;
    const Value& arg = call.args[keep.arg];
    if (arg.is_none()) continue;
    if (keep.edge >= 0 && arg.is_tensor() && !lists) {
      if (Node* from = edges()[keep.edge].node) {
        if (from->is_accumulate_grad()) place.save_int(arg.t->version());
        continue;
      }
    }
    if (keep.slot >= 0 && needed(op_->slots[static_cast<size_t>(keep.slot)])) continue;
    if (arg.kind == Kind::kDType) {
      place.save_int(static_cast<int64_t>(arg.dtype));
    } else if (arg.kind == Kind::kPointer) {
      place.save_gone();
    } else if (arg.kind == Kind::kTensors) {
      keep_list(place, arg, keep.arg);
    } else if (!arg.is_tensor() || arg.t == call.target) {
      // A target is copied; not where that costs more than a node.
      arg.is_tensor() && arg.t->numel() > kMaxCopied ? place.save_gone()
                                                     : save_argument(place, arg, call);
    } else if (!lists || !leads_somewhere(keep.arg)) {
      place.save_own_alias(arg.t);  // without an edge: it may get a history that leads here
    }
  }
}

bool OpNode::leads_somewhere(size_t arg) const {
  uint32_t first = 0;
  const uint32_t n = EdgeMap(*this).find(arg, &first);
  return n == 1 && edges()[first].node;
}

// The entries that no edge leads to.
void OpNode::keep_list(SavedSlot& place, const Value& arg, size_t i) {
  uint32_t first = 0;
  const uint32_t n = EdgeMap(*this).find(i, &first);
  std::vector<TensorRef> copies(static_cast<size_t>(arg.list->n));
  std::vector<TensorImpl*> entries(copies.size());
  for (size_t k = 0; k < copies.size(); ++k) {
    if (!arg.list->v[k] || (k < n && edges()[first + k].node)) continue;
    copies[k] = alias_of(arg.list->v[k]);
    entries[k] = copies[k].get();
  }
  place.save_list(entries.data(), arg.list->n);
}

bool NodeArguments::read(const SavedSlot& slot, ParamKind kind, Value& value) {
  switch (slot.kind()) {
    case SavedKind::kInput:
    case SavedKind::kOutput:
    case SavedKind::kOwnedOutput:
      if (!slot.is_current()) return false;
      tensors_.push_back(TensorRef::borrow(slot.raw_tensor()));
      value = Value::of(tensors_.back().get());
      return true;
    case SavedKind::kList: {
      std::vector<TensorImpl*>& pointers = pointers_.emplace_back();
      for (const SavedSlot& entry : slot.list()) {
        Value item;
        if (entry.kind() != SavedKind::kNone && !read(entry, ParamKind::kTensor, item))
          return false;
        pointers.push_back(item.is_none() ? nullptr : item.t);
      }
      lists_.push_back({pointers.data(), static_cast<int>(pointers.size())});
      value = Value::of(lists_.back());
      return true;
    }
    case SavedKind::kDouble:
      value = Value::of_double(slot.as_double());
      return true;
    case SavedKind::kInt:
      value = kind == ParamKind::kDType ? Value::of(static_cast<DType>(slot.as_int()))
                                        : Value::of_int(slot.as_int());
      return true;
    case SavedKind::kBool:
      value = Value::of_bool(slot.as_bool());
      return true;
    case SavedKind::kDims:
    case SavedKind::kFewDims:
      if (kind == ParamKind::kInts) {
        std::vector<int64_t>& numbers = numbers_.emplace_back(slot.as_ints());
        ints_.push_back({numbers.data(), static_cast<int64_t>(numbers.size())});
        value = Value::of(ints_.back());
      } else {
        value = Value::of(dims_.emplace_back(slot.as_dims()));
      }
      return true;
    case SavedKind::kString:
      value = Value::of(slot.as_string());
      return true;
    default:
      return false;
  }
}

NodeArguments::NodeArguments(OpNode& node) {
  const Op& op = node.op();
  const EdgeMap map(node);
  items_.resize(op.signature.params.size());
  for (size_t i = 0; i < items_.size(); ++i) {
    NodeArgument& item = items_[i];
    const ParamKind kind = op.signature.params[i].kind;
    uint32_t first = 0, n = map.find(i, &first);
    bool has_edge = false;
    for (uint32_t k = 0; k < n; ++k) has_edge |= node.edges()[first + k].node != nullptr;
    const int at = node.slot_of_argument(i);
    item.saved = at >= 0;
    bool known = at >= 0 && read(node.slot(at), kind, item.value);
    if (has_edge) {
      item.state = NodeArgument::State::kEdge;
      item.edge = first;
      item.n_edges = n;
      if (kind == ParamKind::kTensors) {
        if (SavedSlot* kept = node.kept(i); !known && kept && !read(*kept, kind, item.value))
          item.value = Value::none();
        continue;
      }
      Node* from = node.edges()[first].node;
      if (SavedSlot* kept = node.kept(i); from->is_accumulate_grad() && kept && !known) {
        TensorImpl* leaf = static_cast<AccumulateGrad*>(from)->variable();
        item.leaf_changed =
            kept->kind() == SavedKind::kInt && kept->as_int() != int64_t{leaf->version()};
      }
      continue;
    }
    if (at >= 0) {
      known = known || node.slot(at).kind() == SavedKind::kNone;  // None was given
    } else if (SavedSlot* kept = node.kept(i)) {
      known = kept->kind() == SavedKind::kNone || read(*kept, kind, item.value);
    } else {
      known = op.signature.params[i].names[0] == "out";
    }
    if (known)
      item.state = NodeArgument::State::kKnown;
    else if (at >= 0 && node.slot(at).kind() == SavedKind::kPacked)
      item.state = NodeArgument::State::kPacked;
  }
}

// Of an operation that gives something else each time.
void OpNode::keep_results(Call& call) {
  if (op_->keeps.empty() || op_->keeps.back().edge != kDraws) [[likely]]
    return;
  std::vector<KeptTensor>& kept = make_side().kept;
  for (uint32_t i = 0; i <= call.more.size(); ++i) {
    TensorRef copy = alias_of(i ? call.more[i - 1].get() : call.output.get());
    const uint32_t version = copy->version();
    kept.push_back({std::move(copy), version, static_cast<int32_t>(i)});
  }
}

bool repeatable(const Op& op) {
  for (const Param& param : op.signature.params)
    if (param.kind == ParamKind::kGenerator) return false;
  return true;
}

std::vector<TensorRef> recompute(OpNode& node, const Value* args) {
  Holder locked(nullptr);
  GradModeGuard no_grad(false);
  const Op& op = node.op();
  Call call(op);
  std::copy_n(args, op.signature.params.size(), call.args);
  TensorRef target;
  if (op.record->mutates) {
    TensorImpl* before = call.args[0].is_tensor() ? call.args[0].t : nullptr;
    const OutputMeta meta = node.output_meta(0);
    target = before ? tensor_math.clone_like(before, before)
                    : tensor_math.full(node.output_shape(0), meta.dtype, 0);
    call.args[0] = Value::of(target.get());
    call.target = target.get();
  }
  op.forward(call);
  std::vector<TensorRef> results;
  results.push_back(call.output ? std::move(call.output) : std::move(target));
  for (TensorRef& t : call.more) results.push_back(std::move(t));
  return results;
}

}  // namespace rl

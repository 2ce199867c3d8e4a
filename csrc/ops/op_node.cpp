#include "ops/op_node.h"

#include <algorithm>
#include <set>
#include <string>

#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "graph/packed.h"
#include "graph/tensor_math.h"
#include "graph/view.h"
#include "ops/dims.h"
#include "ops/table.h"

namespace rl {

namespace {

// The same words in memory that stays: an argument's belongs to the caller.
const char* lasting(const char* text) {
  static auto* words = new std::set<std::string>;
  return words->insert(text).first->c_str();
}

// Which the node counts; those behind them have none.
size_t outputs_with_gradient(const Op& op, const Call& call) {
  size_t n = 1 + call.more.size();
  return op.n_differentiable == 0xff ? n : std::min<size_t>(n, op.n_differentiable);
}

}  // namespace

Ref<OpNode> OpNode::record(const Op& op, Call& call) {
  TensorImpl* out = call.output.get();
  size_t n_outputs = outputs_with_gradient(op, call);
  size_t n_dims = static_cast<size_t>(out->ndim());
  for (uint32_t i = 1; i < n_outputs; ++i) n_dims += static_cast<size_t>(call.more[i - 1]->ndim());
  size_t edges = op.n_edges;
  if (op.takes_list) [[unlikely]]
    for (uint32_t i = 0; i < op.n_edges; ++i)
      if (const Value& arg = call.args[op.edge_args[i]]; arg.kind == Kind::kTensors)
        edges += static_cast<size_t>(arg.list->n) - 1;
  check(edges <= UINT16_MAX, ErrorKind::kRuntime, op.record->name, "(): more than ", UINT16_MAX,
        " tensors in one recorded call are not supported");
  const bool keeps = observed & kKeepsArguments;
  const size_t n_slots = op.slots.size() + (keeps ? keeps_of(op).size() : 0);
  auto node = Node::make<OpNode>({.n_edges = edges,
                                  .n_outputs = n_outputs,
                                  .n_dims = n_dims,
                                  .extra = n_slots * sizeof(SavedSlot)},
                                 &op);
  // All slots before anything can throw: the destructor looks at each.
  for (size_t i = 0; i < n_slots; ++i) new (&node->slot(static_cast<int>(i))) SavedSlot;
  if (keeps) [[unlikely]]
    node->set_has_kept();
  Edge* edge = node->edges();
  for (uint32_t i = 0; i < op.n_edges; ++i) {
    const Value& arg = call.args[op.edge_args[i]];
    if (arg.kind == Kind::kTensors) {
      for (int k = 0; k < arg.list->n; ++k, ++edge)
        if (TensorImpl* t = arg.list->v[k]) *edge = gradient_edge(t);
    } else {
      if (arg.is_tensor()) *edge = gradient_edge(arg.t);
      ++edge;
    }
  }
  node->set_output(0, out->dtype(), out->sizes(), out->ndim());
  for (uint32_t i = 1; i < n_outputs; ++i) {
    TensorImpl* t = call.more[i - 1].get();
    node->set_output(i, t->dtype(), t->sizes(), t->ndim());
  }
  node->save(call);
  if (keeps) [[unlikely]]
    node->keep_arguments(call);
  node->finish();
  if (thread_state.saved_hooks) [[unlikely]]
    node->pack_saved(false);
  return node;
}

void OpNode::link(Call& call) {
  call.output->set_grad_fn(this, 0);
  for (uint32_t i = 1; i < outputs_with_gradient(*op_, call); ++i)
    if (is_float(call.more[i - 1]->dtype())) call.more[i - 1]->set_grad_fn(this, i);
  SavedSlot* place = &slot(0);
  for (const SlotSpec& spec : op_->slots) {
    SavedSlot& own = *place++;
    if (spec.source != Source::kResult || !needed(spec)) continue;
    TensorImpl* output = spec.arg == 0 ? call.output.get() : call.more[spec.arg - 1u].get();
    // Indices have no edge back to this node: they are counted like an input.
    output->is_leaf() ? own.save_input(output) : own.save_output(output);
  }
  for (TensorRef& t : call.more)
    if (t && !t->requires_grad()) t->set_cut(Cut::kDtype, site());
  if (has_kept()) [[unlikely]]
    keep_results(call);
  if (thread_state.saved_hooks) [[unlikely]]
    pack_saved(true);
}

bool OpNode::needed(const SlotSpec& spec) const {
  if (spec.needed_by == 0xff) return true;
  for (uint32_t e = 0; e < n_edges() && e < 8; ++e)
    if ((spec.needed_by >> e & 1) && edges()[e].node) return true;
  return false;
}

void OpNode::link_through_view(Call& call) {
  TensorImpl* view = call.output.get();
  rebase_history(view, Ref<Node>::borrow(this));
  for (int i = 0; i < n_slots(); ++i) {
    const SlotSpec& spec = op_->slots[static_cast<size_t>(i)];
    if (spec.source == Source::kResult && needed(spec)) slot(i).save_own_alias(view);
  }
  if (has_kept()) [[unlikely]]
    keep_results(call);
  if (thread_state.saved_hooks) [[unlikely]]
    pack_saved(true);
}

void OpNode::pack_saved(bool outputs) {
  for (int i = 0; i < n_slots(); ++i) {
    const SavedHooks* hooks = thread_state.saved_hooks;  // a hook may leave its context
    bool result = op_->slots[static_cast<size_t>(i)].source == Source::kResult;
    if (hooks && result == outputs) slot(i).pack(this, hooks->pack, hooks->unpack, false);
  }
}

namespace {

// What unpack() returned, as the derivative takes it: with the dtype and the sizes of what was
// saved.
TensorRef unpack_fitted(OpNode* node, const SavedSlot& slot) {
  const DType dtype = slot.packed().dtype;
  const Dims sizes = slot.packed().sizes;
  TensorRef t = slot.unpack(node, true);
  if (t->dtype() != dtype) t = tensor_math.cast(t.get(), dtype);
  if (t->shape() == sizes) return t;
  bool fits = t->ndim() <= sizes.n;
  for (int i = 1; fits && i <= t->ndim(); ++i) {
    int64_t size = t->sizes()[t->ndim() - i];
    fits = size == 1 || size == sizes[sizes.n - i];
  }
  check(fits, ErrorKind::kRuntime, "a saved tensor unpack hook returned a tensor of shape ",
        shown(t->sizes(), t->ndim()), " for one of shape ", shown(sizes),
        "\n  fix: return a tensor like the one that the pack hook was given.");
  return call_op(op_of<ops::BroadcastTo>(), {Value::of(t.get()), Value::of(sizes)}).ref();
}

// Unpacks the packed slots, which give out these tensors as long as it lives.
class Unpacked {
 public:
  explicit Unpacked(OpNode* node) : node_(node) {}
  ~Unpacked() {
    for (auto [i, item] : held_)
      if (SavedSlot* slot = find(i, item); slot && --slot->packed().holders == 0)
        slot->packed().held = TensorRef();
  }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  void unpack_all() {
    for (int i = 0; i < node_->n_slots(); ++i) {
      if (!node_->slot(i).has_pack()) continue;
      bool list = node_->slot(i).kind() == SavedKind::kList;
      size_t n = list ? node_->slot(i).list().size() : 1;
      for (size_t k = 0; k < n; ++k) unpack(i, k);
    }
  }

 private:
  // Null where it is not packed, or not any more: a hook may have freed the graph.
  SavedSlot* find(int i, size_t item) const {
    SavedSlot* slot = &node_->slot(i);
    if (slot->kind() == SavedKind::kList) slot = &slot->list()[item];
    return slot->kind() == SavedKind::kPacked ? slot : nullptr;
  }
  void unpack(int i, size_t item) {
    SavedSlot* slot = find(i, item);
    if (!slot) return;
    TensorRef t = unpack_fitted(node_, *slot);
    if (!(slot = find(i, item))) return;
    held_.emplace_back(i, item);
    if (slot->packed().holders++ == 0) slot->packed().held = std::move(t);
  }

  OpNode* node_;
  std::vector<std::pair<int, size_t>> held_;  // slot and item
};

}  // namespace

void OpNode::apply_unpacked(TensorRef* grad_outputs, TensorRef* grad_inputs) {
  // Every packed slot once, before the derivative looks at any, as in PyTorch.
  Unpacked held(this);
  held.unpack_all();
  op_->backward(*this, grad_outputs, grad_inputs);
}

void OpNode::save(Call& call) {
  SavedSlot* next = &slot(0);
  for (const SlotSpec& spec : op_->slots) {
    SavedSlot& place = *next++;
    if (!needed(spec) || spec.source == Source::kResult)
      continue;  // once the output is linked to this node
    const Value& arg = call.args[spec.arg];
    if (spec.source == Source::kArg) [[likely]] {
      if (arg.is_tensor() && !call.target)
        place.save_input(arg.t);
      else
        save_argument(place, arg, call);
      continue;
    }
    if (spec.source == Source::kSizes) {
      place.save_dims(arg.t->shape());
      continue;
    }
    if (spec.source == Source::kStrides) {
      place.save_dims(Dims(arg.t->strides(), arg.t->ndim()));
      continue;
    }
    if (spec.source == Source::kShapes) {
      place.save_shapes(arg.list->v, arg.list->n);
      continue;
    }
    if (spec.source == Source::kLastSize || spec.source == Source::kSecondLastSize) {
      place.save_int(arg.t->sizes()[arg.t->ndim() - (spec.source == Source::kLastSize ? 1 : 2)]);
      continue;
    }
    if (spec.source == Source::kOffset) {
      place.save_int(arg.t->offset());
      continue;
    }
    if (spec.source == Source::kNumel) {
      place.save_int(arg.t->numel());
      continue;
    }
    if (spec.source == Source::kNdim) {
      place.save_int(arg.t->ndim());
      continue;
    }
    if (spec.source == Source::kRows) place.save_int(arg.t->sizes()[0]);
  }
}

void OpNode::save_argument(SavedSlot& place, const Value& arg, const Call& call) {
  switch (arg.kind) {
    case Kind::kTensor:
      // An in-place call is about to overwrite its first argument: a copy with the same history.
      if (arg.t == call.target)
        place.save_input(tensor_math.clone_like(arg.t, arg.t).get());
      else if (call.target && arg.t->storage().get() == call.target->storage().get())
        // About to be overwritten, which its version will tell; its own history would be a cycle.
        place.save_input(make_detached(arg.t).get());
      else
        place.save_input(arg.t);
      break;
    case Kind::kTensors:
      place.save_list(arg.list->v, arg.list->n);
      break;
    case Kind::kDouble:
      place.save_double(arg.d);
      break;
    case Kind::kInt:
      place.save_int(arg.i);
      break;
    case Kind::kLargeInt:
      place.save_double(arg.as_double());
      break;
    case Kind::kBool:
      place.save_bool(arg.i != 0);
      break;
    case Kind::kDims:
      place.save_dims(*arg.dims);
      break;
    case Kind::kInts:
      place.save_ints(arg.ints->v, arg.ints->n);
      break;
    case Kind::kString:
      place.save_string(lasting(arg.s));
      break;
    default:
      break;
  }
}

std::vector<TensorRef> OpNode::saved_list(int i) {
  return slot(i).unpack_list(this, grad_enabled());
}

TensorRef OpNode::saved(int i) { return slot(i).unpack(this, grad_enabled()); }

namespace {

// What is no number, which stays readable.
bool holds_memory(const SavedSlot& slot) {
  return slot.is_tensor() || slot.kind() == SavedKind::kList || slot.kind() == SavedKind::kPacked ||
         slot.kind() == SavedKind::kDims;
}

}  // namespace

void OpNode::release_saved(FreedBy& freed_by) {
  SavedSlot* next = &slot(0);
  for (const SlotSpec& spec : op_->slots) {
    bool tensor_like = spec.source == Source::kArg &&
                       op_->signature.params[spec.arg].kind == ParamKind::kTensorOrNumber;
    next++->release(&freed_by, tensor_like);
  }
  if (!has_kept()) [[likely]]
    return;
  for (SavedSlot* end = next + op_->keeps.size(); next != end; ++next) {
    if (!holds_memory(*next)) continue;
    next->release(nullptr);
    next->save_gone();
  }
  if (has_side()) auto gone = std::exchange(side()->kept, {});
}

void OpNode::visit_saved(HeldVisitor& visitor) const {
  for (int i = 0; i < n_all_slots(); ++i) slot(i).visit_held(visitor);
}

bool OpNode::adopt_output(TensorImpl* impl, bool keep) {
  for (int i = 0; i < n_slots(); ++i)
    if (slot(i).adopt_output(impl, keep)) return true;
  return false;
}

void OpNode::detach_output(TensorImpl* impl) {
  for (int i = 0; i < n_slots(); ++i) slot(i).detach_output(impl);
}

OpNode::~OpNode() {
  SavedSlot* at = &slot(0);
  for (SavedSlot* end = at + n_all_slots(); at != end; ++at)
    if (at->kind() != SavedKind::kNone) at->release(nullptr);
}

OpNode* as_op_node(Node* node) { return dynamic_cast<OpNode*>(node); }

}  // namespace rl

// The door: every operation of the system passes dispatch().
#include <memory>
#include <string>
#include <vector>

#include "core/expanded.h"
#include "core/host.h"
#include "core/unlocked.h"
#include "graph/current_run.h"
#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "graph/view.h"
#include "ops/op_node.h"
#include "ops/replay.h"

namespace rl {

namespace {

// Grad mode is on and some input requires grad: remember how the outputs were computed.
void record_outputs(Call& call) {
  const Op& op = *call.op;
  if (!call.output) return;  // unbind() of nothing
  if (thread_state.replay_views && op.record->view) [[unlikely]]
    remember_view(call);
  if (!op.backward || !is_float(call.output->dtype())) {
    if (!(call.output->key() & (kRequiresGrad | kCut)))
      call.output->set_cut(Cut::kDtype, Site::capture());
    return;
  }
  OpNode::record(op, call)->link(call);
}

// The first argument that was cut off, also in a list.
const TensorImpl* cut_argument(const Call& call) {
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    if (v.is_tensor() && v.t->key() & kCut) return v.t;
    if (v.kind != Kind::kTensors) continue;
    for (int k = 0; k < v.list->n; ++k)
      if (const TensorImpl* t = v.list->v[k]; t && t->key() & kCut) return t;
  }
  return nullptr;
}

// Why, and where, a result came to have no grad: an error may want to tell.
void remember_cut(Call& call, uint8_t key, TensorImpl* out) {
  if (!out || out->key() & (kRequiresGrad | kCut)) return;
  if (key & kRequiresGrad) {
    // What a backward pass computes belongs to no statement.
    if (current_run.id)
      out->set_cut(Cut::kBackward);
    else
      out->set_cut(Cut::kNoGrad, Site::capture());
  } else if (const TensorImpl* from = cut_argument(call)) {
    out->set_cut_as(*from);
  }
  for (TensorRef& t : call.more)
    if (t && !(t->key() & (kRequiresGrad | kCut))) t->set_cut_as(*out);
}

void mark_inference(Call& call) {
  // A view of a normal tensor, or its alias, stays what that is.
  if (!call.output || call.op->record->view || call.output->storage()->refs() > 1) return;
  call.output->set_inference();
  for (TensorRef& t : call.more) t->set_inference();
}

// t_(), squeeze_() and their kind: the bytes stay, the target takes the geometry of the view.
void dispatch_geometry(Call& call, bool recorded) {
  const Op& op = *call.op;
  TensorImpl* target = call.target;
  check_inference(target);
  if (recorded) check_recorded(target);
  op.forward(call);
  if (recorded) target->set_grad_fn(OpNode::record(op, call).get(), 0);
  target->set_geometry(call.output->shape(), call.output->strides(), call.output->offset());
  target->bump_version();
  if (recorded) mark_view_current(target);  // else a view's history is that of another geometry
  call.output = TensorRef::borrow(target);
}

[[gnu::cold]] void warn_expanded(const Op& op) {
  std::string name = op.record->name;
  const bool put = name == "index_put_";
  host().warn("UserWarning",
              concat("Use of ", name, put ? "" : "_",
                     " on expanded tensors is deprecated. Please clone() the tensor before "
                     "performing this operation. This also applies to advanced indexing e.g. ",
                     put ? "tensor[indices] = tensor" : "tensor[mask] = scalar"));
}

[[gnu::cold, gnu::noinline]] void tell_of_write(TensorImpl* target) {
  host().call_write_hook(thread_state.write_hook, target);
}

void dispatch_inplace(Call& call, uint8_t key, uint8_t live) {
  const Op& op = *call.op;
  TensorImpl* target = call.target;
  bool recorded = (live & kRequiresGrad) && is_float(target->dtype()) && !op.record->untracked;
  if (thread_state.write_hook) [[unlikely]]
    tell_of_write(target);
  if (op.record->view) return dispatch_geometry(call, recorded);
  if (op.record->expanded == Expanded::kWarned && is_expanded(target)) [[unlikely]]
    warn_expanded(op);
  check_inplace(target, recorded, op.record->expanded != Expanded::kRefused);
  if (!recorded) {
    op.forward(call);
    target->bump_version();
    if (key & (kRequiresGrad | kCut)) remember_cut(call, key, target);
    return;
  }
  const Op* as = op.in_place ? op.in_place : &op;
  if (op.in_place_number && !call.args[1].is_tensor()) as = op.in_place_number;
  check(as->backward, ErrorKind::kNotImplemented, "derivative for aten::", op.record->name,
        " is not implemented");
  // The node goes first: its edges lead to the history that the write replaces.
  call.output = TensorRef::borrow(target);
  Ref<OpNode> node = OpNode::record(*as, call);
  op.forward(call);
  target->bump_version();
  if (target->is_view())
    node->link_through_view(call);
  else
    node->link(call);
}

// Bits of an argument. A view requires grad as soon as its base does.
uint8_t key_of(const Value& v) {
  if (v.is_tensor()) {
    uint8_t key = v.t->key();
    if (key & kView) [[unlikely]]
      key |= v.t->base()->key() & kRequiresGrad;
    return key;
  }
  uint8_t key = 0;
  if (v.kind == Kind::kTensors)
    for (int i = 0; i < v.list->n; ++i)
      if (v.list->v[i]) key |= key_of(Value::of(v.list->v[i]));
  return key;
}

// A call is held with all that it was given: its caller may have it from a list that another thread
// changes. Of an operation that is not made for that nothing runs unlocked.
class CallHolder final : public Holder {
 public:
  explicit CallHolder(const Call& call) : Holder(call.op->unlocks ? &hold : nullptr), call_(call) {}

 private:
  struct Held {
    std::vector<TensorRef> tensors;
    std::vector<Storage::Pin> memory;

    void add(TensorImpl* t) {
      if (!t) return;
      tensors.push_back(TensorRef::borrow(t));
      memory.emplace_back(*t->storage());
    }
  };
  static void hold(Holder& holder) {
    auto& self = static_cast<CallHolder&>(holder);
    if (!self.held_) self.held_ = std::make_unique<Held>();
    self.held_->add(self.call_.target);
    for (int i = 0; i < self.call_.op->n_tensor_args; ++i) {
      const Value& v = self.call_.args[self.call_.op->tensor_args[i]];
      if (v.is_tensor()) self.held_->add(v.t);
    }
  }

  const Call& call_;
  std::unique_ptr<Held> held_;
};

uint8_t key_of(const Call& call) {
  uint8_t key = 0;
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    if (v.kind != Kind::kNone) key |= key_of(v);
  }
  return key;
}

void finish_unrecorded(Call& call, uint8_t key) {
  if (thread_state.inference | thread_state.replay_views) [[unlikely]] {
    if (thread_state.inference)
      mark_inference(call);
    else if (call.op->record->view)
      remember_view(call);
  }
  if (key & (kRequiresGrad | kCut)) remember_cut(call, key, call.output.get());
}

void finish(Call& call, uint8_t key) {
  if (key & thread_state.key_mask & kRequiresGrad)
    record_outputs(call);
  else
    finish_unrecorded(call, key);
}

// False where no observer has outputs for the call, so that it has to be computed.
bool dispatch_given(Call& call) {
  // What is written in place and what views look at is there only once they have run.
  if (call.op->composite || call.target || call.op->record->view) return false;
  bool given = false;
  for_each_observer([&](Observer& o) { given = given || o.gives_outputs(call); });
  if (!given) return false;
  CallHolder holder(call);
  finish(call, key_of(call));
  return true;
}

// The call that comes back to the door, its observers told.
[[gnu::tls_model("initial-exec")]] constinit thread_local const Call* t_told = nullptr;

// False: this call has been told of, and is to be computed.
[[gnu::cold, gnu::noinline]] bool dispatch_observed(Call& call) {
  if (t_told == &call) {
    t_told = nullptr;
    return false;
  }
  auto failed = [&](Observer& o) { o.op_failed(call); };
  begin_for_each_observer([&](Observer& o) { o.op_begins(call); }, failed);
  try {
    if (!(observed & kGivesOutputs) || !dispatch_given(call)) {
      t_told = &call;
      dispatch(call);
    }
  } catch (...) {
    t_told = nullptr;
    for_each_observer(failed);
    throw;
  }
  t_told = nullptr;  // also where the last observer has left before it was looked at
  for_each_observer([&](Observer& o) { o.op_ended(call); });
  return true;
}

}  // namespace

void dispatch(Call& call) {
  if (observed & kObservesOps) [[unlikely]]
    if (dispatch_observed(call)) return;
  const Op& op = *call.op;
  CallHolder holder(call);
  uint8_t key = key_of(call);
  if (op.composite) return op.forward(call);
  if (call.target) [[unlikely]]
    return dispatch_inplace(call, key, key & thread_state.key_mask);
  op.forward(call);
  finish(call, key);
}

}  // namespace rl

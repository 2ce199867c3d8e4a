// The door: every operation of the system passes dispatch().
#include "graph/grad_mode.h"
#include "graph/view.h"
#include "ops/op_node.h"

namespace rl {

namespace {

// Grad mode is on and some input requires grad: compute, then remember how.
void dispatch_recorded(Call& call) {
  const Op& op = *call.op;
  op.forward(call);
  if (!op.backward || !is_float(call.output->dtype())) {
    if (call.output->cut() == Cut::kNone) call.output->set_cut(Cut::kDtype);
    return;
  }
  OpNode::record(op, call)->link(call);
}

// Why the output does not require grad: an error may want to tell.
void remember_cut(Call& call, uint8_t key) {
  TensorImpl* out = call.output.get();
  if (out->requires_grad() || out->cut() != Cut::kNone) return;
  if (key & kRequiresGrad) return out->set_cut(Cut::kNoGrad);
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    if (v.is_tensor() && v.t->cut() != Cut::kNone) return out->set_cut(v.t->cut());
  }
}

void mark_inference(Call& call) {
  // A view of a normal tensor, or its alias, stays what that is.
  if (call.op->record->view || call.output->storage()->refs() > 1) return;
  call.output->set_inference();
  for (TensorRef& t : call.more) t->set_inference();
}

void dispatch_inplace(Call& call, uint8_t live) {
  const Op& op = *call.op;
  TensorImpl* target = call.target;
  bool recorded = (live & kRequiresGrad) && is_float(target->dtype());
  check_inplace(target, recorded);
  if (!recorded) {
    op.forward(call);
    target->bump_version();
    return;
  }
  check(op.backward, ErrorKind::kNotImplemented, "derivative for aten::", op.record->name,
        " is not implemented");
  // The node goes first: its edges lead to the history that the write replaces.
  call.output = TensorRef::borrow(target);
  Ref<OpNode> node = OpNode::record(op, call);
  op.forward(call);
  target->bump_version();
  node->link(call);
}

}  // namespace

void dispatch(Call& call) {
  const Op& op = *call.op;
  uint8_t key = 0;
  for (int i = 0; i < op.n_tensor_args; ++i) {
    const Value& v = call.args[op.tensor_args[i]];
    if (v.is_tensor()) key |= v.t->key();
  }
  uint8_t live = key & thread_state.key_mask;
  if (op.composite) return op.forward(call);
  if (call.target) [[unlikely]]
    return dispatch_inplace(call, live);
  if (live & kRequiresGrad) return dispatch_recorded(call);
  op.forward(call);
  if (thread_state.inference) [[unlikely]]
    mark_inference(call);
  if (key & (kRequiresGrad | kCut)) remember_cut(call, key);
}

}  // namespace rl

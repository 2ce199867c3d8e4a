#include "engine/hooks.h"

#include <utility>

#include "graph/accumulate_grad.h"
#include "graph/cycles.h"
#include "graph/grad_mode.h"
#include "graph/tensor_math.h"

namespace rl {

namespace {

// Counts the callables for the time of the calls: a hook may add or remove hooks, which takes
// effect next time.
class HeldHooks {
 public:
  explicit HeldHooks(const HookList& list) {
    for (const Hook& hook : list.hooks) {
      host().incref(hook.callable);
      callables_.push_back(hook.callable);
    }
  }
  ~HeldHooks() {
    for (void* callable : callables_) host().decref(callable);
  }
  HeldHooks(const HeldHooks&) = delete;
  HeldHooks& operator=(const HeldHooks&) = delete;
  auto begin() const { return callables_.begin(); }
  auto end() const { return callables_.end(); }

 private:
  std::vector<void*> callables_;
};

// Whatever the host let through: kernels are chosen by this dtype and shape.
void check_replacement(const TensorImpl* before, const TensorImpl* after) {
  check(before, ErrorKind::kRuntime, "can't replace a None gradient with a non-None value");
  check(after->dtype() == before->dtype(), ErrorKind::kRuntime,
        "hook has changed the type of value (was ", dtype_tensor_type(before->dtype()), " got ",
        dtype_tensor_type(after->dtype()), ")");
  check(same_sizes(after->sizes(), after->ndim(), before->sizes(), before->ndim()),
        ErrorKind::kRuntime, "hook has changed the size of value");
}

// A hook may write into it, which an expanded gradient does not allow.
void make_writable(TensorRef& grad) {
  if (grad && !grad_enabled() && may_overlap(grad->sizes(), grad->strides(), grad->ndim()))
    grad = tensor_math.clone(grad.get());
}

void call_hooks(const HookList& list, TensorRef& grad) {
  HeldHooks held(list);
  make_writable(grad);
  for (void* callable : held) {
    TensorRef changed = TensorRef::steal(host().call_tensor_hook(callable, grad.get()));
    if (!changed) continue;
    check_replacement(grad.get(), changed.get());
    grad =
        changed->is_inference() && !inference_enabled() ? plain(changed.get()) : std::move(changed);
  }
}

void call_node_hooks(void* hooks, TensorRef* grads, uint32_t n,
                     const std::vector<TensorRef>* seen) {
  for (uint32_t i = 0; i < n; ++i) make_writable(grads[i]);
  const std::vector<TensorRef> before(grads, grads + n);
  host().call_node_hooks(hooks, grads, n, seen);
  for (uint32_t i = 0; i < n; ++i)
    if (grads[i] && grads[i].get() != before[i].get()) {
      check_replacement(before[i].get(), grads[i].get());
      if (grads[i]->is_inference() && !inference_enabled()) grads[i] = plain(grads[i].get());
    }
}

thread_local bool t_retained_paused = false;

}  // namespace

bool pause_retained(bool on) { return std::exchange(t_retained_paused, on); }

TensorRef plain(TensorImpl* t) {
  return TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
}

void run_tensor_hooks(Node* node, TensorRef* grads) {
  if (node->is_accumulate_grad()) {
    Extension* extension = static_cast<AccumulateGrad*>(node)->variable()->extension();
    if (extension && extension->hooks) call_hooks(*extension->hooks, grads[0]);
    return;
  }
  NodeSide* side = node->side();
  if (!side) return;
  for (size_t i = 0; i < side->output_hooks.size(); ++i) {
    if (side->output_hooks[i].hooks.empty()) continue;
    call_hooks(side->output_hooks[i], grads[i]);
    side = node->side();  // a hook may have grown the side table
  }
  if (t_retained_paused) return;
  for (size_t i = 0; i < side->retain_grad.size(); ++i) {
    TensorImpl* t = side->retain_grad[i];
    if (!t || !grads[i]) continue;
    if (!t->grad())
      t->set_grad(tensor_math.clone_like(grads[i].get(), t));  // the run goes on with its own
    else
      t->set_grad(tensor_math.add(t->grad().get(), grads[i].get()));
    if (left_by_python(t) && may_close_cycle(t)) suspect_cycle(t);
  }
}

void run_pre_hooks(Node* node, TensorRef* grads, std::vector<TensorRef>& shown) {
  const NodeSide* side = node->side();
  if (!side) return;
  const uint32_t n = node->n_outputs();
  if (side->pre_hooks) {
    call_node_hooks(side->pre_hooks, grads, n, nullptr);
    side = node->side();  // a hook may have grown the side table
  }
  if (!side->post_hooks) return;
  for (uint32_t i = 0; i < n; ++i) make_writable(grads[i]);
  shown.assign(grads, grads + n);
}

bool has_post_hooks(const Node* node) {
  const NodeSide* side = node->side();
  return side && side->post_hooks;
}

void run_post_hooks(Node* node, TensorRef* grad_inputs, std::vector<TensorRef>& shown) {
  const std::vector<TensorRef> seen = std::move(shown);
  shown.clear();
  call_node_hooks(node->side()->post_hooks, grad_inputs, node->n_edges(), &seen);
}

void run_post_accumulate_hooks(Node* accumulate_grad) {
  TensorImpl* leaf = static_cast<AccumulateGrad*>(accumulate_grad)->variable();
  Extension* extension = leaf->extension();
  if (!extension || !extension->post_hooks) return;
  HeldHooks held(*extension->post_hooks);
  for (void* callable : held)
    if (TensorImpl* returned = host().call_tensor_hook(callable, leaf)) returned->release();
}

}  // namespace rl

#include "engine/hooks.h"

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

void call_hooks(const HookList& list, TensorRef& grad) {
  HeldHooks held(list);
  // A hook may write into it, which an expanded gradient does not allow.
  if (grad && !grad_enabled() && may_overlap(grad->sizes(), grad->strides(), grad->ndim()))
    grad = tensor_math.clone(grad.get());
  for (void* callable : held) {
    if (!grad) return;
    TensorRef changed = TensorRef::steal(host().call_tensor_hook(callable, grad.get()));
    if (!changed) continue;
    // Whatever the host let through: kernels are chosen by this dtype and shape.
    check(changed->dtype() == grad->dtype(), ErrorKind::kRuntime,
          "hook has changed the type of value (was ", dtype_tensor_type(grad->dtype()), " got ",
          dtype_tensor_type(changed->dtype()), ")");
    check(same_sizes(changed->sizes(), changed->ndim(), grad->sizes(), grad->ndim()),
          ErrorKind::kRuntime, "hook has changed the size of value");
    grad = std::move(changed);
  }
}

}  // namespace

void run_tensor_hooks(Node* node, TensorRef* grads) {
  if (node->is_accumulate_grad()) {
    Extension* extension = static_cast<AccumulateGrad*>(node)->variable()->extension();
    if (extension && extension->hooks) call_hooks(*extension->hooks, grads[0]);
    return;
  }
  NodeSide* side = node->side();
  if (!side) return;
  for (size_t i = 0; i < side->output_hooks.size(); ++i) {
    if (!grads[i]) continue;
    call_hooks(side->output_hooks[i], grads[i]);
    side = node->side();  // a hook may have grown the side table
  }
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

void run_post_accumulate_hooks(Node* accumulate_grad) {
  TensorImpl* leaf = static_cast<AccumulateGrad*>(accumulate_grad)->variable();
  Extension* extension = leaf->extension();
  if (!extension || !extension->post_hooks) return;
  HeldHooks held(*extension->post_hooks);
  for (void* callable : held)
    if (TensorImpl* returned = host().call_tensor_hook(callable, leaf)) returned->release();
}

}  // namespace rl

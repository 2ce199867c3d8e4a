#include "engine/hooks.h"

#include "graph/accumulate_grad.h"
#include "graph/grad_mode.h"
#include "graph/tensor_math.h"

namespace rl {

namespace {

void call_hooks(const HookList& list, TensorRef& grad) {
  // A hook may add or remove hooks: that takes effect next time.
  std::vector<void*> callables;
  callables.reserve(list.hooks.size());
  for (const Hook& hook : list.hooks) {
    host().incref(hook.callable);
    callables.push_back(hook.callable);
  }
  struct Release {
    std::vector<void*>& held;
    ~Release() {
      for (void* callable : held) host().decref(callable);
    }
  } release{callables};
  for (void* callable : callables) {
    if (!grad) return;
    if (TensorImpl* changed = host().call_tensor_hook(callable, grad.get()))
      grad = TensorRef::steal(changed);
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
      t->set_grad(grad_enabled() ? tensor_math.clone_like(grads[i].get(), t) : grads[i]);
    else
      t->set_grad(tensor_math.add(t->grad().get(), grads[i].get()));
  }
}

}  // namespace rl

// Hooks on the gradients that reach a node, in PyTorch's order.
#pragma once

#include "graph/node.h"

namespace rl {

// Tensor hooks of each output in registration order, then retain_grad. May replace grads[i].
void run_tensor_hooks(Node* node, TensorRef* grads);

// Hooks that a leaf wants to see after .grad has changed; they return nothing.
void run_post_accumulate_hooks(Node* accumulate_grad);

}  // namespace rl

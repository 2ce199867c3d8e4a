// Hooks on the gradients that reach a node and leave it, in PyTorch's order.
#pragma once

#include <vector>

#include "graph/node.h"

namespace rl {

// Tensor hooks of each output in registration order, then retain_grad. May replace grads[i].
void run_tensor_hooks(Node* node, TensorRef* grads);

// Whether passes of this thread leave retained gradients as they are; what it was.
bool pause_retained(bool on);

// The pre-hooks of a node that is about to run, and what its post-hooks will be shown. May replace
// grads[i].
void run_pre_hooks(Node* node, TensorRef* grads, std::vector<TensorRef>& shown);

// The same bytes as a tensor that may be written, for one that a hook made in inference mode.
TensorRef plain(TensorImpl* made_in_inference_mode);

// Whether any were registered before the node's gradients have gone on.
bool has_post_hooks(const Node* node);
// May replace grad_inputs[i], which have the shapes and dtypes of their edges. Empties `shown`.
void run_post_hooks(Node* node, TensorRef* grad_inputs, std::vector<TensorRef>& shown);

// Hooks that a leaf wants to see after .grad has changed; they return nothing.
void run_post_accumulate_hooks(Node* accumulate_grad);

}  // namespace rl

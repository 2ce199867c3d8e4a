// Cycles through .grad: after backward(create_graph=True) a leaf owns its gradient, whose graph
// owns the leaf. And through histories: b.mul_(a), then a.copy_(b), of which the first saved a.
// Also which objects of the graph only one of them keeps alive.
#pragma once

#include <vector>

#include "graph/node.h"

namespace rl {

// Whether a cycle may close through its history, or through a .grad that has a history, a .grad or
// a base of its own.
inline bool may_close_cycle(const TensorImpl* t) {
  const TensorImpl* grad = t->grad().get();
  return t->moved() || (grad && (!grad->is_leaf() || grad->is_view() || grad->grad()));
}
// No Python object that somebody uses stands for the tensor.
inline bool left_by_python(const TensorImpl* t) { return !t->wrapper() || t->owns_wrapper(); }

// `t` may have become part of a cycle that nobody refers to: break_cycles() will look.
void suspect_cycle(TensorImpl* t);
// The same, but not before the interpreter is between two steps.
void suspect_cycle_later(TensorImpl* t);

// Something is to be looked at.
extern constinit bool cycles_due;
// Takes the .grad and the history of every suspect which nothing but such a cycle holds: so it goes
// at once. May run Python code. `leaving`: the suspect whose Python object is just being dropped.
void break_cycles(TensorImpl* leaving = nullptr) noexcept;
// Those too that were to be looked at later. The host calls it.
void break_later_cycles() noexcept;

// As that of a tensor in core/tensor.h.
bool cycle_released(Node* node) noexcept;

// What would die with the one counted reference, the caller's, to the root. The wrappers that
// tensors keep count as used while somebody else refers to them.
struct Owned {
  std::vector<Node*> nodes;
  std::vector<TensorImpl*> tensors;
};
void find_owned(TensorImpl* root, Owned& owned);
void find_owned(Node* root, Owned& owned);

}  // namespace rl

// The operation of a recorded node once more: its arguments as far as the node has them, and its
// results from those. For looking into a graph, never for gradients.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "ops/op_node.h"

namespace rl {

// One argument of the call that a node recorded.
struct NodeArgument {
  enum class State : uint8_t {
    kKnown,
    kEdge,    // what the node at `edge` gave; of a list, entry by entry where the edge leads
              // somewhere
    kGone,    // not kept, or changed since
    kPacked,  // by the user's hooks, which are not called
  };
  State state = State::kGone;
  Value
      value;  // if known; a list has null in the places of edges. The saved value of an edge, too.
  uint32_t edge = 0;
  uint32_t n_edges = 0;
  bool leaf_changed = false;  // the leaf at `edge` was written since
  bool saved = false;         // the gradient needs it
};

class NodeArguments {
 public:
  // `node` outlives this and is not freed meanwhile.
  explicit NodeArguments(OpNode& node);
  size_t size() const { return items_.size(); }
  const NodeArgument& operator[](size_t i) const { return items_[i]; }

 private:
  bool read(const SavedSlot& slot, ParamKind kind, Value& value);

  std::vector<NodeArgument> items_;
  // What the values point to.
  std::vector<TensorRef> tensors_;
  std::deque<Dims> dims_;
  std::deque<std::vector<int64_t>> numbers_;
  std::deque<IntList> ints_;
  std::deque<std::vector<TensorImpl*>> pointers_;
  std::deque<TensorList> lists_;
};

// Whether the same arguments give the same results.
bool repeatable(const Op& op);

// The results for these arguments, one Value for each parameter. Nothing is recorded, no argument
// is written to. Throws what the operation throws.
std::vector<TensorRef> recompute(OpNode& node, const Value* args);

}  // namespace rl

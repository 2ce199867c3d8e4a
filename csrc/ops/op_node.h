// The graph node of every op in the table.
#pragma once

#include "graph/node.h"
#include "graph/saved.h"
#include "ops/op.h"

namespace rl {

class OpNode final : public Node {
 public:
  // Edges, saved inputs and output shapes of a call whose outputs are known (an in-place one may
  // not have run yet). link() then makes the outputs this node's.
  static Ref<OpNode> record(const Op& op, Call& call);
  void link(Call& call);
  // The call wrote into a view: its base takes the write into its history.
  void link_through_view(Call& call);

  explicit OpNode(const Op* op) : op_(op) {}
  ~OpNode() override;

  const char* name() const override { return op_->node_name.c_str(); }
  void apply(TensorRef* grad_outputs, TensorRef* grad_inputs) override {
    if (has_packed()) [[unlikely]]
      return apply_unpacked(grad_outputs, grad_inputs);
    op_->backward(*this, grad_outputs, grad_inputs);
  }
  void release_saved(FreedBy& freed_by) override;
  bool adopt_output(TensorImpl* impl, bool keep) override;
  void detach_output(TensorImpl* impl) override;

  void visit_saved(HeldVisitor& visitor) const override;

  const Op& op() const { return *op_; }
  int n_slots() const { return static_cast<int>(op_->slots.size()); }
  SavedSlot& slot(int i) { return reinterpret_cast<SavedSlot*>(extra())[i]; }
  const SavedSlot& slot(int i) const { return const_cast<OpNode*>(this)->slot(i); }
  // What is kept of argument i; null where nothing is.
  SavedSlot* kept(size_t i);
  // The slot that holds argument i; -1 when none does.
  int slot_of_argument(size_t i) const;
  bool wants(uint32_t edge) const { return edge_wanted(edges()[edge]); }
  // Slot i as a tensor, version checked; with its grad_fn when the backward pass is recorded.
  TensorRef saved(int i);
  // Slot i, which holds a list; gaps stay null.
  std::vector<TensorRef> saved_list(int i);

 private:
  void save(Call& call);
  void save_argument(SavedSlot& place, const Value& arg, const Call& call);
  // ops/recompute.cpp
  [[gnu::cold, gnu::noinline]] void keep_arguments(Call& call);
  [[gnu::cold, gnu::noinline]] void keep_results(Call& call);
  void keep_list(SavedSlot& place, const Value& arg, size_t i);
  bool leads_somewhere(size_t arg) const;
  int n_all_slots() const {
    return n_slots() + (has_kept() ? static_cast<int>(op_->keeps.size()) : 0);
  }
  [[gnu::cold, gnu::noinline]] void pack_saved(bool outputs);
  [[gnu::cold, gnu::noinline]] void apply_unpacked(TensorRef* grad_outputs, TensorRef* grad_inputs);
  bool needed(const SlotSpec& spec) const;

  const Op* op_;
};

// Which arguments the nodes of an op keep while somebody observes that.
const std::vector<KeepSpec>& keeps_of(const Op& op);  // ops/recompute.cpp

// The node as an OpNode; null for AccumulateGrad and custom nodes.
OpNode* as_op_node(Node* node);

}  // namespace rl

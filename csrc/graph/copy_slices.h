// CopySlices: a recorded write into a view, seen from the tensor that the view looks at.
#pragma once

#include <memory>

#include "graph/node.h"

namespace rl {

class CopySlices final : public Node {
 public:
  struct Geometry {
    Dims base_sizes, base_strides, view_sizes, view_strides;
    int64_t base_offset, view_offset;
  };

  // `write` is the node of the operation that wrote into `view`; its edge `target`, which led to
  // the view's history, goes to that of the view's base.
  static Ref<CopySlices> make(TensorImpl* view, Ref<Node> write, uint32_t target);

  CopySlices(TensorImpl* view, Ref<Node> write, uint32_t target);
  ~CopySlices() override;
  const char* name() const override { return "torch::autograd::CopySlices"; }
  // The part of the gradient that belongs to the view goes through `write`; what was there before
  // gets what comes out of it, the rest of the base is untouched.
  void apply(TensorRef* grad_outputs, TensorRef* grad_inputs) override;
  void release_saved(FreedBy& freed_by) override { write_->release_saved(freed_by); }

  void visit_saved(HeldVisitor& visitor) const override { visitor.node(write_.get()); }

  // The node of the write itself, which no edge leads to.
  Node* write() const { return write_.get(); }
  const Dims& view_sizes() const { return geometry_->view_sizes; }
  uint32_t target() const { return target_; }
  const Geometry& geometry() const { return *geometry_; }
  // Gives `t`, with the view's geometry, this node's output as its history.
  void link(TensorImpl* t);

 private:
  Ref<Node> write_;
  uint32_t target_;
  std::unique_ptr<Geometry> geometry_;
};

// `slices` is the CopySlices that plays the node which computed `t`.
void link_to_slices(TensorImpl* t, Node* slices);

}  // namespace rl

#include "graph/copy_slices.h"

#include "graph/tensor_math.h"

namespace rl {

CopySlices::CopySlices(TensorImpl* view, Ref<Node> write, uint32_t target)
    : write_(std::move(write)), target_(target), geometry_(std::make_unique<Geometry>()) {
  TensorImpl* base = view->base();
  geometry_->base_sizes = base->shape();
  geometry_->base_strides = Dims(base->strides(), base->ndim());
  geometry_->base_offset = base->offset();
  geometry_->view_sizes = view->shape();
  geometry_->view_strides = Dims(view->strides(), view->ndim());
  geometry_->view_offset = view->offset();
}

// The context of a custom Function may keep the write alive.
CopySlices::~CopySlices() {
  if (NodeSide* side = write_->side(); side && side->slices == this) side->slices = nullptr;
}

Ref<CopySlices> CopySlices::make(TensorImpl* view, Ref<Node> write, uint32_t target) {
  TensorImpl* base = view->base();
  Node* inner = write.get();
  auto node = Node::make<CopySlices>(
      {.n_edges = inner->n_edges(), .n_outputs = 1, .n_dims = static_cast<size_t>(base->ndim())},
      view, std::move(write), target);
  node->set_output(0, base->dtype(), base->sizes(), base->ndim());
  // Both nodes lead where the base came from: the inner one asks its edges what is wanted.
  Edge before = gradient_edge(base);
  Edge* to = node->edges();
  Edge* from = inner->edges();
  if (from[target].node) from[target].node->release();
  from[target] = before;
  for (uint32_t i = 0; i < inner->n_edges(); ++i) {
    to[i] = from[i];
    if (to[i].node) to[i].node->retain();
  }
  inner->make_side().slices = node.get();
  node->finish();
  return node;
}

void CopySlices::apply(TensorRef* grad_outputs, TensorRef* grad_inputs) {
  if (!grad_outputs[0]) return;
  const Geometry& g = *geometry_;
  TensorRef rest = tensor_math.restride(grad_outputs[0].get(), g.base_strides);
  TensorRef part = tensor_math.as_strided(rest.get(), g.view_sizes, g.view_strides,
                                          g.view_offset - g.base_offset);
  TensorRef grad = tensor_math.clone(part.get());
  write_->apply(&grad, grad_inputs);
  if (!edge_wanted(edges()[target_])) return;
  tensor_math.copy_into(part.get(), grad_inputs[target_].get());
  grad_inputs[target_] = std::move(rest);
}

void CopySlices::link(TensorImpl* t) {
  const Geometry& g = *geometry_;
  // A stand-in for the base: its geometry and history over the bytes of `t`.
  TensorRef base =
      TensorImpl::alias(t->storage(), t->dtype(), g.base_sizes, g.base_strides.v, g.base_offset);
  base->set_grad_fn(this, 0);
  t->set_grad_fn(tensor_math.as_strided_node(base.get(), t).get(), 0);
}

void link_to_slices(TensorImpl* t, Node* slices) { static_cast<CopySlices*>(slices)->link(t); }

}  // namespace rl

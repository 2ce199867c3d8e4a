// What happens to a gradient that reaches a leaf.
#include "graph/accumulate_grad.h"

#include "graph/cycles.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/tensor_math.h"

namespace rl {

TensorMath tensor_math;

AccumulateGrad::~AccumulateGrad() {
  // The variable may have become the result of an in-place operation since.
  if (variable_->accumulator() == this) variable_->set_accumulator(nullptr);
}

NodeRef accumulator_of(TensorImpl* leaf) {
  // One without a count is about to be destroyed: letting go of a graph may run Python code.
  if (Node* node = leaf->accumulator(); node && node->count()) return NodeRef::borrow(node);
  if (Extension* extension = leaf->extension(); extension && extension->accumulator)
    return NodeRef::borrow(extension->accumulator);
  auto node = Node::make<AccumulateGrad>({.n_edges = 0, .n_outputs = 1}, leaf);
  node->finish_last();
  leaf->set_accumulator(node.get());
  return NodeRef::steal(node.detach());
}

bool gradient_fits(const Edge& edge, const TensorImpl& grad) {
  const Node* node = edge.node;
  const int64_t* sizes;
  int ndim;
  if (node->is_accumulate_grad()) {
    const TensorImpl* leaf = static_cast<const AccumulateGrad*>(node)->variable();
    sizes = leaf->sizes();
    ndim = leaf->ndim();
  } else {
    OutputMeta meta = node->output_meta(edge.nr);
    if (!meta.defined) return true;
    sizes = node->output_sizes(meta);
    ndim = meta.ndim;
  }
  return same_sizes(grad.sizes(), grad.ndim(), sizes, ndim);
}

namespace {

// .grad has the strides of a dense leaf, and is contiguous for any other.
bool layout_fits(const TensorImpl& grad, const TensorImpl& leaf) {
  if (grad.is_contiguous() && leaf.is_contiguous()) return true;
  if (dense_non_overlapping(leaf.sizes(), leaf.strides(), leaf.ndim())) {
    for (int i = 0; i < leaf.ndim(); ++i)
      if (leaf.sizes()[i] > 1 && grad.strides()[i] != leaf.strides()[i]) return false;
    return true;
  }
  return grad.is_contiguous();
}

}  // namespace

void AccumulateGrad::apply(TensorRef* grad_outputs, TensorRef*) {
  TensorRef grad = std::move(grad_outputs[0]);
  if (!grad) return;
  TensorImpl* leaf = variable_.get();
  if (!leaf->is_leaf()) [[unlikely]] {
    Provenance story;
    story.line("moved by", leaf->grad_fn()->site());
    story.fix("change a leaf under torch.no_grad(), or after the backward pass that needs it.");
    fail(ErrorKind::kRuntime, "leaf variable has been moved into the graph interior", story.text());
  }
  const TensorRef& old = leaf->grad();
  if (!old) {
    // Taken over when nobody else can see it: one owner of the tensor and of its storage. A
    // post-hook's view of it does not count, as in PyTorch.
    bool seen = grad->refs() == 2 && side() && side()->post_hooks;
    bool take = !grad_enabled() && !grad->is_inference() && (grad->refs() == 1 || seen) &&
                grad->storage()->refs() == 1 && !grad->is_view() && layout_fits(*grad, *leaf);
    leaf->set_grad(take ? std::move(grad) : tensor_math.clone_like(grad.get(), leaf));
  } else if (!grad_enabled() && !old->is_inference()) {
    tensor_math.accumulate(old.get(), grad.get());
  } else {
    leaf->set_grad(tensor_math.add(old.get(), grad.get()));
  }
  if (grad_enabled() && left_by_python(leaf) && may_close_cycle(leaf)) suspect_cycle(leaf);
}

}  // namespace rl

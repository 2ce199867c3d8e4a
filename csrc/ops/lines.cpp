#include "ops/lines.h"

#include <algorithm>

#include "kernels/iterator.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

Lines::Lines(TensorImpl* t, const bool* reduced) {
  Dims sizes, strides;
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < t->ndim(); ++d)
      if (reduced[d] == (pass == 1)) {
        sizes.push(t->sizes()[d]);
        strides.push(t->strides()[d]);
        (pass ? length : count) *= t->sizes()[d];
      }
  for (int d = 0; d < t->ndim(); ++d) {
    kept.push(reduced[d] ? 1 : t->sizes()[d]);
    if (!reduced[d]) squeezed.push(t->sizes()[d]);
  }
  Dims packed = row_major_strides(sizes);
  bool bools = t->dtype() == DType::kBool;
  if (packed == strides && !bools) {
    memory = TensorRef::borrow(t);
    return;
  }
  memory = TensorImpl::empty(t->dtype(), sizes);
  run_copy(memory->mut_data(), packed.v, t->dtype(), t->data(), strides.v, t->dtype(), sizes.v,
           sizes.n);
  if (bools) memory = clean_bools(memory.get());
}

Lines lines_along(TensorImpl* t, int64_t dim) {
  bool reduced[kMaxDims] = {};
  int d = wrap_dim(dim, t->ndim());
  if (t->ndim()) reduced[d] = true;
  return Lines(t, reduced);
}

Lines whole_line(TensorImpl* t) {
  bool reduced[kMaxDims];
  std::fill(reduced, reduced + kMaxDims, true);
  return Lines(t, reduced);
}

void check_length(const char* name, TensorImpl* t, int64_t dim, int64_t told) {
  check(t->ndim() == 0 || t->sizes()[wrap_dim(dim, t->ndim())] != 0, ErrorKind::kIndex, name,
        "(): Expected reduction dim ", told, " to have non-zero size.");
}

namespace {

void move_back(TensorImpl* out, TensorImpl* lines, int64_t dim) {
  Dims sizes, strides;
  int last = wrap_dim(dim, out->ndim());
  for (int d = 0; d < out->ndim(); ++d) {
    if (d == last) continue;
    sizes.push(out->sizes()[d]);
    strides.push(out->strides()[d]);
  }
  if (out->ndim()) {
    sizes.push(out->sizes()[last]);
    strides.push(out->strides()[last]);
  }
  Dims packed = row_major_strides(sizes);
  run_copy(out->mut_data(), strides.v, out->dtype(), lines->data(), packed.v, out->dtype(), sizes.v,
           sizes.n);
}

}  // namespace

TensorRef unlined(TensorImpl* t, TensorImpl* lines, int64_t length, int64_t dim) {
  Dims sizes = t->shape();
  if (sizes.n) sizes[wrap_dim(dim, sizes.n)] = length;
  TensorRef out = TensorImpl::empty(lines->dtype(), sizes);
  move_back(out.get(), lines, dim);
  return out;
}

TensorRef unlined_like(TensorImpl* t, TensorImpl* lines, int64_t dim) {
  TensorRef out = TensorImpl::empty(lines->dtype(), t->shape());
  if (!t->is_contiguous() && dense_non_overlapping(t->sizes(), t->strides(), t->ndim()))
    out->set_geometry(t->shape(), t->strides(), 0);
  move_back(out.get(), lines, dim);
  return out;
}

void share_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (!grad) return;
  Tensor t(node.saved(0)), result(node.saved(1));
  Tensor mask = t == result;
  if ((result == result)->data()[0] == 0) mask = t != t;
  Tensor count = to_dtype(sum(mask, Dims(), false), grad->dtype());
  Tensor nothing = full(t->shape(), grad->dtype(), 0);
  Tensor share = Tensor(grad) / count;
  grad_in[0] =
      call_op(op_of<MaskedFillTensor>(), {nothing.value(), mask.value(), share.value()}).ref();
}

void scatter_gradient(const TensorRef& grad, int64_t dim, const TensorRef& indices, bool kept,
                      const Dims& sizes, TensorRef* grad_in) {
  if (!grad) return;
  Tensor g(grad), index(indices);
  if (!kept && sizes.n) {
    g = unsqueeze(g, wrap_dim(dim, sizes.n));
    index = unsqueeze(index, wrap_dim(dim, sizes.n));
  }
  grad_in[0] = call_op(op_of<GatherBackward>(),
                       {g.value(), Value::of_int(dim), index.value(), Value::of(sizes)})
                   .ref();
}

void dim_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (grad)
    scatter_gradient(grad, node.slot(1).as_int(), node.saved(0), node.slot(2).as_bool(),
                     node.slot(3).as_dims(), grad_in);
}

void line_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (grad)
    scatter_gradient(grad, node.slot(1).as_int(), node.saved(0), true, node.slot(2).as_dims(),
                     grad_in);
}

}  // namespace rl::ops

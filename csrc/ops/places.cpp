#include "ops/places.h"

#include "kernels/iterator.h"

namespace rl::ops {

Dims strides_of(const TensorImpl* t) { return Dims(t->strides(), t->ndim()); }

void copy_places(TensorImpl* out, const Dims& to, int64_t to_offset, TensorImpl* t,
                 const Dims& from, int64_t from_offset, const Dims& sizes) {
  auto item = static_cast<int64_t>(item_size(t->dtype()));
  run_copy(out->mut_data() + to_offset * item, to.v, t->dtype(), t->data() + from_offset * item,
           from.v, t->dtype(), sizes.v, sizes.n);
}

TensorRef row_major_copy(TensorImpl* t) {
  TensorRef out = TensorImpl::empty(t->dtype(), t->shape());
  copy_places(out.get(), strides_of(out.get()), 0, t, strides_of(t), 0, t->shape());
  return out;
}

TensorRef row_major(TensorImpl* t) {
  return t->is_contiguous() ? TensorRef::borrow(t) : row_major_copy(t);
}

}  // namespace rl::ops

#include "ops/places.h"

#include "kernels/iterator.h"

namespace rl {

Dims strides_of(const TensorImpl* t) { return Dims(t->strides(), t->ndim()); }

Dims row_major_strides(const Dims& sizes) {
  Dims strides = sizes;
  contiguous_strides(sizes.v, sizes.n, strides.v);
  return strides;
}

Dims broadcast_strides(const TensorImpl* t, const Dims& sizes) {
  Dims strides;
  for (int d = 0; d < sizes.n; ++d) {
    int at = d - (sizes.n - t->ndim());
    strides.push(at < 0 || t->sizes()[at] == 1 ? 0 : t->strides()[at]);
  }
  return strides;
}

void copy_places(TensorImpl* out, const Dims& to, int64_t to_offset, TensorImpl* t,
                 const Dims& from, int64_t from_offset, const Dims& sizes) {
  auto item = static_cast<int64_t>(item_size(t->dtype()));
  run_copy(out->mut_data() + to_offset * item, to.v, t->dtype(), t->data() + from_offset * item,
           from.v, t->dtype(), sizes.v, sizes.n);
}

namespace {

void copy_under(TensorImpl* to, TensorImpl* from, const int64_t* strides) {
  run_copy(to->mut_data(), to->strides(), to->dtype(), from->data(), strides, from->dtype(),
           to->sizes(), to->ndim());
}

}  // namespace

void copy_elements(TensorImpl* to, TensorImpl* from) { copy_under(to, from, from->strides()); }

void copy_elements(TensorImpl* to, TensorImpl* from, const Dims& strides) {
  copy_under(to, from, strides.v);
}

TensorRef converted_copy(TensorImpl* t, DType dtype) {
  TensorRef out = TensorImpl::empty(dtype, t->shape());
  copy_elements(out.get(), t);
  return out;
}

TensorRef row_major_copy(TensorImpl* t) { return converted_copy(t, t->dtype()); }

TensorRef row_major_as(TensorImpl* t, DType dtype) {
  return t->dtype() == dtype && t->is_contiguous() ? TensorRef::borrow(t)
                                                   : converted_copy(t, dtype);
}

TensorRef row_major(TensorImpl* t) { return row_major_as(t, t->dtype()); }

TensorRef converted(TensorRef t, DType dtype) {
  return t->dtype() == dtype ? t : converted_copy(t.get(), dtype);
}

}  // namespace rl

#include "ops/wide_part.h"

#include <algorithm>

#include "kernels/iterator.h"
#include "ops/places.h"

namespace rl {

bool chooses_slices(const IndexedDim& lines, const IndexView& index) {
  for (int d = 0; d < index.shape.n; ++d)
    if (d != lines.dim && (index.strides[d] != 0 || index.shape[d] != lines.sizes[d])) return false;
  return true;
}

WidePart::WidePart(TensorImpl* whole, const IndexedDim& lines, const IndexView& index, DType dtype)
    : whole_(whole), from_(lines), lines_(lines), index_(index) {
  const int dim = lines.dim;
  const int64_t n = index.shape[dim], step = index.strides[dim];
  // Below a quarter of the slices the search costs less than converting the others.
  if (!chooses_slices(lines, index) || n > lines.length() / 4) {
    part_ = converted_copy(whole, dtype);
    lines_.strides = strides_under(part_.get());
    return;
  }
  const auto* named = reinterpret_cast<const int64_t*>(index.memory->data());
  for (int64_t i = 0; i < n; ++i) places_.push_back(named[i * step]);
  std::sort(places_.begin(), places_.end());
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());

  index_.memory = TensorImpl::empty(DType::kInt64, &n, 1);
  index_.strides[dim] = 1;
  auto* at = reinterpret_cast<int64_t*>(index_.memory->mut_data());
  for (int64_t i = 0; i < n; ++i)
    at[i] = std::lower_bound(places_.begin(), places_.end(), named[i * step]) - places_.begin();

  lines_.sizes[dim] = static_cast<int64_t>(places_.size());
  part_ = TensorImpl::empty(dtype, lines_.sizes);
  lines_.strides = strides_under(part_.get());
  each_slice([&](const int64_t* sizes, int64_t from, int64_t to) {
    run_copy(part_->mut_data() + to, lines_.strides.v, dtype, whole_->data() + from,
             from_.strides.v, whole_->dtype(), sizes, from_.sizes.n);
  });
}

// Calls copy(sizes of a slice, its byte offset in the tensor, and in the part).
template <class Copy>
void WidePart::each_slice(const Copy& copy) const {
  const int dim = from_.dim;
  Dims sizes = from_.sizes;
  sizes[dim] = 1;
  const int64_t from = from_.strides[dim] * static_cast<int64_t>(item_size(whole_->dtype()));
  const int64_t to = lines_.strides[dim] * static_cast<int64_t>(item_size(part_->dtype()));
  for (size_t k = 0; k < places_.size(); ++k)
    copy(sizes.v, places_[k] * from, static_cast<int64_t>(k) * to);
}

void WidePart::write_back() {
  if (places_.empty()) {
    run_copy(whole_->mut_data(), from_.strides.v, whole_->dtype(), part_->data(), lines_.strides.v,
             part_->dtype(), lines_.sizes.v, lines_.sizes.n);
    return;
  }
  each_slice([&](const int64_t* sizes, int64_t to, int64_t from) {
    run_copy(whole_->mut_data() + to, from_.strides.v, whole_->dtype(), part_->data() + from,
             lines_.strides.v, part_->dtype(), sizes, lines_.sizes.n);
  });
}

}  // namespace rl

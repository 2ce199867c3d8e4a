#include "ops/mask_kernels.h"

#include <algorithm>

#include "ops/copy.h"

namespace rl {

void push_nonzero(TensorImpl* mask, std::vector<TensorRef>& out) {
  TensorRef dense = clean_bools(mask);
  const auto* bits = reinterpret_cast<const bool*>(dense->data());
  int64_t n = dense->numel(), count = 0;
  for (int64_t i = 0; i < n; ++i) count += bits[i];
  TensorRef table = TensorImpl::empty(DType::kInt64, Dims::of({mask->ndim(), count}));
  auto* to = reinterpret_cast<int64_t*>(table->mut_data());
  const int64_t one = 1;
  for (int d = 0; d < mask->ndim(); ++d)
    out.push_back(
        TensorImpl::alias(table->storage(), DType::kInt64, Dims::of({count}), &one, d * count));
  if (count == 0 || mask->ndim() == 0) return;
  // The last coordinate of every element is written, and kept by a step forward: no branch to
  // guess.
  const int outer = mask->ndim() - 1;
  const int64_t width = mask->sizes()[outer];
  int64_t* last = to + outer * count;
  int64_t counter[kMaxDims] = {}, next = 0;
  for (const bool* row = bits; next < count; row += width) {
    const int64_t start = next;
    for (int64_t j = 0; j < width && next < count; ++j) {
      last[next] = j;
      next += row[j];
    }
    for (int d = 0; d < outer; ++d)
      std::fill(to + d * count + start, to + d * count + next, counter[d]);
    for (int d = outer - 1; d >= 0 && ++counter[d] == mask->sizes()[d]; --d) counter[d] = 0;
  }
}

namespace {

// The only index, where it is a row-major mask over t's first dimensions and in other memory.
TensorImpl* lone_mask(TensorImpl* t, const TensorList& indices) {
  TensorImpl* mask = indices.n == 1 ? indices.v[0] : nullptr;
  bool fits = mask && mask->dtype() == DType::kBool && mask->is_contiguous() &&
              t->is_contiguous() && mask->ndim() > 0 && mask->ndim() <= t->ndim() &&
              mask->storage().get() != t->storage().get();
  return fits && same_sizes(mask->sizes(), mask->ndim(), t->sizes(), mask->ndim()) ? mask : nullptr;
}

}  // namespace

TensorRef read_masked(TensorImpl* t, const TensorList& indices) {
  TensorImpl* mask = lone_mask(t, indices);
  if (!mask || mask->ndim() != t->ndim()) return {};
  const auto* bits = reinterpret_cast<const unsigned char*>(mask->data());
  int64_t n = t->numel(), count = 0;
  for (int64_t i = 0; i < n; ++i) count += bits[i] != 0;
  TensorRef out = TensorImpl::empty(t->dtype(), &count, 1);
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(t->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    // Every element is written, and kept by a step forward: no branch to guess.
    int64_t at = 0;
    for (int64_t i = 0; at < count; ++i) {
      to[at] = from[i];
      at += bits[i] != 0;
    }
  });
  return out;
}

bool fill_masked_blocks(TensorImpl* t, const TensorList& indices, TensorImpl* value) {
  TensorImpl* mask = lone_mask(t, indices);
  if (!mask) return false;
  const auto* bits = reinterpret_cast<const unsigned char*>(mask->data());
  const int64_t n = mask->numel(), block = n ? t->numel() / n : 0;
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(t->mut_data());
    const T x = *reinterpret_cast<const T*>(value->data());
    if (block == 1)
      for (int64_t i = 0; i < n; ++i) to[i] = bits[i] ? x : to[i];
    else
      for (int64_t i = 0; i < n; ++i)
        if (bits[i]) std::fill_n(to + i * block, block, x);
  });
  return true;
}

}  // namespace rl

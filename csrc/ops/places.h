// Copies between geometries over raw memory, outside the graph: for ops that move elements without
// computing, and for those that want them row-major.
#pragma once

#include "core/tensor.h"

namespace rl {

Dims strides_of(const TensorImpl* t);
Dims row_major_strides(const Dims& sizes);
// Strides of t under a shape that it broadcasts to.
Dims broadcast_strides(const TensorImpl* t, const Dims& sizes);

// out[to_offset + to * i] = t[from_offset + from * i] for every index i below `sizes`. Of one
// dtype; offsets and strides count elements from the tensors' first, and may be negative.
void copy_places(TensorImpl* out, const Dims& to, int64_t to_offset, TensorImpl* t,
                 const Dims& from, int64_t from_offset, const Dims& sizes);
// to[i] = from[i] for two tensors of one shape, converted; the second under other strides.
void copy_elements(TensorImpl* to, TensorImpl* from);
void copy_elements(TensorImpl* to, TensorImpl* from, const Dims& strides);

// A row-major copy, in its own dtype or in another.
TensorRef row_major_copy(TensorImpl* t);
TensorRef converted_copy(TensorImpl* t, DType dtype);
// t itself where it is row-major, and of the dtype that is asked, else a copy.
TensorRef row_major(TensorImpl* t);
TensorRef row_major_as(TensorImpl* t, DType dtype);
// t itself where it is of the dtype, in whatever order, else a row-major copy.
TensorRef converted(TensorRef t, DType dtype);

// Calls visit(a, b) with the offsets under two sets of strides, in row-major order.
template <class Visit>
void for_each_place(const Dims& sizes, const Dims& a, const Dims& b, const Visit& visit) {
  for (int64_t size : sizes)
    if (size == 0) return;
  int64_t index[kMaxDims] = {}, at_a = 0, at_b = 0;
  for (;;) {
    visit(at_a, at_b);
    int d = sizes.n - 1;
    for (; d >= 0; --d) {
      at_a += a[d];
      at_b += b[d];
      if (++index[d] < sizes[d]) break;
      at_a -= a[d] * sizes[d];
      at_b -= b[d] * sizes[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

// Calls f with an unsigned number as wide as an element of the dtype: copies need to know no more.
template <class F>
void with_word(DType dtype, const F& f) {
  switch (item_size(dtype)) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

}  // namespace rl

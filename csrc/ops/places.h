// Copies between geometries over raw memory, for ops that move elements without computing.
#pragma once

#include "core/tensor.h"

namespace rl::ops {

Dims strides_of(const TensorImpl* t);

// out[to_offset + to * i] = t[from_offset + from * i] for every index i below `sizes`. Of one
// dtype; offsets and strides count elements from the tensors' first, and may be negative.
void copy_places(TensorImpl* out, const Dims& to, int64_t to_offset, TensorImpl* t,
                 const Dims& from, int64_t from_offset, const Dims& sizes);

// t itself where it is row-major, else a copy outside the graph.
TensorRef row_major(TensorImpl* t);
TensorRef row_major_copy(TensorImpl* t);

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

}  // namespace rl::ops

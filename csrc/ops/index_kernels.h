// Where tensors of indices and masks point to, and the loops that read and write there.
#pragma once

#include <vector>

#include "ops/op.h"

namespace rl {

// A resolved choice: where each chosen block starts, and what a block looks like.
struct Places {
  TensorRef offsets;  // of the blocks, int64, in elements, row-major over index_shape
  Dims index_shape;
  Dims result;                      // sizes of index(input)
  int at = 0;                       // where index_shape stands in `result`
  Dims block_sizes, block_strides;  // the dimensions that are kept whole
  int64_t* starts() const { return reinterpret_cast<int64_t*>(offsets->mut_data()); }
  // The strides, in `whole`, of the kept dimensions of a tensor of the result's shape.
  Dims kept(const Dims& whole) const {
    Dims strides;
    for (int d = 0; d < whole.n; ++d)
      if (d < at || d >= at + index_shape.n) strides.push(whole[d]);
    return strides;
  }
};

// Indices as the loops read them: int64, to which int32 is converted; null for any other dtype.
TensorRef as_places(TensorImpl* index);
// Throws PyTorch's IndexErrors for what does not fit `t`.
Places resolve(TensorImpl* t, const TensorList& indices);
// The chosen elements in a fresh row-major tensor.
TensorRef read_places(const Places& places, TensorImpl* t);
// The elements of t where a mask of its shape holds, when both are row-major; else null.
TensorRef read_masked(TensorImpl* t, const TensorList& indices);
// Writes one element of t's dtype where a mask of its first dimensions holds; false where t or mask
// is not row-major, or the list is not one mask.
bool fill_masked_blocks(TensorImpl* t, const TensorList& indices, TensorImpl* value);
// Writes or adds `values`, seen under `strides` in the shape of the result, one after the other.
void write_places(const Places& places, TensorImpl* into, TensorImpl* values, const Dims& strides,
                  bool add);
// The coordinates of the true elements in row-major order: one int64 tensor for each dimension.
void push_nonzero(TensorImpl* mask, std::vector<TensorRef>& out);

}  // namespace rl

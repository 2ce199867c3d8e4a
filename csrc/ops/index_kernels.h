// Where tensors of indices point to, and the loops that read and write there.
#pragma once

#include <vector>

#include "ops/op.h"

namespace rl {

// The dimension that an index tensor runs along, and the index under the shape that all broadcast
// to; `number` is what PyTorch calls the dimension in errors.
struct IndexAxis {
  TensorRef index;
  Dims strides;
  int64_t size, stride;
  int number;
};

// A resolved choice: where each chosen block starts, and what a block looks like.
struct Places {
  std::vector<IndexAxis> axes;
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
// The chosen elements in a fresh row-major tensor. Throws likewise.
TensorRef read_places(TensorImpl* t, const TensorList& indices);
// The same for places without offsets; null where blocks are not in one piece or an index is out of
// range.
TensorRef read_tiles(const Places& places, TensorImpl* t);
// Adds a row-major `values` to a fresh `into`; false where tiles do not serve, as above.
bool add_tiles(const Places& places, TensorImpl* into, TensorImpl* values);
// Adds values of the result's shape at the places that the indices choose of `into`, which nobody
// has seen: it is half written where an index is refused.
void add_at_places(TensorImpl* into, const TensorList& indices, TensorImpl* values);
// Writes or adds `values`, seen under `strides` in the shape of the result, one after the other.
void write_places(const Places& places, TensorImpl* into, TensorImpl* values, const Dims& strides,
                  bool add);

}  // namespace rl

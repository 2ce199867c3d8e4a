// Feeds elementwise kernels with tiles: dimensions are collapsed, strided or converted operands
// gathered.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/shape.h"
#include "kernels/pool.h"
#include "kernels/tile.h"

namespace rl {

struct Operand {
  const void* data;
  const int64_t* strides;  // in elements, aligned with the iteration shape; 0 where broadcast
  DType dtype;
};

// One iteration space with up to kMaxOperands inputs and one output; dimension 0 is the fastest.
struct Space {
  int n = 0;
  int64_t size[kMaxDims];
  int64_t stride[kMaxOperands + 1][kMaxDims];  // [0] is the output
};

// Drops dimensions of size 1 and joins neighbours that every operand steps through alike.
void collapse(Space& space, const int64_t* sizes, int ndim, const int64_t* out_strides,
              const Operand* in, int n_in);

// An elementwise kernel and how it wants to be fed.
struct TileKernel {
  TileFn fn;
  DType compute, result;  // of the operands, of the results
  uint8_t repeats;        // bit k: operand k may be handed over as one element with step 0
  uint8_t cost;           // of an element: 1 for a sum or a product, 4 for an exponential
};

// Runs a kernel over `sizes`, on several threads where that is worth it.
void run_elementwise(const TileKernel& kernel, const int64_t* sizes, int ndim, void* out,
                     const int64_t* out_strides, DType out_dtype, const Operand* in, int n_in);

// The same over n elements side by side, or repeated where a step is 0: the operands are of the
// kernel's own types.
void split_straight(const TileKernel& kernel, void* out, const void* const* in, const uint8_t* step,
                    int n_in, int64_t n);
inline void run_straight(const TileKernel& kernel, void* out, const void* const* in,
                         const uint8_t* step, int n_in, int64_t n) {
  if (n * kernel.cost > parallel_grain()) [[unlikely]]
    split_straight(kernel, out, in, step, n_in, n);
  else if (n)
    kernel.fn(out, in, step, n);
}

// Element-by-element copy with conversion. Strides in elements.
void run_copy(void* out, const int64_t* out_strides, DType out_dtype, const void* in,
              const int64_t* in_strides, DType in_dtype, const int64_t* sizes, int ndim);

}  // namespace rl

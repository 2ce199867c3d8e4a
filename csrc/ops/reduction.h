// What all reductions share: which dimensions go, and the loops that take them away.
#pragma once

#include "kernels/tile.h"
#include "ops/tensor.h"

namespace rl {

// Which dimensions are reduced. An empty or missing list means all of them.
struct Reduction {
  bool reduced[kMaxDims] = {};
  Dims kept;          // the output with keepdim
  Dims squeezed;      // the output without
  int64_t count = 1;  // elements that become one

  Reduction(TensorImpl* t, const Value& dims);
};

// The rows of a row-major tensor whose reduced dimensions lie side by side: `outer` times, a number
// of rows of `inner` elements become one row.
struct Slabs {
  int64_t outer = 1, inner = 1;
  bool fits = true;  // the dimensions do lie side by side

  Slabs(const Dims& sizes, const bool* reduced);
};

// Refuses the integer dtype that a caller asked for where a gradient would have to go through it.
void check_recordable(TensorImpl* t, DType dtype);
// The dtype of a sum or a product: the one asked for, t's own for floats, else int64.
DType total_dtype(TensorImpl* t, const Value& asked);

// Reduces t, converted to the compute type `dtype`. An output of no elements takes the reducer's
// start, 0 or 1; kMax and kMin have none, so their caller refuses. `m`: a number for each output,
// in the same dtype and contiguous. `as_bools`: elements count as 0 or 1.
TensorRef reduce_over(TensorImpl* t, const Reduction& r, bool keepdim, Reducer reducer, DType dtype,
                      TensorImpl* m = nullptr, bool as_bools = false);

// The gradient of a sum: every input element gets its output's, without taking memory. `dims`
// null or empty: all were reduced.
Tensor spread(const Tensor& reduced, const Dims& sizes, const Dims* dims, bool keepdim);

// A reduction's output in the shape that it would have with keepdim.
Tensor spread_shape(const Tensor& reduced, const Dims& sizes, const Dims* dims, bool keepdim);

// The number of elements that were reduced to one.
double reduced_count(const Dims& sizes, const Dims* dims);

}  // namespace rl

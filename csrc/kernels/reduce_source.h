// Reductions over elements where they lie: of any type, with steps between them.
#pragma once

#include "kernels/split_reduce.h"

namespace rl {

// Steps in elements from slab to slab, row to row and column to column of a ReduceShape.
struct ReduceSource {
  const char* data;
  DType dtype;
  bool as_bools;  // whether an element is not 0 is what counts
  int64_t slab, row, step;
};

// Writes the row-major results, of the compute type `compute`. `m`: a number for each, or null.
void reduce_source(const ReduceSource& source, const ReduceShape& shape, Reducer reducer,
                   DType compute, const char* m, char* out);

}  // namespace rl

// Sums of an elementwise formula without the tensor in between: the gradient of an operand that was
// broadcast is a product, say, followed by the sum that undoes the broadcast.
#pragma once

#include "kernels/iterator.h"

namespace rl {

struct FormulaSum {
  TileKernel kernel;  // float32 or float64: of the formula, of the sum and of `out`
  const Operand* in;
  int n_in;
};

// The formula's values under `sizes`, row-major, are `outer` slabs of `count` rows of `inner`
// elements; out: each slab's sum over its rows. The same bits as the formula into a tensor and its
// sum (ops/reduction.h).
void sum_formula(const FormulaSum& f, const int64_t* sizes, int ndim, int64_t outer, int64_t count,
                 int64_t inner, void* out);

}  // namespace rl

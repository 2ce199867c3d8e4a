// Sums of an elementwise formula without the tensor in between: the gradient of an operand that was
// broadcast is a product, say, followed by the sum that undoes the broadcast.
#pragma once

#include "kernels/iterator.h"

namespace rl {

struct FormulaSum {
  TileFn fn;
  DType compute;  // float32 or float64: of the formula, of the sum and of `out`
  uint8_t repeats;
  const Operand* in;
  int n_in;
};

// Sums over the dimensions marked in `reduced`; out: row-major over the others. by_rows: the marked
// ones stand first, and what would be summed is row-major. The same bits as the formula into a tensor
// and its sum (ops/reduction.h).
void sum_formula(const FormulaSum& f, const int64_t* sizes, int ndim, const bool* reduced,
                 bool by_rows, void* out);

}  // namespace rl

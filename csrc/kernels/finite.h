// Whether values are finite, at the speed of reading them.
#pragma once

#include <cstdint>

namespace rl {

class TensorImpl;

// Whether one of n elements, `stride` elements apart, is what it looks for.
using NonfiniteFn = bool (*)(const void* data, int64_t stride, int64_t n);

// Of float16, bfloat16, float32, float64.
struct FiniteKernels {
  NonfiniteFn nonfinite[4], nan[4];
};

// Of the chosen kernel set.
extern const FiniteKernels* finite_kernels;

// No element is an infinity or nan. True for dtypes that have none.
bool all_finite(const TensorImpl& t);

// The first element that is not finite, in the order of indices; -1 when there is none.
int64_t first_nonfinite(const TensorImpl& t);

// The first nan; -1 when there is none.
int64_t first_nan(const TensorImpl& t);

}  // namespace rl

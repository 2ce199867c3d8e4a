// Whether values are finite, at the speed of reading them.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace rl {

// No element is an infinity or nan. True for dtypes that have none.
bool all_finite(const TensorImpl& t);

// The first element that is not finite, in the order of indices; -1 when there is none.
int64_t first_nonfinite(const TensorImpl& t);

// The first nan; -1 when there is none.
int64_t first_nan(const TensorImpl& t);

}  // namespace rl

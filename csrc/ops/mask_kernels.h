// Loops over bool masks, which need no list of the places that they choose.
#pragma once

#include <vector>

#include "ops/op.h"

namespace rl {

// The coordinates of the true elements in row-major order: one int64 tensor for each dimension.
void push_nonzero(TensorImpl* mask, std::vector<TensorRef>& out);
// The elements of t where a mask of its shape holds, when both are row-major; else null.
TensorRef read_masked(TensorImpl* t, const TensorList& indices);
// Writes one element of t's dtype where a mask of its first dimensions holds; false where t or mask
// is not row-major, or the list is not one mask.
bool fill_masked_blocks(TensorImpl* t, const TensorList& indices, TensorImpl* value);

}  // namespace rl

// The arithmetic of matrix products: no graph, and shapes that were checked before.
#pragma once

#include "ops/tensor.h"

namespace rl {

void refuse_bool(TensorImpl* t, const char* kernel);

// a (m, k) @ b (k, n), freshly made in a's dtype.
TensorRef matrix_product(TensorImpl* a, TensorImpl* b);
// a (b, m, k) @ b (b, k, n), likewise.
TensorRef batch_product(TensorImpl* a, TensorImpl* b);
// a (..., m, k) @ b (..., k, n) with all leading dimensions broadcast to `batch`. Nothing is copied
// for that.
TensorRef broadcast_product(TensorImpl* a, TensorImpl* b, const Dims& batch);
// a (m, k) @ v (k).
TensorRef vector_product(TensorImpl* a, TensorImpl* v);
// a (k) . b (k).
TensorRef inner_product(TensorImpl* a, TensorImpl* b);

// beta input + alpha (a @ b) for a and v or b as above, in a's dtype and of `shape`, to which input
// is broadcast; input is not read where beta is 0. Of batches and a `shape` of a matrix the
// products are added up. Written into `target`, of that shape, where one is given; it may be any of
// them.
TensorRef add_product(TensorImpl* input, TensorImpl* a, TensorImpl* b, const Value& beta,
                      const Value& alpha, Dims shape, TensorImpl* target);

}  // namespace rl

// The arithmetic of matrix products: no graph, and shapes that were checked before.
#pragma once

#include "ops/tensor.h"

namespace rl {

void refuse_bool(TensorImpl* t, const char* kernel);

// a (m, k) @ b (k, n), freshly made in a's dtype.
TensorRef matrix_product(TensorImpl* a, TensorImpl* b);
// a (b, m, k) @ b (b, k, n), likewise.
TensorRef batch_product(TensorImpl* a, TensorImpl* b);
// a (m, k) @ v (k).
TensorRef vector_product(TensorImpl* a, TensorImpl* v);
// a (k) . b (k).
TensorRef inner_product(TensorImpl* a, TensorImpl* b);

// The tensor itself, or a copy in the type that kernels compute in.
TensorRef widened(TensorImpl* t);

// beta input + alpha product for a product in a compute type, which is overwritten; `input` is
// broadcast, and not read where beta is 0. The result is in `dtype`, or in `target` where given.
TensorRef add_to_product(TensorRef product, const Value& alpha, TensorImpl* input,
                         const Value& beta, DType dtype, TensorImpl* target);

// target = beta target + alpha (a @ b), in its own memory; for batches and a target that is a
// matrix the products are added up. False, and nothing is written, where the target is in no
// compute type or shares memory with a factor.
bool add_product_inplace(TensorImpl* target, TensorImpl* a, TensorImpl* b, const Value& alpha,
                         const Value& beta);

}  // namespace rl

// The arithmetic on gradients that graph and engine need. They know no op: ops/ fills the table.
#pragma once

#include "core/tensor.h"

namespace rl {

struct TensorMath {
  // All of these record when grad mode is on.
  TensorRef (*add)(TensorImpl* a, TensorImpl* b);
  // target += value. The caller has made sure that nobody else sees `target`'s memory, or wants it
  // to.
  void (*accumulate)(TensorImpl* target, TensorImpl* value);
  // A copy with the layout of `like` where that is dense, else contiguous.
  TensorRef (*clone_like)(TensorImpl* t, TensorImpl* like);
  TensorRef (*sum_to)(TensorImpl* t, const Dims& sizes);
  TensorRef (*cast)(TensorImpl* t, DType dtype);
  TensorRef (*full)(const Dims& sizes, DType dtype, double value);
};

extern TensorMath tensor_math;

}  // namespace rl

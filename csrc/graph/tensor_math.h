// The arithmetic on gradients that graph and engine need. They know no op: ops/ fills the table.
#pragma once

#include "core/tensor.h"
#include "graph/node.h"

namespace rl {

struct TensorMath {
  // All of these record when grad mode is on.
  TensorRef (*add)(TensorImpl* a, TensorImpl* b);
  // target += value. The caller has made sure that nobody else sees `target`'s memory, or wants it
  // to.
  void (*accumulate)(TensorImpl* target, TensorImpl* value);
  // A copy with the layout of `like` where that is dense, else contiguous.
  TensorRef (*clone_like)(TensorImpl* t, TensorImpl* like);
  TensorRef (*clone)(TensorImpl* t);
  // A copy with exactly these strides, gaps and overlaps included.
  TensorRef (*restride)(TensorImpl* t, const Dims& strides);
  TensorRef (*as_strided)(TensorImpl* t, const Dims& sizes, const Dims& strides, int64_t offset);
  // target.copy_(value); null: target.zero_().
  void (*copy_into)(TensorImpl* target, TensorImpl* value);
  // The node of "`view` is as_strided of `base`", over an edge for the base's gradient.
  Ref<Node> (*as_strided_node)(TensorImpl* base, TensorImpl* view);
  TensorRef (*sum_to)(TensorImpl* t, const Dims& sizes);
  TensorRef (*cast)(TensorImpl* t, DType dtype);
  TensorRef (*full)(const Dims& sizes, DType dtype, double value);
};

extern TensorMath tensor_math;

}  // namespace rl

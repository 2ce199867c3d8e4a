// Runs elementwise kernels over tensors and numbers: what both directions of the elementwise ops
// share.
#pragma once

#include "kernels/iterator.h"
#include "ops/op.h"

namespace rl {

// A number in the form that kernels read.
struct ScalarSlot {
  alignas(8) char bytes[8];
};

// Integers wrap around to the dtype that the call has; with `rounded` (comparisons) 16-bit floats
// are rounded to it.
void store_scalar(ScalarSlot& slot, const Value& v, DType dtype, bool rounded);
// What stands for an argument that is None: Elementwise::absent.
void store_absent(ScalarSlot& slot, int absent, DType compute);

// A kernel and its operands.
struct Launch {
  TileKernel kernel;
  DType stored;                       // the output's
  TensorImpl* tensors[kMaxOperands];  // null: a scalar
  const void* scalars[kMaxOperands];
  int n;
};

// Writes into `target`, or where it is null into a new tensor. Throws where shapes do not
// broadcast.
TensorRef launch(const Launch& l, TensorImpl* target);

// The shape that the tensors broadcast to.
Dims broadcast_shape(const Launch& l);
// The operands under that shape; `strides` is where theirs are kept.
void describe_operands(const Launch& l, const Dims& shape, Operand* operands,
                       int64_t (*strides)[kMaxDims]);
// The strides of the output, in the order of the operands' strides; false where that is row-major.
bool output_strides(const Launch& l, const Dims& shape, const int64_t (*strides)[kMaxDims],
                    int64_t* out);

}  // namespace rl

// What scatter_reduce and index_reduce share: the reductions by name, and their derivative.
#pragma once

#include "ops/custom.h"
#include "ops/scatter_kernels.h"

namespace rl {

enum class Reduction : uint8_t { kSum, kProd, kMean, kAmax, kAmin };

// Reduces source into target at the places of the index. The target holds the old values; without
// `include_self` those that are met are forgotten first.
void reduce_into(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                 TensorImpl* source, Reduction reduction, bool include_self);

// The reach of an op: how it reads a tensor at its places, and adds to them.
struct Reach {
  virtual Tensor read(const Tensor& t) const = 0;
  virtual Tensor add(const Tensor& into, const Tensor& source) const = 0;
  virtual Tensor clear(const Tensor& t) const = 0;  // 0 at every place
  virtual Tensor reduce(const Tensor& into, const Tensor& source) const = 0;
  virtual const char* op() const = 0;
  virtual const char* source() const = 0;

 protected:
  ~Reach() = default;
};

// Gradients of input and source, as PyTorch computes them.
void reduction_gradients(OpNode& node, const Tensor& grad, const Tensor& self, const Tensor& source,
                         const Tensor& result, Reduction reduction, bool include_self,
                         const Reach& reach, TensorRef* grad_in);

}  // namespace rl

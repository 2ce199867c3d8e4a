// Reductions that read elements of a storage type and write results of its compute type.
#pragma once

#include "kernels/tile.h"

namespace rl {

// By dtype; null where none is made for it. Their bits are those of conversion and reduction.
struct NarrowKernels {
  ReduceKernels sum[kDTypes], max[kDTypes], min[kDTypes];
};

// Of the chosen kernel set.
extern const NarrowKernels* narrow_kernels;

}  // namespace rl

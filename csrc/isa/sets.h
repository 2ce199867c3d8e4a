// What every kernel set's objects export: tables of plain data, named after set and family.
#pragma once

#include "kernels/narrow.h"
#include "kernels/tile.h"

#define RL_JOIN_(a, b, c) a##_##b##_##c
#define RL_JOIN(a, b, c) RL_JOIN_(a, b, c)
#define RL_FAMILY_NAME RL_JOIN(kernels, RL_FAMILY, RL_ISA)
#define RL_REDUCTION_NAME RL_JOIN(kernels, reduction, RL_ISA)
#define RL_LINES_NAME RL_JOIN(kernels, lines, RL_ISA)

namespace rl {

// The kernels of one file of ops, in the order of its OpList.
struct FamilyKernels {
  const OpKernels* ops;
  size_t n;
};

struct ReductionKernels {
  ReduceKernels reduce[kReducers][kComputeTypes];
  MatmulFn matmul[kComputeTypes];
  MatvecFn matvec[kComputeTypes];
  NarrowKernels narrow;
};

struct LineKernels {
  SoftmaxFn softmax[kSoftmaxKernels][kComputeTypes];
  LayerNormFn layer_norm[kComputeTypes];
  LayerNormSlopeFn layer_norm_slope[kComputeTypes];
  LayerNormSumsFn layer_norm_sums[kComputeTypes];
};

#ifdef RL_FAMILY
extern const FamilyKernels RL_FAMILY_NAME;
#endif
#ifdef RL_ISA
extern const ReductionKernels RL_REDUCTION_NAME;
extern const LineKernels RL_LINES_NAME;
#endif

}  // namespace rl

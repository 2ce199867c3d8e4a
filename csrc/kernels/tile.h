// The form of every elementwise kernel: contiguous or repeated-scalar operands of one compute type.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace rl {

// out[i] = f(in[0][i * step[0]], in[1][i * step[1]], ...) for i < n. A step is 0 or 1. `out` may be
// an operand itself.
using TileFn = void (*)(void* out, const void* const* in, const uint8_t* step, int64_t n);

constexpr int kMaxOperands = 6;
constexpr int kMaxFormulas = 4;  // forward, then one gradient per input

// The kernels of one elementwise op: [0] forward, [1..] gradients; by compute_index().
struct OpKernels {
  TileFn fn[kMaxFormulas][kComputeTypes];
};

// Sums over contiguous memory: pairwise, in blocks fixed by n alone.
struct ReduceKernels {
  // Sum of x[0..n).
  void (*sum)(void* out, const void* x, int64_t n);
  // acc[j] = sum over rows of x[row * row_stride + j], j < columns; pairwise over rows.
  void (*sum_rows)(void* acc, const void* x, int64_t rows, int64_t row_stride, int64_t columns);
};

// c (m, n) = a (m, k) @ b (k, n); strides in elements, rows of b and c contiguous.
using MatmulFn = void (*)(void* c, const void* a, const void* b, int64_t m, int64_t n, int64_t k,
                          int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row);

struct KernelSet {
  const char* name;
  const OpKernels* ops;  // indexed as ops/elementwise_list.h
  ReduceKernels reduce[kComputeTypes];
  MatmulFn matmul[kComputeTypes];
};

// The set chosen at start from cpuid, or forced by RUSHLIGHT_CPU.
extern const KernelSet* kernel_set;
// Names of the sets that this machine can run, best last, separated by spaces.
const char* available_kernel_sets();
// A reason for refusing RUSHLIGHT_CPU's value; null when it was honoured or not given.
const char* kernel_set_problem();

}  // namespace rl

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

// How elements become one. `m` is a number that belongs to the output: a mean, a maximum.
enum class Reducer : uint8_t {
  kSum,         // x
  kSumSquares,  // (x - m)^2
  kSumAbs,      // |x|
  kSumExp,      // e^(x - m)
  kSumNoNan,    // x, or 0 where x is nan
  kProduct,
  kMax,  // nan wins, as in all four
  kMin,
  kMaxAbs,
  kMinAbs,
};
constexpr int kReducers = 10;

// How a reduction splits: lines pairwise at multiples of kReduceBlock, rows at multiples of
// kReduceRows, columns by kReduceColumns. Whoever feeds one piecewise keeps to the same split.
constexpr int64_t kReduceBlock = 1024;
constexpr int64_t kReduceRows = 16;
constexpr int64_t kReduceColumns = 256;

// Reductions over contiguous memory: pairwise, in blocks fixed by n alone. Null where the type has
// none: bool has kMax (any) and kMin (all).
struct ReduceKernels {
  // x[0..n) as one; n > 0.
  void (*line)(void* out, const void* x, int64_t n, const void* m);
  // acc[j] = x[row * row_stride + j] over the rows, j < columns; pairwise over rows. m[j] if m.
  void (*rows)(void* acc, const void* x, int64_t rows, int64_t row_stride, int64_t columns,
               const void* m);
};

// c (m, n) = a (m, k) @ b (k, n); strides in elements, rows of b and c contiguous.
using MatmulFn = void (*)(void* c, const void* a, const void* b, int64_t m, int64_t n, int64_t k,
                          int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row);
// y (m) = a (m, k) @ v (k): y and v contiguous, a with one stride of 1.
using MatvecFn = void (*)(void* y, const void* a, const void* v, int64_t m, int64_t k,
                          int64_t a_row, int64_t a_col);

// Softmax and its kin over the middle of (lines, n, columns), rows `row` elements apart. The
// derivatives take the output as `a` and its gradient as `b`.
using SoftmaxFn = void (*)(void* out, const void* a, const void* b, int64_t lines, int64_t n,
                           int64_t columns, int64_t row);
enum class SoftmaxKernel : uint8_t { kSoftmax, kLogSoftmax, kSoftmaxSlope, kLogSoftmaxSlope };
constexpr int kSoftmaxKernels = 4;

// Each line of x less its mean, over its standard deviation; times weight and plus bias where those
// are given. mean and rstd: one number for each line.
using LayerNormFn = void (*)(void* out, void* mean, void* rstd, const void* x, const void* weight,
                             const void* bias, int64_t lines, int64_t n, double eps);
// The gradient of x, over contiguous lines.
using LayerNormSlopeFn = void (*)(void* grad_x, const void* g, const void* x, const void* mean,
                                  const void* rstd, const void* weight, int64_t lines, int64_t n);
// The gradients of weight and of bias, over n columns of lines `row` elements apart; null where
// nobody needs one.
using LayerNormSumsFn = void (*)(void* grad_weight, void* grad_bias, const void* g, const void* x,
                                 const void* mean, const void* rstd, int64_t lines, int64_t n,
                                 int64_t row);

struct KernelSet {
  const char* name;
  const OpKernels* ops;  // indexed as ops/elementwise_list.h
  ReduceKernels reduce[kReducers][kComputeTypes];
  MatmulFn matmul[kComputeTypes];
  MatvecFn matvec[kComputeTypes];
  SoftmaxFn softmax[kSoftmaxKernels][kComputeTypes];
  LayerNormFn layer_norm[kComputeTypes];
  LayerNormSlopeFn layer_norm_slope[kComputeTypes];
  LayerNormSumsFn layer_norm_sums[kComputeTypes];
};

// The set chosen at start from cpuid, or forced by RUSHLIGHT_CPU.
extern const KernelSet* kernel_set;
// Names of the sets that this machine can run, best last, separated by spaces.
const char* available_kernel_sets();
// A reason for refusing RUSHLIGHT_CPU's value; null when it was honoured or not given.
const char* kernel_set_problem();

}  // namespace rl

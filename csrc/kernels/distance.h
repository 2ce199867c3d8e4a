// Kernels of distances between the rows of two row-major matrices, a (n, k) and b (m, k).
#pragma once

#include <cstdint>

namespace rl {

// What the differences of two rows become: how many are not 0, the sum of their sizes, the root of
// the sum of their squares, the largest size, (sum of |d|^p)^(1/p).
enum class Norm : uint8_t { kCount, kSum, kEuclidean, kLargest, kPower };
constexpr int kNorms = 5;

// out[i, j] = the norm of a[i] - b[j], summed in the order of k.
using DistanceFn = void (*)(void* out, const void* a, const void* b, int64_t n, int64_t m,
                            int64_t k, double p);
// grad[i] += g[i, j] times the slope of dist[i, j] by a[i], in the order of j; row and column steps
// of g and dist.
using DistanceSlopeFn = void (*)(void* grad, const void* a, const void* b, const void* g,
                                 const void* dist, int64_t row, int64_t column, int64_t n,
                                 int64_t m, int64_t k, double p);

struct DistanceKernels {
  DistanceFn distance[kNorms][2];  // by norm; float, double
  DistanceSlopeFn slope[kNorms][2];
};

// Of the chosen kernel set.
extern const DistanceKernels* distance_kernels;

}  // namespace rl

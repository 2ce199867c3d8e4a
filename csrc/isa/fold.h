// Lanes side by side as one, for one instruction set; local functions only.
#pragma once

#include "kernels/math.h"

namespace rl::RL_ISA {
namespace {

// g++ makes vectors of loops over lanes, but not of what is left of an unrolled one: the last steps
// are vectors by name. Joins are told by reference, since 64 bytes have no calling convention.
template <class T>
struct Vector {
  static constexpr int n = 64 / sizeof(T);
};

// Bytes of the processor's vectors.
#if defined(__AVX512F__)
constexpr int kNative = 64;
#elif defined(__AVX__)
constexpr int kNative = 32;
#else
constexpr int kNative = 16;
#endif

// a[k] = a[k] joined with b[k] for k < n, in vectors no longer than the processor's: of longer ones
// g++ takes choices apart.
template <int n, class T, class Join>
RL_FN void join_arrays(T* a, const T* b, const Join& join) {
  constexpr int most = kNative / sizeof(T), part = n < most ? n : most;
  typedef T Part __attribute__((vector_size(part * sizeof(T))));
  for (int k = 0; k < n; k += part) {
    Part x, y;
    __builtin_memcpy(&x, a + k, sizeof x);
    __builtin_memcpy(&y, b + k, sizeof y);
    join(x, y);
    __builtin_memcpy(a + k, &x, sizeof x);
  }
}

// The lanes of one vector: halves, then quarters, and so on.
template <class T, int n = Vector<T>::n, class Join>
RL_FN T fold(const T* lane, const Join& join) {
  if constexpr (n == 1) {
    return lane[0];
  } else {
    T half[n / 2];
    __builtin_memcpy(half, lane, sizeof half);
    join_arrays<n / 2>(half, lane + n / 2, join);
    return fold<T, n / 2>(half, join);
  }
}

// The lanes of four vectors as those of one.
template <class T, class Join>
RL_FN void fold_four(T* lane, const T* wide, const Join& join) {
  constexpr int n = Vector<T>::n;
  T other[n];
  __builtin_memcpy(lane, wide, sizeof other);
  __builtin_memcpy(other, wide + n, sizeof other);
  join_arrays<n>(lane, wide + 2 * n, join);
  join_arrays<n>(other, wide + 3 * n, join);
  join_arrays<n>(lane, other, join);
}

}  // namespace
}  // namespace rl::RL_ISA

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
  typedef T type __attribute__((vector_size(64)));
};

// The lanes of one vector: halves, then quarters, and so on.
template <class T, int n = Vector<T>::n, class Join>
RL_FN T fold(const T* lane, const Join& join) {
  if constexpr (n == 1) {
    return lane[0];
  } else {
    typedef T Half __attribute__((vector_size(n / 2 * sizeof(T))));
    Half a, b;
    __builtin_memcpy(&a, lane, sizeof a);
    __builtin_memcpy(&b, lane + n / 2, sizeof b);
    join(a, b);
    T half[n / 2];
    __builtin_memcpy(half, &a, sizeof a);
    return fold<T, n / 2>(half, join);
  }
}

// The lanes of four vectors as those of one.
template <class T, class Join>
RL_FN void fold_four(T* lane, const T* wide, const Join& join) {
  typename Vector<T>::type v[4];
  __builtin_memcpy(v, wide, sizeof v);
  join(v[0], v[2]);
  join(v[1], v[3]);
  join(v[0], v[1]);
  __builtin_memcpy(lane, v, sizeof v[0]);
}

}  // namespace
}  // namespace rl::RL_ISA

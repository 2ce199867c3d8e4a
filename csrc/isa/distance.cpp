// Distances of rows for one instruction set; local functions only.
#include "kernels/distance.h"

#include "isa/sets.h"
#include "kernels/math.h"
#include "ops/formula_math.h"

namespace rl::RL_ISA {
namespace {

constexpr int64_t kDepth = 128;  // columns of the matrices that a panel holds
constexpr int kBytes = 64;

template <class T>
struct Lanes {
  static constexpr int n = kBytes / sizeof(T);
  typedef T Vector __attribute__((vector_size(kBytes)));
};

// Each norm: what a pair of elements adds to the sum, what the sum becomes, and the slope.
struct Count {
  static constexpr bool kUsesPower = false;
  template <class V, class T>
  RL_FN static void join(V& sum, T a, const V& b, T) {
    sum += b == a ? V{} : V{} + T(1);
  }
};

struct Sum {
  static constexpr bool kUsesPower = false;
  template <class V, class T>
  RL_FN static void join(V& sum, T a, const V& b, T) {
    V d = a - b;
    sum += d < 0 ? -d : d;
  }
  template <class T>
  RL_FN static T slope(T d, T g, T, T, T) {
    return g * math::sign(d);
  }
};

struct Euclidean {
  static constexpr bool kUsesPower = false;
  template <class V, class T>
  RL_FN static void join(V& sum, T a, const V& b, T) {
    V d = a - b;
    sum += d * d;
  }
  template <class T>
  RL_FN static T finish(T sum, T) {
    return math::sqrt(sum);
  }
  template <class T>
  RL_FN static T slope(T d, T g, T dist, T, T) {
    return g * d / dist;
  }
};

struct Largest {
  static constexpr bool kUsesPower = false;
  template <class V, class T>
  RL_FN static void join(V& largest, T a, const V& b, T) {
    V d = a - b;
    d = d < 0 ? -d : d;
    largest = (d > largest) | (d != d) ? d : largest;  // nan stays
  }
  template <class T>
  RL_FN static T slope(T d, T g, T dist, T, T) {
    return g * math::sign(d) * (math::abs(d) == dist ? T(1) : T(0));
  }
};

// The exponent is a lane like the others: a number that is the same for all keeps the compiler from
// vectorising pow.
struct Power {
  static constexpr bool kUsesPower = true;
  template <class V, class T>
  RL_FN static void join(V& sum, T a, const V& b, T p) {
    constexpr int kLanes = sizeof(V) / sizeof(T);
    const V differences = a - b, exponents = V{} + p;
    T d[kLanes], e[kLanes], s[kLanes];
    __builtin_memcpy(d, &differences, sizeof d);
    __builtin_memcpy(e, &exponents, sizeof e);
    __builtin_memcpy(s, &sum, sizeof s);
    for (int q = 0; q < kLanes; ++q) s[q] += math::pow(math::abs(d[q]), e[q]);
    __builtin_memcpy(&sum, s, sizeof s);
  }
  template <class T>
  RL_FN static T finish(T sum, T p) {
    return math::pow(sum, 1 / p);
  }
  template <class T>
  RL_FN static T slope(T d, T g, T, T power, T steepness) {
    return g * math::sign(d) * (d == 0 ? T(1) : power) / steepness;
  }
};

// R rows of a against one panel, whose sums lie in `out`.
template <class N, class T, int R>
static void tile(T* out, const T* a, const T* panel, int64_t m, int64_t columns, int64_t k,
                 int64_t depth, T p) {
  typename Lanes<T>::Vector sum[R] = {}, b;
  const size_t bytes = static_cast<size_t>(columns) * sizeof(T);
  for (int r = 0; r < R; ++r) __builtin_memcpy(&sum[r], out + r * m, bytes);
  for (int64_t q = 0; q < depth; ++q) {
    __builtin_memcpy(&b, panel + q * Lanes<T>::n, sizeof b);
    for (int r = 0; r < R; ++r) N::join(sum[r], a[r * k + q], b, p);
  }
  for (int r = 0; r < R; ++r) __builtin_memcpy(out + r * m, &sum[r], bytes);
}

template <class N, class T>
static void distance(void* out_memory, const void* a_memory, const void* b_memory, int64_t n,
                     int64_t m, int64_t k, double the_p) {
  auto* out = static_cast<T*>(out_memory);
  auto* a = static_cast<const T*>(a_memory);
  auto* b = static_cast<const T*>(b_memory);
  const T p = static_cast<T>(the_p);
  constexpr int64_t kLanes = Lanes<T>::n;
  T panel[kDepth * kLanes] = {};
  for (int64_t i = 0; i < n * m; ++i) out[i] = 0;
  for (int64_t j = 0; j < m; j += kLanes) {
    const int64_t columns = m - j < kLanes ? m - j : kLanes;
    for (int64_t from = 0; from < k; from += kDepth) {
      const int64_t depth = k - from < kDepth ? k - from : kDepth;
      for (int64_t c = 0; c < columns; ++c)
        for (int64_t q = 0; q < depth; ++q) panel[q * kLanes + c] = b[(j + c) * k + from + q];
      int64_t i = 0;
      for (; i + 4 <= n; i += 4)
        tile<N, T, 4>(out + i * m + j, a + i * k + from, panel, m, columns, k, depth, p);
      for (; i < n; ++i)
        tile<N, T, 1>(out + i * m + j, a + i * k + from, panel, m, columns, k, depth, p);
    }
  }
  if constexpr (requires { N::finish(p, p); })
    for (int64_t i = 0; i < n * m; ++i) out[i] = N::finish(out[i], p);
}

// |a - b|^e with the bits of the formula's power, which takes some exponents apart.
template <class T>
static void powers(T* out, const T* a, const T* b, const T* exponent, int64_t n) {
  const T e = exponent[0];
  if ((e == 2) | (e == 1) | (e == 3) | (e == T(0.5)) | (e == -1) | (e == -2) | (e == T(-0.5)))
    for (int64_t q = 0; q < n; ++q) out[q] = math::pow_number(math::abs(a[q] - b[q]), e);
  else
    for (int64_t q = 0; q < n; ++q) out[q] = math::pow(math::abs(a[q] - b[q]), exponent[q]);
}

// A distance of 0 divides as 1: the differences are 0 as well.
template <class N, class T>
static void slope(void* grad_memory, const void* a_memory, const void* b_memory,
                  const void* g_memory, const void* dist_memory, int64_t row, int64_t column,
                  int64_t n, int64_t m, int64_t k, double the_p) {
  auto* g = static_cast<const T*>(g_memory);
  auto* dist = static_cast<const T*>(dist_memory);
  const T p = static_cast<T>(the_p);
  T exponent[kDepth], power[kDepth] = {};
  for (T& e : exponent) e = p - 1;
  for (int64_t i = 0; i < n; ++i) {
    T* __restrict grad = static_cast<T*>(grad_memory) + i * k;
    const T* a = static_cast<const T*>(a_memory) + i * k;
    for (int64_t j = 0; j < m; ++j) {
      const T* b = static_cast<const T*>(b_memory) + j * k;
      const T gij = g[i * row + j * column];
      T size = dist[i * row + j * column];
      size = size == 0 ? T(1) : size;
      const T steepness = N::kUsesPower ? math::pow_number(size, p - 1) : T(1);
      for (int64_t from = 0; from < k; from += kDepth) {
        const int64_t depth = k - from < kDepth ? k - from : kDepth;
        if constexpr (N::kUsesPower) powers(power, a + from, b + from, exponent, depth);
        for (int64_t q = 0; q < depth; ++q) {
          T part = N::template slope<T>(a[from + q] - b[from + q], gij, size, power[q], steepness);
          grad[from + q] = j ? grad[from + q] + part : part;  // a single -0 stays
        }
      }
    }
  }
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
#define RL_BOTH(f, N) {&RL_ISA::f<RL_ISA::N, float>, &RL_ISA::f<RL_ISA::N, double>}
extern const DistanceKernels RL_JOIN(kernels, distance, RL_ISA);
const DistanceKernels RL_JOIN(kernels, distance, RL_ISA) = {
    {RL_BOTH(distance, Count), RL_BOTH(distance, Sum), RL_BOTH(distance, Euclidean),
     RL_BOTH(distance, Largest), RL_BOTH(distance, Power)},
    {{},
     RL_BOTH(slope, Sum),
     RL_BOTH(slope, Euclidean),
     RL_BOTH(slope, Largest),
     RL_BOTH(slope, Power)}};
}  // namespace rl

// OpenBLAS, or another library with BLAS's C interface, for products that are worth its loading.
#pragma once

#include <cstdint>
#include <string>

namespace rl {

// A factor: contiguous rows `lead` apart, or the transpose of such a matrix.
template <class T>
struct BlasFactor {
  const T* data;
  int64_t lead;
  bool transposed;
};

// False where our own loops are to serve. Loads the library at the first call; raises RuntimeError
// where RUSHLIGHT_BLAS names one that cannot be loaded.
bool blas_ready();
// The largest size and stride that the library's integers hold. After blas_ready().
int64_t blas_limit();

// c = alpha a @ b + beta c. The rows of c (m, n) are contiguous, c_lead apart; c is not read where
// beta is 0, and a and b not where alpha is 0.
template <class T>
void blas_gemm(int64_t m, int64_t n, int64_t k, T alpha, BlasFactor<T> a, BlasFactor<T> b, T beta,
               T* c, int64_t c_lead);
// y = alpha a @ x + beta y for a (m, k), likewise. Steps above 0.
template <class T>
void blas_gemv(int64_t m, int64_t k, T alpha, BlasFactor<T> a, const T* x, int64_t x_step, T beta,
               T* y, int64_t y_step);

// Whether there is room for the buffers of as many calls at once as the pool has threads. After
// blas_ready().
bool blas_side_by_side();
// Whether there is room for as many more calls as may run unlocked (core/unlocked.h).
bool blas_has_room_unlocked();

struct BlasInfo {
  std::string library;  // path, or "none" where our own loops serve
  std::string config, core;
};
// Loads the library as blas_ready() does.
const BlasInfo& blas_info();

}  // namespace rl

// A BLAS of nested loops that counts its calls: FAKE_INT are its integers, with
// FAKE_SUFFIX its names end. Where it is told not to read c or y, it does not.
#include <cstdint>

#define JOIN(a, b) a##b
#define SPELT(a, b) JOIN(a, b)
#define FAKE_NAME(name) SPELT(name, FAKE_SUFFIX)
#define EXPORT extern "C" __attribute__((visibility("default")))

extern "C" {
__attribute__((visibility("default"))) int fake_blas_gemms = 0, fake_blas_gemvs = 0,
                                           fake_blas_threads = 0;
}

namespace {

template <class T>
void gemm(int order, int trans_a, int trans_b, FAKE_INT m, FAKE_INT n, FAKE_INT k, T alpha,
          const T* a, FAKE_INT lda, const T* b, FAKE_INT ldb, T beta, T* c, FAKE_INT ldc) {
  ++fake_blas_gemms;
  if (order != 101) __builtin_trap();
  if (lda < (trans_a == 112 ? m : k) || ldb < (trans_b == 112 ? k : n) || ldc < n) __builtin_trap();
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += (trans_a == 112 ? a[p * lda + i] : a[i * lda + p]) *
               (trans_b == 112 ? b[j * ldb + p] : b[p * ldb + j]);
      c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);
    }
}

template <class T>
void gemv(int order, int trans, FAKE_INT rows, FAKE_INT columns, T alpha, const T* a, FAKE_INT lda,
          const T* x, FAKE_INT incx, T beta, T* y, FAKE_INT incy) {
  ++fake_blas_gemvs;
  if (order != 101 || lda < columns || incx < 1 || incy < 1) __builtin_trap();
  int64_t m = trans == 112 ? columns : rows, k = trans == 112 ? rows : columns;
  for (int64_t i = 0; i < m; ++i) {
    T sum = 0;
    for (int64_t p = 0; p < k; ++p)
      sum += (trans == 112 ? a[p * lda + i] : a[i * lda + p]) * x[p * incx];
    y[i * incy] = alpha * sum + (beta == 0 ? 0 : beta * y[i * incy]);
  }
}

}  // namespace

EXPORT void FAKE_NAME(openblas_set_num_threads)(int n) { fake_blas_threads = n; }
#define FAKE_PAIR(letter, T)                                                                    \
  EXPORT void FAKE_NAME(cblas_##letter##gemm)(                                                  \
      int order, int trans_a, int trans_b, FAKE_INT m, FAKE_INT n, FAKE_INT k, T alpha,         \
      const T* a, FAKE_INT lda, const T* b, FAKE_INT ldb, T beta, T* c, FAKE_INT ldc) {         \
    gemm<T>(order, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);             \
  }                                                                                             \
  EXPORT void FAKE_NAME(cblas_##letter##gemv)(                                                  \
      int order, int trans, FAKE_INT rows, FAKE_INT columns, T alpha, const T* a, FAKE_INT lda, \
      const T* x, FAKE_INT incx, T beta, T* y, FAKE_INT incy) {                                 \
    gemv<T>(order, trans, rows, columns, alpha, a, lda, x, incx, beta, y, incy);                \
  }
FAKE_PAIR(s, float)
FAKE_PAIR(d, double)

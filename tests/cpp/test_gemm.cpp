// Products over every layout, by our own loops, or by the library that RUSHLIGHT_BLAS names.
#include <dlfcn.h>
#include <sys/mman.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "check.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"

using namespace rl;

namespace {

// The counter of the fake library; nothing where our own loops serve.
int* counter(const char* name) {
  static const char* path = std::getenv("RUSHLIGHT_BLAS");
  if (!path || !std::strcmp(path, "none")) return nullptr;
  static void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  return static_cast<int*>(dlsym(handle, name));
}

int calls() {
  int *gemms = counter("fake_blas_gemms"), *gemvs = counter("fake_blas_gemvs");
  return gemms ? *gemms + *gemvs : 0;
}

enum class Order { kRows, kColumns, kSpread, kRepeated };
constexpr Order kOrders[] = {Order::kRows, Order::kColumns, Order::kSpread, Order::kRepeated};

// Small whole numbers, exact in every type; where a row is repeated, its stride is 0.
template <class T>
struct Matrix {
  std::vector<T> memory;
  Strided<T> view;

  Matrix(int64_t rows, int64_t columns, Order order, int seed) {
    int64_t row = columns, column = 1;
    if (order == Order::kColumns) row = 1, column = rows + 3;
    if (order == Order::kSpread) row = 2 * columns + 5, column = 2;
    if (order == Order::kRepeated) row = 0;
    memory.assign(static_cast<size_t>((rows + 4) * (2 * columns + 6)), T(-77));
    view = {memory.data(), row, column};
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        *view.at(i, j) = static_cast<T>((7 * i + 3 * j + seed) % 5 - 2);
  }
};

template <class T>
void check_product(int64_t m, int64_t n, int64_t k, Order a_order, Order b_order, Order c_order,
                   T alpha, T beta) {
  Matrix<T> a(m, k, a_order, 1), b(k, n, b_order, 2), c(m, n, c_order, 3);
  std::vector<T> want;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += *a.view.at(i, p) * *b.view.at(p, j);
      want.push_back(alpha * sum + (beta == T(0) ? T(0) : beta * *c.view.at(i, j)));
    }
  if (beta == T(0) && std::numeric_limits<T>::has_quiet_NaN)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) *c.view.at(i, j) = std::numeric_limits<T>::quiet_NaN();
  multiply<T>(m, n, k, alpha, {a.view.data, a.view.row, a.view.column},
              {b.view.data, b.view.row, b.view.column}, beta,
              {c.view.data, c.view.row, c.view.column}, c.view);
  size_t at = 0;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j, ++at) {
      CHECK_EQ(*c.view.at(i, j), want[at]);
      *c.view.at(i, j) = T(-77);
    }
  for (T rest : c.memory) CHECK_EQ(rest, T(-77));  // nothing was written beside the result
}

template <class T>
void check_layouts() {
  const int64_t sizes[][3] = {{1, 1, 1}, {3, 2, 4},    {1, 70, 60},  {70, 1, 60}, {17, 33, 19},
                              {5, 3, 0}, {2, 1, 4000}, {70, 66, 40}, {1, 1, 5000}};
  for (auto& [m, n, k] : sizes)
    for (Order a : kOrders)
      for (Order b : kOrders)
        for (Order c : {Order::kRows, Order::kColumns, Order::kSpread})
          for (T beta : {T(0), T(1), T(3)})
            check_product<T>(m, n, k, a, b, c, beta == T(1) ? T(1) : T(2), beta);
}

}  // namespace

TEST(test_products_of_float_in_every_layout) { check_layouts<float>(); }
TEST(test_products_of_double_in_every_layout) { check_layouts<double>(); }
TEST(test_products_of_integers_in_every_layout) { check_layouts<int64_t>(); }

TEST(test_a_product_in_panels_is_the_whole_product) {
  check_product<float>(1030, 180, 190, Order::kRows, Order::kRows, Order::kRows, 1, 0);
  check_product<float>(180, 1700, 200, Order::kColumns, Order::kColumns, Order::kRows, 1, 2);
  check_product<double>(1100, 180, 190, Order::kColumns, Order::kRows, Order::kColumns, 1, 0);
  if (int* gemms = counter("fake_blas_gemms")) {
    int before = *gemms;
    check_product<float>(1024, 256, 128, Order::kRows, Order::kRows, Order::kRows, 1, 0);
    CHECK_EQ(*gemms - before, 2);
  }
}

TEST(test_the_library_is_asked_for_large_products_only) {
  int before = calls();
  check_product<float>(8, 8, 8, Order::kRows, Order::kRows, Order::kRows, 1, 0);
  CHECK_EQ(calls(), before);
  check_product<float>(40, 40, 40, Order::kRows, Order::kRows, Order::kRows, 1, 0);
  check_product<double>(100, 1, 100, Order::kRows, Order::kRows, Order::kRows, 1, 0);
  if (int* threads = counter("fake_blas_threads")) {
    CHECK_EQ(calls(), before + 2);
    CHECK_EQ(*threads, 1);
  }
}

TEST(test_an_inf_times_0_is_nan_whatever_computes_it) {
  constexpr int64_t n = 40;
  std::vector<float> a(n * n, 0.f), b(n * n, 0.f), c(n * n, 0.f);
  a[3 * n + 5] = std::numeric_limits<float>::infinity();
  multiply<float>(n, n, n, 1, {a.data(), n, 1}, {b.data(), n, 1}, 0, {}, {c.data(), n, 1});
  for (int64_t i = 0; i < n * n; ++i) CHECK_EQ(std::isnan(c[i]), i / n == 3);
}

TEST(test_a_stride_beyond_32_bits_reaches_no_library_of_32_bits) {
  constexpr int64_t k = 1100, stride = int64_t{1} << 31, bytes = (stride + k) * 4;
  void* room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(room != MAP_FAILED);
  if (room == MAP_FAILED) return;
  auto* a = static_cast<float*>(room);
  for (int64_t p = 0; p < k; ++p) {
    a[p] = 1;
    a[stride + p] = 2;
  }
  std::vector<float> x(k, 1.f), y(2);
  int before = calls();
  multiply<float>(2, 1, k, 1, {a, stride, 1}, {x.data(), 1, 0}, 0, {}, {y.data(), 1, 0});
  CHECK_EQ(y[0], 1100.f);
  CHECK_EQ(y[1], 2200.f);
  CHECK_EQ(calls() - before, counter("fake_blas_gemvs") && blas_limit() > stride ? 1 : 0);
  munmap(room, bytes);
}

TEST_MAIN

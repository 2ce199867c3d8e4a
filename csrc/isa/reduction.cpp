// Sums and matrix products for one instruction set; local functions only.
#include "isa/sets.h"
#include "kernels/tile.h"

namespace rl::RL_ISA {
namespace {

// --- sums: 16 lanes inside a block, blocks pairwise. The split depends on n alone.
constexpr int64_t kBlock = 1024;
constexpr int kLanes = 16;

template <class T>
static T sum_block(const T* x, int64_t n) {
  T lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lane[k] += x[i + k];
  for (int k = 0; i < n; ++i, ++k) lane[k] += x[i];
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int k = 0; k < width; ++k) lane[k] += lane[k + width];
  return lane[0];
}

template <class T>
static T sum_pairwise(const T* x, int64_t n) {
  if (n <= kBlock) return sum_block(x, n);
  int64_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
  return sum_pairwise(x, half) + sum_pairwise(x + half, n - half);
}

template <class T>
static void sum(void* out, const void* x, int64_t n) {
  *static_cast<T*>(out) = sum_pairwise(static_cast<const T*>(x), n);
}

constexpr int64_t kColumns = 256;

template <class T>
static void sum_rows_pairwise(T* acc, const T* x, int64_t rows, int64_t row_stride,
                              int64_t columns) {
  if (rows <= 16) {
    for (int64_t j = 0; j < columns; ++j) acc[j] = x[j];
    for (int64_t r = 1; r < rows; ++r)
      for (int64_t j = 0; j < columns; ++j) acc[j] += x[r * row_stride + j];
    return;
  }
  int64_t half = (rows / 2 + 15) / 16 * 16;
  T other[kColumns];
  sum_rows_pairwise(acc, x, half, row_stride, columns);
  sum_rows_pairwise(other, x + half * row_stride, rows - half, row_stride, columns);
  for (int64_t j = 0; j < columns; ++j) acc[j] += other[j];
}

template <class T>
static void sum_rows(void* acc, const void* x, int64_t rows, int64_t row_stride, int64_t columns) {
  for (int64_t j = 0; j < columns; j += kColumns)
    sum_rows_pairwise(static_cast<T*>(acc) + j, static_cast<const T*>(x) + j, rows, row_stride,
                      columns - j < kColumns ? columns - j : kColumns);
}

// --- c = a @ b: 64 bytes of columns at a time, four rows in registers. Products are rounded before
// they are added, in the order of k, so every set and every split gives the same bits.
template <class T>
struct Columns {
  static constexpr int n = 64 / sizeof(T);
  typedef T Vector __attribute__((vector_size(64)));
};

// R rows by up to one vector of columns. `add`: onto what c holds.
template <class T, int R>
static void matmul_tile(T* c, const T* a, const T* b, int64_t k, int64_t columns, int64_t a_row,
                        int64_t a_col, int64_t b_row, int64_t c_row, bool add) {
  typename Columns<T>::Vector acc[R] = {}, row;
  if (add)
    for (int i = 0; i < R; ++i)
      __builtin_memcpy(&acc[i], c + i * c_row, static_cast<size_t>(columns) * sizeof(T));
  for (int64_t p = 0; p < k; ++p) {
    __builtin_memcpy(&row, b + p * b_row, sizeof row);
    for (int i = 0; i < R; ++i) acc[i] += a[i * a_row + p * a_col] * row;
  }
  for (int i = 0; i < R; ++i)
    __builtin_memcpy(c + i * c_row, &acc[i], static_cast<size_t>(columns) * sizeof(T));
}

template <class T>
static void matmul_panel(T* c, const T* a, const T* b, int64_t m, int64_t k, int64_t columns,
                         int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row, bool add) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4)
    matmul_tile<T, 4>(c + i * c_row, a + i * a_row, b, k, columns, a_row, a_col, b_row, c_row, add);
  for (; i < m; ++i)
    matmul_tile<T, 1>(c + i * c_row, a + i * a_row, b, k, columns, a_row, a_col, b_row, c_row, add);
}

template <class T>
static void matmul(void* c_memory, const void* a_memory, const void* b_memory, int64_t m, int64_t n,
                   int64_t k, int64_t a_row, int64_t a_col, int64_t b_row, int64_t c_row) {
  auto* c = static_cast<T*>(c_memory);
  auto* a = static_cast<const T*>(a_memory);
  auto* b = static_cast<const T*>(b_memory);
  constexpr int kWidth = Columns<T>::n;
  int64_t j = 0;
  for (; j + kWidth <= n; j += kWidth)
    matmul_panel(c + j, a, b + j, m, k, kWidth, a_row, a_col, b_row, c_row, false);
  if (j == n) return;
  // The last columns are copied beside zeros, so that whole vectors can be read.
  constexpr int64_t kRows = 128;
  T padded[kRows * kWidth];
  for (int64_t p = 0; p < k; p += kRows) {
    int64_t rows = k - p < kRows ? k - p : kRows;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t q = 0; q < kWidth; ++q)
        padded[r * kWidth + q] = q < n - j ? b[(p + r) * b_row + j + q] : T(0);
    matmul_panel(c + j, a + p * a_col, padded, m, rows, n - j, a_row, a_col, int64_t{kWidth}, c_row,
                 p > 0);
  }
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
const ReductionKernels RL_REDUCTION_NAME = {
    {{nullptr, nullptr},
     {RL_ISA::sum<int64_t>, RL_ISA::sum_rows<int64_t>},
     {RL_ISA::sum<float>, RL_ISA::sum_rows<float>},
     {RL_ISA::sum<double>, RL_ISA::sum_rows<double>}},
    {nullptr, RL_ISA::matmul<int64_t>, RL_ISA::matmul<float>, RL_ISA::matmul<double>},
};
}  // namespace rl

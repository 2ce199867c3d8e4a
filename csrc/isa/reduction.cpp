// Reductions and matrix products for one instruction set; local functions only.
#include "isa/fold.h"
#include "isa/sets.h"
#include "isa/short_floats.h"
#include "kernels/math.h"
#include "kernels/tile.h"

namespace rl::RL_ISA {
namespace {

// --- reductions: lanes inside a block, blocks pairwise. The split depends on n alone.
constexpr int kFew = 16;  // elements below which lanes are not worth it
// Of long blocks: four vectors, whose joins need not wait for each other.
template <class T>
constexpr int kWideLanes = 4 * Vector<T>::n;

// join() of whole vectors, into the first of them.
#define RL_VECTORS(expression)                    \
  template <class V>                              \
  RL_FN static void join_into(V& a, const V& b) { \
    a = expression;                               \
  }

// What a reducer starts from, makes of an element, and makes of two parts.
template <class T>
struct Sum {
  static constexpr T start = 0;
  static constexpr int lanes = kWideLanes<T>;
  RL_FN static T load(T x, T) { return x; }
  RL_FN static T join(T a, T b) { return a + b; }
  RL_VECTORS(a + b)
};
template <class T>
struct SumSquares : Sum<T> {
  RL_FN static T load(T x, T m) { return (x - m) * (x - m); }
};
template <class T>
struct SumAbs : Sum<T> {
  RL_FN static T load(T x, T) { return math::abs(x); }
};
template <class T>
struct SumExp : Sum<T> {
  static constexpr int lanes = Vector<T>::n;
  RL_FN static T load(T x, T m) { return math::exp(x - m); }
};
template <class T>
struct SumNoNan : Sum<T> {
  RL_FN static T load(T x, T) { return x != x ? T(0) : x; }
};
template <class T>
struct Product {
  static constexpr T start = 1;
  static constexpr int lanes = kWideLanes<T>;
  RL_FN static T load(T x, T) { return x; }
  RL_FN static T join(T a, T b) { return a * b; }
  RL_VECTORS(a* b)
};
template <class T>
constexpr bool kFloating = __is_same(T, float) || __is_same(T, double);
template <class T>
constexpr T lowest() {
  if constexpr (kFloating<T>)
    return -math::infinity<T>();
  else if constexpr (T(-1) < T(0))
    return static_cast<T>(uint64_t{1} << (8 * sizeof(T) - 1));
  else
    return T(0);
}
template <class T>
constexpr T highest() {
  if constexpr (kFloating<T>)
    return math::infinity<T>();
  else
    return static_cast<T>(~lowest<T>());
}
template <class T>
struct Max {
  static constexpr T start = lowest<T>();
  static constexpr int lanes = kWideLanes<T>;
  RL_FN static T load(T x, T) { return x; }
  RL_FN static T join(T a, T b) { return (a > b) | (a != a) ? a : b; }
  RL_VECTORS(kFloating<T> ? (a > b) | (a != a) ? a : b : a > b ? a : b)
};
template <class T>
struct Min {
  static constexpr T start = highest<T>();
  static constexpr int lanes = kWideLanes<T>;
  RL_FN static T load(T x, T) { return x; }
  RL_FN static T join(T a, T b) { return (a < b) | (a != a) ? a : b; }
  RL_VECTORS(kFloating<T> ? (a < b) | (a != a) ? a : b : a < b ? a : b)
};
template <class T>
struct MaxAbs : Max<T> {
  RL_FN static T load(T x, T) { return math::abs(x); }
};
template <class T>
struct MinAbs : Min<T> {
  RL_FN static T load(T x, T) { return math::abs(x); }
};
// Bools as bytes: other libraries' may hold any value.
struct Any {
  static constexpr unsigned char start = 0;
  static constexpr int lanes = kWideLanes<char>;
  RL_FN static unsigned char load(unsigned char x, unsigned char) { return x != 0; }
  RL_FN static unsigned char join(unsigned char a, unsigned char b) { return a | b; }
  RL_VECTORS(a | b)
};
struct All : Any {
  static constexpr unsigned char start = 1;
  RL_FN static unsigned char join(unsigned char a, unsigned char b) { return a & b; }
  RL_VECTORS(a& b)
};

template <class T>
RL_FN T value(T x) {
  return x;
}

// `lanes` elements side by side in the type that is reduced.
template <int lanes, class T, class In>
RL_FN const T* loaded(const In* x, T* room) {
  if constexpr (__is_same(T, In))
    return x;
  else {
    for (int k = 0; k < lanes; k += 16) widen(room + k, x + k);
    return room;
  }
}

// The same for a few elements, without vectors.
template <class R, class T, class In>
static T reduce_few(const In* x, int n, T m) {
  T lane[kFew];
  for (int k = 0; k < n; ++k) lane[k] = R::join(R::start, R::load(value(x[k]), m));
  int width = 1;
  while (2 * width < n) width *= 2;
  for (; width > 0; width /= 2)
    for (int k = 0; k + width < n && k < width; ++k) lane[k] = R::join(lane[k], lane[k + width]);
  return lane[0];
}

template <class R, int lanes, class T, class In>
RL_FN void join_lanes(T* lane, const In* x, T m) {
  T room[lanes];
  const T* some = loaded<lanes>(x, room);
  for (int k = 0; k < lanes; ++k) lane[k] = R::join(lane[k], R::load(some[k], m));
}

template <class R, class T, class In>
static T reduce_block(const In* x, int64_t n, T m) {
  if (n < kFew) return reduce_few<R>(x, static_cast<int>(n), m);
  constexpr int many = R::lanes, few = Vector<T>::n;
  auto join = [](auto& a, const auto& b) { R::join_into(a, b); };
  T lane[few];
  int64_t i = 0;
  for (int k = 0; k < few; ++k) lane[k] = R::start;
  if (many > few && n >= 4 * many) {
    T wide[many];
    for (int k = 0; k < many; ++k) wide[k] = R::start;
    for (; i + many <= n; i += many) join_lanes<R, many>(wide, x + i, m);
    fold_four(lane, wide, join);
  }
  for (; i + few <= n; i += few) join_lanes<R, few>(lane, x + i, m);
  if (i == n) return fold(lane, join);
  T last[few];  // an array that is indexed by a variable lies in memory
  for (int k = 0; k < few; ++k) last[k] = lane[k];
  for (int k = 0; i < n; ++i, ++k) last[k] = R::join(last[k], R::load(value(x[i]), m));
  return fold(last, join);
}

template <class R, class T, class In>
static T reduce_pairwise(const In* x, int64_t n, T m) {
  if (n <= kReduceBlock) return reduce_block<R>(x, n, m);
  int64_t half = (n / 2 + kReduceBlock - 1) / kReduceBlock * kReduceBlock;
  T left = reduce_pairwise<R>(x, half, m);
  return R::join(left, reduce_pairwise<R>(x + half, n - half, m));
}

template <class R, class T, class In>
static void line(void* out, const void* x, int64_t n, const void* m) {
  *static_cast<T*>(out) =
      reduce_pairwise<R>(static_cast<const In*>(x), n, m ? *static_cast<const T*>(m) : T(0));
}

// A few rows: some columns of all of them at a time, whose results stay in registers.
template <class R, class T, class In>
static void rows_together(T* acc, const In* x, int64_t rows, int64_t row_stride, int64_t columns,
                          const T* m) {
  constexpr int width = R::lanes;
  int64_t j = 0;
  for (; j + width <= columns; j += width) {
    T lane[width], room[width];
    const T* some = loaded<width>(x + j, room);
    for (int k = 0; k < width; ++k) lane[k] = R::load(some[k], m[j + k]);
    for (int64_t r = 1; r < rows; ++r) {
      some = loaded<width>(x + r * row_stride + j, room);
      for (int k = 0; k < width; ++k) lane[k] = R::join(lane[k], R::load(some[k], m[j + k]));
    }
    for (int k = 0; k < width; ++k) acc[j + k] = lane[k];
  }
  for (int64_t k = j; k < columns; ++k) acc[k] = R::load(value(x[k]), m[k]);
  for (int64_t r = 1; r < rows; ++r)
    for (int64_t k = j; k < columns; ++k)
      acc[k] = R::join(acc[k], R::load(value(x[r * row_stride + k]), m[k]));
}

template <class R, class T, class In>
static void rows_pairwise(T* acc, const In* x, int64_t rows, int64_t row_stride, int64_t columns,
                          const T* m) {
  if (rows <= kReduceRows) return rows_together<R>(acc, x, rows, row_stride, columns, m);
  int64_t half = (rows / 2 + kReduceRows - 1) / kReduceRows * kReduceRows;
  T other[kReduceColumns];
  rows_pairwise<R>(acc, x, half, row_stride, columns, m);
  rows_pairwise<R>(other, x + half * row_stride, rows - half, row_stride, columns, m);
  for (int64_t j = 0; j < columns; ++j) acc[j] = R::join(acc[j], other[j]);
}

template <class R, class T, class In>
static void rows(void* acc, const void* x, int64_t n, int64_t row_stride, int64_t columns,
                 const void* m) {
  const T none[kReduceColumns] = {};
  for (int64_t j = 0; j < columns; j += kReduceColumns)
    rows_pairwise<R>(static_cast<T*>(acc) + j, static_cast<const In*>(x) + j, n, row_stride,
                     columns - j < kReduceColumns ? columns - j : kReduceColumns,
                     m ? static_cast<const T*>(m) + j : none);
}

// Extremes of integers need no more than their own type, nor any order; `T` is the result's.
template <class R, class T, class In>
static void own_line(void* out, const void* x, int64_t n, const void*) {
  *static_cast<T*>(out) = reduce_block<R>(static_cast<const In*>(x), n, In(0));
}
template <class R, class T, class In>
static void own_rows(void* acc, const void* x, int64_t n, int64_t row_stride, int64_t columns,
                     const void*) {
  const In none[kReduceColumns] = {};
  In own[kReduceColumns];
  for (int64_t j = 0; j < columns; j += kReduceColumns) {
    int64_t width = columns - j < kReduceColumns ? columns - j : kReduceColumns;
    rows_pairwise<R>(own, static_cast<const In*>(x) + j, n, row_stride, width, none);
    for (int64_t k = 0; k < width; ++k) static_cast<T*>(acc)[j + k] = own[k];
  }
}

template <class R, class T>
constexpr ReduceKernels kernels() {
  return {&line<R, T, T>, &rows<R, T, T>};
}
template <class R, class In>
constexpr ReduceKernels wide_kernels() {
  return {&line<R, float, In>, &rows<R, float, In>};
}
template <class R, class In>
constexpr ReduceKernels own_kernels() {
  return {&own_line<R, int64_t, In>, &own_rows<R, int64_t, In>};
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

// --- y = a @ v. Rows: kDotLanes sums side by side, joined in halves; columns: in the order of k.
constexpr int kDotLanes = 32;

template <class T>
static T row_dot(const T* a, const T* v, int64_t k) {
  T lane[kDotLanes] = {};
  int64_t p = 0;
  for (; p + kDotLanes <= k; p += kDotLanes)
    for (int q = 0; q < kDotLanes; ++q) lane[q] += a[p + q] * v[p + q];
  for (int q = 0; p < k; ++p, ++q) lane[q] += a[p] * v[p];
  for (int width = kDotLanes / 2; width > 0; width /= 2)
    for (int q = 0; q < width; ++q) lane[q] += lane[q + width];
  return lane[0];
}

// Long rows are halved at multiples of kReduceBlock, as sums are.
template <class T>
static T row_dot_pairwise(const T* a, const T* v, int64_t k) {
  if (k <= 4 * kReduceBlock) return row_dot(a, v, k);
  int64_t half = (k / 2 + kReduceBlock - 1) / kReduceBlock * kReduceBlock;
  T left = row_dot_pairwise(a, v, half);
  return left + row_dot_pairwise(a + half, v + half, k - half);
}

template <class T>
static void column_sums(T* __restrict y, const T* __restrict a, const T* v, int64_t m, int64_t k,
                        int64_t a_col) {
  for (int64_t i = 0; i < m; ++i) y[i] = T(0);
  int64_t p = 0;
  for (; p + 4 <= k; p += 4, a += 4 * a_col)
    for (int64_t i = 0; i < m; ++i)
      y[i] = y[i] + a[i] * v[p] + a[i + a_col] * v[p + 1] + a[i + 2 * a_col] * v[p + 2] +
             a[i + 3 * a_col] * v[p + 3];
  for (; p < k; ++p, a += a_col)
    for (int64_t i = 0; i < m; ++i) y[i] += a[i] * v[p];
}

// R rows of up to 4 kReduceBlock elements with row_dot()'s bits. What a vector reads behind the end
// of a row, where others begin, is masked.
template <class T, int R>
static void row_dots(T* y, const T* a, const T* v, int64_t k, int64_t a_row) {
  constexpr int kLong = kNative / sizeof(T), kVectors = kDotLanes / kLong;
  typedef T Vector __attribute__((vector_size(kNative)));
  typedef decltype(Vector() == Vector()) Mask;
  const int64_t whole = k / kDotLanes * kDotLanes;
  Vector last[kVectors] = {};
  Mask kept[kVectors] = {};
  for (int64_t p = whole; p < k; ++p) {
    reinterpret_cast<T*>(last)[p - whole] = v[p];
    kept[(p - whole) / kLong][(p - whole) % kLong] = -1;
  }
  T lane[R * kLong];
  for (int r = 0; r < R; ++r, a += a_row) {
    Vector sum[kVectors] = {}, x, w;
    for (int64_t p = 0; p < k; p += 64 / sizeof(T)) __builtin_prefetch(a + R * a_row + p);
    for (int64_t p = 0; p < whole; p += kDotLanes)
      for (int q = 0; q < kVectors; ++q) {
        __builtin_memcpy(&x, a + p + q * kLong, sizeof x);
        __builtin_memcpy(&w, v + p + q * kLong, sizeof w);
        sum[q] += x * w;
      }
    for (int q = 0; q < kVectors; ++q) {
      if (whole + q * kLong >= k) break;
      __builtin_memcpy(&x, a + whole + q * kLong, sizeof x);
      sum[q] += reinterpret_cast<Vector>(reinterpret_cast<Mask>(x) & kept[q]) * last[q];
    }
    for (int width = kVectors / 2; width > 0; width /= 2)
      for (int q = 0; q < width; ++q) sum[q] += sum[q + width];
    __builtin_memcpy(lane + r * kLong, sum, sizeof x);
  }
  for (int width = kLong / 2; width > 1; width /= 2)
    for (int r = 0; r < R; ++r)
      for (int q = 0; q < width; ++q) lane[r * kLong + q] += lane[r * kLong + q + width];
  for (int r = 0; r < R; ++r) y[r] = lane[r * kLong] + lane[r * kLong + 1];
}

template <class T>
static void matvec(void* y_memory, const void* a_memory, const void* v_memory, int64_t m, int64_t k,
                   int64_t a_row, int64_t a_col) {
  auto* y = static_cast<T*>(y_memory);
  auto* a = static_cast<const T*>(a_memory);
  auto* v = static_cast<const T*>(v_memory);
  if (a_col == 1) {
    constexpr int kTogether = 16, kLong = kNative / sizeof(T);
    const int64_t read = (k + kLong - 1) / kLong * kLong - k;  // behind the end of a row
    int64_t i = 0;
    if (a_row >= k && k <= 4 * kReduceBlock)
      for (; (m - i - kTogether) * a_row >= read; i += kTogether)
        row_dots<T, kTogether>(y + i, a + i * a_row, v, k, a_row);
    for (; i < m; ++i) y[i] = row_dot_pairwise(a + i * a_row, v, k);
    return;
  }
  constexpr int64_t kRows = 1024;
  for (int64_t i = 0; i < m; i += kRows)
    column_sums(y + i, a + i, v, m - i < kRows ? m - i : kRows, k, a_col);
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
using RL_ISA::kernels;
using RL_ISA::own_kernels;
using RL_ISA::wide_kernels;
#define RL_FLOATS(R) kernels<RL_ISA::R<float>, float>(), kernels<RL_ISA::R<double>, double>()
#define RL_NUMBERS(R) kernels<RL_ISA::R<int64_t>, int64_t>(), RL_FLOATS(R)
#define RL_BOOLS(R) kernels<RL_ISA::R, unsigned char>()

#define RL_SHORT(R)                                  \
  wide_kernels<RL_ISA::R<float>, RL_ISA::Float16>(), \
      wide_kernels<RL_ISA::R<float>, RL_ISA::Brain16>()
#define RL_OWN(R)                                                                       \
  own_kernels<RL_ISA::R<uint8_t>, uint8_t>(), own_kernels<RL_ISA::R<int8_t>, int8_t>(), \
      own_kernels<RL_ISA::R<int16_t>, int16_t>(), own_kernels<RL_ISA::R<int32_t>, int32_t>()

const ReductionKernels RL_REDUCTION_NAME = {
    {{{}, RL_NUMBERS(Sum)},
     {{}, {}, RL_FLOATS(SumSquares)},
     {{}, {}, RL_FLOATS(SumAbs)},
     {{}, {}, RL_FLOATS(SumExp)},
     {{}, {}, RL_FLOATS(SumNoNan)},
     {{}, RL_NUMBERS(Product)},
     {RL_BOOLS(Any), RL_NUMBERS(Max)},
     {RL_BOOLS(All), RL_NUMBERS(Min)},
     {{}, {}, RL_FLOATS(MaxAbs)},
     {{}, {}, RL_FLOATS(MinAbs)}},
    {nullptr, RL_ISA::matmul<int64_t>, RL_ISA::matmul<float>, RL_ISA::matmul<double>},
    {nullptr, RL_ISA::matvec<int64_t>, RL_ISA::matvec<float>, RL_ISA::matvec<double>},
    {{{}, {}, {}, {}, {}, {}, RL_SHORT(Sum)},
     {{}, RL_OWN(Max), {}, RL_SHORT(Max)},
     {{}, RL_OWN(Min), {}, RL_SHORT(Min)}},
};
}  // namespace rl

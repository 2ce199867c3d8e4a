#include "kernels/gemm.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/allocator.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/unlocked.h"
#include "kernels/blas.h"
#include "kernels/iterator.h"
#include "kernels/pool.h"

namespace rl {

namespace {

// Below this many multiplications the loading of a library (5 ms) is never earned back.
constexpr int64_t kWorthBlas = 2048;
// Least rows and multiplications of a panel. OpenBLAS packs the other factor again for each: with
// 1024 x 1024 matrices, panels of 512 rows cost 6 % on one thread, of 256 rows 13 %.
constexpr int64_t kPanelRows = 512;
constexpr double kPanelWork = 1 << 24;

// Row-major memory for the time of a product.
template <class T>
class Scratch {
 public:
  Scratch(int64_t rows, int64_t columns) : columns_(columns) {
    int64_t bytes;
    bool fits = !__builtin_mul_overflow(rows, columns, &bytes) &&
                !__builtin_mul_overflow(bytes, static_cast<int64_t>(sizeof(T)), &bytes);
    check(fits, ErrorKind::kMemory, "cannot allocate memory for a product of ", rows, " x ",
          columns, " elements");
    data_ = static_cast<T*>(data_alloc(static_cast<size_t>(bytes), &capacity_));
  }
  ~Scratch() { data_free(data_, capacity_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  Strided<T> get() const { return {data_, columns_, 1}; }

 private:
  T* data_;
  int64_t columns_;
  size_t capacity_ = 0;
};

template <class T>
void copy(Strided<T> to, Strided<const T> from, int64_t rows, int64_t columns) {
  const int64_t sizes[] = {rows, columns};
  const int64_t out[] = {to.row, to.column}, in[] = {from.row, from.column};
  run_copy(to.data, out, dtype_of<T>(), from.data, in, dtype_of<T>(), sizes, 2);
}

template <class T>
Strided<const T> readable(Strided<T> t) {
  return {t.data, t.row, t.column};
}

// --- Our own loops.

// A column of short sums, which are cheaper term by term than row by row.
constexpr int64_t kShort = 8;
template <class T>
void short_sums(int64_t m, int64_t k, Strided<const T> a, Strided<const T> b, T* c, int64_t c_row) {
  for (int64_t i = 0; i < m; ++i) c[i * c_row] = *a.at(i, 0) * *b.data;
  for (int64_t p = 1; p < k; ++p) {
    T factor = *b.at(p, 0);
    for (int64_t i = 0; i < m; ++i) c[i * c_row] += *a.at(i, p) * factor;
  }
}

// c = a @ b; rows of b and c are contiguous.
template <class T>
void own_product(int64_t m, int64_t n, int64_t k, Strided<const T> a, Strided<const T> b, T* c,
                 int64_t c_row) {
  constexpr size_t type = compute_index(dtype_of<T>());
  Unlocked unlocked(static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) /
                    (n == 1 ? 1 : Unlocked::kMultiplications));
  if (n == 1 && k <= kShort && b.row == 1)
    short_sums(m, k, a, b, c, c_row);
  else if (n == 1 && (c_row == 1 || m == 1) && b.row == 1 && a.column == 1)
    parallel_for(m, 4 * parallel_grain() / k + 1, [&](int64_t begin, int64_t end) {
      kernel_set->matvec[type](c + begin, a.at(begin, 0), b.data, end - begin, k, a.row, a.column);
    });
  else if (n == 1 && (c_row == 1 || m == 1) && b.row == 1 && a.row == 1)
    kernel_set->matvec[type](c, a.data, b.data, m, k, a.row, a.column);
  else
    kernel_set->matmul[type](c, a.data, b.data, m, n, k, a.row, a.column, b.row, c_row);
}

// c = alpha product + beta added, for a product with contiguous rows, which is overwritten; it may
// be c itself.
template <class T>
void combine(int64_t m, int64_t n, T* product, int64_t row, T alpha, T beta, Strided<const T> added,
             Strided<T> c) {
  for (int64_t i = 0; i < m; ++i) {
    T *from = product + i * row, *to = c.at(i, 0);
    const T* add = added.at(i, 0);
    if (alpha != T(1))
      for (int64_t j = 0; j < n; ++j) from[j] *= alpha;
    if (beta != T(0))
      for (int64_t j = 0; j < n; ++j) from[j] += beta * add[j * added.column];
    for (int64_t j = 0; from != to && j < n; ++j) to[j * c.column] = from[j];
  }
}

// Longer sums than this are taken in parts, so that their error does not grow with k.
constexpr int64_t kDeep = 4096;

// Block by block on the stack, with the bits of the whole product.
template <class T>
void own_blocks(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
                T beta, Strided<const T> added, Strided<T> c) {
  constexpr int64_t kSide = 64;
  T sum[kSide * kSide], part[kSide * kSide];
  const int64_t height = n == 1 ? kSide * kSide : kSide;
  for (int64_t j = 0; j < n; j += kSide)
    for (int64_t i = 0; i < m; i += height) {
      int64_t rows = std::min(height, m - i), columns = std::min(kSide, n - j);
      if (k == 0) std::fill_n(sum, rows * columns, T(0));
      for (int64_t p = 0; p < k; p += kDeep) {
        own_product<T>(rows, columns, std::min(kDeep, k - p), {a.at(i, p), a.row, a.column},
                       {b.at(p, j), b.row, b.column}, p ? part : sum, columns);
        for (int64_t q = 0; p && q < rows * columns; ++q) sum[q] += part[q];
      }
      combine<T>(rows, columns, sum, columns, alpha, beta,
                 {added.at(i, j), added.row, added.column}, {c.at(i, j), c.row, c.column});
    }
}

template <class T>
void own_multiply(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
                  T beta, Strided<const T> added, Strided<T> c) {
  if (n > 1 && b.column != 1 && k) {
    Scratch<T> packed(k, n);
    copy(packed.get(), b, k, n);
    own_multiply(m, n, k, alpha, a, readable(packed.get()), beta, added, c);
  } else if (k && (beta == T(0) || added.data != c.data) &&
             (n > 1 ? c.column == 1 : c.row == 1 || m == 1) &&
             (k <= kDeep || (n == 1 && a.column == 1 && b.row == 1))) {
    own_product(m, n, k, a, b, c.data, c.row);
    if (alpha != T(1) || beta != T(0)) combine(m, n, c.data, c.row, alpha, beta, added, c);
  } else {
    own_blocks(m, n, k, alpha, a, b, beta, added, c);
  }
}

// --- By BLAS.

// Whether a matrix lies row by row in a way that BLAS takes.
bool by_rows(int64_t rows, int64_t columns, int64_t row, int64_t column) {
  return (column == 1 || columns == 1) && (row >= columns || rows == 1);
}

// A factor as BLAS takes it, copied only where neither its rows nor its columns are contiguous.
template <class T>
class Factor {
 public:
  Factor(Strided<const T> t, int64_t rows, int64_t columns) {
    if (by_rows(rows, columns, t.row, t.column)) {
      get_ = {t.data, rows == 1 ? columns : t.row, false};
    } else if (by_rows(columns, rows, t.column, t.row)) {
      get_ = {t.data, columns == 1 ? rows : t.column, true};
    } else {
      copy_ = std::make_unique<Scratch<T>>(rows, columns);
      copy(copy_->get(), t, rows, columns);
      get_ = {copy_->get().data, columns, false};
    }
  }
  const BlasFactor<T>& get() const { return get_; }
  // The rows from `first` on.
  BlasFactor<T> rows_from(int64_t first) const {
    return {get_.data + first * (get_.transposed ? 1 : get_.lead), get_.lead, get_.transposed};
  }
  BlasFactor<T> columns_from(int64_t first) const {
    return {get_.data + first * (get_.transposed ? get_.lead : 1), get_.lead, get_.transposed};
  }

 private:
  BlasFactor<T> get_;
  std::unique_ptr<Scratch<T>> copy_;
};

// The one place where a product is divided. Threads may take the panels in any order, but where
// they are cut depends on the shape alone, for with some of OpenBLAS's kernels the bits do, too.
// `others`: multiplications of one row.
template <class Panel>
void for_panels(int64_t rows, double others, const Panel& panel) {
  Unlocked unlocked(unlocked_work(static_cast<double>(rows) * others));
  auto height = std::max(kPanelRows, static_cast<int64_t>(kPanelWork / others));
  int64_t panels = std::max(rows / height, int64_t{1});
  auto part = [&](int64_t i) { panel(i * height, i + 1 == panels ? rows - i * height : height); };
  if (blas_side_by_side()) return parallel_parts(panels, part);
  for (int64_t i = 0; i < panels; ++i) part(i);
}

template <class T>
void blas_matrix(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
                 T beta, T* c, int64_t c_row) {
  Factor<T> left(a, m, k), right(b, k, n);
  if (m >= n)
    for_panels(m, static_cast<double>(n) * static_cast<double>(k), [&](int64_t i, int64_t rows) {
      blas_gemm(rows, n, k, alpha, left.rows_from(i), right.get(), beta, c + i * c_row, c_row);
    });
  else
    for_panels(n, static_cast<double>(m) * static_cast<double>(k), [&](int64_t j, int64_t columns) {
      blas_gemm(m, columns, k, alpha, left.get(), right.columns_from(j), beta, c + j, c_row);
    });
}

template <class T>
void blas_vector(int64_t m, int64_t k, T alpha, Strided<const T> a, const T* x, int64_t x_step,
                 T beta, T* y, int64_t y_step) {
  Factor<T> left(a, m, k);
  auto run = [&](const T* from, int64_t step) {
    // A matrix that is read once takes as long as so many sums.
    double sums = static_cast<double>(m) * static_cast<double>(k);
    Unlocked unlocked(unlocked_work(sums * Unlocked::kMultiplications));
    blas_gemv(m, k, alpha, left.get(), from, step, beta, y, y_step);
  };
  if (x_step > 0) return run(x, x_step);
  Scratch<T> vector(k, 1);
  copy(vector.get(), {x, x_step, 1}, k, 1);
  run(readable(vector.get()).data, 1);
}

template <class T>
void blas_multiply(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
                   T beta, Strided<T> c) {
  if (n == 1 && c.row > 0) {
    blas_vector(m, k, alpha, a, b.data, b.row, beta, c.data, c.row);
  } else if (m == 1 && c.column > 0) {
    blas_vector(n, k, alpha, b.transposed(), a.data, a.column, beta, c.data, c.column);
  } else if (by_rows(m, n, c.row, c.column)) {
    blas_matrix(m, n, k, alpha, a, b, beta, c.data, m == 1 ? n : c.row);
  } else if (by_rows(n, m, c.column, c.row)) {
    blas_matrix(n, m, k, alpha, b.transposed(), a.transposed(), beta, c.data,
                n == 1 ? m : c.column);
  } else {
    Scratch<T> whole(m, n);
    if (beta != T(0)) copy(whole.get(), readable(c), m, n);
    blas_matrix(m, n, k, alpha, a, b, beta, whole.get().data, n);
    copy(c, readable(whole.get()), m, n);
  }
}

bool within(int64_t limit, std::initializer_list<int64_t> numbers) {
  return std::max(numbers) <= limit;
}

// Whether BLAS is worth it and can do it. A single sum of products is as fast in our own loop, and
// there pairwise.
template <class T>
bool takes_blas(int64_t m, int64_t n, int64_t k, Strided<const T> a, Strided<const T> b,
                Strided<T> c) {
  if (std::is_integral_v<T> || k == 0 || (m == 1 && n == 1)) return false;
  bool worth = m >= kWorthBlas || n >= kWorthBlas || k >= kWorthBlas || m * n * k >= kWorthBlas;
  return worth && blas_ready() &&
         within(blas_limit(), {m, n, k, a.row, a.column, b.row, b.column, c.row, c.column});
}

// Whether a matrix with contiguous rows or columns goes through our own loops times a vector.
// OpenBLAS reads lines of whole 16 bytes as fast as memory gives them, but others, where they are
// short, at half of that.
template <class T>
bool takes_own_loop(int64_t m, int64_t k, Strided<const T> a, Strided<const T> v,
                    Strided<const T> added, Strided<T> c) {
  constexpr int64_t kShortLine = 1024, kBlasLine = 4;
  if (v.row != 1 || c.row != 1 || added.data == c.data) return false;
  // Narrower sets gain nothing by rows, and none does by the shortest.
  if (a.column == 1)
    return a.row >= k && within(kShortLine, {k}) && k > 32 && k % kBlasLine &&
           std::strcmp(kernel_set->name, "v4") == 0;
  return a.row == 1 && a.column >= m && within(kShortLine, {m}) && m > 8 && m % kBlasLine;
}

bool lies_in_lines(int64_t rows, int64_t columns, int64_t row, int64_t column) {
  return by_rows(rows, columns, row, column) || by_rows(columns, rows, column, row);
}

}  // namespace

double unlocked_work(double multiplications) {
  double sums = multiplications / Unlocked::kMultiplications;
  return Unlocked::is_worth(sums) && blas_has_room_unlocked() ? sums : 0;
}

template <class T>
void multiply(int64_t m, int64_t n, int64_t k, T alpha, Strided<const T> a, Strided<const T> b,
              T beta, Strided<const T> added, Strided<T> c) {
  if (m == 0 || n == 0) return;
  if constexpr (!std::is_integral_v<T>) {
    if (alpha != T(0) && takes_blas(m, n, k, a, b, c)) {
      Strided<const T> none{nullptr, 0, 0}, onto = beta == T(0) ? none : added;
      if (n == 1 && takes_own_loop(m, k, a, b, onto, c))
        return own_multiply(m, n, k, alpha, a, b, beta, added, c);
      if (m == 1 && takes_own_loop(n, k, b.transposed(), a.transposed(), onto, c.transposed()))
        return own_multiply(n, m, k, alpha, b.transposed(), a.transposed(), beta,
                            added.transposed(), c.transposed());
      if (beta != T(0) && added.data != c.data) copy(c, added, m, n);
      return blas_multiply(m, n, k, alpha, a, b, beta, c);
    }
  }
  own_multiply(m, n, k, alpha, a, b, beta, added, c);
}

template <class T>
bool multiplies_in_place(int64_t m, int64_t n, int64_t k, Strided<const T> a, Strided<const T> b,
                         Strided<T> c) {
  if (m == 0 || n == 0) return true;
  if (n > 1 && b.column != 1 && !takes_blas(m, n, k, a, b, c)) return false;
  bool forward = (n > 1 || (b.row > 0 && c.row > 0)) && (m > 1 || (a.column > 0 && c.column > 0));
  return forward && lies_in_lines(m, k, a.row, a.column) && lies_in_lines(k, n, b.row, b.column) &&
         lies_in_lines(m, n, c.row, c.column) &&
         (!takes_blas(m, n, k, a, b, c) || blas_side_by_side());
}

template void multiply(int64_t, int64_t, int64_t, int64_t, Strided<const int64_t>,
                       Strided<const int64_t>, int64_t, Strided<const int64_t>, Strided<int64_t>);
template void multiply(int64_t, int64_t, int64_t, float, Strided<const float>, Strided<const float>,
                       float, Strided<const float>, Strided<float>);
template void multiply(int64_t, int64_t, int64_t, double, Strided<const double>,
                       Strided<const double>, double, Strided<const double>, Strided<double>);

template bool multiplies_in_place(int64_t, int64_t, int64_t, Strided<const int64_t>,
                                  Strided<const int64_t>, Strided<int64_t>);
template bool multiplies_in_place(int64_t, int64_t, int64_t, Strided<const float>,
                                  Strided<const float>, Strided<float>);
template bool multiplies_in_place(int64_t, int64_t, int64_t, Strided<const double>,
                                  Strided<const double>, Strided<double>);

}  // namespace rl

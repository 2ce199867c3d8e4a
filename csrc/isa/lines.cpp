// Kernels over whole lines for one instruction set: softmax and layer_norm; local functions only.
// Sums are pairwise, split by their length alone.
#include "isa/fold.h"
#include "isa/sets.h"
#include "kernels/math.h"
#include "kernels/tile.h"

namespace rl::RL_ISA {
namespace {

constexpr int64_t kBlock = 1024, kColumns = 64, kRows = 16;

RL_FN int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

RL_FN int64_t half_of(int64_t n) { return (n / 2 + kBlock - 1) / kBlock * kBlock; }

template <class T>
static T sum(const T* x, int64_t n) {
  if (n > kBlock) {
    int64_t half = half_of(n);
    return sum(x, half) + sum(x + half, n - half);
  }
  auto plus = [](auto& a, const auto& b) { a += b; };
  constexpr int kLanes = Vector<T>::n, kWideLanes = 4 * kLanes;
  T lane[kLanes] = {};
  int64_t i = 0;
  if (n >= 4 * kWideLanes) {
    T wide[kWideLanes] = {};
    for (; i + kWideLanes <= n; i += kWideLanes)
      for (int k = 0; k < kWideLanes; ++k) wide[k] += x[i + k];
    fold_four(lane, wide, plus);
  }
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lane[k] += x[i + k];
  if (i == n) return fold(lane, plus);
  T last[kLanes];  // an array that is indexed by a variable lies in memory
  for (int k = 0; k < kLanes; ++k) last[k] = lane[k];
  for (int k = 0; i < n; ++i, ++k) last[k] += x[i];
  return fold(last, plus);
}

// The sum of term(i) for i < n; the terms of a block are computed side by side.
template <class T, class Term>
static T sum_terms(int64_t begin, int64_t n, const Term& term) {
  if (n > kBlock) {
    int64_t half = half_of(n);
    return sum_terms<T>(begin, half, term) + sum_terms<T>(begin + half, n - half, term);
  }
  T terms[kBlock];
  for (int64_t i = 0; i < n; ++i) terms[i] = term(begin + i);
  return sum(terms, n);
}

// acc[j] = the sum of row(r)[j] over the rows.
template <class T, class Row>
static void sum_rows(T* acc, int64_t begin, int64_t rows, int64_t columns, const Row& row) {
  if (rows > kRows) {
    int64_t half = (rows / 2 + kRows - 1) / kRows * kRows;
    T other[kColumns];
    sum_rows(acc, begin, half, columns, row);
    sum_rows(other, begin + half, rows - half, columns, row);
    for (int64_t j = 0; j < columns; ++j) acc[j] += other[j];
    return;
  }
  for (int64_t j = 0; j < columns; ++j) acc[j] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = row(begin + r);
    for (int64_t j = 0; j < columns; ++j) acc[j] += x[j];
  }
}

// NaN wins.
template <class T>
RL_FN T larger(T a, T b) {
  return (a > b) | (a != a) ? a : b;
}

template <class T>
RL_FN T greater(T a, T b) {
  return a > b ? a : b;
}

// NaN may be passed over: a line with one has a sum of NaN, and so nothing else in its result.
template <class T>
static T largest(const T* x, int64_t n) {
  auto join = [](auto& a, const auto& b) { a = a > b ? a : b; };
  constexpr int kLanes = Vector<T>::n, kWideLanes = 4 * kLanes;
  T lane[kLanes], most = -math::infinity<T>();
  for (int k = 0; k < kLanes; ++k) lane[k] = most;
  int64_t i = 0;
  if (n >= 2 * kWideLanes) {
    T wide[kWideLanes];
    for (int k = 0; k < kWideLanes; ++k) wide[k] = most;
    for (; i + kWideLanes <= n; i += kWideLanes)
      for (int k = 0; k < kWideLanes; ++k) wide[k] = greater(wide[k], x[i + k]);
    fold_four(lane, wide, join);
  }
  for (; i + kLanes <= n; i += kLanes)
    for (int k = 0; k < kLanes; ++k) lane[k] = greater(lane[k], x[i + k]);
  for (; i < n; ++i) most = greater(most, x[i]);
  return greater(fold(lane, join), most);
}

template <class T>
static void largest_rows(T* m, const T* x, int64_t n, int64_t stride, int64_t columns) {
  for (int64_t j = 0; j < columns; ++j) m[j] = x[j];
  for (int64_t r = 1; r < n; ++r)
    for (int64_t j = 0; j < columns; ++j) m[j] = larger(m[j], x[r * stride + j]);
}

// out = e^(x - m), and their sum: a block is still in the cache when it is added up.
template <class T>
static T exp_and_sum(T* out, const T* x, T m, int64_t n) {
  if (n > kBlock) {
    int64_t half = half_of(n);
    T left = exp_and_sum(out, x, m, half);
    return left + exp_and_sum(out + half, x + half, m, n - half);
  }
  for (int64_t i = 0; i < n; ++i) out[i] = x[i] - m;
  for (int64_t i = 0; i < n; ++i) out[i] = math::exp(out[i]);
  return sum(out, n);
}

// Floats times an inverse in double are the quotients: two floats' is 2^-49 of itself away from
// where the rounding changes, or more, and the product wrong by 2^-52.
RL_FN double inverse(float x) { return 1.0 / x; }
RL_FN float quotient(float x, double inverse) { return static_cast<float>(x * inverse); }
RL_FN double inverse(double x) { return x; }
RL_FN double quotient(double x, double divisor) { return x / divisor; }

template <class T>
RL_FN void divide_line(T* out, int64_t n, T total) {
  const double by = inverse(total);
  for (int64_t i = 0; i < n; ++i) out[i] = quotient(out[i], by);
}

// Short lines are taken in groups, so that the exponentials always fill whole vectors.
template <class T>
static void softmax_lines(T* out, const T* x, int64_t lines, int64_t n) {
  int64_t group = n >= kBlock ? 1 : kBlock / n;
  for (int64_t at = 0; at < lines; at += group, out += group * n, x += group * n) {
    if (group == 1) {
      divide_line(out, n, exp_and_sum(out, x, largest(x, n), n));
      continue;
    }
    int64_t count = smaller(group, lines - at);
    for (int64_t k = 0; k < count; ++k) {
      T m = largest(x + k * n, n);
      for (int64_t i = 0; i < n; ++i) out[k * n + i] = x[k * n + i] - m;
    }
    for (int64_t i = 0; i < count * n; ++i) out[i] = math::exp(out[i]);
    for (int64_t k = 0; k < count; ++k) divide_line(out + k * n, n, sum(out + k * n, n));
  }
}

template <class T>
static void log_softmax_lines(T* out, const T* x, int64_t lines, int64_t n) {
  int64_t group = n >= kBlock ? 1 : kBlock / n;
  T powers[kBlock], total[kBlock], m[kBlock];
  for (int64_t at = 0; at < lines; at += group, out += group * n, x += group * n) {
    int64_t count = smaller(group, lines - at);
    for (int64_t k = 0; k < count; ++k) m[k] = largest(x + k * n, n);
    if (n > kBlock) {
      T most = m[0];
      total[0] = sum_terms<T>(0, n, [&](int64_t i) { return math::exp(x[i] - most); });
    } else {
      for (int64_t k = 0; k < count; ++k)
        for (int64_t i = 0; i < n; ++i) powers[k * n + i] = x[k * n + i] - m[k];
      for (int64_t i = 0; i < count * n; ++i) powers[i] = math::exp(powers[i]);
      for (int64_t k = 0; k < count; ++k) total[k] = sum(powers + k * n, n);
    }
    for (int64_t k = 0; k < count; ++k) total[k] = math::log(total[k]);
    for (int64_t k = 0; k < count; ++k)
      for (int64_t i = 0; i < n; ++i) out[k * n + i] = x[k * n + i] - m[k] - total[k];
  }
}

template <class T>
static void softmax_columns(T* out, const T* x, int64_t n, int64_t stride, int64_t columns) {
  T m[kColumns], total[kColumns];
  largest_rows(m, x, n, stride, columns);
  sum_rows(total, 0, n, columns, [&](int64_t r) {
    for (int64_t j = 0; j < columns; ++j) out[r * stride + j] = math::exp(x[r * stride + j] - m[j]);
    return out + r * stride;
  });
  double by[kColumns];
  for (int64_t j = 0; j < columns; ++j) by[j] = inverse(total[j]);
  for (int64_t r = 0; r < n; ++r)
    for (int64_t j = 0; j < columns; ++j)
      out[r * stride + j] = quotient(out[r * stride + j], by[j]);
}

template <class T>
static void log_softmax_columns(T* out, const T* x, int64_t n, int64_t stride, int64_t columns) {
  T m[kColumns], total[kColumns], powers[kColumns];
  largest_rows(m, x, n, stride, columns);
  sum_rows(total, 0, n, columns, [&](int64_t r) {
    for (int64_t j = 0; j < columns; ++j) powers[j] = math::exp(x[r * stride + j] - m[j]);
    return static_cast<const T*>(powers);
  });
  for (int64_t j = 0; j < columns; ++j) total[j] = math::log(total[j]);
  for (int64_t r = 0; r < n; ++r)
    for (int64_t j = 0; j < columns; ++j) out[r * stride + j] = x[r * stride + j] - m[j] - total[j];
}

template <class T, bool Log>
static void softmax(void* out_memory, const void* x_memory, const void*, int64_t lines, int64_t n,
                    int64_t columns, int64_t row) {
  auto* out = static_cast<T*>(out_memory);
  auto* x = static_cast<const T*>(x_memory);
  if (row == 1) return Log ? log_softmax_lines(out, x, lines, n) : softmax_lines(out, x, lines, n);
  for (int64_t line = 0; line < lines; ++line, out += n * row, x += n * row)
    for (int64_t j = 0; j < columns; j += kColumns) {
      int64_t width = smaller(columns - j, kColumns);
      Log ? log_softmax_columns(out + j, x + j, n, row, width)
          : softmax_columns(out + j, x + j, n, row, width);
    }
}

// y (g - sum(g y)), or g - e^y sum(g) for the logarithm.
template <class T, bool Log>
static void softmax_slope(void* out_memory, const void* y_memory, const void* g_memory,
                          int64_t lines, int64_t n, int64_t columns, int64_t row) {
  auto* out = static_cast<T*>(out_memory);
  auto* y = static_cast<const T*>(y_memory);
  auto* g = static_cast<const T*>(g_memory);
  for (int64_t line = 0; line < lines; ++line, out += n * row, y += n * row, g += n * row) {
    if (row == 1) {
      T total = Log ? sum(g, n) : sum_terms<T>(0, n, [&](int64_t i) { return g[i] * y[i]; });
      for (int64_t i = 0; i < n; ++i)
        out[i] = Log ? g[i] - math::exp(y[i]) * total : (g[i] - total) * y[i];
      continue;
    }
    for (int64_t first = 0; first < columns; first += kColumns) {
      int64_t width = smaller(columns - first, kColumns);
      T total[kColumns], products[kColumns];
      sum_rows(total, 0, n, width, [&](int64_t r) {
        const T* gr = g + r * row + first;
        if (Log) return gr;
        for (int64_t j = 0; j < width; ++j) products[j] = gr[j] * y[r * row + first + j];
        return static_cast<const T*>(products);
      });
      for (int64_t r = 0; r < n; ++r)
        for (int64_t j = 0; j < width; ++j) {
          int64_t at = r * row + first + j;
          out[at] = Log ? g[at] - math::exp(y[at]) * total[j] : (g[at] - total[j]) * y[at];
        }
    }
  }
}

template <class T>
static void layer_norm(void* out_memory, void* mean_memory, void* rstd_memory, const void* x_memory,
                       const void* weight_memory, const void* bias_memory, int64_t lines, int64_t n,
                       double eps) {
  auto* out = static_cast<T*>(out_memory);
  auto* x = static_cast<const T*>(x_memory);
  auto* weight = static_cast<const T*>(weight_memory);
  auto* bias = static_cast<const T*>(bias_memory);
  for (int64_t line = 0; line < lines; ++line, out += n, x += n) {
    T mean = sum(x, n) / static_cast<T>(n);
    T variance = sum_terms<T>(0, n, [&](int64_t i) { return (x[i] - mean) * (x[i] - mean); }) /
                 static_cast<T>(n);
    T rstd = T(1) / math::sqrt(variance + static_cast<T>(eps));
    static_cast<T*>(mean_memory)[line] = mean;
    static_cast<T*>(rstd_memory)[line] = rstd;
    for (int64_t i = 0; i < n; ++i) out[i] = (x[i] - mean) * rstd;
    if (weight)
      for (int64_t i = 0; i < n; ++i) out[i] *= weight[i];
    if (bias)
      for (int64_t i = 0; i < n; ++i) out[i] += bias[i];
  }
}

template <class T>
static void layer_norm_slope(void* grad_x, const void* g_memory, const void* x_memory,
                             const void* mean_memory, const void* rstd_memory,
                             const void* weight_memory, int64_t lines, int64_t n) {
  auto* out = static_cast<T*>(grad_x);
  auto* g = static_cast<const T*>(g_memory);
  auto* x = static_cast<const T*>(x_memory);
  auto* weight = static_cast<const T*>(weight_memory);
  for (int64_t line = 0; line < lines; ++line, out += n, g += n, x += n) {
    T m = static_cast<const T*>(mean_memory)[line], r = static_cast<const T*>(rstd_memory)[line];
    for (int64_t i = 0; i < n; ++i) out[i] = weight ? g[i] * weight[i] : g[i];
    T level = sum(out, n) / static_cast<T>(n);
    T tilt = sum_terms<T>(0, n, [&](int64_t i) { return out[i] * ((x[i] - m) * r); }) /
             static_cast<T>(n);
    for (int64_t i = 0; i < n; ++i) out[i] = r * (out[i] - level - (x[i] - m) * r * tilt);
  }
}

template <class T>
static void layer_norm_sums(void* grad_weight, void* grad_bias, const void* g_memory,
                            const void* x_memory, const void* mean_memory, const void* rstd_memory,
                            int64_t lines, int64_t n, int64_t row) {
  auto* g = static_cast<const T*>(g_memory);
  auto* x = static_cast<const T*>(x_memory);
  auto* mean = static_cast<const T*>(mean_memory);
  auto* rstd = static_cast<const T*>(rstd_memory);
  for (int64_t first = 0; first < n; first += kColumns) {
    int64_t width = smaller(n - first, kColumns);
    if (grad_bias)
      sum_rows(static_cast<T*>(grad_bias) + first, 0, lines, width,
               [&](int64_t line) { return g + line * row + first; });
    if (!grad_weight) continue;
    T products[kColumns];
    sum_rows(static_cast<T*>(grad_weight) + first, 0, lines, width, [&](int64_t line) {
      const T *gl = g + line * row + first, *xl = x + line * row + first;
      for (int64_t j = 0; j < width; ++j) products[j] = gl[j] * ((xl[j] - mean[line]) * rstd[line]);
      return static_cast<const T*>(products);
    });
  }
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
const LineKernels RL_LINES_NAME = {
    {{nullptr, nullptr, RL_ISA::softmax<float, false>, RL_ISA::softmax<double, false>},
     {nullptr, nullptr, RL_ISA::softmax<float, true>, RL_ISA::softmax<double, true>},
     {nullptr, nullptr, RL_ISA::softmax_slope<float, false>, RL_ISA::softmax_slope<double, false>},
     {nullptr, nullptr, RL_ISA::softmax_slope<float, true>, RL_ISA::softmax_slope<double, true>}},
    {nullptr, nullptr, RL_ISA::layer_norm<float>, RL_ISA::layer_norm<double>},
    {nullptr, nullptr, RL_ISA::layer_norm_slope<float>, RL_ISA::layer_norm_slope<double>},
    {nullptr, nullptr, RL_ISA::layer_norm_sums<float>, RL_ISA::layer_norm_sums<double>},
};
}  // namespace rl

#include "kernels/formula_sum.h"

#include <algorithm>

#include "kernels/linear_tiles.h"

namespace rl {

namespace {

template <class T>
class Sums {
 public:
  Sums(LinearTiles& values, const ReduceKernels& sum) : values_(values), sum_(sum) {}

  // out[i] = the sum of values [i * count, (i + 1) * count)
  void lines(T* out, int64_t outputs, int64_t count) {
    int64_t at_once = kReduceBlock / count;
    if (at_once < 2) {
      for (int64_t i = 0; i < outputs; ++i) out[i] = line(i * count, count);
      return;
    }
    for (int64_t i = 0, m; i < outputs; i += m) {
      m = std::min(outputs - i, at_once);
      values_.get(bytes(tile_), i * count, m * count);
      for (int64_t k = 0; k < m; ++k) sum_.line(out + i + k, tile_ + k * count, count, nullptr);
    }
  }

  // out[j] = the sum of values [start + row * columns + j] over the rows
  void rows(T* out, int64_t start, int64_t n, int64_t columns) {
    for (int64_t j = 0; j < columns; j += kReduceColumns)
      some_rows(out + j, start + j, n, std::min(columns - j, kReduceColumns), columns);
  }

 private:
  static char* bytes(T* p) { return reinterpret_cast<char*>(p); }

  T line(int64_t start, int64_t n) {
    if (n <= kReduceBlock) {
      values_.get(bytes(tile_), start, n);
      T total;
      sum_.line(&total, tile_, n, nullptr);
      return total;
    }
    int64_t half = (n / 2 + kReduceBlock - 1) / kReduceBlock * kReduceBlock;
    T left = line(start, half);
    return left + line(start + half, n - half);
  }

  void some_rows(T* acc, int64_t start, int64_t n, int64_t width, int64_t columns) {
    bool together = width == columns && n * width <= LinearTiles::kTile;
    if (n <= kReduceRows || together) {
      if (together)
        values_.get(bytes(tile_), start, n * columns);
      else
        for (int64_t r = 0; r < n; ++r)
          values_.get(bytes(tile_ + r * width), start + r * columns, width);
      sum_.rows(acc, tile_, n, width, width, nullptr);
      return;
    }
    int64_t half = (n / 2 + kReduceRows - 1) / kReduceRows * kReduceRows;
    T other[kReduceColumns];
    some_rows(acc, start, half, width, columns);
    some_rows(other, start + half * columns, n - half, width, columns);
    for (int64_t k = 0; k < width; ++k) acc[k] += other[k];
  }

  LinearTiles& values_;
  const ReduceKernels& sum_;
  alignas(64) T tile_[kReduceRows * kReduceColumns];
};
static_assert(kReduceBlock <= LinearTiles::kTile);

}  // namespace

void sum_formula(const FormulaSum& f, const int64_t* sizes, int ndim, int64_t outer, int64_t count,
                 int64_t inner, void* out) {
  LinearTiles values(f.fn, f.compute, f.compute, f.repeats, sizes, ndim, f.in, f.n_in);
  const ReduceKernels& sum =
      kernel_set->reduce[static_cast<int>(Reducer::kSum)][compute_index(f.compute)];
  auto run = [&](auto* to) {
    Sums<std::remove_pointer_t<decltype(to)>> sums(values, sum);
    if (inner == 1) return sums.lines(to, outer, count);
    for (int64_t o = 0; o < outer; ++o) sums.rows(to + o * inner, o * count * inner, count, inner);
  };
  if (f.compute == DType::kFloat32)
    run(static_cast<float*>(out));
  else
    run(static_cast<double*>(out));
}

}  // namespace rl

#include "kernels/formula_sum.h"

#include <algorithm>

#include "kernels/linear_tiles.h"
#include "kernels/split_reduce.h"

namespace rl {

namespace {

template <class T>
class Sums {
 public:
  Sums(const FormulaSum& f, const int64_t* sizes, int ndim, const ReduceShape& shape,
       const ReduceKernels& sum)
      : values_(f.kernel, sizes, ndim, f.in, f.n_in), shape_(shape), sum_(sum) {}

  void operator()(const ReducePart& p, char* to) {
    auto* out = reinterpret_cast<T*>(to);
    int64_t slab = shape_.count * shape_.inner, start = p.slab * slab;
    if (shape_.inner == 1) return lines(out, start + p.begin, p.slabs, p.rows);
    for (int64_t o = 0; o < p.slabs; ++o)
      rows(out + o * p.columns, start + o * slab + p.begin * shape_.inner + p.column, p.rows,
           p.columns);
  }

 private:
  static char* bytes(T* p) { return reinterpret_cast<char*>(p); }

  // out[i] = the sum of n values from start + i * n on
  void lines(T* out, int64_t start, int64_t outputs, int64_t n) {
    int64_t at_once = kReduceBlock / n;
    if (at_once < 2) {
      for (int64_t i = 0; i < outputs; ++i) out[i] = line(start + i * n, n);
      return;
    }
    for (int64_t i = 0, m; i < outputs; i += m) {
      m = std::min(outputs - i, at_once);
      values_.get(bytes(tile_), start + i * n, m * n);
      for (int64_t k = 0; k < m; ++k) sum_.line(out + i + k, tile_ + k * n, n, nullptr);
    }
  }

  T line(int64_t start, int64_t n) {
    if (n <= kReduceBlock) {
      values_.get(bytes(tile_), start, n);
      T total;
      sum_.line(&total, tile_, n, nullptr);
      return total;
    }
    int64_t half = reduce_half(n, kReduceBlock);
    T left = line(start, half);
    return left + line(start + half, n - half);
  }

  // out[j] = the sum of the values at start + row * inner + j over n rows
  void rows(T* out, int64_t start, int64_t n, int64_t columns) {
    for (int64_t j = 0; j < columns; j += kReduceColumns)
      some_rows(out + j, start + j, n, std::min(columns - j, kReduceColumns));
  }

  void some_rows(T* acc, int64_t start, int64_t n, int64_t width) {
    int64_t columns = shape_.inner;
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
    int64_t half = reduce_half(n, kReduceRows);
    T other[kReduceColumns];
    some_rows(acc, start, half, width);
    some_rows(other, start + half * columns, n - half, width);
    for (int64_t k = 0; k < width; ++k) acc[k] += other[k];
  }

  LinearTiles values_;
  ReduceShape shape_;
  const ReduceKernels& sum_;
  alignas(64) T tile_[kReduceRows * kReduceColumns];
};
static_assert(kReduceBlock <= LinearTiles::kTile);

}  // namespace

void sum_formula(const FormulaSum& f, const int64_t* sizes, int ndim, int64_t outer, int64_t count,
                 int64_t inner, void* out) {
  DType compute = f.kernel.compute;
  const ReduceKernels& sum =
      kernel_set->reduce[static_cast<int>(Reducer::kSum)][compute_index(compute)];
  auto run = [&](auto zero) {
    using T = decltype(zero);
    ReduceShape shape{outer, count, inner, sizeof(T)};
    split_reduce(shape, f.kernel.cost, sum, static_cast<char*>(out),
                 [&] { return Sums<T>(f, sizes, ndim, shape, sum); });
  };
  compute == DType::kFloat32 ? run(0.0f) : run(0.0);
}

}  // namespace rl

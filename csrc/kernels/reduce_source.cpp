#include "kernels/reduce_source.h"

#include "kernels/convert.h"
#include "kernels/narrow.h"

namespace rl {

namespace {

constexpr int64_t kTile = kReduceRows * kReduceColumns;
static_assert(kReduceBlock <= kTile);

// Hands elements to the kernels directly or, converted and gathered, tile by tile, along the tree
// that the kernels follow themselves: no bit depends on which.
class Feed {
 public:
  // `straight`: what takes the elements where they lie side by side, as they are.
  Feed(const ReduceSource& source, const ReduceShape& shape, const ReduceKernels& straight,
       const ReduceKernels& kernels, const ReduceKernels& joined, DType compute, const char* m)
      : s_(source),
        shape_(shape),
        straight_(straight),
        kernels_(kernels),
        joined_(joined),
        compute_(compute),
        size_(static_cast<int64_t>(item_size(source.dtype))),
        m_(m) {
    direct_ = straight.line && !s_.as_bools && (shape.inner == 1 ? s_.row : s_.step) == 1;
  }

  void operator()(const ReducePart& p, char* to) {
    const char* x = at(s_.data, p.slab * s_.slab + p.begin * s_.row + p.column * s_.step);
    const char* m = m_ ? m_ + (p.slab * shape_.inner + p.column) * shape_.item : nullptr;
    if (shape_.inner == 1) return lines(to, x, p.slabs, p.rows, m);
    for (int64_t o = 0; o < p.slabs; ++o, to += p.columns * shape_.item) {
      columns(to, x, p.rows, p.columns, m);
      x = at(x, s_.slab);
      if (m) m += shape_.inner * shape_.item;
    }
  }

 private:
  const char* at(const char* x, int64_t elements) const { return x + elements * size_; }

  void fetch(char* to, const char* x, int64_t step, int64_t n) {
    if (s_.as_bools) {
      convert_strided(bools_, 1, DType::kBool, x, step, s_.dtype, n);
      x = bools_;
      step = 1;
    }
    convert_strided(to, 1, compute_, x, step, s_.as_bools ? DType::kBool : s_.dtype, n);
  }

  void lines(char* to, const char* x, int64_t count, int64_t n, const char* m) {
    int64_t together = !direct_ && s_.slab == n * s_.row ? kTile / n : 0;
    for (int64_t i = 0, k; i < count; i += k) {
      k = together > 1 ? std::min(together, count - i) : 1;
      if (together > 1) fetch(tile_, x, s_.row, k * n);
      for (int64_t j = 0; j < k; ++j, to += shape_.item) {
        if (together > 1)
          kernels_.line(to, tile_ + j * n * shape_.item, n, m);
        else
          line(to, x, n, m);
        if (m) m += shape_.item;
      }
      x = at(x, k * s_.slab);
    }
  }

  void line(char* to, const char* x, int64_t n, const char* m) {
    if (direct_) return straight_.line(to, x, n, m);
    if (n <= kReduceBlock) {
      fetch(tile_, x, s_.row, n);
      return kernels_.line(to, tile_, n, m);
    }
    int64_t half = reduce_half(n, kReduceBlock);
    alignas(8) char pair[16];
    line(pair, x, half, m);
    line(pair + shape_.item, at(x, half * s_.row), n - half, m);
    joined_.rows(to, pair, 2, 1, 1, nullptr);
  }

  void columns(char* to, const char* x, int64_t n, int64_t count, const char* m) {
    if (direct_) return straight_.rows(to, x, n, s_.row, count, m);
    for (int64_t j = 0; j < count; j += kReduceColumns)
      rows(to + j * shape_.item, at(x, j * s_.step), n, std::min(kReduceColumns, count - j),
           m ? m + j * shape_.item : nullptr);
  }

  void rows(char* to, const char* x, int64_t n, int64_t width, const char* m) {
    bool together = s_.row == width * s_.step && n * width <= kTile;
    if (together) {
      fetch(tile_, x, s_.step, n * width);
    } else if (n <= kReduceRows) {
      for (int64_t r = 0; r < n; ++r)
        fetch(tile_ + r * width * shape_.item, at(x, r * s_.row), s_.step, width);
    } else {
      int64_t half = reduce_half(n, kReduceRows);
      alignas(64) char pair[2 * kReduceColumns * 8];
      rows(pair, x, half, width, m);
      rows(pair + width * shape_.item, at(x, half * s_.row), n - half, width, m);
      return joined_.rows(to, pair, 2, width, width, nullptr);
    }
    kernels_.rows(to, tile_, n, width, width, m);
  }

  const ReduceSource& s_;
  const ReduceShape& shape_;
  const ReduceKernels &straight_, &kernels_, &joined_;
  DType compute_;
  int64_t size_;
  const char* m_;
  bool direct_;
  alignas(64) char tile_[kTile * 8];
  char bools_[kTile];
};

// The kernels that read a dtype as it lies; without functions where there are none.
const ReduceKernels& narrow(Reducer reducer, DType dtype) {
  static constexpr ReduceKernels kNone{};
  const auto at = static_cast<int>(dtype);
  switch (reducer) {
    case Reducer::kSum:
      return narrow_kernels->sum[at];
    case Reducer::kMax:
      return narrow_kernels->max[at];
    case Reducer::kMin:
      return narrow_kernels->min[at];
    default:
      return kNone;
  }
}

}  // namespace

void reduce_source(const ReduceSource& source, const ReduceShape& shape, Reducer reducer,
                   DType compute, const char* m, char* out) {
  auto kernels_of = [&](Reducer which) -> const ReduceKernels& {
    return kernel_set->reduce[static_cast<int>(which)][compute_index(compute)];
  };
  const ReduceKernels &kernels = kernels_of(reducer), &joined = kernels_of(joining(reducer));
  const bool fits = compute == compute_dtype(source.dtype);  // float16 to double does not
  const ReduceKernels straight = source.dtype == compute ? kernels
                                 : fits                  ? narrow(reducer, source.dtype)
                                                         : ReduceKernels{};
  int64_t cost = reducer == Reducer::kSumExp ? 4 : 1;
  split_reduce(shape, cost, joined, out,
               [&] { return Feed(source, shape, straight, kernels, joined, compute, m); });
}

}  // namespace rl

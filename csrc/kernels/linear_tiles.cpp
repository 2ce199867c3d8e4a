#include "kernels/linear_tiles.h"

#include <algorithm>

#include "kernels/convert.h"

namespace rl {

namespace {

// Steps through a space from a row-major number on, one run of dimension 0 at a time.
struct Walk {
  const Space& space;
  const int64_t* stride;
  int64_t index[kMaxDims], offset = 0;

  Walk(const Space& s, const int64_t* strides, int64_t start) : space(s), stride(strides) {
    for (int d = 0; d < space.n; ++d) {
      index[d] = start % space.size[d];
      start /= space.size[d];
      offset += index[d] * stride[d];
    }
  }
  int64_t run(int64_t most) const { return std::min(most, space.size[0] - index[0]); }
  void advance(int64_t n) {
    offset += n * stride[0];
    index[0] += n;
    for (int d = 0; d + 1 < space.n && index[d] == space.size[d]; ++d) {
      offset += stride[d + 1] - index[d] * stride[d];
      index[d] = 0;
      ++index[d + 1];
    }
  }
};

template <class T>
void gather(T* out, const T* from, Walk walk, int64_t n) {
  int64_t step = walk.stride[0];
  for (int64_t m; n > 0; n -= m, out += m) {
    m = walk.run(n);
    const T* run = from + walk.offset;
    for (int64_t i = 0; i < m; ++i) out[i] = run[i * step];
    walk.advance(m);
  }
}

}  // namespace

LinearTiles::LinearTiles(const TileKernel& kernel, const int64_t* sizes, int ndim,
                         const Operand* in, int n_in)
    : fn_(kernel.fn),
      compute_(kernel.compute),
      item_(static_cast<int64_t>(item_size(kernel.compute))),
      result_item_(static_cast<int64_t>(item_size(kernel.result))),
      n_in_(n_in) {
  int64_t packed[kMaxDims];
  contiguous_strides(sizes, ndim, packed);
  collapse(space_, sizes, ndim, packed, in, n_in);
  for (int k = 0; k < n_in; ++k) {
    in_[k] = in[k];
    const int64_t* stride = space_.stride[k + 1];
    bool zero = true, straight = true;
    int64_t next = 1;
    for (int d = 0; d < space_.n; ++d) {
      zero = zero && stride[d] == 0;
      straight = straight && stride[d] == next;
      next *= space_.size[d];
    }
    repeated_[k] = zero && (kernel.repeats >> k & 1);
    straight_[k] = straight && in[k].dtype == compute_;
  }
}

void LinearTiles::get(char* out, int64_t start, int64_t n) {
  bool by_run = space_.n > 1 && space_.size[0] >= kShortRun;
  for (int64_t at = 0, m; at < n; at += m) {
    m = n - at;
    if (by_run) m = std::min(m, space_.size[0] - (start + at) % space_.size[0]);
    const void* in[kMaxOperands];
    uint8_t step[kMaxOperands];
    for (int k = 0; k < n_in_; ++k) {
      in[k] = operand(k, start + at, m);
      step[k] = repeated_[k] ? 0 : 1;
    }
    fn_(out + at * result_item_, in, step, m);
  }
}

const void* LinearTiles::operand(int k, int64_t start, int64_t n) {
  const char* from = static_cast<const char*>(in_[k].data);
  DType dtype = in_[k].dtype;
  auto size = static_cast<int64_t>(item_size(dtype));
  char* buffer = buffers_[k];
  if (straight_[k]) return from + start * size;
  if (repeated_[k]) {
    if (dtype == compute_) return from;
    convert_strided(buffer, 1, compute_, from, 0, dtype, 1);
    return buffer;
  }
  Walk walk(space_, space_.stride[k + 1], start);
  if (dtype == compute_) {
    if (walk.stride[0] == 1 && n <= walk.run(n)) return from + walk.offset * size;
    dispatch_compute(compute_, [&](auto zero) {
      using T = decltype(zero);
      // Bools keep their bytes: the kernels test them against 0.
      using Item = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
      gather(reinterpret_cast<Item*>(buffer), reinterpret_cast<const Item*>(from), walk, n);
    });
    return buffer;
  }
  for (int64_t at = 0, m; at < n; at += m) {
    m = walk.run(n - at);
    convert_strided(buffer + at * item_, 1, compute_, from + walk.offset * size, walk.stride[0],
                    dtype, m);
    walk.advance(m);
  }
  return buffer;
}

}  // namespace rl

#include "kernels/finite.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/shape.h"
#include "core/tensor.h"
#include "kernels/pool.h"

namespace rl {

namespace {

// Null for dtypes that have neither infinity nor nan.
NonfiniteFn kernel_of(const NonfiniteFn (&kernels)[4], DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return kernels[0];
    case DType::kBFloat16:
      return kernels[1];
    case DType::kFloat32:
      return kernels[2];
    case DType::kFloat64:
      return kernels[3];
    default:
      return nullptr;
  }
}

// Whether f(data, stride, n, first) is true for one of the lines of `t`, asked in order until then;
// `first` is the number of the line's first element. A contiguous tensor is one line.
template <class F>
bool any_line(const TensorImpl& t, const F& f) {
  const int64_t n = t.numel();
  if (n == 0) return false;
  if (t.is_contiguous()) return f(t.data(), int64_t{1}, n, int64_t{0});
  const int last = t.ndim() - 1;
  const int64_t line = t.sizes()[last];
  const auto bytes = static_cast<int64_t>(item_size(t.dtype()));
  int64_t index[kMaxDims] = {};
  const char* at = t.data();
  for (int64_t first = 0; first < n; first += line) {
    if (f(at, t.strides()[last], line, first)) return true;
    for (int d = last - 1; d >= 0; --d) {
      at += t.strides()[d] * bytes;
      if (++index[d] < t.sizes()[d]) break;
      at -= t.strides()[d] * bytes * t.sizes()[d];
      index[d] = 0;
    }
  }
  return false;
}

int64_t first(const TensorImpl& t, NonfiniteFn bad) {
  if (!bad) return -1;
  const auto bytes = static_cast<int64_t>(item_size(t.dtype()));
  int64_t place = -1;
  any_line(t, [&](const char* data, int64_t stride, int64_t n, int64_t before) {
    constexpr int64_t kBlock = 4096;
    for (int64_t at = 0; at < n; at += kBlock) {
      const int64_t end = std::min(n, at + kBlock);
      if (!bad(data + at * stride * bytes, stride, end - at)) continue;
      while (!bad(data + at * stride * bytes, stride, 1)) ++at;
      place = before + at;
      return true;
    }
    return false;
  });
  return place;
}

// Of a loss, or of a scalar's gradient: choosing a kernel costs more.
template <class Bits>
bool one_finite(const TensorImpl& t, Bits exponent) {
  Bits bits;
  std::memcpy(&bits, t.data(), sizeof bits);
  return (bits & exponent) != exponent;
}

}  // namespace

bool all_finite(const TensorImpl& t) {
  if (t.numel() == 1) {
    if (t.dtype() == DType::kFloat32) return one_finite(t, 0x7f80'0000u);
    if (t.dtype() == DType::kFloat64) return one_finite(t, uint64_t{0x7ff} << 52);
  }
  const NonfiniteFn bad = kernel_of(finite_kernels->nonfinite, t.dtype());
  if (!bad) return true;
  const auto bytes = static_cast<int64_t>(item_size(t.dtype()));
  return !any_line(t, [&](const char* data, int64_t stride, int64_t n, int64_t) {
    const int64_t grain = 2 * parallel_grain();  // a read costs less than an operation
    if (n <= grain) return bad(data, stride, n);
    std::atomic<bool> found{false};
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      if (!found && bad(data + begin * stride * bytes, stride, end - begin)) found = true;
    });
    return found.load();
  });
}

int64_t first_nonfinite(const TensorImpl& t) {
  return first(t, kernel_of(finite_kernels->nonfinite, t.dtype()));
}

int64_t first_nan(const TensorImpl& t) {
  return first(t, kernel_of(finite_kernels->nan, t.dtype()));
}

}  // namespace rl

#include "kernels/finite.h"

#include <algorithm>
#include <cstring>

#include "core/shape.h"

namespace rl {

namespace {

// Of what the processor has: a check of all gradients should be no more than reading them.
#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define RL_WIDEST [[gnu::target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")]]
#else
#define RL_WIDEST
#endif

// By their bits, since comparisons of floats keep the compiler from using vectors here: an exponent
// of ones overflows into the sign's place when its lowest bit is added.
template <class Bits, Bits kExponent>
struct Scan {
  static constexpr Bits kLowest = kExponent & (~kExponent + 1);
  static constexpr Bits kSign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));

  static bool finite(Bits b) { return !(Bits((b & kExponent) + kLowest) & kSign); }

  // The first of n elements that is not finite; n when all are.
  RL_WIDEST static int64_t run(const char* data, int64_t stride, int64_t n) {
    constexpr int64_t kBlock = 2048;
    const auto* p = reinterpret_cast<const Bits*>(data);
    for (int64_t at = 0; at < n; at += kBlock) {
      const int64_t end = std::min(n, at + kBlock);
      Bits any = 0;
      if (stride == 1)
        for (int64_t i = at; i < end; ++i) any |= Bits((p[i] & kExponent) + kLowest);
      else
        for (int64_t i = at; i < end; ++i) any |= Bits((p[i * stride] & kExponent) + kLowest);
      if (!(any & kSign)) continue;
      int64_t i = at;
      while (finite(p[i * stride])) ++i;
      return i;
    }
    return n;
  }
};

using ScanFn = int64_t (*)(const char*, int64_t, int64_t);

ScanFn scan_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return Scan<uint32_t, 0x7f800000>::run;
    case DType::kFloat64:
      return Scan<uint64_t, 0x7ff0000000000000>::run;
    case DType::kFloat16:
      return Scan<uint16_t, 0x7c00>::run;
    case DType::kBFloat16:
      return Scan<uint16_t, 0x7f80>::run;
    default:
      return nullptr;
  }
}

}  // namespace

int64_t first_nonfinite(const TensorImpl& t) {
  const ScanFn scan = scan_of(t.dtype());
  const int64_t n = t.numel();
  if (!scan || n == 0) return -1;
  if (t.is_contiguous()) {
    const int64_t i = scan(t.data(), 1, n);
    return i < n ? i : -1;
  }
  // Line by line along the last dimension; a repeated dimension is read once per repeat.
  const int last = t.ndim() - 1;
  const int64_t line = t.sizes()[last];
  const auto bytes = static_cast<int64_t>(item_size(t.dtype()));
  int64_t index[kMaxDims] = {};
  const char* at = t.data();
  for (int64_t first = 0; first < n; first += line) {
    const int64_t i = scan(at, t.strides()[last], line);
    if (i < line) return first + i;
    for (int d = last - 1; d >= 0; --d) {
      at += t.strides()[d] * bytes;
      if (++index[d] < t.sizes()[d]) break;
      at -= t.strides()[d] * bytes * t.sizes()[d];
      index[d] = 0;
    }
  }
  return -1;
}

bool all_finite(const TensorImpl& t) { return first_nonfinite(t) < 0; }

}  // namespace rl

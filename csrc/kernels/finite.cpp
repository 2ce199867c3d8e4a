#include "kernels/finite.h"

#include <algorithm>
#include <cstring>

#include "core/shape.h"

namespace rl {

namespace {

// By their bits, since comparisons of floats keep the compiler from using vectors here: an exponent
// of ones overflows into the sign's place when its lowest bit is added; so does a nan, and no
// infinity, when all bits but the sign are taken and one less is added than infinity lacks.
template <class Bits, Bits kExponent, bool kNanOnly>
struct Scan {
  static constexpr Bits kSign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  static constexpr Bits kMask = kNanOnly ? Bits(kSign - 1) : kExponent;
  static constexpr Bits kAdded =
      kNanOnly ? Bits(kSign - 1 - kExponent) : Bits(kExponent & (~kExponent + 1));

  static bool fine(Bits b) { return !(Bits((b & kMask) + kAdded) & kSign); }

  // The first of n elements that is looked for; n when there is none.
  static int64_t run(const char* data, int64_t stride, int64_t n) {
    constexpr int64_t kBlock = 2048;
    const auto* p = reinterpret_cast<const Bits*>(data);
    for (int64_t at = 0; at < n; at += kBlock) {
      const int64_t end = std::min(n, at + kBlock);
      Bits any = 0;
      if (stride == 1)
        for (int64_t i = at; i < end; ++i) any |= Bits((p[i] & kMask) + kAdded);
      else
        for (int64_t i = at; i < end; ++i) any |= Bits((p[i * stride] & kMask) + kAdded);
      if (!(any & kSign)) continue;
      int64_t i = at;
      while (fine(p[i * stride])) ++i;
      return i;
    }
    return n;
  }
};

using ScanFn = int64_t (*)(const char*, int64_t, int64_t);

template <bool kNanOnly>
ScanFn scan_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return Scan<uint32_t, 0x7f800000, kNanOnly>::run;
    case DType::kFloat64:
      return Scan<uint64_t, 0x7ff0000000000000, kNanOnly>::run;
    case DType::kFloat16:
      return Scan<uint16_t, 0x7c00, kNanOnly>::run;
    case DType::kBFloat16:
      return Scan<uint16_t, 0x7f80, kNanOnly>::run;
    default:
      return nullptr;
  }
}

int64_t first(const TensorImpl& t, ScanFn scan) {
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
  for (int64_t before = 0; before < n; before += line) {
    const int64_t i = scan(at, t.strides()[last], line);
    if (i < line) return before + i;
    for (int d = last - 1; d >= 0; --d) {
      at += t.strides()[d] * bytes;
      if (++index[d] < t.sizes()[d]) break;
      at -= t.strides()[d] * bytes * t.sizes()[d];
      index[d] = 0;
    }
  }
  return -1;
}

}  // namespace

int64_t first_nonfinite(const TensorImpl& t) { return first(t, scan_of<false>(t.dtype())); }

int64_t first_nan(const TensorImpl& t) { return first(t, scan_of<true>(t.dtype())); }

bool all_finite(const TensorImpl& t) { return first_nonfinite(t) < 0; }

}  // namespace rl

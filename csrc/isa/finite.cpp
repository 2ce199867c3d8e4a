// The search for infinities and nan for one instruction set; local functions only.
#include "kernels/finite.h"
#include "isa/sets.h"

namespace rl::RL_ISA {
namespace {

// By their bits, since comparisons of floats keep the compiler from using vectors here: an exponent
// of ones overflows into the sign's place when its lowest bit is added.
template <class Bits, Bits kExponent>
static bool any_nonfinite(const void* memory, int64_t stride, int64_t n) {
  constexpr Bits kLowest = Bits(kExponent & (~kExponent + 1));
  constexpr Bits kSign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  constexpr int kLanes = 256 / sizeof(Bits);
  auto overflow = [](Bits b) { return Bits(Bits(b & kExponent) + kLowest); };
  const auto* p = static_cast<const Bits*>(memory);
  Bits any = 0;
  int64_t i = 0;
  if (stride == 1) {
    Bits lanes[kLanes] = {};
    for (; i + kLanes <= n; i += kLanes)
      for (int k = 0; k < kLanes; ++k) lanes[k] = Bits(lanes[k] | overflow(p[i + k]));
    for (int k = 0; k < kLanes; ++k) any = Bits(any | lanes[k]);
  }
  for (; i < n; ++i) any = Bits(any | overflow(p[i * stride]));
  return any & kSign;
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
using namespace RL_ISA;
extern const FiniteKernels RL_JOIN(kernels, finite, RL_ISA);
const FiniteKernels RL_JOIN(kernels, finite, RL_ISA) = {
    any_nonfinite<uint16_t, 0x7c00>, any_nonfinite<uint16_t, 0x7f80>,
    any_nonfinite<uint32_t, 0x7f800000>, any_nonfinite<uint64_t, 0x7ff0000000000000>};
}  // namespace rl

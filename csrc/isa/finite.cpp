// The search for infinities and nan for one instruction set; local functions only.
#include "kernels/finite.h"
#include "isa/sets.h"

namespace rl::RL_ISA {
namespace {

// By their bits, since comparisons of floats keep the compiler from using vectors here: an exponent
// of ones overflows into the sign's place when its lowest bit is added; so does a nan, and no
// infinity, when all bits but the sign are taken and one less is added than infinity lacks.
template <class Bits, Bits kExponent, bool kNanOnly>
static bool any(const void* memory, int64_t stride, int64_t n) {
  constexpr Bits kSign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));
  constexpr Bits kMask = kNanOnly ? Bits(kSign - 1) : kExponent;
  constexpr Bits kAdded =
      kNanOnly ? Bits(kSign - 1 - kExponent) : Bits(kExponent & (~kExponent + 1));
  constexpr int kLanes = 256 / sizeof(Bits);
  auto overflow = [](Bits b) { return Bits(Bits(b & kMask) + kAdded); };
  const auto* p = static_cast<const Bits*>(memory);
  Bits found = 0;
  int64_t i = 0;
  if (stride == 1 && n >= kLanes) {
    Bits lanes[kLanes] = {};
    for (; i + kLanes <= n; i += kLanes)
      for (int k = 0; k < kLanes; ++k) lanes[k] = Bits(lanes[k] | overflow(p[i + k]));
    for (int k = 0; k < kLanes; ++k) found = Bits(found | lanes[k]);
  }
  for (; i < n; ++i) found = Bits(found | overflow(p[i * stride]));
  return found & kSign;
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
using namespace RL_ISA;
extern const FiniteKernels RL_JOIN(kernels, finite, RL_ISA);
const FiniteKernels RL_JOIN(kernels, finite, RL_ISA) = {
    {any<uint16_t, 0x7c00, false>, any<uint16_t, 0x7f80, false>, any<uint32_t, 0x7f800000, false>,
     any<uint64_t, 0x7ff0000000000000, false>},
    {any<uint16_t, 0x7c00, true>, any<uint16_t, 0x7f80, true>, any<uint32_t, 0x7f800000, true>,
     any<uint64_t, 0x7ff0000000000000, true>}};
}  // namespace rl

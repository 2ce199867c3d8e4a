// The bits of the 16-bit floats to and from float32, branch-free and vectorised by g++. float16 as
// F16C hardware converts it, also the payload of NaN; bfloat16 as AVX-512's. Nothing from the
// standard library: kernel sets compile this in namespaces of their own.
#pragma once

#ifndef RL_ISA
#define RL_ISA ops
#endif
#ifndef RL_FN
#define RL_FN [[gnu::always_inline]] inline
#endif

namespace rl::RL_ISA::half {

using u16 = __UINT16_TYPE__;
using u32 = __UINT32_TYPE__;

constexpr u32 kSign = 0x80000000, kInfinity = 0x7f800000, kQuiet = 0x00400000;

RL_FN u32 bits(float x) { return __builtin_bit_cast(u32, x); }
RL_FN float from_bits(u32 x) { return __builtin_bit_cast(float, x); }

// Exact. A signalling NaN becomes quiet.
RL_FN float from_float16(u16 h) {
  u32 magnitude = static_cast<u32>(h & 0x7fff) << 13;  // the exponent is 112 short
  u32 normal = magnitude + (112u << 23);
  u32 special = (magnitude + (224u << 23)) | (magnitude > (31u << 23) ? kQuiet : 0u);
  // The subnormal's bits as the low bits of 2^-14: what is above 2^-14 is the value, exactly.
  u32 subnormal = bits(from_bits(magnitude + (113u << 23)) - from_bits(113u << 23));
  u32 r = magnitude < (1u << 23) ? subnormal : normal;
  r = magnitude >= (31u << 23) ? special : r;
  return from_bits(r | (static_cast<u32>(h & 0x8000) << 16));
}

// To the nearest, ties to even; infinity from 65520 on. NaN keeps its sign and upper payload.
RL_FN u16 to_float16(float x) {
  u32 w = bits(x), magnitude = w & ~kSign;
  u32 normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  u32 subnormal = bits(from_bits(magnitude) + 0.5f) - bits(0.5f);  // the addition rounds
  u32 r = magnitude < (113u << 23) ? subnormal : normal;
  r = magnitude >= (143u << 23) ? 0x7c00u : r;
  r = magnitude > kInfinity ? 0x7e00u | (magnitude >> 13 & 0x3ff) : r;
  return static_cast<u16>(r | (w >> 16 & 0x8000));
}

// Exact, and of NaN the same bits.
RL_FN float from_bfloat16(u16 h) { return from_bits(static_cast<u32>(h) << 16); }

// To the nearest, ties to even. NaN becomes quiet and keeps its sign and upper payload.
RL_FN u16 to_bfloat16(float x) {
  u32 w = bits(x);
  u32 rounded = (w + 0x7fff + (w >> 16 & 1)) >> 16;
  u32 quiet = (w | kQuiet) >> 16;
  return static_cast<u16>((w & ~kSign) > kInfinity ? quiet : rounded);
}

}  // namespace rl::RL_ISA::half

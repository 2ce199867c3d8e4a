// The 16-bit floats: stored as bits, computed with as float, rounded to nearest even.
#pragma once

#include <cstdint>

namespace rl {

// The bits to and from float32, branch-free and vectorised by g++. float16 as F16C hardware
// converts it, also the payload of NaN; bfloat16 as AVX-512's.
namespace half {

using u16 = __UINT16_TYPE__;
using u32 = __UINT32_TYPE__;

constexpr u32 kSign = 0x80000000, kInfinity = 0x7f800000, kQuiet = 0x00400000;

[[gnu::always_inline]] inline u32 bits(float x) { return __builtin_bit_cast(u32, x); }
[[gnu::always_inline]] inline float from_bits(u32 x) { return __builtin_bit_cast(float, x); }

// Exact. A signalling NaN becomes quiet.
[[gnu::always_inline]] inline float from_float16(u16 h) {
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
[[gnu::always_inline]] inline u16 to_float16(float x) {
  u32 w = bits(x), magnitude = w & ~kSign;
  u32 normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  u32 subnormal = bits(from_bits(magnitude) + 0.5f) - bits(0.5f);  // the addition rounds
  u32 r = magnitude < (113u << 23) ? subnormal : normal;
  r = magnitude >= (143u << 23) ? 0x7c00u : r;
  r = magnitude > kInfinity ? 0x7e00u | (magnitude >> 13 & 0x3ff) : r;
  return static_cast<u16>(r | (w >> 16 & 0x8000));
}

// Exact, and of NaN the same bits.
[[gnu::always_inline]] inline float from_bfloat16(u16 h) {
  return from_bits(static_cast<u32>(h) << 16);
}

// To the nearest, ties to even. NaN becomes quiet and keeps its sign and upper payload.
[[gnu::always_inline]] inline u16 to_bfloat16(float x) {
  u32 w = bits(x);
  u32 rounded = (w + 0x7fff + (w >> 16 & 1)) >> 16;
  u32 quiet = (w | kQuiet) >> 16;
  return static_cast<u16>((w & ~kSign) > kInfinity ? quiet : rounded);
}

}  // namespace half

// IEEE binary16: 5 bits of exponent, 10 of mantissa.
struct Half {
  uint16_t bits = 0;

  Half() = default;
  Half(float x) : bits(half::to_float16(x)) {}
  explicit Half(double x) : Half(static_cast<float>(x)) {}
  explicit Half(int64_t x) : Half(static_cast<float>(x)) {}
  explicit Half(int x) : Half(static_cast<float>(x)) {}
  explicit Half(bool x) : Half(static_cast<float>(x)) {}

  operator float() const { return half::from_float16(bits); }
  Half& operator+=(float x) { return *this = Half(*this + x); }
  Half& operator/=(float x) { return *this = Half(*this / x); }
};

// The upper half of a float: 8 bits of exponent, 7 of mantissa.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  BFloat16(float x) : bits(half::to_bfloat16(x)) {}
  explicit BFloat16(double x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(int64_t x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(int x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(bool x) : BFloat16(static_cast<float>(x)) {}

  operator float() const { return half::from_bfloat16(bits); }
  BFloat16& operator+=(float x) { return *this = BFloat16(*this + x); }
  BFloat16& operator/=(float x) { return *this = BFloat16(*this / x); }
};

}  // namespace rl

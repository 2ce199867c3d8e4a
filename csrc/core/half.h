// The 16-bit floats: stored as bits, computed with as float, rounded to nearest even.
#pragma once

#include <cstdint>

namespace rl {

// IEEE binary16: 5 bits of exponent, 10 of mantissa.
struct Half {
  uint16_t bits = 0;

  Half() = default;
  Half(float x) : bits(round(x)) {}
  explicit Half(double x) : Half(static_cast<float>(x)) {}
  explicit Half(int64_t x) : Half(static_cast<float>(x)) {}
  explicit Half(int x) : Half(static_cast<float>(x)) {}
  explicit Half(bool x) : Half(static_cast<float>(x)) {}

  operator float() const {
    const uint32_t w = static_cast<uint32_t>(bits) << 16, twice = w + w;
    // Normal numbers: the exponent moves over by scaling. Subnormals: the mantissa of 0.5 + x.
    const float normal = from_bits((twice >> 4) + (0xe0u << 23)) * 0x1p-112f;
    const float subnormal = from_bits((twice >> 17) | (126u << 23)) - 0.5f;
    const uint32_t magnitude = twice < (1u << 27) ? to_bits(subnormal) : to_bits(normal);
    return from_bits((w & 0x80000000u) | magnitude);
  }
  Half& operator+=(float x) { return *this = Half(*this + x); }
  Half& operator/=(float x) { return *this = Half(*this / x); }

 private:
  static uint32_t to_bits(float x) { return __builtin_bit_cast(uint32_t, x); }
  static float from_bits(uint32_t x) { return __builtin_bit_cast(float, x); }

  static uint16_t round(float x) {
    // Scaling up and down makes what is too large infinite; adding a number whose last place is
    // the half's last place rounds.
    float base = __builtin_fabsf(x) * 0x1p+112f * 0x1p-110f;
    const uint32_t w = to_bits(x), twice = w + w;
    uint32_t bias = twice & 0xff000000u;
    bias = bias < 0x71000000u ? 0x71000000u : bias;
    base = from_bits((bias >> 1) + 0x07800000u) + base;
    const uint32_t rounded = to_bits(base);
    const uint32_t magnitude = ((rounded >> 13) & 0x7c00u) + (rounded & 0x0fffu);
    // nan keeps the head of its payload and becomes quiet, as the processor's conversion does.
    const uint32_t quiet = 0x7e00u | ((w >> 13) & 0x01ffu);
    return static_cast<uint16_t>((w >> 16 & 0x8000u) | (twice > 0xff000000u ? quiet : magnitude));
  }
};

// The upper half of a float: 8 bits of exponent, 7 of mantissa.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  BFloat16(float x) : bits(round(x)) {}
  explicit BFloat16(double x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(int64_t x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(int x) : BFloat16(static_cast<float>(x)) {}
  explicit BFloat16(bool x) : BFloat16(static_cast<float>(x)) {}

  operator float() const { return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16); }
  BFloat16& operator+=(float x) { return *this = BFloat16(*this + x); }
  BFloat16& operator/=(float x) { return *this = BFloat16(*this / x); }

 private:
  static uint16_t round(float x) {
    const uint32_t w = __builtin_bit_cast(uint32_t, x);
    // PyTorch's nan is 0x7fc0, whatever came.
    return x != x ? uint16_t{0x7fc0} : static_cast<uint16_t>((w + 0x7fffu + (w >> 16 & 1)) >> 16);
  }
};

}  // namespace rl

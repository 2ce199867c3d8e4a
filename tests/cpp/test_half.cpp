// csrc/core/half.h: every half, and the neighbourhood of every float at which rounding turns.
#include "core/half.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "check.h"

namespace {

namespace half = rl::half;
using half::bits;
using half::from_bits;

bool is_nan(uint16_t h, int mantissa) { return (h & 0x7fff) > (0x7fff & ~((1 << mantissa) - 1)); }

// The value by its definition.
double decode(uint16_t h, int mantissa, int bias) {
  int exponent = (h & 0x7fff) >> mantissa, fraction = h & ((1 << mantissa) - 1);
  int top = 0x7fff >> mantissa;
  double magnitude = exponent == top ? HUGE_VAL
                     : exponent == 0
                         ? std::ldexp(fraction, 1 - bias - mantissa)
                         : std::ldexp(fraction + (1 << mantissa), exponent - bias - mantissa);
  return h & 0x8000 ? -magnitude : magnitude;
}

// Each finite half, its floats halfway to the next one, and those one float away from both.
template <class Convert>
void check_rounding(Convert convert, int mantissa, int bias) {
  uint16_t infinity = static_cast<uint16_t>(0x7fff & ~((1 << mantissa) - 1));
  for (uint16_t h = 0; h < infinity; ++h) {
    double low = decode(h, mantissa, bias), next = 2 * low - decode(h - (h > 0), mantissa, bias);
    next = h + 1 < infinity ? decode(h + 1, mantissa, bias) : next;
    float exact = static_cast<float>(low), middle = static_cast<float>((low + next) / 2);
    uint16_t even = h & 1 ? h + 1 : h;
    for (int sign = 0; sign < 2; ++sign) {
      float s = sign ? -1.0f : 1.0f;
      uint16_t top = static_cast<uint16_t>(sign << 15);
      CHECK_EQ(convert(s * exact), h | top);
      CHECK_EQ(convert(s * std::nextafter(exact, HUGE_VALF)), h | top);
      CHECK_EQ(convert(s * std::nextafter(middle, 0.0f)), h | top);
      CHECK_EQ(convert(s * middle), even | top);
      CHECK_EQ(convert(s * std::nextafter(middle, HUGE_VALF)), (h + 1) | top);
    }
  }
  CHECK_EQ(convert(HUGE_VALF), infinity);
  CHECK_EQ(convert(-HUGE_VALF), infinity | 0x8000);
  CHECK_EQ(convert(std::numeric_limits<float>::max()), infinity);
}

}  // namespace

TEST(test_every_float16_becomes_its_float) {
  for (int h = 0; h < 0x10000; ++h) {
    float x = half::from_float16(static_cast<uint16_t>(h));
    if (is_nan(static_cast<uint16_t>(h), 10)) {
      CHECK_EQ(bits(x), (static_cast<uint32_t>(h & 0x8000) << 16) | 0x7fc00000u |
                            (static_cast<uint32_t>(h & 0x3ff) << 13));
      continue;
    }
    CHECK_EQ(x, static_cast<float>(decode(static_cast<uint16_t>(h), 10, 15)));
    CHECK_EQ(std::signbit(x), h >= 0x8000);
    CHECK_EQ(half::to_float16(x), h);
  }
}

TEST(test_every_bfloat16_becomes_its_float) {
  for (int h = 0; h < 0x10000; ++h) {
    float x = half::from_bfloat16(static_cast<uint16_t>(h));
    CHECK_EQ(bits(x), static_cast<uint32_t>(h) << 16);
    bool nan = is_nan(static_cast<uint16_t>(h), 7);
    if (!nan) CHECK_EQ(x, static_cast<float>(decode(static_cast<uint16_t>(h), 7, 127)));
    CHECK_EQ(half::to_bfloat16(x), nan ? h | 0x40 : h);
  }
}

TEST(test_float16_rounds_to_the_nearest_even) { check_rounding(half::to_float16, 10, 15); }
TEST(test_bfloat16_rounds_to_the_nearest_even) { check_rounding(half::to_bfloat16, 7, 127); }

TEST(test_nan_becomes_a_quiet_nan_with_its_sign) {
  for (uint32_t w :
       {0x7f800001u, 0x7fbfffffu, 0x7fc00000u, 0xffffffffu, 0xff800001u, 0x7f812345u}) {
    uint16_t sign = static_cast<uint16_t>(w >> 16 & 0x8000);
    CHECK_EQ(half::to_float16(from_bits(w)), sign | 0x7e00 | (w >> 13 & 0x3ff));
    CHECK_EQ(half::to_bfloat16(from_bits(w)), (w >> 16) | 0x40);
  }
}

#ifdef __x86_64__
namespace {

[[gnu::target("f16c")]] uint16_t hardware_to_float16(float x) {
  return static_cast<uint16_t>(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
}
[[gnu::target("f16c")]] float hardware_from_float16(uint16_t h) { return _cvtsh_ss(h); }

}  // namespace

TEST(test_float16_agrees_with_the_processor) {
  if (!__builtin_cpu_supports("f16c")) return;
  for (int h = 0; h < 0x10000; ++h)
    CHECK_EQ(bits(half::from_float16(static_cast<uint16_t>(h))),
             bits(hardware_from_float16(static_cast<uint16_t>(h))));
  for (uint64_t w = 0; w < uint64_t{1} << 32; w += 409) {
    float x = from_bits(static_cast<uint32_t>(w));
    CHECK_EQ(half::to_float16(x), hardware_to_float16(x));
  }
}
#endif

TEST_MAIN

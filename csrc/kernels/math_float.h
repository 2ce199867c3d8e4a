// exp, expm1, log, tanh, sigmoid, sin and cos of float, in float: a vector holds twice as many as
// of double. Coefficients: minimax by a weighted fit, rounded to float one after another; the
// relative error of the function given. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

constexpr float kFloatRound = 0x1.8p23f;  // as kRound
constexpr float kFloatLog2E = 0x1.715476p+0f, kFloatTwoOverPi = 0x1.45f306p-1f;
// ln 2 and pi / 2 in parts; n times the first, and x less that product, are exact.
constexpr float kLn2First = 0x1.62e4p-1f, kLn2Second = 0x1.7f7d1cp-20f;
constexpr float kHalfPiFirst = 0x1.921fb4p+0f, kHalfPiSecond = 0x1.4442d0p-24f;
constexpr float kHalfPiThird = 0x1.846988p-48f;

RL_FN u32 bits(float x) { return __builtin_bit_cast(u32, x); }
RL_FN float from_bits(u32 x) { return __builtin_bit_cast(float, x); }
RL_FN float pow2(float shifted) { return from_bits((bits(shifted) + 127) << 23); }

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
RL_FN float mad(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#else
// The product is exact in double; its sum is rounded to odd, after which rounding to float does no
// harm.
RL_FN float mad(float a, float b, float c) {
  Pair sum = two_sum(static_cast<double>(a) * b, c);
  u64 t = bits(sum.hi);
  u64 step = 1 - 2 * ((t ^ bits(sum.lo)) >> 63);  // away from zero, or towards it
  u64 inexact = abs(sum.lo) > 0 ? ~u64{0} : u64{0};
  return static_cast<float>(from_bits(t + (step & inexact & ((t & 1) - 1))));
}
#endif

template <class... C>
RL_FN float poly(float x, float c0, C... c) {
  float y = c0;
  ((y = mad(y, x, c)), ...);
  return y;
}

// Choices by masks of bits: where one condition is used twice, g++ computes both of its branches.
RL_FN u32 negative_mask(u32 x) { return static_cast<u32>(static_cast<i32>(x) >> 31); }
RL_FN float choose(u32 mask, float a, float b) {
  return from_bits((bits(a) & mask) | (bits(b) & ~mask));
}
RL_FN float at_most(float x, float limit) {  // both positive; limit of NaN
  return from_bits(bits(x) < bits(limit) ? bits(x) : bits(limit));
}

struct FloatReduced {  // x = r + r_low + n ln 2, |r| <= ln(2) / 2; shifted is n + kFloatRound
  float r, r_low, shifted;
};

RL_FN FloatReduced reduce_exp(float x) {
  float shifted = mad(x, kFloatLog2E, kFloatRound), n = shifted - kFloatRound;
  float a = mad(n, -kLn2First, x), r = mad(n, -kLn2Second, a);
  return {r, mad(n, -kLn2Second, a - r), shifted};
}

// (e^r - 1 - r) / r^2, to 2^-28 of e^r and 2^-26 of e^r - 1.
RL_FN float exp_quadratic(float r) {
  return poly(r, 0x1.6a4d74p-10f, 0x1.123e58p-7f, 0x1.5558b8p-5f, 0x1.55548cp-3f, 0x1.fffffcp-2f);
}

RL_FN float exp_reduced(float r) { return mad(mad(exp_quadratic(r), r, 1.0f), r, 1.0f); }

struct FloatSplit {  // x = 2^exponent (1 + f), f in [-1/3, 1/3]
  float exponent, f;
};

RL_FN FloatSplit float_split(float x) {  // x normal and positive
  constexpr u32 kTwoThirds = 0x3f2aaaab, kMantissa = 0x007fffff;
  u32 t = bits(x) - kTwoThirds;
  return {static_cast<float>(static_cast<i32>(t) >> 23),
          from_bits((t & kMantissa) + kTwoThirds) - 1.0f};
}

RL_FN float log_split(float exponent, float f) {  // the third derivative's part to 2^-27
  float p = poly(f, -0x1.07c878p-3f, 0x1.1e678cp-3f, -0x1.f332fep-4f, 0x1.1ed662p-3f,
                 -0x1.559c44p-3f, 0x1.99d044p-3f, -0x1.fffefcp-3f, 0x1.555506p-2f);
  float rest = f * f * mad(f, p, -0.5f);
  float high = mad(exponent, kLn2First, f);
  float low = f - mad(-exponent, kLn2First, high);
  return high + (low + mad(exponent, kLn2Second, rest));
}

template <bool Cosine>
RL_FN float sine(float x) {
  float shifted = mad(x, kFloatTwoOverPi, kFloatRound), n = shifted - kFloatRound;
  float a = mad(n, -kHalfPiFirst, x), b = n * kHalfPiSecond;
  float r = a - b;  // x = r + r_low + n pi/2
  float r_low = mad(n, -kHalfPiThird, ((a - r) - b) - mad(n, kHalfPiSecond, -b));
  float v = -0.5f * r * r;
  float s = poly(v, 0x1.990f92p-10f, 0x1.1106aep-5f, 0x1.555544p-2f);  // 2^-27
  s = r + mad(r * v, s, r_low);
  float c = poly(v, 0x1.99911cp-12f, 0x1.6c0af4p-7f, 0x1.555548p-3f, 1.0f);  // 2^-32
  c = 1.0f + mad(v, c, mad(-r, r_low, mad(-0.5f * r, r, -v)));
  u32 quadrant = bits(shifted) + Cosine;
  float y = (quadrant & 1) != 0 ? c : s;
  return from_bits(bits(y) ^ (quadrant & 2) << 30);
}

}  // namespace detail

// Where exp_normal is exp.
RL_FN bool exp_is_normal(float x) { return abs(x) <= 87.0f; }

// |x| <= 87. Max error 0.90 ulp.
RL_FN float exp_normal(float x) {
  detail::FloatReduced a = detail::reduce_exp(x);
  return detail::from_bits(detail::bits(detail::exp_reduced(a.r)) +
                           (detail::bits(a.shifted) << 23));
}

// All x. Max error 0.90 ulp.
RL_FN float exp(float x) {
  detail::FloatReduced a = detail::reduce_exp(x);
  bool low = x < -87.0f;  // the result may be subnormal
  u32 n = detail::bits(a.shifted) + (low ? 64 : 0);
  float y = detail::from_bits(detail::bits(detail::exp_reduced(a.r)) + (n << 23));
  y *= low ? 0x1p-64f : 1.0f;
  y = x > 0x1.62e42ep+6f ? infinity<float>() : y;
  y = x < -104.0f ? 0.0f : y;
  return x != x ? x : y;
}

// All x. Max error 0.97 ulp.
RL_FN float expm1(float x) {
  using detail::mad;
  detail::FloatReduced a = detail::reduce_exp(x);
  float rest = mad(a.r * a.r, detail::exp_quadratic(a.r), a.r_low);
  float t = a.r + rest, t_low = rest - (t - a.r);
  float s = detail::pow2(a.shifted - 1.0f);  // half of everything, as 2^128 is none
  float u = s - 0.5f, u_low = (s - u) - 0.5f;
  float high = mad(s, t, u), low = mad(s, t, u - high);
  float y = 2.0f * (high + (mad(s, t_low, low) + u_low));
  y = x > 0x1.62e42ep+6f ? infinity<float>() : y;
  y = x < -18.0f ? -1.0f : y;
  y = abs(x) < 0x1p-100f ? x : y;
  return x != x ? x : y;
}

// Where log_normal is log.
RL_FN bool log_is_normal(float x) { return (x >= 0x1p-126f) & (x < infinity<float>()); }

// x positive and normal. Max error 0.94 ulp.
RL_FN float log_normal(float x) {
  detail::FloatSplit p = detail::float_split(x);
  return detail::log_split(p.exponent, p.f);
}

// All x. Max error 0.94 ulp.
RL_FN float log(float x) {
  using namespace detail;
  u32 subnormal = negative_mask(bits(x) - bits(0x1p-126f));  // of positive x
  FloatSplit p = float_split(x * from_bits(bits(1.0f) + (subnormal & 23 << 23)));
  float y = log_split(p.exponent - from_bits(subnormal & bits(23.0f)), p.f);
  y = x < infinity<float>() ? y : x;
  return x <= 0 ? (x == 0 ? -infinity<float>() : nan<float>()) : y;
}

// x + x^3 p(x^2) below 0.6, 1 - 2 e / (1 + e) of e = e^(-2 |x|) from there on. All x. Max error
// 0.97 ulp.
RL_FN float tanh(float x) {
  using detail::mad;
  float a = abs(x);
  detail::FloatReduced b = detail::reduce_exp(-2.0f * detail::at_most(a, 15.0f));
  float e = detail::exp_reduced(b.r);
  e = detail::from_bits(detail::bits(e) + (detail::bits(b.shifted) << 23));
  float y = detail::poly(e, 0x1.479e76p-1f, -0x1.eb33dcp-1f, 0x1.ff9f54p-1f);  // 1/(1 + e): 2^-10
  float w = mad(-e, y, 1.0f - y);  // the difference is exact
  y = mad(y, mad(w, w, w), y);
  float far = mad(-2.0f * e, y, 1.0f);
  float z = x * x;  // 2^-28
  float p = detail::poly(z, -0x1.828776p-8f, 0x1.54c3c2p-6f, -0x1.b89abap-5f, 0x1.1109bep-3f,
                         -0x1.55553ep-2f);
  float near = mad(p * z, x, x);
  return copysign(a >= 0.6f ? far : near, x);
}

namespace detail {

// e / (1 + e) of e = e^-|x|, or 1 / (1 + e). Unless Whole, |x| <= 87.
template <bool Whole>
RL_FN float logistic(float x) {
  float a = Whole ? at_most(abs(x), 104.0f) : abs(x);
  FloatReduced b = reduce_exp(-a);
  float t = mad(b.r * b.r, exp_quadratic(b.r), b.r);
  u32 low = Whole ? (bits(87.0f) - bits(a)) >> 31 : 0;  // e may be subnormal: 2^64 e
  float s = from_bits((bits(b.shifted) + 127 + (low << 6)) << 23);
  float e = mad(s, t, s), e_low = mad(s, b.r_low, mad(s, t, s - e));
  // 1 / (1 + e) to 2^-9, then to 2^-16 and never below, so that q is above n / 2 and n - q exact.
  float y = poly(e, -0x1.c6521p-3f, 0x1.54bdbcp-1f, -0x1.e2b7a0p-1f, 0x1.ff1cd6p-1f);
  y = mad(y, mad(-e, y, 0x1.0001p+0f - y), y);
  u32 negative = negative_mask(bits(x));
  float n = choose(negative, e, 1.0f), n_low = from_bits(bits(e_low) & negative);
  float q = n * y;
  q = mad(mad(-q, e, n - q) + mad(-q, e_low, n_low), y, q);
  if (!Whole) return q;
  q *= from_bits(bits(1.0f) - ((low & negative) << 29));
  return x != x ? x : q;
}

}  // namespace detail

// Where sigmoid_normal is sigmoid.
RL_FN bool sigmoid_is_normal(float x) { return exp_is_normal(x); }
// |x| <= 87. Max error 0.91 ulp.
RL_FN float sigmoid_normal(float x) { return detail::logistic<false>(x); }
// All x. Max error 0.91 ulp.
RL_FN float sigmoid(float x) { return detail::logistic<true>(x); }

// Where sin and cos of float are right: sin_any and cos_any are for the others.
RL_FN bool sin_in_range(float x) { return abs(x) <= 0x1p17f; }

// |x| <= 2^17. Max error 0.97 ulp.
RL_FN float sin(float x) { return x == 0 ? x : detail::sine<false>(x); }
RL_FN float cos(float x) { return detail::sine<true>(x); }

}  // namespace rl::RL_ISA::math

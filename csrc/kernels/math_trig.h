// tan, sinc and the inverse trigonometric functions of math.h. Coefficients: minimax by a Remez
// exchange in 45 digits, the relative error of the function given. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

// 2^-35 on [0, tan(pi/8)]. z = x^2.
RL_FN double atan_short(double x, double z) {
  double p = poly(z, 0x1.849a61a4d6946p-5, -0x1.5b2e5d1d5aff4p-4, 0x1.c463ae4278992p-4,
                  -0x1.247ed74840a4ap-3, 0x1.9999188669cddp-3, -0x1.555554c5e0478p-2);
  return mad(x * z, p, x);
}

// 2^-36 on [0, 1/2]. z = x^2.
RL_FN double asin_short(double x, double z) {
  double p =
      poly(z, 0x1.1bd09270c188bp-5, 0x1.ec322f0abc9c1p-8, 0x1.931e6d554293dp-6,
           0x1.ed5d4c09c9e8bp-6, 0x1.6ddabd8287ff8p-5, 0x1.3332aa14034a3p-4, 0x1.55555605afaccp-3);
  return mad(x * z, p, x);
}

// (tan(r) - r) / r^3 of z = r^2, |r| <= pi/4: 2^-60.
RL_FN double tan_cubic(double z) {
  return poly(z, 0x1.45b047889a8f9p-17, -0x1.903b34d6eaebcp-16, 0x1.90dfaa76c78b9p-15,
              -0x1.9cede7c84a244p-16, 0x1.168a321a9b920p-14, 0x1.605c07e53cc98p-14,
              0x1.fecf6658bc2d7p-13, 0x1.34c2d8e6e7906p-11, 0x1.7db0df6db58cfp-10,
              0x1.d6d2f44a46539p-9, 0x1.226e3a31e229ep-7, 0x1.664f485fb4edep-6,
              0x1.ba1ba1bab2785p-5, 0x1.11111111106dap-3, 0x1.555555555555dp-2);
}

// sin(pi r) / r of z = r^2, |r| <= 1/2: 2^-44.
RL_FN double sinpi_short(double z) {
  return poly(z, 0x1.d4ec4280478e5p-12, -0x1.e297ce1020010p-8, 0x1.5076fe97b4202p-4,
              -0x1.32d2c96c41b1cp-1, 0x1.466bc66dc75e2p+1, -0x1.4abbce6247eaap+2,
              0x1.921fb54442b5ep+1);
}

// As reduce_trig, of pi x, x >= 0: the quadrant is exact for every finite x.
RL_FN Quadrant reduce_pi(double x) {
  double turn = x - 2.0 * floor(0.5 * x);
  double shifted = turn + turn + kRound;
  double f = mad(shifted - kRound, -0.5, turn);
  double r = f * kPi;
  return {r, mad(f, kPiLow, mad(f, kPi, -r)), bits(shifted)};
}

struct ArcSine {  // of |x|: s + rest, or pi/2 - 2 (s + rest) where folded
  double s, rest;
  bool folded;
};

// (asin(s) - s) / s^3 of z = s^2 <= 1/4: 2^-56.
RL_FN ArcSine arc_sine(double a) {
  bool folded = a > 0.5;
  double z = folded ? 0.5 - 0.5 * a : a * a;
  double s = folded ? sqrt(z) : a;
  double s_low = folded & (z != 0) ? mad(-s, s, z) / (s + s) : 0.0;
  double p = poly(z, 0x1.0568697b834dcp-5, -0x1.09c43192c5d23p-6, 0x1.3feade8627959p-6,
                  0x1.abde22cdd885dp-8, 0x1.8ec13659dc4bdp-7, 0x1.c6fe0a392e593p-7,
                  0x1.1c6bddbfecb77p-6, 0x1.6e89f487b18a4p-6, 0x1.f1c72c35ab75fp-6,
                  0x1.6db6db4286256p-5, 0x1.333333336e6a9p-4, 0x1.5555555555391p-3);
  return {s, mad(s * z, p, s_low), folded};
}

constexpr double kTanPi8 = 0x1.a827999fcef32p-2, kTan3Pi8 = 0x1.3504f333f9de6p+1;

// octant * pi/4 + sign * atan(n / d), the quotient at most tan(pi/8). An exact quotient is not
// corrected.
RL_FN double octant_angle(double octant, double sign, Pair n, Pair d, bool exact) {
  double q = n.hi / d.hi;
  double q_low = (mad(-q, d.lo, mad(-q, d.hi, n.hi)) + n.lo) / d.hi;
  double z = q * q;  // 2^-59
  double p = poly(z, -0x1.256039d770b0cp-6, 0x1.37d10eccfe063p-5, -0x1.9cd0f453f9c78p-5,
                  0x1.df0ee7abd2e0ep-5, -0x1.10ebb1a05e7dap-4, 0x1.3b11188d391b6p-4,
                  -0x1.745cf8d4f7e72p-4, 0x1.c71c70e5d546fp-4, -0x1.24924922acea6p-3,
                  0x1.999999999585fp-3, -0x1.555555555553dp-2);
  double rest = mad(q * z, p, exact ? 0.0 : q_low);
  Pair sum = fast_two_sum(octant * (0.5 * kHalfPi), sign * q);  // the product is exact
  return sum.hi + (sum.lo + mad(sign, rest, octant * (0.5 * kHalfPiMiddle)));
}

// The angle of the point (x, y), doubles that hold floats; the sign of y comes later.
RL_FN double angle_short(double y, double x) {
  double a = abs(x), b = abs(y);
  bool steep = b > a;
  double low = steep ? a : b, high = steep ? b : a;
  bool same = low == high;  // 0 and infinity among them
  bool middle = (low > kTanPi8 * high) | (low == infinity<double>());
  double n = middle ? low - high : low, d = middle ? low + high : high;
  n = same ? 0.0 : n;
  d = same ? 1.0 : d;
  double q = n / d;
  double r = atan_short(q, q * q) + (middle ? 0.25 * kPi : 0.0);
  r = steep ? 0.5 * kPi - r : r;
  r = copysign(1.0, x) < 0 ? kPi - r : r;
  return (x != x) | (y != y) ? nan<double>() : r;
}

}  // namespace detail

// |x| <= kTrigMax. Max error 0.505 ulp.
RL_FN float tan(float x) {
  double a = x;
  double shifted = detail::mad(a, detail::kTwoOverPi, detail::kRound);
  double n = shifted - detail::kRound;
  double r = detail::mad(n, -detail::kHalfPiMiddle, detail::mad(n, -detail::kHalfPi, a));
  double z = r * r;  // 2^-33
  double p = detail::poly(z, 0x1.0c1a350a7b914p-9, -0x1.3d938744b6a60p-11, 0x1.47ce3dfef29f1p-8,
                          0x1.10dbd04f2cfefp-7, 0x1.68373eb2816eep-6, 0x1.b9feb93420656p-5,
                          0x1.11117a29d342bp-3, 0x1.55555451d5ffep-2);
  double t = detail::mad(r * z, p, r);
  bool odd = (detail::bits(shifted) & 1) != 0;
  float y = static_cast<float>((odd ? -1.0 : t) / (odd ? t : 1.0));
  return trig_in_range(x) ? (x == 0 ? x : y) : nan<float>();
}

// |x| <= kTrigMax. Max error 0.70 ulp.
RL_FN double tan(double x) {
  detail::Quadrant q = detail::reduce_trig(x);
  double z = q.r * q.r, z_low = detail::mad(q.r, q.r, -z);
  double c = detail::tan_cubic(z), w = q.r * c, rest = z * w;
  double rest_low =
      detail::mad(z, detail::mad(q.r, c, -w), detail::mad(z_low, w, detail::mad(z, w, -rest)));
  double t = q.r + rest;
  detail::Pair tangent = detail::fast_two_sum(q.r, rest);
  tangent.lo += detail::mad(q.r_low, detail::mad(t, t, 1.0), rest_low);
  detail::Pair inverse = detail::divide({-1.0, 0.0}, tangent);
  double y = (q.n_bits & 1) != 0 ? inverse.hi + inverse.lo : tangent.hi + tangent.lo;
  y = abs(x) < 0x1p-27 ? x : y;
  return trig_in_range(x) ? y : nan<double>();
}

// Any x. Not vectorised.
RL_FN float tan_any(float x) { return trig_in_range(x) ? tan(x) : __builtin_tanf(x); }
RL_FN double tan_any(double x) { return trig_in_range(x) ? tan(x) : __builtin_tan(x); }

// sin(pi x) / (pi x), of the exact pi: 0 at whole numbers, where PyTorch rounds pi x first and
// gives something near 1e-17. All x; NaN at infinity. Max error 0.501 ulp.
RL_FN float sinc(float x) {
  double a = x, n = round(a), r = a - n;
  double s = r * detail::sinpi_short(r * r);
  s = floor(0.5 * n) != 0.5 * n ? -s : s;
  return one_nan(static_cast<float>(x == 0 ? 1.0 : s / (detail::kPi * a) + 0.0));
}

// All x; NaN at infinity. Max error 0.87 ulp.
RL_FN double sinc(double x) {
  detail::Quadrant q = detail::reduce_pi(abs(x));
  double a = abs(x) > 0x1p600 ? 0x1p600 : abs(x);  // the sine is 0 there, x * pi might overflow
  double p = a * detail::kPi;
  double p_low = detail::mad(a, detail::kPiLow, detail::mad(a, detail::kPi, -p));
  detail::Pair y = detail::divide(detail::sin_or_cos_pair(q, q.n_bits), {p, p_low});
  return one_nan(abs(x) < 0x1p-30 ? 1.0 : y.hi + y.lo);
}

// All x. Max error 0.501 ulp.
RL_FN float asin(float x) {
  double a = abs(x);
  bool folded = a > 0.5;
  double z = folded ? 0.5 - 0.5 * a : a * a;
  double y = detail::asin_short(folded ? sqrt(z) : a, z);
  y = folded ? 0.5 * detail::kPi - 2.0 * y : y;
  return a <= 1 ? copysign(static_cast<float>(y), x) : nan<float>();
}

// All x. Max error 0.501 ulp.
RL_FN float acos(float x) {
  double a = abs(x);
  bool folded = a > 0.5;
  double z = folded ? 0.5 - 0.5 * a : a * a;
  double y = detail::asin_short(folded ? sqrt(z) : a, z);
  double base = folded ? (x > 0 ? 0.0 : detail::kPi) : 0.5 * detail::kPi;
  y = folded ? y + y : -y;
  return one_nan(static_cast<float>(base + (x > 0 ? y : -y)));
}

// All x. Max error 0.74 ulp.
RL_FN double asin(double x) {
  detail::ArcSine p = detail::arc_sine(abs(x));
  detail::Pair sum = detail::fast_two_sum(detail::kHalfPi, -2.0 * p.s);
  double far = sum.hi + (sum.lo + (detail::kHalfPiMiddle - 2.0 * p.rest));
  return abs(x) <= 1 ? copysign(p.folded ? far : p.s + p.rest, x) : nan<double>();
}

// All x. Max error 0.74 ulp.
RL_FN double acos(double x) {
  detail::ArcSine p = detail::arc_sine(abs(x));
  double halves = p.folded ? (x > 0 ? 0.0 : 2.0) : 1.0;
  double factor = (p.folded ? 2.0 : -1.0) * (x > 0 ? 1.0 : -1.0);
  detail::Pair sum = detail::fast_two_sum(halves * detail::kHalfPi, factor * p.s);
  double y = sum.hi + (sum.lo + detail::mad(factor, p.rest, halves * detail::kHalfPiMiddle));
  return one_nan(y);
}

// All y, x. Max error 0.501 ulp.
RL_FN float atan2(float y, float x) {
  return copysign(static_cast<float>(detail::angle_short(y, x)), y);
}

// All x. Max error 0.501 ulp.
RL_FN float atan(float x) {
  double a = abs(x);
  bool near = a<detail::kTanPi8, far = a> detail::kTan3Pi8;
  double n = near ? a : far ? -1.0 : a - 1.0, d = near ? 1.0 : far ? a : a + 1.0;
  double q = n / d, base = near ? 0.0 : far ? detail::kHalfPi : 0.5 * detail::kHalfPi;
  float y = static_cast<float>(base + detail::atan_short(q, q * q));
  return x != x ? x : copysign(y, x);
}

// All y, x. Max error 0.74 ulp.
RL_FN double atan2(double y, double x) {
  double a = abs(x), b = abs(y);
  bool steep = b > a;
  double low = steep ? a : b, high = steep ? b : a;
  bool same = low == high;  // 0 and infinity among them
  bool tiny = (low * 0x1p30 < high) | (high == infinity<double>());
  double scale = high > 0x1p500 ? 0x1p-600 : high < 0x1p-400 ? 0x1p600 : 1.0;
  scale = tiny ? 1.0 : scale;
  low *= scale;
  high *= scale;
  bool middle = (low > detail::kTanPi8 * high) | (low == infinity<double>());
  // The tangent of the angle from the nearest multiple of pi/4.
  detail::Pair n = detail::two_sum(low, middle ? -high : 0.0);
  detail::Pair d = detail::two_sum(high, middle ? low : 0.0);
  n.hi = same ? 0.0 : n.hi;
  n.lo = same ? 0.0 : n.lo;
  d.hi = same ? 1.0 : d.hi;
  bool behind = copysign(1.0, x) < 0;
  double octant = middle ? 1.0 : 0.0;
  octant = steep ? 2.0 - octant : octant;
  octant = behind ? 4.0 - octant : octant;
  double r = detail::octant_angle(octant, steep != behind ? -1.0 : 1.0, n, d, tiny | same);
  r = (x != x) | (y != y) ? nan<double>() : r;
  return copysign(r, y);
}

// All x. Max error 0.74 ulp.
RL_FN double atan(double x) {
  double a = abs(x);
  bool near = a<detail::kTanPi8, far = a> detail::kTan3Pi8;
  double middle = near ? 0.0 : far ? 0.0 : 1.0;
  detail::Pair n = detail::two_sum(far ? -1.0 : a, -middle);
  detail::Pair d = detail::two_sum(near ? 1.0 : a, middle);
  double y = detail::octant_angle(far ? 2.0 : middle, 1.0, n, d, false);
  y = a < 0x1p-30 ? a : y;
  y = a > 0x1p100 ? detail::kHalfPi : y;
  return x != x ? x : copysign(y, x);
}

}  // namespace rl::RL_ISA::math

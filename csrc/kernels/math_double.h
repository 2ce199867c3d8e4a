// The double functions of math.h: polynomials whose leading terms carry their rounding errors in a
// second double. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

struct ReducedPair {  // e^(r + r_low) * 2^n, |r| <= ln(2) / 2; shifted is n + kRound
  double r, r_low, shifted;
};

// Huge, infinite and NaN x give garbage or NaN: the callers select the result for those.
RL_FN ReducedPair reduce_exp_pair(double x) {
  double shifted = mad(x, kLog2E, kRound), n = shifted - kRound;
  double high = mad(n, -kLn2Short, x);  // exact
  double low = n * -kLn2Rest;
  double r = high + low;
  return {r, (high - r) + low, shifted};
}

// (e^r - 1 - r - r^2/2) / r^3, to a relative error of e^r of 2^-64 and of e^r - 1 of 2^-61.
RL_FN double exp_cubic(double r) {
  return poly(r, 0x1.1f9576321b224p-29, 0x1.af5ef2f93317ep-26, 0x1.27e4c5955908dp-22,
              0x1.71ddf83832a5ep-19, 0x1.a01a01b0bbfe2p-16, 0x1.a01a01afef022p-13,
              0x1.6c16c16c14442p-10, 0x1.111111110f699p-7, 0x1.555555555555ap-5,
              0x1.5555555555559p-3);
}

RL_FN ReducedPair reduce_exp_pair(double x, double x_low) {
  ReducedPair a = reduce_exp_pair(x);
  Pair r = fast_two_sum(a.r, a.r_low + x_low);
  return {r.hi, r.lo, a.shifted};
}

RL_FN Pair exp_pair(ReducedPair a) {  // without the factor 2^n; |lo| may be hi / 8
  double q = mad(exp_cubic(a.r), a.r, 0.5);
  Pair one = fast_two_sum(1.0, a.r);
  return {one.hi, one.lo + mad(q * a.r, a.r, a.r_low)};
}

// x * 2^n with one rounding, for x in [1/2, 2]; small says that n may be below -1020.
RL_FN double scale(double x, double shifted, bool small) {
  u64 n = bits(shifted) + (small ? u64{128} : ~u64{0});
  return from_bits(bits(x) + (n << 52)) * (small ? 0x1p-128 : 2.0);
}

// The value for exp's argument x, small where the result may be subnormal.
RL_FN double finish_exp(Pair e, double shifted, double x) {
  double y = scale(e.hi + e.lo, shifted, x < -707.0);
  y = x > 710.0 ? infinity<double>() : y;
  y = x < -746.0 ? 0.0 : y;
  return x != x ? x : y;
}

// e^x - 1 = (hi + lo) * 2 for |x| <= 710, x reduced; halved so that 2^1024 does not overflow.
RL_FN Pair expm1_half(ReducedPair a) {
  double h = 0.5 * a.r * a.r, h_low = mad(0.5 * a.r, a.r, -h);
  double rest = mad(h * a.r, exp_cubic(a.r) * 2.0, h_low + a.r_low);
  double s = from_bits((bits(a.shifted) + 1022) << 52);
  Pair less = fast_two_sum(s, -0.5);
  Pair first = two_sum(less.hi, s * a.r);
  Pair second = fast_two_sum(first.hi, s * h);
  return fast_two_sum(second.hi, (first.lo + second.lo) + (less.lo + s * rest));
}

RL_FN Split split_any(double x) {  // as split, subnormal x too
  bool small = x < 0x1p-1022;
  Split p = split(small ? x * 0x1p54 : x);
  return {small ? p.exponent - 54.0 : p.exponent, p.mantissa};
}

// exponent * ln 2 + log(1 + f) + c before the last rounding, c a small correction; |lo| may be
// hi / 8. FreeBSD's e_log.c explains the order.
RL_FN Pair log_sum_pair(double exponent, double f, double c) {
  double s = f / (2.0 + f), z = s * s;
  double r = z * poly(z, 0x1.0f6a9ab801124p-3, 0x1.0f5bf5f7a0017p-3, 0x1.3b20b4df67e1cp-3,
                      0x1.745cddff63adbp-3, 0x1.c71c7259aa383p-3, 0x1.249249242aaf7p-2,
                      0x1.9999999999e06p-2, 0x1.5555555555555p-1);
  double h = 0.5 * f * f;
  Pair lead = fast_two_sum(exponent * kLn2Short, f);
  Pair sum = fast_two_sum(lead.hi, -h);
  double low = mad(exponent, kLn2Rest, lead.lo + sum.lo) + c - mad(0.5 * f, f, -h);
  return {sum.hi, mad(s, h + r, low)};
}

RL_FN double log_sum(double exponent, double f, double c) {
  Pair l = log_sum_pair(exponent, f, c);
  return l.hi + l.lo;
}

// log(x) to a relative error of 2^-65 as hi + lo, x > 0 and finite.
RL_FN Pair log_pair(double x) {
  Split p = split_any(x);
  double f = p.mantissa - 1.0;
  Pair d = fast_two_sum(2.0, f);
  double inverse = 1.0 / d.hi;
  double s = f * inverse;
  double s_low = mad(-s, d.lo, mad(-s, d.hi, f)) * inverse;
  double z = s * s;
  double z_low = mad(s + s, s_low, mad(s, s, -z));
  // log(1 + f) = s * (2 + z * (2/3 + z * r))
  double r = poly(z, 0x1.eb20d6acd0d70p-4, 0x1.de318e2a760b9p-4, 0x1.1120c182483f2p-3,
                  0x1.3b1362670b11bp-3, 0x1.745d18337b10bp-3, 0x1.c71c71c57dfe6p-3,
                  0x1.2492492493049p-2, 0x1.9999999999996p-2);
  Pair u = fast_two_sum(0x1.5555555555555p-1, z * r);
  u.lo = mad(z_low, r, u.lo + 0x1.5555555555555p-55);
  double v = z * u.hi;
  double v_low = mad(z, u.hi, -v) + mad(z, u.lo, z_low * u.hi);
  Pair w = fast_two_sum(2.0, v);
  w.lo = w.lo + v_low;
  double l = s * w.hi;
  double l_low = mad(s, w.hi, -l) + mad(s, w.lo, s_low * w.hi);
  Pair sum = fast_two_sum(p.exponent * kLn2Short, l);
  return fast_two_sum(sum.hi, sum.lo + mad(p.exponent, kLn2Rest, l_low));
}

// The values of the special arguments of log and log2; y is the value of all others.
RL_FN double finish_log(double x, double y) {
  y = x == 0 ? -infinity<double>() : y;
  y = x < 0 ? nan<double>() : y;
  return (x == infinity<double>()) | (x != x) ? x : y;
}

constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
constexpr double kHalfPi = 0x1.921fb54442d18p+0, kHalfPiMiddle = 0x1.1a62633145c07p-54,
                 kHalfPiLow = -0x1.f1976b7ed8fbcp-110;

struct Quadrant {  // x = r + r_low + n * pi/2; the low bits of n_bits are those of n
  double r, r_low;
  u64 n_bits;
};

RL_FN Quadrant reduce_trig(double x) {
  double shifted = mad(x, kTwoOverPi, kRound);
  double n = shifted - kRound;
  double a = mad(n, -kHalfPi, x);  // exact
  double b = n * kHalfPiMiddle;
  Pair d = two_sum(a, -b);
  double low = mad(n, -kHalfPiLow, d.lo - mad(n, kHalfPiMiddle, -b));
  Pair r = fast_two_sum(d.hi, low);
  return {r.hi, r.lo, bits(shifted)};
}

// sin and cos on [-pi/4, pi/4] before the last rounding, in the order of FreeBSD's k_sin.c and
// k_cos.c.
RL_FN Pair sin_pair(double r, double r_low) {
  double z = r * r, cube = z * r;
  double p = poly(z, 0x1.5d80ebbe753f6p-33, -0x1.ae5e295626654p-26, 0x1.71de352c10691p-19,
                  -0x1.a01a019bbd211p-13, 0x1.111111110f5f0p-7);
  return {r, -mad(cube, 0x1.5555555555547p-3, mad(z, mad(-cube, p, 0.5 * r_low), -r_low))};
}

RL_FN Pair cos_pair(double r, double r_low) {
  double z = r * r, h = 0.5 * z;
  double p = poly(z, -0x1.8f9acbd46dcd9p-37, 0x1.1ee9c69ceb719p-29, -0x1.27e4f7d4a3e04p-22,
                  0x1.a01a019c6a5dep-16, -0x1.6c16c16c14ebep-10, 0x1.555555555554ap-5);
  Pair w = fast_two_sum(1.0, -h);
  return {w.hi, w.lo + mad(z * z, p, -(r * r_low))};
}

RL_FN double flip_sign(double x, u64 flip) { return from_bits(bits(x) ^ (flip << 63)); }

RL_FN Pair sin_or_cos_pair(Quadrant q, u64 n) {  // sin(r + n pi/2)
  Pair s = sin_pair(q.r, q.r_low), c = cos_pair(q.r, q.r_low);
  bool even = (n & 1) == 0;
  return {flip_sign(even ? s.hi : c.hi, n >> 1), flip_sign(even ? s.lo : c.lo, n >> 1)};
}

RL_FN double sin_or_cos(Quadrant q, u64 n) {
  Pair s = sin_pair(q.r, q.r_low), c = cos_pair(q.r, q.r_low);
  return flip_sign((n & 1) == 0 ? s.hi + s.lo : c.hi + c.lo, n >> 1);
}

}  // namespace detail

// All x. Max error 0.65 ulp, 0.75 where the result is subnormal or next to it.
RL_FN double exp(double x) {
  detail::ReducedPair r = detail::reduce_exp_pair(x);
  return detail::finish_exp(detail::exp_pair(r), r.shifted, x);
}

// All x. Max error 0.68 ulp, 0.75 where the result is subnormal or next to it.
RL_FN double exp2(double x) {
  double shifted = x + detail::kRound, f = x - (shifted - detail::kRound);
  double r = f * detail::kLn2;
  double r_low = detail::mad(f, detail::kLn2Low, detail::mad(f, detail::kLn2, -r));
  detail::Pair e = detail::exp_pair({r, r_low, shifted});
  double y = detail::scale(e.hi + e.lo, shifted, x < -1020.0);
  y = x >= 1024.0 ? infinity<double>() : y;
  y = x < -1076.0 ? 0.0 : y;
  return x != x ? x : y;
}

// All x. Max error 0.80 ulp.
RL_FN double expm1(double x) {
  double y = detail::expm1_half(detail::reduce_exp_pair(x)).hi * 2.0;
  y = abs(x) < 0x1p-54 ? x : y;
  y = x > 710.0 ? infinity<double>() : y;
  y = x < -40.0 ? -1.0 : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.64 ulp.
RL_FN double log(double x) {
  detail::Split p = detail::split_any(x);
  return detail::finish_log(x, detail::log_sum(p.exponent, p.mantissa - 1.0, 0.0));
}

// All x. Max error 0.501 ulp.
RL_FN double log2(double x) {
  detail::Split p = detail::split_any(x);
  detail::Pair l = detail::log_pair(p.mantissa);
  double y = l.hi * detail::kLog2E;
  double y_low = detail::mad(l.lo, detail::kLog2E, detail::mad(l.hi, detail::kLog2E, -y));
  y_low = detail::mad(l.hi, detail::kLog2ELow, y_low);
  detail::Pair sum = detail::fast_two_sum(p.exponent, y);
  return detail::finish_log(x, sum.hi + (sum.lo + y_low));
}

// All x. Max error 0.67 ulp.
RL_FN double log1p(double x) {
  double u = 1.0 + x, t = u - 1.0;
  double c = (1.0 - (u - t)) + (x - t);
  detail::Split p = detail::split(u);
  double y = detail::log_sum(p.exponent, p.mantissa - 1.0, c / u);
  y = x == -1 ? -infinity<double>() : y;
  y = x < -1 ? nan<double>() : y;
  y = abs(x) < 0x1p-54 ? x : y;
  return (x == infinity<double>()) | (x != x) ? x : copysign(y, x);
}

// All x. Max error 0.70 ulp.
RL_FN double tanh(double x) {
  double a = abs(x);
  detail::Pair e = detail::expm1_half(detail::reduce_exp_pair(a + a));
  detail::Pair d = detail::two_sum(e.hi, 1.0);
  double inverse = 1.0 / d.hi;
  double y = e.hi * inverse;
  double rest = detail::mad(-y, d.lo + e.lo, detail::mad(-y, d.hi, e.hi) + e.lo);
  y = detail::mad(rest, inverse, y);
  y = a < 0x1p-30 ? a : y;
  y = a > 20.0 ? 1.0 : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.70 ulp, 0.76 where the result is subnormal or next to it.
RL_FN double sigmoid(double x) {
  double a = -abs(x);
  detail::ReducedPair r = detail::reduce_exp_pair(a);
  detail::Pair e = detail::exp_pair(r);
  e = detail::fast_two_sum(e.hi, e.lo);
  bool negative = x < 0;
  double s = a < -700.0 ? 0.0 : detail::pow2(r.shifted);
  detail::Pair d = detail::fast_two_sum(1.0, e.hi * s);
  double d_low = detail::mad(e.lo, s, d.lo);
  double top = negative ? e.hi : 1.0, top_low = negative ? e.lo : 0.0;
  double inverse = 1.0 / d.hi;
  double y = top * inverse;
  double rest = detail::mad(-y, d_low, detail::mad(-y, d.hi, top) + top_low);
  y = detail::mad(rest, inverse, y);
  y = negative ? detail::scale(y, r.shifted, x < -707.0) : y;
  y = x > 40.0 ? 1.0 : y;
  y = x < -746.0 ? 0.0 : y;
  return x != x ? x : y;
}

// |x| <= kTrigMax. Max error 0.78 ulp.
RL_FN double sin(double x) {
  detail::Quadrant q = detail::reduce_trig(x);
  double y = abs(x) < 0x1p-27 ? x : detail::sin_or_cos(q, q.n_bits);
  return trig_in_range(x) ? y : nan<double>();
}

// |x| <= kTrigMax. Max error 0.78 ulp.
RL_FN double cos(double x) {
  detail::Quadrant q = detail::reduce_trig(x);
  return trig_in_range(x) ? detail::sin_or_cos(q, q.n_bits + 1) : nan<double>();
}

// Any x. Not vectorised.
RL_FN double sin_any(double x) { return trig_in_range(x) ? sin(x) : __builtin_sin(x); }
RL_FN double cos_any(double x) { return trig_in_range(x) ? cos(x) : __builtin_cos(x); }

// All x, y. Max error 0.70 ulp, 0.78 where the result is subnormal or next to it.
RL_FN double pow(double x, double y) {
  double a = abs(x);
  detail::Pair l = detail::log_pair(a);
  double high = y * l.hi;
  double low = detail::mad(y, l.lo, detail::mad(y, l.hi, -high));
  detail::ReducedPair r = detail::reduce_exp_pair(high, low);
  double p = detail::finish_exp(detail::exp_pair(r), r.shifted, high);
  p = (a == 0) | (a == infinity<double>()) ? ((a == 0) == (y < 0) ? infinity<double>() : 0.0) : p;
  return detail::finish_pow(x, y, p);
}

}  // namespace rl::RL_ISA::math

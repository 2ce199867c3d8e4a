// Hyperbolic functions and their inverses, log10, and log(1 + e^x) in its uses. Included by math.h
// only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

constexpr double kCoshMax = 0x1.633ce8fb9f87dp+9;  // the last argument with a finite result

// log(1 + t), t.hi > -1, |t.lo| <= ulp(t.hi).
RL_FN Pair log1p_pair(Pair t) {
  Pair u = two_sum(1.0, t.hi);
  Split p = split(u.hi);
  Pair l = log_sum_pair(p.exponent, p.mantissa - 1.0, (u.lo + t.lo) / u.hi);
  bool small = abs(t.hi) < 0x1p-20;
  double series = mad(t.hi * t.hi, mad(t.hi, 1.0 / 3.0, -0.5), t.lo);
  return {small ? t.hi : l.hi, small ? series : l.lo};
}

// sqrt(s.hi + s.lo); 0 for 0.
RL_FN Pair sqrt_pair(Pair s) {
  double r = sqrt(s.hi);
  double low = (mad(-r, r, s.hi) + s.lo) / (r + r);
  return {r, r == 0 ? 0.0 : low};
}

// e^(x + x_low) for x <= 0, normalised; 0 below -700.
RL_FN Pair exp_negative(double x, double x_low) {
  ReducedPair r = reduce_exp_pair(x, x_low);
  Pair e = exp_pair(r);
  e = fast_two_sum(e.hi, e.lo);
  double s = x < -700.0 ? 0.0 : pow2(r.shifted);
  return {e.hi * s, e.lo * s};
}

// log(1 + e^-|x|) to a relative error of 2^-31.
RL_FN double softplus_short(double x) {
  double a = abs(x);
  return a > 200.0 ? 0.0 : log1p_any(exp_short(-a));
}

RL_FN double logaddexp_short(double x, double y) {
  double d = x == y ? 0.0 : x - y;  // of equal infinities
  return max(x, y) + (x == x ? softplus_short(d) : 0.0);
}

}  // namespace detail

// All x. Max error 0.501 ulp.
RL_FN float log10(float x) {
  detail::Split p = detail::split(x);
  double l = detail::log1p_short(p.mantissa - 1.0) * 0x1.bcb7b1526e50ep-2;
  float y = static_cast<float>(detail::mad(p.exponent, 0x1.34413509f79ffp-2, l));
  y = x == 0 ? -infinity<float>() : y;
  y = x < 0 ? nan<float>() : y;
  return (x == infinity<float>()) | (x != x) ? x : y;
}

// All x. Max error 0.51 ulp; exact for powers of 10.
RL_FN double log10(double x) {
  constexpr double kLog10E = 0x1.bcb7b1526e50ep-2, kLog10ELow = 0x1.95355baaafad3p-57;
  // log10(2) in two parts of which n * kShort is exact for |n| < 2^11.
  constexpr double kShort = 0x1.34413509f7800p-2, kRest = 0x1.fef311f12b358p-46;
  detail::Split p = detail::split_any(x);
  detail::Pair l = detail::log_pair(p.mantissa);
  double y = l.hi * kLog10E;
  double y_low = detail::mad(l.lo, kLog10E, detail::mad(l.hi, kLog10E, -y));
  y_low = detail::mad(l.hi, kLog10ELow, y_low);
  detail::Pair sum = detail::fast_two_sum(p.exponent * kShort, y);
  double low = sum.lo + detail::mad(p.exponent, kRest, y_low);
  return detail::finish_log(x, sum.hi + low);
}

// All x. Max error 0.505 ulp.
RL_FN float sinh(float x) {
  double a = abs(x), e = detail::expm1_short(a);
  float y = static_cast<float>(0.5 * (e + e / (e + 1.0)));
  y = a > 90.0 ? infinity<float>() : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.501 ulp.
RL_FN float cosh(float x) {
  double a = abs(x), e = detail::exp_short(a);
  float y = static_cast<float>(0.5 * (e + 1.0 / e));
  y = a > 90.0 ? infinity<float>() : y;
  return x != x ? x : y;
}

// All x. Max error 0.74 ulp.
RL_FN double sinh(double x) {
  double a = abs(x);
  detail::Pair e = detail::expm1_half(detail::reduce_exp_pair(a));  // sinh(a) = e + e / (1 + 2 e)
  detail::Pair d = detail::two_sum(e.hi + e.hi, 1.0);
  d.lo += e.lo + e.lo;
  detail::Pair q = detail::divide(e, d);
  detail::Pair sum = detail::fast_two_sum(e.hi, q.hi);
  double y = sum.hi + (sum.lo + (e.lo + q.lo));
  detail::ReducedPair r = detail::reduce_exp_pair(a);
  detail::Pair half = detail::exp_pair(r);
  double large = detail::times_pow2(half.hi + half.lo, r.shifted - 1.0);
  y = a > 40.0 ? large : y;
  y = a < 0x1p-30 ? a : y;
  y = a > detail::kCoshMax ? infinity<double>() : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.70 ulp.
RL_FN double cosh(double x) {
  double a = abs(x);
  detail::ReducedPair r = detail::reduce_exp_pair(a);
  detail::Pair e = detail::exp_pair(r);
  e = detail::fast_two_sum(e.hi, e.lo);
  double n = r.shifted - detail::kRound;  // cosh(x) = 2^(n - 1) (e + 2^(-2n) / e)
  double small = a > 40.0 ? 0.0 : detail::pow2(detail::kRound - (n + n));
  detail::Pair q = detail::divide({small, 0.0}, e);
  detail::Pair sum = detail::fast_two_sum(e.hi, q.hi);
  double y = sum.hi + (sum.lo + (e.lo + q.lo));
  y = detail::times_pow2(y, r.shifted - 1.0);
  y = a > detail::kCoshMax ? infinity<double>() : y;
  return x != x ? x : y;
}

// All x. Max error 0.501 ulp.
RL_FN float asinh(float x) {
  double a = abs(x), z = a * a;
  float y = static_cast<float>(detail::log1p_any(a + z / (1.0 + sqrt(1.0 + z))));
  return (x != x) | (abs(x) == infinity<float>()) ? x : copysign(y, x);
}

// All x. Max error 0.501 ulp.
RL_FN float acosh(float x) {
  double t = static_cast<double>(x) - 1.0;
  float y = static_cast<float>(detail::log1p_any(t + sqrt(t * (t + 2.0))));
  y = x < 1 ? nan<float>() : y;
  return (x != x) | (x == infinity<float>()) ? x : y;
}

// All x. Max error 0.501 ulp.
RL_FN float atanh(float x) {
  double a = abs(x);
  float y = static_cast<float>(0.5 * detail::log1p_any((a + a) / (1.0 - a)));
  y = a == 1.0 ? infinity<float>() : y;
  y = a > 1.0 ? nan<float>() : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.65 ulp.
RL_FN double asinh(double x) {
  double a = abs(x);
  bool large = a > 0x1p28;  // log(2 a)
  double b = large ? 0.0 : a;
  double z = b * b, z_low = detail::mad(b, b, -z);
  detail::Pair s = detail::two_sum(1.0, z);
  detail::Pair root = detail::sqrt_pair({s.hi, s.lo + z_low});
  detail::Pair d = detail::fast_two_sum(root.hi, 1.0);  // in this order exact enough: root >= 1
  d.lo += root.lo;
  detail::Pair q = detail::divide({z, z_low}, d);
  detail::Pair t = detail::fast_two_sum(b, q.hi);
  t.lo += q.lo;
  detail::Split p = detail::split(a);
  detail::Pair big = detail::log_sum_pair(p.exponent + 1.0, p.mantissa - 1.0, 0.0);
  detail::Pair l = detail::log1p_pair(t);
  double y = large ? big.hi + big.lo : l.hi + l.lo;
  y = a < 0x1p-30 ? a : y;
  return (x != x) | (a == infinity<double>()) ? x : copysign(y, x);
}

// All x. Max error 0.65 ulp.
RL_FN double acosh(double x) {
  bool large = x > 0x1p28;  // log(2 x)
  double z = x * x;
  detail::Pair s = detail::two_sum(z, -1.0);
  s.lo += detail::mad(x, x, -z);
  detail::Pair root = detail::sqrt_pair(detail::fast_two_sum(s.hi, s.lo));
  detail::Pair u = detail::fast_two_sum(x, root.hi);
  double u_hi = large ? x : u.hi, u_low = large ? 0.0 : u.lo + root.lo;
  detail::Split p = detail::split(u_hi);
  double y = detail::log_sum(p.exponent + (large ? 1.0 : 0.0), p.mantissa - 1.0, u_low / u_hi);
  y = x < 1 ? nan<double>() : y;
  return (x != x) | (x == infinity<double>()) ? x : y;
}

// All x. Max error 0.65 ulp.
RL_FN double atanh(double x) {
  double a = abs(x);
  detail::Pair t = detail::divide({a + a, 0.0}, detail::fast_two_sum(1.0, -a));
  detail::Pair l = detail::log1p_pair(detail::fast_two_sum(t.hi, t.lo));
  double y = 0.5 * (l.hi + l.lo);
  y = a < 0x1p-30 ? a : y;
  y = a == 1.0 ? infinity<double>() : y;
  y = a > 1.0 ? nan<double>() : y;
  return x != x ? x : copysign(y, x);
}

// log(1 + e^x). All x. Max error 0.501 ulp.
RL_FN float softplus(float x) {
  double a = x;
  double y = (a > 0 ? a : 0.0) + detail::softplus_short(a);
  return x != x ? x : static_cast<float>(y);
}

// log(1 + e^x). All x. Max error 0.68 ulp, 0.75 where the result is subnormal or next to it.
RL_FN double softplus(double x) {
  double a = abs(x);
  detail::Pair l = detail::log1p_pair(detail::exp_negative(-a, 0.0));
  detail::Pair sum = detail::two_sum(x > 0 ? x : 0.0, l.hi);
  double y = sum.hi + (sum.lo + l.lo);
  y = a > 40.0 ? (x > 0 ? x : exp(x)) : y;
  return x != x ? x : y;
}

// log(1 / (1 + e^-x)). Errors as softplus.
RL_FN float log_sigmoid(float x) { return -softplus(-x); }
RL_FN double log_sigmoid(double x) { return -softplus(-x); }

// log(e^x + e^y). All x, y. Max error 0.501 ulp, but for results near 0 (x, y < 0), whose absolute
// error is 2^-33.
RL_FN float logaddexp(float x, float y) {
  return static_cast<float>(detail::logaddexp_short(x, y));
}

// log(e^x + e^y). All x, y. Max error 0.65 ulp, but for results near 0 (x, y < 0), whose absolute
// error is 2^-55.
RL_FN double logaddexp(double x, double y) {
  bool swap = x < y;
  double high = swap ? y : x, low = swap ? x : y;
  detail::Pair d = detail::two_sum(low, -high);
  detail::Pair l = detail::log1p_pair(detail::exp_negative(d.hi, d.lo));
  detail::Pair sum = detail::two_sum(high, l.hi);
  double r = sum.hi + (sum.lo + l.lo);
  r = d.hi < -700.0 ? high + exp(d.hi) : r;
  bool same = (x == y) & (abs(x) == infinity<double>());
  return same ? x : (x != x) | (y != y) ? nan<double>() : r;
}

}  // namespace rl::RL_ISA::math

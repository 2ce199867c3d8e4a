// Polygamma functions of math.h: sums of powers, of which a tail is an asymptotic series. It
// uses all of math.h.
#pragma once

#include "kernels/math.h"

namespace rl::RL_ISA::math {
namespace detail {

// pi / sin(pi x) as hi + lo; infinite at whole numbers.
RL_FN Pair cosecant_pair(double x) {
  Quadrant q = reduce_pi(abs(x));
  Pair s = sin_or_cos_pair(q, q.n_bits);
  return divide({kPi, kPiLow}, fast_two_sum(s.hi, s.lo));
}

RL_FN Pair square(Pair a) {
  double p = a.hi * a.hi;
  return {p, mad(a.hi, a.hi, -p) + 2.0 * a.hi * a.lo};
}

RL_FN Pair add(Pair a, Pair b) {
  Pair s = two_sum(a.hi, b.hi);
  return {s.hi, s.lo + (a.lo + b.lo)};
}

// The sum of 1 / (x + k)^2 over all k >= 0; x > 2^-100.
RL_FN Pair trigamma_pair(Pair x) {
  constexpr int kTerms = 10;
  Pair sum = {0.0, 0.0};
  for (int k = kTerms - 1; k >= 0; --k) {
    Pair z = two_sum(x.hi, static_cast<double>(k));
    z.lo += x.lo;
    sum = add(sum, divide({1.0, 0.0}, square(z)));
  }
  Pair z = two_sum(x.hi, static_cast<double>(kTerms));
  z.lo += x.lo;
  Pair first = divide({1.0, 0.0}, z);
  double t = first.hi * first.hi;
  // Bernoulli numbers.
  double series = poly(t, -3617.0 / 510.0, 7.0 / 6.0, -691.0 / 2730.0, 5.0 / 66.0, -1.0 / 30.0,
                       1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0);
  first.lo += mad(t * first.hi, series, 0.5 * t);
  return add(first, sum);
}

RL_FN double trigamma_short(double x) {
  bool reflect = x < 0.5;
  double a = reflect ? 1.0 - x : x, sum = 0.0;
  for (int k = 5; k >= 0; --k) {
    double z = a + static_cast<double>(k);
    sum += 1.0 / (z * z);
  }
  double inverse = 1.0 / (a + 6.0), t = inverse * inverse;
  double series = poly(t, 5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0);
  sum += mad(t * inverse, series, mad(0.5, t, inverse));
  double r = x - round(x);
  double s = kPi / (r * sinpi_short(r * r));
  return reflect ? mad(s, s, -sum) : sum;
}

RL_FN Pair multiply(Pair a, Pair b) {
  double p = a.hi * b.hi;
  return fast_two_sum(p, mad(a.hi, b.hi, -p) + (a.hi * b.lo + a.lo * b.hi));
}

// z^-s for whole s > 0; 0 where z^s is too large.
RL_FN Pair inverse_power(Pair z, int s) {
  Pair power = {1.0, 0.0};
  for (; s > 0; s >>= 1) {
    if (s & 1) power = multiply(power, z);
    if (s > 1) z = multiply(z, z);
  }
  if (!(abs(power.hi) < 0x1p960)) return {0.0, 0.0};
  return divide({1.0, 0.0}, power);
}

// zeta(s, x) / scale^s: the sum of 1 / (scale (x + k))^s over all k >= 0; x >= 1/2, or positive and
// scale x in [1, 2). The scale is a power of 2.
RL_FN Pair zeta_scaled(int s, Pair x, double scale) {
  constexpr int kTerms = 12, kCoefficients = 12;
  // (2j)! / B(2j), B the Bernoulli numbers.
  constexpr double kDivisors[kCoefficients] = {12.0,
                                               -720.0,
                                               30240.0,
                                               -1209600.0,
                                               47900160.0,
                                               -1307674368000.0 / 691.0,
                                               74724249600.0,
                                               -10670622842880000.0 / 3617.0,
                                               5109094217170944000.0 / 43867.0,
                                               -802857662698291200000.0 / 174611.0,
                                               14101100039391805440000.0 / 77683.0,
                                               -1693824136731743669452800000.0 / 236364091.0};
  Pair sum = {0.0, 0.0};
  for (int k = kTerms - 1; k >= 0; --k) {
    Pair z = two_sum(x.hi, static_cast<double>(k));
    z = fast_two_sum(z.hi, z.lo + x.lo);
    sum = add(sum, inverse_power({z.hi * scale, z.lo * scale}, s));
  }
  Pair z = two_sum(x.hi, static_cast<double>(kTerms));
  z = fast_two_sum(z.hi, z.lo + x.lo);
  double inverse = 1.0 / z.hi, t = inverse * inverse, factor = static_cast<double>(s) * inverse;
  double series = 0.5;
  for (int j = 0; j < kCoefficients; ++j) {
    series += factor / kDivisors[j];
    factor *=
        (static_cast<double>(s) + 2.0 * j + 1.0) * (static_cast<double>(s) + 2.0 * j + 2.0) * t;
  }
  double order = static_cast<double>(s) - 1.0;
  Pair head = divide(z, {order, 0.0});
  Pair weight = inverse_power({z.hi * scale, z.lo * scale}, s);
  return add(multiply(weight, add(head, {series, 0.0})), sum);
}

// (-1)^(n + 1) n! zeta(n + 1, x), 2 <= n <= 170. Not vectorised. Whole numbers up to 0 and
// infinities give what PyTorch has.
RL_FN double polygamma_high(int n, double x) {
  int s = n + 1;
  bool odd = (s & 1) != 0;
  double sign = odd ? -1.0 : 1.0, infinite = infinity<double>();
  if (x != x) return x;
  if (x == infinite) return nan<double>();
  if (x > 0x1p600) return sign * 0.0;  // below x^-2; pairs of such numbers overflow without FMA
  double nearest = x < 0.5 ? round(x) : 0.0, r = x - nearest;
  if (x == -infinite || r == 0) return sign * infinite;
  if (abs(r) < 0x1p-500) return sign * (odd & (r < 0) ? -infinite : infinite);
  // r = 2^e m.
  int e = static_cast<int>(bits(r) >> 52 & 0x7ff) - 1023;
  e = e > 400 ? 400 : e;
  double scale = from_bits(static_cast<u64>(1023 - e) << 52);
  Pair sum = {0.0, 0.0};
  if (x > 0.5 || nearest == 0.0) {
    if (x < 0) {
      sum = add(zeta_scaled(s, two_sum(1.0, x), scale), inverse_power({x * scale, 0.0}, s));
    } else {
      sum = zeta_scaled(s, {x, 0.0}, scale);
    }
  } else {
    // Over all whole numbers, less those above -x.
    sum = inverse_power({r * scale, 0.0}, s);
    const Pair starts[3] = {two_sum(1.0, r), two_sum(1.0, -r), two_sum(1.0, -x)};
    for (int i = 0; i < 3; ++i) {
      Pair z = zeta_scaled(s, starts[i], scale);
      double weight = i == 0 ? 1.0 : (i == 2) != odd ? -1.0 : 1.0;
      sum = add(sum, {weight * z.hi, weight * z.lo});
    }
  }
  // Far below n!, which mad cannot take.
  constexpr int kShift = 300;
  Pair factorial = {0x1p-300, 0.0};
  for (int i = 2; i <= n; ++i) factorial = multiply(factorial, {static_cast<double>(i), 0.0});
  Pair y = multiply(factorial, fast_two_sum(sum.hi, sum.lo));
  double result = sign * (y.hi == y.hi ? y.hi + y.lo : infinite);
  int exponent = kShift - e * s;
  exponent = exponent > 2100 ? 2100 : exponent < -2100 ? -2100 : exponent;
  int third = exponent / 3;
  result *= from_bits(static_cast<u64>(1023 + third) << 52);
  result *= from_bits(static_cast<u64>(1023 + third) << 52);
  return result * from_bits(static_cast<u64>(1023 + exponent - 2 * third) << 52);
}

}  // namespace detail

// The second derivative of log |gamma(x)|. All x; infinite at 0, -1, -2... Max error 0.505 ulp,
// 0.95 in double.
RL_FN float trigamma(float x) {
  double y = detail::trigamma_short(x);
  y = (x == infinity<float>()) ? 0.0 : y;
  y = (x <= 0) & (floor(x) == x) ? infinity<double>() : y;
  return (x != x) | (x == -infinity<float>()) ? nan<float>() : static_cast<float>(y);
}
RL_FN double trigamma(double x) {
  bool reflect = x < 0.0, small = abs(x) < 0x1p-100, large = x > 0x1p100;
  detail::Pair a = reflect ? detail::two_sum(1.0, -x) : detail::Pair{x, 0.0};
  a.hi = small | large ? 1.0 : a.hi;
  detail::Pair sum = detail::trigamma_pair(a);
  detail::Pair c = detail::square(detail::cosecant_pair(reflect & !small ? x : 0.25));
  detail::Pair other = detail::add(c, {-sum.hi, -sum.lo});
  double y = reflect ? other.hi + other.lo : sum.hi + sum.lo;
  y = large ? 1.0 / x : y;
  // Nothing but the pole, 2^200 times as far away.
  detail::Pair pole = detail::square(detail::divide({1.0, 0.0}, {x * 0x1p200, 0.0}));
  double near = pole.hi + (abs(x) < 0x1p-520 ? 0.0 : pole.lo);
  y = small ? near * 0x1p200 * 0x1p200 : y;
  y = (x <= 0) & (floor(x) == x) ? infinity<double>() : y;
  return (x != x) | (x == -infinity<double>()) ? nan<double>() : y;
}

// The n-th derivative of digamma(x), n >= 0. Max error for n > 1 0.51 ulp, but for results near 0
// with x < 0.
template <class T>
RL_FN T polygamma(T n, T x) {
  if (n == T(0)) return digamma(x);
  if (n == T(1)) return trigamma(x);
  if (n <= T(170)) return static_cast<T>(detail::polygamma_high(static_cast<int>(n), x));
  // n! is infinite in double.
  T sign = floor(n * T(0.5)) * T(2) == n ? T(-1) : T(1);
  return x > T(0) && pow(x, -n) == T(0) ? nan<T>() : sign * infinity<T>();
}

}  // namespace rl::RL_ISA::math

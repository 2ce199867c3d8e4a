// x log(y) and its kin, logit, log2(2^x + 2^y), x 2^y. It uses all of math.h.
#pragma once

#include "kernels/math.h"

namespace rl::RL_ISA::math {
namespace detail {

// x l for a logarithm as a pair, y its value rounded, which holds the special cases.
RL_FN double times_log(double x, Pair l, double y) {
  bool small = abs(x) < 0x1p-400, large = abs(x) > 0x1p400;
  double scaled = x * (small ? 0x1p500 : large ? 0x1p-500 : 1.0);
  double p = scaled * l.hi;
  double exact = p + mad(scaled, l.lo, mad(scaled, l.hi, -p));
  exact *= small ? 0x1p-500 : large ? 0x1p500 : 1.0;
  bool plain = (abs(y) < 1e3) & (abs(x) < infinity<double>()) & (abs(p) > 0x1p-900);
  return one_nan(plain ? exact : x * y);
}

}  // namespace detail

// x log(y), 0 for x = 0 unless y is NaN. Max error 0.501 ulp, 0.75 where the result is subnormal.
RL_FN float xlogy(float x, float y) {
  double l = log(y);
  l = (y > 0) & (y < infinity<float>()) ? detail::log_short(y) : l;
  return (x == 0) & (y == y) ? 0.0f : one_nan(static_cast<float>(x * l));
}
RL_FN double xlogy(double x, double y) {
  double r = detail::times_log(x, detail::log_pair(y), log(y));
  return (x == 0) & (y == y) ? 0.0 : r;
}

// x log(1 + y), likewise. Max error 0.501 ulp, 0.58 in double, 0.75 where the result is subnormal.
RL_FN float xlog1py(float x, float y) {
  double l = log1p(y);
  l = (y > -1) & (y < infinity<float>()) & (y != 0) ? detail::log1p_any(y) : l;
  return (x == 0) & (y == y) ? 0.0f : one_nan(static_cast<float>(x * l));
}
RL_FN double xlog1py(double x, double y) {
  bool plain = (y > -1) & (y < infinity<double>()), large = y > 0x1p100;
  detail::Pair m = detail::log1p_pair({plain & !large ? y : 1.0, 0.0}), n = detail::log_pair(y);
  detail::Pair l = {large ? n.hi : m.hi, large ? n.lo : m.lo};
  double r = detail::times_log(x, l, log1p(y));
  return (x == 0) & (y == y) ? 0.0 : one_nan(plain ? r : x * log1p(y));
}

// log(x / (1 - x)). All x; NaN outside [0, 1]. Max error 0.501 ulp, 0.58 in double.
RL_FN float logit(float x) {
  double a = x, d = a - 0.5;
  bool near = abs(d) < 0.25;
  double t = (d + d) / (1.0 - a);  // x / (1 - x) = 1 + t
  double l = detail::log1p_any(near ? t : 0.0);
  double far = detail::log_short(a / (1.0 - a));
  float y = static_cast<float>(near ? l : far);
  y = x == 0 ? -infinity<float>() : y;
  y = x == 1 ? infinity<float>() : y;
  return (x >= 0) & (x <= 1) ? y : nan<float>();
}
RL_FN double logit(double x) {
  bool near = abs(x - 0.5) < 0.25;
  double centre = atanh(near ? x + x - 1.0 : 0.0);
  detail::Pair l = detail::log_pair(x), m = detail::log1p_pair({near ? 0.0 : -x, 0.0});
  detail::Pair sum = detail::two_sum(l.hi, -m.hi);
  double y = near ? centre + centre : sum.hi + (sum.lo + (l.lo - m.lo));
  y = x == 0 ? -infinity<double>() : y;
  y = x == 1 ? infinity<double>() : y;
  return (x >= 0) & (x <= 1) ? y : nan<double>();
}

// log2(2^x + 2^y). All x, y. Max error 0.501 ulp, 0.51 in double; the absolute error near 0 is that
// of logaddexp.
RL_FN float logaddexp2(float x, float y) {
  double a = x, b = y, d = a == b ? 0.0 : abs(a - b);
  double l = d > 200.0 ? 0.0 : detail::log1p_any(detail::exp_short(-d * detail::kLn2));
  return static_cast<float>(max(a, b) + (d == d ? l * detail::kLog2E : 0.0));
}
RL_FN double logaddexp2(double x, double y) {
  bool swap = x < y;
  double high = swap ? y : x, low = swap ? x : y;
  detail::Pair d = detail::two_sum(low, -high);
  bool far = !(d.hi > -1000.0);
  double e = far ? 0.0 : d.hi, e_low = far ? 0.0 : d.lo;
  double p = e * detail::kLn2;
  double p_low = detail::mad(e, detail::kLn2, -p) + e * detail::kLn2Low + e_low * detail::kLn2;
  detail::Pair l = detail::log1p_pair(detail::exp_negative(p, p_low));
  double q = l.hi * detail::kLog2E;
  double q_low =
      detail::mad(l.hi, detail::kLog2E, -q) + (l.hi * detail::kLog2ELow + l.lo * detail::kLog2E);
  detail::Pair sum = detail::two_sum(high, q);
  double r = sum.hi + (sum.lo + q_low);
  r = far ? high + exp2(d.hi) * detail::kLog2E : r;
  bool same = (x == y) & (abs(x) == infinity<double>());
  return same ? x : (x != x) | (y != y) ? nan<double>() : r;
}

// x 2^y. Exact for whole y unless the result is subnormal; else max error 0.501 ulp, 0.59 in
// double, 0.75 where the result is subnormal.
RL_FN float ldexp(float x, float y) {
  double b = y > 1000.0f ? 1000.0 : y < -1000.0f ? -1000.0 : y;
  return one_nan(static_cast<float>(x * exp2(abs(y) == infinity<float>() ? y : b)));
}
RL_FN double ldexp(double x, double y) {
  bool small = abs(x) < 0x1p-600, large = abs(x) > 0x1p600;
  double scaled = x * (small ? 0x1p400 : large ? 0x1p-400 : 1.0);
  double b = y > 2200.0 ? 2200.0 : y < -2200.0 ? -2200.0 : y;
  double third = trunc(b / 3.0), power = exp2(third);
  bool last = small & (b < 600.0);
  b = b - third - third;
  double shifted = b + detail::kRound, n = shifted - detail::kRound, f = b - n;
  double r = f * detail::kLn2;
  double r_low = detail::mad(f, detail::kLn2Low, detail::mad(f, detail::kLn2, -r));
  detail::Pair e = detail::exp_pair({r, r_low, shifted});
  e = detail::fast_two_sum(e.hi, e.lo);
  double p = scaled * e.hi, low = detail::mad(scaled, e.hi, -p) + scaled * e.lo;
  double product = f == 0 ? scaled : abs(p) > 0 ? p + low : p;
  // In this order nothing is out of range on the way unless the result is.
  product = product * exp2(n) * power;
  double unscale = small ? 0x1p-400 : large ? 0x1p400 : 1.0;
  product = product * (last ? power : unscale) * (last ? unscale : power);
  bool plain = (abs(x) < infinity<double>()) & (abs(y) < infinity<double>());
  return one_nan(plain ? product : x * (abs(y) < infinity<double>() ? 1.0 : exp2(y)));
}

}  // namespace rl::RL_ISA::math

// lgamma and digamma of math.h. Coefficients: minimax by a Remez exchange in 45 digits, the
// relative error of the function given. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

// Both reflect x <= -1/2, and step over the pole at 0: arguments of the series are at least 1/2.
struct GammaArgument {
  double z;                           // x near 0, else |x|
  bool centre, reflect, low, middle;  // |x| < 1/2; x <= -1/2; z < 3/2; z < 3
  RL_FN explicit GammaArgument(double x) {
    double a = abs(x);
    centre = a < 0.5;
    reflect = x <= -0.5;
    z = centre ? x : a;
    low = z < 1.5;
    middle = z < 3.0;
  }
};

// lgamma(2 + d) / d on [-1/2, 1]. 2^-35 and 2^-59 with kOneLessEulerLow.
RL_FN double lgamma_near_2_short(double d) {
  return poly(d, -0x1.e509af8c6e475p-19, 0x1.36bab060a92a0p-16, -0x1.95ce2b2ef46acp-15,
              0x1.add1c8a2e16e1p-14, -0x1.d33c8025f3a3fp-13, 0x1.0ab44f17568b2p-11,
              -0x1.38a70ab1ccdcap-10, 0x1.7ae1dae39ad26p-9, -0x1.e4053f9818ce7p-8,
              0x1.5132228f076fap-6, -0x1.13e0017799b9dp-4, 0x1.4a34cc4cb1580p-2,
              0x1.b0ee6071f9a92p-2);
}
constexpr double kOneLessEuler = 0x1.b0ee6072093cep-2, kOneLessEulerLow = 0x1.6cb90701fbfabp-58;
RL_FN double lgamma_near_2_rest(double d) {
  return poly(
      d, 0x1.1f9efa03fe1fdp-30, -0x1.a3f34d7e82c1cp-28, 0x1.080a4968db63ap-26,
      -0x1.acd3f358da286p-26, 0x1.6d3df35db500ep-25, -0x1.9625a22d9ca75p-24, 0x1.ca7a269155ed2p-23,
      -0x1.e73851cfb604dp-22, 0x1.009a8efd2caa0p-20, -0x1.11798a8d6c780p-19, 0x1.258ccb2bc5306p-18,
      -0x1.3cbf7a70d5ba7p-17, 0x1.580e9942f136ap-16, -0x1.78de473630e67p-15, 0x1.a127a91b788f3p-14,
      -0x1.d3fd4cc2978fcp-13, 0x1.0b36af9c01f43p-11, -0x1.38ac5c2bc1764p-10, 0x1.7add6ead7601dp-9,
      -0x1.e404fc218f5bdp-8, 0x1.51322ac7d8741p-6, -0x1.13e001a557607p-4, 0x1.4a34cc4a60fa6p-2);
}

// lgamma(z) = (z - 1/2) (log z - 1) + kStirling + J(1 / z^2) / z for z >= 3, J to 2^-39 and 2^-63.
constexpr double kStirling = 0x1.acfe390c97d69p-2, kStirlingLow = 0x1.3494bc9001442p-56;
RL_FN double stirling_short(double t) {
  return poly(t, 0x1.d656b28b89c85p-12, -0x1.217e89d75a696p-11, 0x1.9ed4547dbf5afp-11,
              -0x1.6c14971cee90bp-9, 0x1.5555552b92840p-4);
}
RL_FN double stirling(double t) {
  return poly(t, -0x1.ae4d52ead2cf0p-1, 0x1.84fb7437afaadp-1, -0x1.551b7ed26decep-2,
              0x1.95b93801841bbp-4, -0x1.91ddf81baebd2p-6, 0x1.945f2fe2ed09fp-8,
              -0x1.f4779d5627fe5p-10, 0x1.b9364944437dap-11, -0x1.38130ea68ce02p-11,
              0x1.a01a007ee2432p-11, -0x1.6c16c16bb7458p-9, 0x1.555555555553ep-4);
}

// digamma(z) = log z - 1/(2z) - t K(t), t = 1 / z^2, for z >= 3, K to 2^-37 and 2^-60.
RL_FN double digamma_tail_short(double t) {
  return poly(t, 0x1.df365be5bc748p-9, -0x1.ed987f25aaff4p-9, 0x1.02adb7dc6713dp-8,
              -0x1.110cb42565fb1p-7, 0x1.5555542576fb3p-4);
}
RL_FN double digamma_tail(double t) {
  return poly(t, -0x1.dd759e346529dp+3, 0x1.a24d3ad6a3defp+3, -0x1.6048cd4308476p+2,
              0x1.8c5c84ece8908p+0, -0x1.6a41775b67fb4p-2, 0x1.448d2d967de9fp-4,
              -0x1.575573320f2dfp-6, 0x1.f0462365aea96p-8, -0x1.11103bba4d184p-8,
              0x1.04103f07072bap-8, -0x1.1111110fd6cd7p-7, 0x1.555555555543bp-4);
}

// digamma(z) = (z - kRoot) (1 / (z kRoot) + 1 / ((z + 1) (kRoot + 1)) + G(z - 7/4)) on [1/2, 3],
// the error 2^-33 and 2^-56. kPoles is the sum of both residues, kPole that at 0.
constexpr double kRoot = 0x1.762d86356be3fp+0, kRootLow = 0x1.b86a722197829p-54;
constexpr double kPole = 0x1.5e4b1810ad60ep-1, kPoleLow = -0x1.87b98f5e9d49fp-55;
constexpr double kPoles = 0x1.172488a48c9c4p+0, kPolesLow = -0x1.f8697cf4cd460p-54;
RL_FN double digamma_rest_short(double t) {
  return poly(t, -0x1.c6aeb8c08363cp-25, 0x1.bfc2352bfddbep-23, -0x1.268f3f14a9edcp-21,
              0x1.16a74ac872c71p-19, -0x1.1c24703a38cabp-17, 0x1.1625027fedaacp-15,
              -0x1.133df03df233fp-13, 0x1.172aac5236399p-11, -0x1.24f6962662226p-9,
              0x1.45586eec5c1c8p-7, -0x1.92864b3bdd6dfp-5, 0x1.472d6a475c44cp-2);
}
RL_FN double digamma_rest(double t) {
  return poly(
      t, -0x1.7fd99973ca717p-44, -0x1.75295910b7707p-43, 0x1.620357faa989dp-40,
      -0x1.e7d8bb54ffc1cp-42, -0x1.9422c231f42bdp-42, -0x1.084ac61121b72p-36, 0x1.0752f5603b561p-34,
      -0x1.a1f9f89513197p-33, 0x1.88016ca0b4552p-31, -0x1.7862ea26e10dap-29, 0x1.63da9386656b2p-27,
      -0x1.50d6db1d9a094p-25, 0x1.402e6666d358fp-23, -0x1.31a2f366f0a8bp-21, 0x1.2561b84b9a2afp-19,
      -0x1.1bc5d89ba9043p-17, 0x1.1563f8ce53291p-15, -0x1.133e0c8ca5554p-13, 0x1.172f0e59c332bp-11,
      -0x1.24f69fc5388cep-9, 0x1.455865bcd3fddp-7, -0x1.92864b284792cp-5, 0x1.472d6a48e5dadp-2);
}

RL_FN double lgamma_short(double x) {
  GammaArgument g(x);
  double z = g.z, d = g.centre ? x : g.low ? z - 1.0 : z - 2.0;
  double l = log_short(g.centre ? abs(x) * (1.0 + x) : z);
  double near = mad(d, lgamma_near_2_short(d), g.low ? -l : 0.0);
  double inverse = 1.0 / z;
  double far = mad(stirling_short(inverse * inverse), inverse, mad(z - 0.5, l - 1.0, kStirling));
  double y = g.middle ? near : far;
  double r = z - round(z);
  double s = abs(r * sinpi_short(r * r));
  double reflected = 0x1.250d048e7a1bdp+0 - log_short(z * s) - y;
  y = g.reflect ? reflected : y;
  bool pole = (g.reflect & (s == 0)) | (x == 0) | (abs(x) == infinity<double>());
  return pole ? infinity<double>() : y;
}

RL_FN double digamma_short(double x) {
  GammaArgument g(x);
  double z = g.centre ? 1.0 + x : g.z;
  double poles = mad(kPoles, z, kPole) / (z * (z + 1.0));
  double near = (z - kRoot) * (poles + digamma_rest_short(z - 1.75));
  double inverse = 1.0 / z, t = inverse * inverse;
  double far = log_short(z) - mad(t, digamma_tail_short(t), 0.5 * inverse);
  double r = g.z - round(g.z), u = 0.5 - abs(r);
  double cot = u * sinpi_short(u * u) / (r * sinpi_short(r * r));
  double other = g.reflect ? mad(kPi, cot, inverse) : -1.0 / x;
  double y = (g.middle ? near : far) + (g.reflect | g.centre ? other : 0.0);
  y = g.reflect & !(abs(r) > 0) ? nan<double>() : y;
  return x == infinity<double>() ? x : y;
}

}  // namespace detail

// log |gamma(x)|. All x; infinite at 0, -1, -2... Max error 0.51 ulp, but for results near 0 with
// x < -2: there the absolute error is 2^-44.
RL_FN float lgamma(float x) { return x != x ? x : static_cast<float>(detail::lgamma_short(x)); }

// The derivative of log |gamma(x)|. All x; NaN at -1, -2...; at 0 infinite, of the sign of -x as
// PyTorch has it. Max error 0.51 ulp, but for results near 0 with x < 0.
RL_FN float digamma(float x) { return x != x ? x : static_cast<float>(detail::digamma_short(x)); }

// As in float. Max error 0.99 ulp, but for results near 0 with x < -2: there the absolute error is
// 2^-53.
RL_FN double lgamma(double x) {
  detail::GammaArgument g(x);
  double a = abs(x), z = g.z, d = g.centre ? x : g.low ? z - 1.0 : z - 2.0;
  detail::Pair step = detail::two_sum(1.0, x);  // gamma(x) = gamma(x + 2) / (x (x + 1))
  double product = a * step.hi;
  double product_low = detail::mad(a, step.hi, -product) + a * step.lo;
  detail::Pair l = detail::log_pair(g.centre ? product : z);
  l.lo += g.centre & (a > 0x1p-100) ? product_low / product : 0.0;

  double h = d * detail::kOneLessEuler;
  double h_low =
      detail::mad(d, detail::kOneLessEulerLow, detail::mad(d, detail::kOneLessEuler, -h));
  double c = detail::lgamma_near_2_rest(d), v = d * c, g2 = d * v;
  h_low += detail::mad(d, v, -g2) + d * detail::mad(d, c, -v);
  detail::Pair near = detail::fast_two_sum(h, g2);
  near.lo += abs(d) < 0x1p-100 ? 0.0 : h_low;
  detail::Pair less = detail::two_sum(near.hi, g.low ? -l.hi : 0.0);
  less.lo += g.low ? near.lo - l.lo : near.lo;

  bool huge = z > 0x1p900;
  double zs = huge ? z * 0x1p-100 : z, inverse = 1.0 / z;
  detail::Pair m = detail::two_sum(l.hi, -1.0), w = detail::two_sum(zs, huge ? 0.0 : -0.5);
  m.lo += l.lo;
  double p = w.hi * m.hi;
  double p_low = detail::mad(w.hi, m.hi, -p) + detail::mad(w.hi, m.lo, w.lo * m.hi);
  detail::Pair far = detail::two_sum(p, huge ? 0.0 : detail::kStirling);
  double tail = detail::mad(detail::stirling(inverse * inverse), inverse, detail::kStirlingLow);
  far.lo += p_low + (huge ? 0.0 : tail);
  double y = g.middle ? less.hi : far.hi, y_low = g.middle ? less.lo : far.lo;

  detail::Quadrant q = detail::reduce_pi(a);
  detail::Pair s = detail::sin_or_cos_pair(q, q.n_bits);
  s = detail::fast_two_sum(s.hi, s.lo);
  double sine = abs(s.hi), sine_low = s.hi < 0 ? -s.lo : s.lo;
  double b = a * sine, b_low = detail::mad(a, sine, -b) + a * sine_low;
  detail::Pair l2 = detail::log_pair(b);
  l2.lo += b_low / b;
  detail::Pair flat = detail::two_sum(0x1.250d048e7a1bdp+0, -l2.hi);
  detail::Pair reflected = detail::two_sum(flat.hi, -y);
  reflected.lo += (flat.lo + (0x1.7abf2ad8d5088p-57 - l2.lo)) - y_low;
  y = g.reflect ? reflected.hi + reflected.lo : y + y_low;
  y = huge ? y * 0x1p100 : y;
  bool pole = (g.reflect & ((sine == 0) | huge)) | (x == 0) | (a == infinity<double>());
  return x != x ? x : pole ? infinity<double>() : y;
}

// As in float. Max error 0.97 ulp; for x < 0 that of 2 where the result is smaller.
RL_FN double digamma(double x) {
  detail::GammaArgument g(x);
  detail::Pair one = detail::two_sum(1.0, x);
  double z = g.centre ? one.hi : g.z, z_low = g.centre ? one.lo : 0.0;
  detail::Pair v = detail::two_sum(z, 1.0);
  double e = z * v.hi, e_low = detail::mad(z, v.hi, -e) + z * v.lo;
  double n = detail::kPoles * z;
  double n_low = detail::mad(detail::kPolesLow, z, detail::mad(detail::kPoles, z, -n));
  detail::Pair top = detail::fast_two_sum(n, detail::kPole);
  top.lo += n_low + detail::kPoleLow;
  detail::Pair poles = detail::divide(top, {e, e_low});
  detail::Pair slope = detail::two_sum(poles.hi, detail::digamma_rest(z - 1.75));
  slope = detail::fast_two_sum(slope.hi, slope.lo + poles.lo);
  detail::Pair d = detail::two_sum(z, -detail::kRoot);
  d.lo += z_low - detail::kRootLow;
  double h = d.hi * slope.hi;
  double h_low = detail::mad(d.hi, slope.hi, -h) + detail::mad(d.hi, slope.lo, d.lo * slope.hi);

  detail::Split p = detail::split(z);
  detail::Pair l = detail::log_sum_pair(p.exponent, p.mantissa - 1.0, 0.0);
  double inverse = 1.0 / z, t = inverse * inverse;
  double tail = detail::mad(t, detail::digamma_tail(t), 0.5 * inverse);
  double y = g.middle ? h : l.hi, y_low = g.middle ? h_low : l.lo - tail;

  detail::Quadrant q = detail::reduce_pi(g.reflect ? g.z : 0.25);
  detail::Pair s = detail::sin_or_cos_pair(q, q.n_bits),
               c = detail::sin_or_cos_pair(q, q.n_bits + 1);
  detail::Pair cot = detail::divide(c, detail::fast_two_sum(s.hi, s.lo));
  cot = detail::fast_two_sum(cot.hi, cot.lo);
  double turn = detail::kPi * cot.hi;
  double turn_low = detail::mad(detail::kPi, cot.hi, -turn) +
                    detail::mad(detail::kPi, cot.lo, detail::kPiLow * cot.hi);
  // Of x: -1 / x near 0, and beside the cotangent.
  detail::Pair pole = detail::divide({-1.0, 0.0}, {x, 0.0});
  detail::Pair sum = detail::two_sum(pole.hi, g.reflect ? turn : 0.0);
  sum.lo += pole.lo + (g.reflect ? turn_low : 0.0);
  detail::Pair all = detail::two_sum(sum.hi, y);
  double r = g.reflect | g.centre ? all.hi + (all.lo + (sum.lo + y_low)) : y + y_low;
  r = abs(x) < 0x1p-100 ? -1.0 / x : r;
  r = g.reflect & ((s.hi == 0) | (x == -infinity<double>())) ? nan<double>() : r;
  return one_nan(x == infinity<double>() ? x : r);
}

}  // namespace rl::RL_ISA::math

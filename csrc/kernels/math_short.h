// The float functions of math.h that compute in double, where half the work of a good float
// function (carrying the rounding errors) is not needed, and round once. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

struct Reduced {  // e^r * 2^n, |r| <= ln(2) / 2; shifted is n + kRound
  double r, shifted;
};

// Huge, infinite and NaN x give garbage or NaN: the callers select the result for those, which is
// cheaper than clamping x (g++ propagates the constant of a clamp into copies of the computation).
RL_FN Reduced reduce_exp(double x) {
  double shifted = mad(x, kLog2E, kRound);
  return {mad(shifted - kRound, -kLn2, x), shifted};
}

// e^r to a relative error of 2^-34.
RL_FN double exp_short(Reduced a) {
  double p = poly(a.r, 0x1.a1b88946eb819p-13, 0x1.6d96d097d3d63p-10, 0x1.11107c8d33b76p-7,
                  0x1.555480033bd45p-5, 0x1.5555559845e5ap-3, 0x1.000000431267ep-1, 1.0, 1.0);
  return times_pow2(p, a.shifted);
}

RL_FN double exp_short(double x) { return exp_short(reduce_exp(x)); }

// e^x - 1 to a relative error of 2^-31.
RL_FN double expm1_short(double x) {
  Reduced a = reduce_exp(x);
  double q = poly(a.r, 0x1.a1a21e525873ep-13, 0x1.6d74cd7a63023p-10, 0x1.11108f13f7101p-7,
                  0x1.5554ad90424d3p-5, 0x1.555555895fb23p-3, 0x1.00000027f5af2p-1);
  double s = pow2(a.shifted);
  return mad(mad(q * a.r, a.r, a.r), s, s - 1.0);
}

// 1 / d to 2^-46, d in the range of float: a division of floats takes a third of one of doubles.
RL_FN double inverse_short(double d) {
  double y = static_cast<double>(1.0f / static_cast<float>(d));
  return mad(mad(-d, y, 1.0), y, y);
}

// log(1 + f) to a relative error of 2^-44, f in [sqrt(1/2) - 1, sqrt(2) - 1].
RL_FN double log1p_short(double f) {
  double s = f * inverse_short(2.0 + f), z = s * s;
  double r = poly(z, 0x1.911c950447decp-3, 0x1.c62aa03e276b8p-3, 0x1.24941336b1905p-2,
                  0x1.999996a67ad71p-2, 0x1.555555561f32fp-1);
  return mad(s * z, r, s + s);
}

RL_FN double log_short(double x) {  // x > 0, normal
  Split p = split(x);
  return mad(p.exponent, kLn2, log1p_short(p.mantissa - 1.0));
}

// log(1 + t), to the same error; t above -1.
RL_FN double log1p_any(double t) {
  Split p = split(1.0 + t);
  double f = p.exponent == 0 ? t : p.mantissa - 1.0;
  return mad(p.exponent, kLn2, log1p_short(f));
}

// sin(r) for |r| <= pi/2 to a relative error of 2^-44.
RL_FN double sin_short(double r) {
  double z = r * r;
  double p = poly(z, 0x1.5310adbd6442cp-33, -0x1.ae0701eadf46bp-26, 0x1.71dd08fb401edp-19,
                  -0x1.a019fdacb4efcp-13, 0x1.1111110b0c128p-7, -0x1.55555555491d9p-3);
  return mad(z * p, r, r);
}

constexpr double kInvPi = 0x1.45f306dc9c883p-2;
constexpr double kPi = 0x1.921fb54442d18p+1, kPiLow = 0x1.1a62633145c07p-53;

}  // namespace detail

// All x. Max error 0.501 ulp.
RL_FN float exp2(float x) {
  double a = x, shifted = a + detail::kRound;
  double r = (a - (shifted - detail::kRound)) * detail::kLn2;
  float y = static_cast<float>(detail::exp_short(detail::Reduced{r, shifted}));
  y = x >= 128.0f ? infinity<float>() : y;
  y = x < -150.0f ? 0.0f : y;
  return x != x ? x : y;
}

// All x. Max error 0.501 ulp.
RL_FN float log2(float x) {
  detail::Split p = detail::split(x);
  double l = detail::log1p_short(p.mantissa - 1.0);
  float y = static_cast<float>(detail::mad(l, detail::kLog2E, p.exponent));
  y = x == 0 ? -infinity<float>() : y;
  y = x < 0 ? nan<float>() : y;
  return (x == infinity<float>()) | (x != x) ? x : y;
}

// All x. Max error 0.501 ulp.
RL_FN float log1p(float x) {
  float y = static_cast<float>(detail::log1p_any(x));
  y = x == -1 ? -infinity<float>() : y;
  y = x < -1 ? nan<float>() : y;
  return (x == infinity<float>()) | (x != x) ? x : copysign(y, x);
}

// All x, y. Max error 0.501 ulp.
RL_FN float pow(float x, float y) {
  float a = abs(x);
  double l = detail::log_short(a);
  l = a == 0 ? -infinity<double>() : l;
  l = a == infinity<float>() ? infinity<double>() : l;
  double t = static_cast<double>(y) * l;
  double r = detail::exp_short(t);
  r = t > 90.0 ? infinity<double>() : r;
  r = t < -105.0 ? 0.0 : r;
  return detail::finish_pow(x, y, static_cast<float>(r));
}

// Any x. Not vectorised.
RL_FN float sin_any(float x) {
  double a = x;
  double shifted = detail::mad(a, detail::kInvPi, detail::kRound);
  double n = shifted - detail::kRound;
  double r = detail::mad(n, -detail::kPiLow, detail::mad(n, -detail::kPi, a));
  u64 sign = detail::bits(shifted) << 63;
  float y = static_cast<float>(detail::from_bits(detail::bits(detail::sin_short(r)) ^ sign));
  return trig_in_range(x) ? (x == 0 ? x : y) : __builtin_sinf(x);
}

RL_FN float cos_any(float x) {
  double a = x;  // = r + (n + 1/2) pi, so cos(a) = -(-1)^n sin(r)
  double shifted = detail::mad(a, detail::kInvPi, -0.5) + detail::kRound;
  double n = (shifted - detail::kRound) + 0.5;
  double r = detail::mad(n, -detail::kPiLow, detail::mad(n, -detail::kPi, a));
  u64 sign = ~detail::bits(shifted) << 63;
  float y = static_cast<float>(detail::from_bits(detail::bits(detail::sin_short(r)) ^ sign));
  return trig_in_range(x) ? y : __builtin_cosf(x);
}

}  // namespace rl::RL_ISA::math

// Functions of math.h that are algebra: hypot, fmod, remainder, rsqrt. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {

// All x. Max error 0.501 ulp. rsqrt(-0) is -infinity.
RL_FN float rsqrt(float x) {
  float y = 1.0f / sqrt(x);  // within an ulp: one step of Newton's in double, cheaper than its root
  double a = x, b = y, rest = 0.5 * (1.0 - a * b * b);
  float r = static_cast<float>(b + b * rest);
  return one_nan((x == 0) | (abs(x) == infinity<float>()) ? y : r);
}

// All x. Max error 0.501 ulp.
RL_FN double rsqrt(double x) {
  bool large = x > 0x1p900;  // more than mad can take
  double a = large ? x * 0x1p-200 : x;
  double y = 1.0 / sqrt(a), t = a * y;
  double rest = detail::mad(-t, y, 1.0) - detail::mad(a, y, -t) * y;
  double r = detail::mad(0.5 * y, rest, y);
  r = large ? r * 0x1p-100 : r;
  return one_nan((x == 0) | (x == infinity<double>()) ? y : r);
}

// All x, y; an infinity wins against NaN. Max error 0.501 ulp.
RL_FN float hypot(float x, float y) {
  double a = x, b = y;
  float r = static_cast<float>(sqrt(a * a + b * b));
  bool infinite = (abs(x) == infinity<float>()) | (abs(y) == infinity<float>());
  return one_nan(infinite ? infinity<float>() : r);
}

// All x, y; an infinity wins against NaN. Max error 0.501 ulp, 0.75 where the result is subnormal.
RL_FN double hypot(double x, double y) {
  double p = abs(x), q = abs(y);
  double a = p < q ? q : p, b = p < q ? p : q;
  double up = a > 0x1p500 ? 0x1p-600 : a < 0x1p-400 ? 0x1p600 : 1.0;
  double down = a > 0x1p500 ? 0x1p600 : a < 0x1p-400 ? 0x1p-600 : 1.0;
  b = b < a * 0x1p-60 ? 0.0 : b;  // its square would be lost, or below what mad can take
  a *= up;
  b *= up;
  double aa = a * a, bb = b * b;
  detail::Pair s = detail::fast_two_sum(aa, bb);
  double low = detail::mad(a, a, -aa) + (s.lo + detail::mad(b, b, -bb));
  double h = sqrt(s.hi);
  double h_low = (detail::mad(-h, h, s.hi) + low) / (h + h);
  double r = a == 0 ? b : (h + h_low) * down;
  bool infinite = (p == infinity<double>()) | (q == infinity<double>());
  return one_nan(infinite ? infinity<double>() : r);
}

namespace detail {

// x - n y for a whole n, |result| < y and of either sign; x, y >= 0 doubles that hold floats. Each
// round takes 50 bits off the quotient, which is below 2^278.
template <int kRounds = 6>
RL_FN double reduce_mod(double x, double y, double inverse) {
  x = mad(-trunc(x * inverse), y, x);
  if constexpr (kRounds == 1)
    return x;
  else
    return reduce_mod<kRounds - 1>(x, y, inverse);
}

// The remainder of PyTorch and Python from fmod's: the sign of the divisor.
template <class T>
RL_FN T floor_remainder(T m, T y) {
  return (m != 0) & (m == m) & ((y < 0) != (m < 0)) ? m + y : m;
}

}  // namespace detail

// All x, y. Exact.
RL_FN float fmod(float x, float y) {
  double a = abs(x), b = abs(y);
  double r = detail::reduce_mod(a, b, 1.0 / b);
  r = r < 0 ? r + b : r;
  r = r >= b ? r - b : r;
  float m = static_cast<float>(r);
  m = (b == infinity<double>()) & (a < b) ? abs(x) : m;
  return copysign(one_nan(m), x);
}
RL_FN float fmod_any(float x, float y) { return fmod(x, y); }

// Exact where |x / y| < 2^52. NaN beyond, as for y = 0 and infinite x: a kernel that finds NaN in a
// tile recomputes the tile with fmod_any.
RL_FN double fmod(double x, double y) {
  double a = abs(x), b = abs(y);
  bool small = b < 0x1p-400, large = a > 0x1p900;
  double scale = small ? 0x1p600 : large ? 0x1p-200 : 1.0;
  double unscale = small ? 0x1p-600 : large ? 0x1p200 : 1.0;
  double as = a * scale, bs = b * scale;
  double n = trunc(as / bs);
  double r = detail::mad(-n, bs, as);
  r = r < 0 ? r + bs : r;  // the quotient was rounded up to a whole number
  r = n < 0x1p52 ? r * unscale : nan<double>();
  r = (a < b) ? a : r;
  return copysign(one_nan(r), x);
}

// Any x, y. Not vectorised.
RL_FN double fmod_any(double x, double y) {
  double r = fmod(x, y);
  return r == r ? r : copysign(one_nan(__builtin_fmod(x, y)), x);
}

// x - y floor(x / y), rounded once where the signs differ: PyTorch's remainder and Python's %. In
// double NaN as for fmod.
RL_FN float remainder(float x, float y) { return detail::floor_remainder(fmod(x, y), y); }
RL_FN double remainder(double x, double y) { return detail::floor_remainder(fmod(x, y), y); }
RL_FN float remainder_any(float x, float y) { return remainder(x, y); }
RL_FN double remainder_any(double x, double y) {
  return detail::floor_remainder(fmod_any(x, y), y);
}

}  // namespace rl::RL_ISA::math

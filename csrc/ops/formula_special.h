// What the formulas of roundings and of special functions use beside the common vocabulary. Not in
// formula.h: other families need none of it.
#pragma once

#include "ops/formula.h"
// Both use all of math.h.
#include "kernels/math_product.h"
#include "kernels/math_zeta.h"

namespace rl::RL_ISA::math {

RL_FN Wide<float> sinc(Wide<float> x) { return sinc(x.value); }
RL_FN Wide<double> sinc(Wide<double> x) { return sinc(x.value); }

// Rounding leaves integers as they are.
RL_FN i64 floor(i64 x) { return x; }
RL_FN i64 ceil(i64 x) { return x; }
RL_FN i64 round(i64 x) { return x; }
RL_FN i64 trunc(i64 x) { return x; }

// What x gets of the gradient of x log(y) and x log(1 + y): 0 where x = 0 and the logarithm is -inf
// or NaN.
template <class T>
RL_FN T xlogy_slope(T g, T x, T y) {
  return (x == 0) & (y <= 0) ? T(0) : xlogy(g, y);
}
template <class T>
RL_FN T xlog1py_slope(T g, T x, T y) {
  return (x == 0) & (y <= -1) ? T(0) : xlog1py(g, y);
}

// Rounds at 10^-decimals; NaN where that power of ten is out of range.
template <class T>
RL_FN T round_decimals(T x, T decimals) {
  T power = T(1), ten = T(10);
  for (auto n = static_cast<int>(min(abs(decimals), T(400))); n > 0; n >>= 1) {
    if (n & 1) power *= ten;
    ten *= ten;
  }
  return decimals < 0 ? round(x / power) * power : round(x * power) / power;
}

// eps < 0 or NaN: x is not clamped.
template <class T>
RL_FN T logit_clamped(T x, T eps) {
  T high = T(1) - eps;
  x = eps >= 0 ? (x < eps ? eps : x > high ? high : x) : x;
  return logit(x);
}
template <class T>
RL_FN T logit_slope(T g, T x, T eps) {
  T low = eps >= 0 ? eps : T(0), high = eps >= 0 ? T(1) - eps : T(1);
  T outside = eps >= 0 ? T(0) : nan<T>();
  return (x < low) | (x > high) ? outside : g / (x * (T(1) - x));
}

// The neighbour of x towards y.
RL_FN float nextafter(float x, float y) {
  auto bits = __builtin_bit_cast(unsigned, x);
  unsigned step = (x < y) == (x > 0) ? 1u : ~0u;
  float least = copysign(__builtin_bit_cast(float, 1u), y);
  float next = x == 0 ? least : __builtin_bit_cast(float, bits + step);
  next = x == y ? y : next;
  return (x != x) | (y != y) ? nan<float>() : next;
}
RL_FN double nextafter(double x, double y) {
  u64 step = (x < y) == (x > 0) ? u64{1} : ~u64{0};
  double least = copysign(__builtin_bit_cast(double, u64{1}), y);
  double next = x == 0 ? least : __builtin_bit_cast(double, __builtin_bit_cast(u64, x) + step);
  next = x == y ? y : next;
  return (x != x) | (y != y) ? nan<double>() : next;
}

}  // namespace rl::RL_ISA::math

// Elementary functions as branch-free scalar code that g++ vectorises in a plain loop. No header of
// the standard library may be included: each kernel set compiles this in a namespace of its own.
// Every set gives the same bits: fused operations are spelled out (mad), the compiler adds none.
//
// Errors are measured maxima in units of the last place: float over every 257th float or more,
// double over a million samples a function or more. NaN gives NaN; signed zero, infinities and
// subnormals follow C99 Annex F. sin, cos and tan need |x| <= kTrigMax, or 2^17: see there.
#pragma once

#ifndef RL_ISA
#define RL_ISA ops
#endif
#define RL_FN [[gnu::always_inline]] inline

namespace rl::RL_ISA::math {

using u64 = __UINT64_TYPE__;
using u32 = __UINT32_TYPE__;
using i32 = __INT32_TYPE__;

template <class T>
RL_FN constexpr T infinity() {
  return static_cast<T>(__builtin_inf());
}
template <class T>
RL_FN constexpr T nan() {
  return static_cast<T>(__builtin_nan(""));
}

template <class T>
RL_FN T select(bool condition, T a, T b) {
  return condition ? a : b;
}
RL_FN bool isnan(float x) { return x != x; }
RL_FN bool isnan(double x) { return x != x; }
// NaN in one form: which of two operands' NaN an operation returns is up to compilers.
template <class T>
RL_FN T one_nan(T x) {
  return x == x ? x : nan<T>();
}

// Exact operations: the result is correctly rounded everywhere.
RL_FN float abs(float x) { return __builtin_fabsf(x); }
RL_FN double abs(double x) { return __builtin_fabs(x); }
RL_FN float sqrt(float x) { return __builtin_sqrtf(x); }
RL_FN double sqrt(double x) { return __builtin_sqrt(x); }
RL_FN float floor(float x) { return __builtin_floorf(x); }
RL_FN double floor(double x) { return __builtin_floor(x); }
RL_FN float ceil(float x) { return __builtin_ceilf(x); }
RL_FN double ceil(double x) { return __builtin_ceil(x); }
RL_FN float round(float x) { return __builtin_rintf(x); }  // half to even
RL_FN double round(double x) { return __builtin_rint(x); }
RL_FN float trunc(float x) { return __builtin_truncf(x); }
RL_FN double trunc(double x) { return __builtin_trunc(x); }
RL_FN float copysign(float x, float sign) { return __builtin_copysignf(x, sign); }
RL_FN double copysign(double x, double sign) { return __builtin_copysign(x, sign); }

// PyTorch's minimum and maximum: a NaN in either argument wins, equal arguments give the second.
RL_FN float min(float a, float b) { return (a < b) | (a != a) ? a : b; }
RL_FN double min(double a, double b) { return (a < b) | (a != a) ? a : b; }
RL_FN float max(float a, float b) { return (a > b) | (a != a) ? a : b; }
RL_FN double max(double a, double b) { return (a > b) | (a != a) ? a : b; }

// Correctly rounded a*b + c on every set. Without FMA hardware this is a call into libm, and slow.
RL_FN float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
RL_FN double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

namespace detail {

// 1.5 * 2^52: x + kRound leaves the nearest integer of x in the low bits of the mantissa.
constexpr double kRound = 0x1.8p52;
constexpr u64 kMantissaMask = 0x000fffffffffffff;

RL_FN u64 bits(double x) { return __builtin_bit_cast(u64, x); }
RL_FN double from_bits(u64 x) { return __builtin_bit_cast(double, x); }

struct Pair {  // an unevaluated sum, |lo| <= ulp(hi) / 2 unless said otherwise
  double hi, lo;
};

RL_FN Pair two_sum(double a, double b) {
  double s = a + b, t = s - a;
  return {s, (a - (s - t)) + (b - t)};
}

RL_FN Pair fast_two_sum(double a, double b) {  // |a| >= |b| or a == 0
  double s = a + b;
  return {s, b - (s - a)};
}

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
RL_FN double mad(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
// Veltkamp and Dekker: a * b as a sum of two doubles.
RL_FN Pair two_product(double a, double b) {
  double p = a * b, t = 0x1.0000002p27 * a, u = 0x1.0000002p27 * b;
  double ah = t - (t - a), al = a - ah, bh = u - (u - b), bl = b - bh;
  return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
}

// The fma of |a|, |b| < 2^995 with a product of 0 or above 2^-960, by addition to odd: Boldo and
// Melquiond, IEEE Trans. Comput. 57 (2008). Vectorised, it is 15 times faster than libm's software.
RL_FN double mad(double a, double b, double c) {
  Pair product = two_product(a, b);
  Pair low = two_sum(c, product.lo);
  Pair high = two_sum(product.hi, low.hi);
  Pair tail = two_sum(high.lo, low.lo);
  u64 t = bits(tail.hi);
  u64 step = 1 - 2 * ((t ^ bits(tail.lo)) >> 63);  // away from zero, or towards it
  u64 inexact = tail.lo != 0 ? ~u64{0} : u64{0};
  return high.hi + from_bits(t + (step & inexact & ((t & 1) - 1)));
}
#endif

// n / d without the final rounding of the sum hi + lo.
RL_FN Pair divide(Pair n, Pair d) {
  double inverse = 1.0 / d.hi, q = n.hi * inverse;
  return {q, (mad(-q, d.lo, mad(-q, d.hi, n.hi)) + n.lo) * inverse};
}

// Coefficients from the highest degree down.
template <class... C>
RL_FN double poly(double x, double c0, C... c) {
  double y = c0;
  ((y = mad(y, x, c)), ...);
  return y;
}

// 2^n of shifted = n + kRound; times_pow2 wants a normal x and a normal result.
RL_FN double pow2(double shifted) { return from_bits((bits(shifted) + 1023) << 52); }
RL_FN double times_pow2(double x, double shifted) {
  return from_bits(bits(x) + (bits(shifted) << 52));
}

constexpr double kLog2E = 0x1.71547652b82fep+0, kLog2ELow = 0x1.777d0ffda0d24p-56;
constexpr double kLn2 = 0x1.62e42fefa39efp-1, kLn2Low = 0x1.abc9e3b39803fp-56;
// ln 2 in two parts of which n * kLn2Short is exact for |n| < 2^11.
constexpr double kLn2Short = 0x1.62e42fefa3800p-1, kLn2Rest = 0x1.ef35793c76730p-45;
constexpr u64 kSqrtHalfBits = 0x3fe6a09e667f3bcd;

struct Split {  // x = 2^exponent * mantissa, mantissa in [sqrt(1/2), sqrt(2))
  double exponent, mantissa;
};

RL_FN Split split(double x) {  // x normal and positive; other x give something finite
  u64 t = bits(x) + (0x3ff0000000000000 - kSqrtHalfBits);
  double biased = from_bits((t >> 52) | bits(0x1p52));
  return {biased - (0x1p52 + 1023), from_bits((t & kMantissaMask) + kSqrtHalfBits)};
}

// C99's rules for pow, given |x|^y. Odd integers keep the sign of x; 1^y and x^0 are 1 for NaN too.
template <class T>
RL_FN T finish_pow(T x, T y, T magnitude) {
  T half = y * T(0.5);
  bool integer = floor(y) == y;
  bool odd = integer & (floor(half) != half);
  T r = abs(x) == T(1) ? T(1) : magnitude;
  r = odd ? copysign(r, x) : r;
  r = (x < 0) & !integer & (x != -infinity<T>()) ? nan<T>() : r;
  r = (x != x) | (y != y) ? nan<T>() : r;
  return (x == T(1)) | (y == T(0)) ? T(1) : r;
}

}  // namespace detail

// The range of sin, cos and tan of double and tan of float. Beyond it (and at infinity) they give
// NaN. A kernel looks at a tile first and takes sin_any and the like, libm's exact reduction, where
// one number is outside. sin and cos of float end at 2^17: sin_in_range.
constexpr double kTrigMax = 0x1p45;
RL_FN bool trig_in_range(float x) { return abs(x) <= static_cast<float>(kTrigMax); }
RL_FN bool trig_in_range(double x) { return abs(x) <= kTrigMax; }
RL_FN bool sin_in_range(double x) { return trig_in_range(x); }

}  // namespace rl::RL_ISA::math

#include "math_double.h"
#include "math_float.h"
#include "math_short.h"
// These use both.
#include "math_exact.h"
#include "math_hyperbolic.h"
#include "math_special.h"
#include "math_trig.h"
// Last: it uses what the others define.
#include "math_gamma.h"

// The error function and its relatives in math.h. Coefficients: minimax by a Remez exchange in 45
// digits, the relative error of the function given. Included by math.h only.
#pragma once

namespace rl::RL_ISA::math {
namespace detail {

constexpr double kInvSqrt2 = 0x1.6a09e667f3bcdp-1, kInvSqrt2Low = -0x1.bdd3413b26456p-55;

// log(erfc(a)) / a on [0, 4]: erf has no better variable, and e^y - 1 keeps its digits. 2^-33.
RL_FN double log_erfc_short(double a) {
  return poly(a, 0x1.c63974262e8c9p-24, -0x1.954848f1f4446p-20, 0x1.07d2e2f1bf16ep-17,
              -0x1.1d6ccb6fec4acp-17, -0x1.c51b88253ca3bp-14, 0x1.5d98705cf74f5p-11,
              -0x1.c8aecb4db0806p-10, 0x1.da7adeb53d146p-13, 0x1.39572b21cd95bp-6,
              -0x1.a4f478274ec27p-4, -0x1.45f3076992664p-1, -0x1.20dd7503b1586p+0);
}

// (1 + 2a) e^(a^2) erfc(a) of t = (a - 3) / (a + 3) on [0, 10.2]. 2^-30.
RL_FN double erfcx_short(double t) {
  return poly(t, 0x1.274935f570b3bp-15, -0x1.7ff33379b33dcp-13, -0x1.84d5baf7fca05p-11,
              0x1.ff49e6fedea61p-10, 0x1.4b975abb9e173p-9, -0x1.85bd08f53edd5p-6,
              0x1.17c7f7a0189a4p-4, -0x1.e8895c45dc03dp-4, 0x1.0983891166c11p-3,
              -0x1.85a18c91f666dp-5, -0x1.15c0859db0616p-3, 0x1.40c522dacbac5p+0);
}

// erfc(a), a >= 0 and below 10.2, given z = a^2.
RL_FN double erfc_short(double a, double z) {
  double c = a + 3.0, d = 1.0 + (a + a), inverse = inverse_short(c * d);
  double t = (a - 3.0) * d * inverse;
  return exp_short(-z) * erfcx_short(t) * c * inverse;
}

// The distribution function of the normal distribution, below -14.4 and above 9 its limits.
RL_FN double normal_cdf_short(double x) {
  double a = abs(x) * kInvSqrt2;
  double tail = abs(x) > 14.4 ? 0.0 : 0.5 * erfc_short(a, 0.5 * (x * x));
  return x < 0 ? tail : 1.0 - tail;
}

struct Scaled {  // value * 2^n, shifted = n + kRound
  Pair value;
  double shifted;
};

// erfc(a + a_low), 0 <= a < 27.5, given its square. Normalised, value in [2^-7, 1.42].
RL_FN Scaled erfc_scaled(double a, double a_low, double z, double z_low) {
  ReducedPair r = reduce_exp_pair(-z, -z_low);
  Pair e = exp_pair(r);
  e = fast_two_sum(e.hi, e.lo);
  // (1 + 9/8 a) e^(a^2) erfc(a), of slope 0 at 0, of t = (a - 4) / (a + 4) on [0, 27.5]. 2^-59.
  Pair u = divide(two_sum(a, -4.0), two_sum(a, 4.0));
  double t = u.hi;
  double p = poly(
      t, 0x1.6fa926d32f41cp-31, 0x1.3a9c8f227032ep-30, -0x1.ecb5466aba86fp-28,
      -0x1.80d85ef135315p-27, 0x1.dbb8d10cb3943p-25, 0x1.c971bc9e11441p-25, -0x1.c5907d6ad957fp-22,
      0x1.5e83fe6001a09p-25, 0x1.9717317f69988p-19, -0x1.5128a7367465ap-18, -0x1.e876297c6f6a0p-17,
      0x1.39f8713a77c46p-14, -0x1.452bb017ae886p-14, -0x1.c8efa4267036ap-12, 0x1.452c052d10c05p-9,
      -0x1.e0b2882231401p-8, 0x1.f4f0daa26803cp-7, -0x1.82f2f29832590p-6, 0x1.9b7c27f7656ffp-6,
      -0x1.2c418633628c9p-7, -0x1.12e8a665fb244p-5, 0x1.ab6160c8dc477p-4, -0x1.88f7ef80ff627p-3);
  Pair q = fast_two_sum(0x1.81ca5c6ac35d4p-1, t * p);
  q.lo += -0x1.1e1ccc0561464p-56;
  q.lo += u.lo * poly(t, -0.42, 0.06, 0.33, -0.21);  // the slope, nearly
  double n = e.hi * q.hi;
  double n_low = mad(e.hi, q.hi, -n) + mad(e.hi, q.lo, e.lo * q.hi);
  double b = 1.125 * a;
  Pair d = two_sum(1.0, b);
  d.lo += mad(1.125, a, -b) + 1.125 * a_low;
  Pair y = divide({n, n_low}, d);
  return {fast_two_sum(y.hi, y.lo), r.shifted};
}

struct ThreeCoefficients {
  double low, middle, high;
};

// poly with one of three sets of coefficients.
template <class... C>
RL_FN double poly_of_three(bool low, bool high, double x, C... c) {
  double y = 0.0;
  ((y = mad(y, x, low ? c.low : high ? c.high : c.middle)), ...);
  return y;
}

}  // namespace detail

// All x. Max error 0.505 ulp.
RL_FN float erf(float x) {
  double a = abs(x);
  float y = static_cast<float>(-detail::expm1_short(a * detail::log_erfc_short(a)));
  y = a > 3.95 ? 1.0f : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.511 ulp.
RL_FN float erfc(float x) {
  double a = abs(x);
  double tail = a > 10.2 ? 0.0 : detail::erfc_short(a, a * a);
  return x != x ? x : static_cast<float>(x < 0 ? 2.0 - tail : tail);
}

RL_FN float normal_cdf(float x) {
  return x != x ? x : static_cast<float>(detail::normal_cdf_short(x));
}

namespace detail {

struct NormalTail {  // the distribution function at -a is 2^-64 power q / (a + 3)
  float power, q;
};

// a from 0 to 14.5, t = a / (a + 3), in which q is smooth. power is 2^64 e^(-a^2 / 2), never
// subnormal.
RL_FN NormalTail normal_tail(float a, float t) {
  float half = 0.5f * a, z = half * a;
  FloatReduced b = reduce_exp(-z);
  u32 n = bits(b.shifted) + 64;
  float p = exp_reduced(b.r + (b.r_low - mad(half, a, -z)));
  float q = poly(t, 0x1.c5dba2p-5f, -0x1.ae1e54p-3f, 0x1.097644p-2f, -0x1.c24d72p-4f,
                 0x1.d1c606p-4f, -0x1.1ab438p-3f, -0x1.06ef56p-2f, 0x1.a77d7ap-3f, 0x1.11ad9cp+0f,
                 -0x1.0b94e0p+1f, 1.5f);  // 2^-29, exact at 0
  return {from_bits(bits(p) + (n << 23)), q};
}

}  // namespace detail

// x erfc(-x / sqrt(2)) / 2, the exact gelu. All x. Max error 3.6 ulp above -4, 4.7 below, where
// PyTorch's 1 + erf has lost its digits. NaN at -infinity, as PyTorch's.
RL_FN float gelu(float x) {
  float a = detail::at_most(abs(x), 14.5f), t = a / (a + 3.0f);
  detail::NormalTail tail = detail::normal_tail(a, t);
  float y = detail::mad(-0x1p-64f, tail.power * (tail.q * t), x < 0 ? 0.0f : x);
  return x == -infinity<float>() ? nan<float>() : copysign(y, x);
}

// The derivative of gelu. All x, NaN at the infinities as PyTorch's. Max error 2^-23 of 1.
RL_FN float gelu_slope(float x) {
  float a = detail::at_most(abs(x), 14.5f), inverse = 1.0f / (a + 3.0f);
  detail::NormalTail tail = detail::normal_tail(a, a * inverse);
  float y = tail.power * detail::mad(a, -0x1.988454p-2f, tail.q * inverse);
  u32 negative = detail::negative_mask(detail::bits(x));
  float one = detail::from_bits(detail::bits(1.0f) & ~negative);
  y = detail::mad(copysign(0x1p-64f, -x), y, one);
  return abs(x) < infinity<float>() ? y : nan<float>();
}

// All x; infinite at 1 and -1, NaN beyond. Max error 0.501 ulp.
RL_FN float erfinv(float x) {
  double a = x;
  double w = -detail::log_short((1.0 - a) * (1.0 + a));
  bool near = w < 5.0;  // erfinv(x) / x of w up to 5, of sqrt(w) from there on. 2^-34.
  double t = near ? w - 2.5 : sqrt(w) - 0x1.8f1bbcdcbfa54p+1;
  double p = detail::poly_of_three(
      near, true, t, detail::ThreeCoefficients{-0x1.5bc75729e373ep-36, 0.0, 0x1.9e02288238637p-17},
      detail::ThreeCoefficients{0x1.0fc973a782363p-33, 0.0, -0x1.77838c0745b46p-17},
      detail::ThreeCoefficients{0x1.bb3a421fa046fp-31, 0.0, -0x1.efc049329ecaep-15},
      detail::ThreeCoefficients{-0x1.7547308e277b9p-27, 0.0, 0x1.3ca9c4521fd1ap-13},
      detail::ThreeCoefficients{0x1.dcb66e7845cc4p-27, 0.0, -0x1.9b3f65ac31201p-14},
      detail::ThreeCoefficients{0x1.01003d706c40ep-21, 0.0, -0x1.5816e5fc1a2cfp-12},
      detail::ThreeCoefficients{-0x1.cab7124b7819ep-19, 0.0, 0x1.4e9dae7afc039p-10},
      detail::ThreeCoefficients{-0x1.4f4721a4857cfp-18, 0.0, -0x1.511a1b9ace891p-9},
      detail::ThreeCoefficients{0x1.c9b4de378ad3cp-13, 0.0, 0x1.fcf87324e77d5p-9},
      detail::ThreeCoefficients{-0x1.4863ce5545663p-10, 0.0, -0x1.626c4969c77e8p-8},
      detail::ThreeCoefficients{-0x1.11c3c536eb792p-8, 0.0, 0x1.d5391c995faddp-8},
      detail::ThreeCoefficients{0x1.f91e8993d0416p-3, 0.0, 0x1.00ed38edc7005p+0},
      detail::ThreeCoefficients{0x1.805c5cfd15103p+0, 0.0, 0x1.79c52285ed2c2p+1});
  float y = static_cast<float>(a * p);
  y = abs(x) == 1 ? copysign(infinity<float>(), x) : y;
  return abs(x) <= 1 ? (x == 0 ? x : y) : nan<float>();
}

// All x. Max error 0.85 ulp.
RL_FN double erf(double x) {
  double a = abs(x);
  // log(erfc(a)) / a on [0, 6]. 2^-57.
  double p = detail::poly(a, -0x1.c5ef63f65b401p-51, 0x1.5c8fe99ebee93p-45, -0x1.f45fc9a348cb5p-41,
                          0x1.bdc73d8b9eee1p-37, -0x1.13c16424ffc24p-33, 0x1.f57165b09da16p-31,
                          -0x1.58ddab2f3bb8cp-28, 0x1.699e53951d49fp-26, -0x1.1b8b9523f119cp-24,
                          0x1.320b22edfcb6ep-23, -0x1.2a04affde6935p-23, -0x1.663d93807a265p-22,
                          0x1.d27be2dc6f032p-20, -0x1.7bf7cacffd832p-19, -0x1.c9ceb987a5382p-19,
                          0x1.f2bac2dfc03afp-16, -0x1.0e81174b063a6p-14, -0x1.b2294eb3101adp-16,
                          0x1.3565499129b69p-11, -0x1.bca67b2618ee8p-10, 0x1.b6b68b1f727f6p-13,
                          0x1.39668593ffb0ep-6, -0x1.a4f4e2a1b2937p-4, -0x1.45f306dc9c890p-1);
  detail::Pair s = detail::two_sum(-0x1.20dd750429b6dp+0, a * p);
  s.lo += -0x1.1ae3a914fed80p-56;
  double y = a * s.hi;
  double y_low = detail::mad(a, s.lo, detail::mad(a, s.hi, -y));
  y = -2.0 * detail::expm1_half(detail::reduce_exp_pair(y, y_low)).hi;
  y = a < 0x1p-30 ? a + 0x1.06eba8214db69p-3 * a : y;
  y = a > 5.95 ? 1.0 : y;
  return x != x ? x : copysign(y, x);
}

// All x. Max error 0.93 ulp.
RL_FN double erfc(double x) {
  double a = abs(x), z = a * a, z_low = detail::mad(a, a, -z);
  detail::Scaled c = detail::erfc_scaled(a, 0.0, z, a < 0x1p-100 ? 0.0 : z_low);
  double s = a < 6.5 ? detail::pow2(c.shifted) : 0.0;
  detail::Pair left = detail::fast_two_sum(2.0, -s * c.value.hi);
  double right = detail::scale(c.value.hi, c.shifted, z > 700.0);
  double y = x < 0 ? left.hi + detail::mad(-s, c.value.lo, left.lo) : right;
  y = x > 27.3 ? 0.0 : y;
  y = x < -6.5 ? 2.0 : y;
  return x != x ? x : y;
}

namespace detail {

// factor times the distribution function of the normal distribution, |x| in [2^-100, 38.8].
RL_FN double normal_cdf_times(double x, double factor) {
  double a = abs(x) * kInvSqrt2;
  double a_low = mad(abs(x), kInvSqrt2Low, mad(abs(x), kInvSqrt2, -a));
  double z = x * x, z_low = mad(x, x, -z);
  Scaled c = erfc_scaled(a, a_low, 0.5 * z, 0.5 * z_low);
  bool tail = x < -8.0;  // in the tail n is applied last, else first
  double s = abs(x) < 9.0 ? pow2(c.shifted - 1.0) : 0.0;
  Pair lower = {c.value.hi * s, c.value.lo * s};
  Pair upper = fast_two_sum(1.0, -lower.hi);
  upper.lo -= lower.lo;
  Pair body = x < 0 ? lower : upper;
  double v = tail ? 0.5 * c.value.hi : body.hi, v_low = tail ? 0.5 * c.value.lo : body.lo;
  double y = v * factor;
  double y_low = mad(v_low, factor, mad(v, factor, -y));
  y = y + y_low;
  return tail ? scale(y, c.shifted, true) : y;
}

}  // namespace detail

// As in float. Max error 0.93 ulp.
RL_FN double gelu(double x) {
  double y = detail::normal_cdf_times(x, x);
  y = abs(x) < 0x1p-100 ? 0.5 * x : y;
  y = x < -38.8 ? x * 0.0 : y;
  return one_nan(x > 9.0 ? x : y);
}
RL_FN double normal_cdf(double x) {
  double y = detail::normal_cdf_times(x, 1.0);
  y = abs(x) < 0x1p-100 ? 0.5 : y;
  y = x < -38.8 ? 0.0 : y;
  return x != x ? x : x > 9.0 ? 1.0 : y;
}

// The derivative of gelu: the distribution function and x times the density.
RL_FN double gelu_slope(double x) {
  return normal_cdf(x) + x * (0x1.9884533d43651p-2 * exp(-0.5 * x * x));
}

// All x; infinite at 1 and -1, NaN beyond. Max error 0.98 ulp.
RL_FN double erfinv(double x) {
  double a = abs(x), z = x * x, z_low = detail::mad(x, x, -z);
  detail::Pair u = detail::fast_two_sum(1.0, -z);
  u.lo -= z_low;
  u = detail::fast_two_sum(u.hi, u.lo);
  detail::Split p = detail::split(u.hi);
  detail::Pair l = detail::log_sum_pair(p.exponent, p.mantissa - 1.0, u.lo / u.hi);
  double w = -l.hi - l.lo, w_low = (-l.hi - w) - l.lo;
  double root = sqrt(w), root_low = 0.5 * (detail::mad(-root, root, w) + w_low) / root;
  // erfinv(x) / x of w up to 5, then of sqrt(w). 2^-58.
  bool low = w < 5.0, high = root > 3.75;
  double t = low ? w - 1.0 : root - (high ? 0x1.3a00000000000p+2 : 0x1.7f1bbcdcbfa54p+1);
  double q = detail::poly_of_three(
      low, high, t,
      detail::ThreeCoefficients{-0x1.43d2bc922c6d3p-64, -0x1.ed1f7d7730ec9p-29,
                                0x1.4c0cf9bc76bedp-42},
      detail::ThreeCoefficients{0x1.66f11dc4032b6p-59, 0x1.95111727672e4p-27,
                                -0x1.ac1ca85138780p-41},
      detail::ThreeCoefficients{-0x1.4cc1ccb5bc3ecp-55, -0x1.331cf77bd075bp-28,
                                -0x1.cba4dc1fbafcdp-40},
      detail::ThreeCoefficients{0x1.2ed6597d26064p-52, -0x1.09d05488bf4f9p-24,
                                0x1.79fff2e2d2525p-37},
      detail::ThreeCoefficients{-0x1.4d2763c26e08cp-51, 0x1.793a64b0621bfp-23,
                                -0x1.e82181e7a09adp-36},
      detail::ThreeCoefficients{-0x1.55490771a78a7p-48, -0x1.c1006bb4c11efp-24,
                                0x1.90caeb55dce11p-35},
      detail::ThreeCoefficients{0x1.c516f03aa1987p-46, -0x1.538522909ad65p-21,
                                0x1.9735eac03821fp-37},
      detail::ThreeCoefficients{0x1.53e9059323963p-43, 0x1.16624df2a6769p-19,
                                -0x1.de3331b9495aap-32},
      detail::ThreeCoefficients{-0x1.802d9adcc0184p-40, -0x1.f4f97499c7e70p-20,
                                0x1.06b018950d29bp-29},
      detail::ThreeCoefficients{-0x1.05fdded7920f4p-38, -0x1.83badee7fd3a7p-18,
                                -0x1.849d36ae250a5p-28},
      detail::ThreeCoefficients{0x1.2940f5c733d9dp-34, 0x1.78ebd4bfd3b39p-16,
                                0x1.ca276d29fb1b7p-27},
      detail::ThreeCoefficients{0x1.23adce1c69bcdp-36, -0x1.9ee07ec633daap-16,
                                -0x1.cd8975caa819bp-26},
      detail::ThreeCoefficients{-0x1.9fa3adedd0c22p-29, -0x1.76719c79cf032p-15,
                                0x1.af1a9ebd32f8cp-25},
      detail::ThreeCoefficients{0x1.9f132d3694f23p-28, 0x1.b5a7c03fc4b95p-13,
                                -0x1.bdae05b513fa0p-24},
      detail::ThreeCoefficients{0x1.06ac8fee649edp-23, -0x1.367e3562a8d2ap-12,
                                0x1.4211124ef0e3bp-22},
      detail::ThreeCoefficients{-0x1.2f73f6b179ac8p-21, -0x1.166a91e75b95dp-13,
                                -0x1.3f4dea644a288p-20},
      detail::ThreeCoefficients{-0x1.1eee00d51eaa2p-18, 0x1.86c0f7c327641p-10,
                                0x1.5f9a739f2203ap-18},
      detail::ThreeCoefficients{0x1.4075e5803da8bp-15, -0x1.da9b1425e00a3p-9,
                                -0x1.782ecdbceb718p-16},
      detail::ThreeCoefficients{0x1.a3f0f04a32859p-14, 0x1.7cc7447915268p-8, 0x1.6812511f72187p-14},
      detail::ThreeCoefficients{-0x1.3779be7c1ce6ap-9, -0x1.ff70a23faae0fp-8,
                                -0x1.0140c36218975p-12},
      detail::ThreeCoefficients{0x1.16931130fad0fp-8, 0x1.3accc4c402a32p-7, -0x1.36a8cb338caf9p-14},
      detail::ThreeCoefficients{0x1.fb8fccc606520p-3, 0x1.006517e0fb8c9p+0, 0x1.02a45e0aa4f1bp+0});
  detail::Pair s = detail::two_sum(low    ? 0x1.209b9bb73e395p+0
                                   : high ? 0x1.3055072a84e0dp+2
                                          : 0x1.69ba5aabecc1ap+1,
                                   t * q);
  s.lo += low ? -0x1.b2e75da01c5f4p-55 : high ? -0x1.3b40687a64bebp-52 : -0x1.dadf7fbcbdc82p-53;
  s.lo += low ? 0.24 * (w_low + (w - (t + 1.0))) : root_low;  // their derivatives, nearly
  double y = detail::mad(a, s.hi, a * s.lo);
  y = a < 0x1p-30 ? a - 0x1.d203b725884abp-4 * a : y;
  y = a == 1 ? infinity<double>() : y;
  return a <= 1 ? copysign(y, x) : nan<double>();
}

}  // namespace rl::RL_ISA::math

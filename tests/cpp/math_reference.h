// What libm lacks, in double (for float functions) and long double (for double functions).
#pragma once

#include <cmath>
#include <limits>

namespace reference {

template <class T>
constexpr T kPi = static_cast<T>(3.14159265358979323846264338327950288L);

template <class T>
T sigmoid(T x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

template <class T>
T rsqrt(T x) {
  return 1 / std::sqrt(x);
}

template <class T>
T sinc(T x) {
  if (x == 0) return 1;
  T n = std::round(std::fabs(x)), r = std::fabs(x) - n;
  T s = std::sin(kPi<T> * r);
  return (std::fmod(n, T(2)) == 0 ? s : 0 - s) / (kPi<T> * std::fabs(x));
}

template <class T>
T softplus(T x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
template <class T>
T log_sigmoid(T x) {
  return -softplus(-x);
}

// erfc(-x / sqrt(2)) / 2; the rounding of the quotient is made good, for the tail magnifies it.
template <class T>
T normal_cdf(T x) {
  T root = std::sqrt(T(2)), a = -x / root;
  if (!std::isfinite(x)) return std::erfc(a) / 2;
  T root_low = std::fma(-root, root, T(2)) / (2 * root);
  T a_low = (std::fma(-a, root, -x) - a * root_low) / root;
  return (std::erfc(a) - a_low * 2 / std::sqrt(kPi<T>) * std::exp(-a * a)) / 2;
}
template <class T>
T gelu(T x) {
  return x * normal_cdf(x);
}

// Halley's iteration on erf, or on erfc where that keeps more digits.
template <class T>
T erfinv(T x) {
  T a = std::fabs(x);
  if (!(a <= 1)) return std::numeric_limits<T>::quiet_NaN();
  if (a == 1) return std::copysign(std::numeric_limits<T>::infinity(), x);
  T l = std::log1p(-a * a), c = 2 / (kPi<T> * T(0.147)) + l / 2;
  T y = std::sqrt(std::sqrt(c * c - l / T(0.147)) - c);
  if (a < T(1e-5)) y = a * std::sqrt(kPi<T>) / 2;
  for (int i = 0; i < 6; ++i) {
    T error = a < T(0.5) ? std::erf(y) - a : (1 - a) - std::erfc(y);
    T step = error * std::sqrt(kPi<T>) / 2 * std::exp(y * y);
    step /= 1 + y * step;
    y -= step;
    if (std::fabs(step) <= std::numeric_limits<T>::epsilon() * y) break;
  }
  return std::copysign(y, x);
}

// PyTorch's values at the poles.
template <class T>
T digamma(T x) {
  using limits = std::numeric_limits<T>;
  if (x == 0) return std::copysign(limits::infinity(), -x);
  if (std::isinf(x)) return x > 0 ? x : limits::quiet_NaN();
  if (x < 0) {
    T r = x - std::round(x);
    if (r == 0) return limits::quiet_NaN();
    return digamma(1 - x) - kPi<T> / std::tan(kPi<T> * r);
  }
  T sum = 0;
  for (; x < 25; x += 1) sum -= 1 / x;
  const T bernoulli[] = {T(1) / 12,  T(-1) / 120,     T(1) / 252, T(-1) / 240,
                         T(1) / 132, T(-691) / 32760, T(1) / 12,  T(-3617) / 8160};
  T t = 1 / (x * x), series = 0;
  for (int i = 7; i >= 0; --i) series = (series + bernoulli[i]) * t;
  return sum + (std::log(x) - 1 / (2 * x) - series);
}

template <class T>
T trigamma(T x) {
  using limits = std::numeric_limits<T>;
  if (std::isinf(x)) return x > 0 ? 0 : limits::quiet_NaN();
  if (x <= 0) {
    T r = x - std::round(x), s = kPi<T> / std::sin(kPi<T> * r);
    return r == 0 ? limits::infinity() : s * s - trigamma(1 - x);
  }
  T sum = 0;
  for (; x < 25; x += 1) sum += 1 / (x * x);
  const T bernoulli[] = {T(1) / 6,  T(-1) / 30,     T(1) / 42, T(-1) / 30,
                         T(5) / 66, T(-691) / 2730, T(7) / 6,  T(-3617) / 510};
  T t = 1 / (x * x), series = 0;
  for (int i = 7; i >= 0; --i) series = (series + bernoulli[i]) * t;
  return sum + (1 / x + t / 2 + series / x);
}

template <class T>
T logit(T x) {
  if (!(x >= 0 && x <= 1)) return std::numeric_limits<T>::quiet_NaN();
  return std::fabs(x - T(0.5)) < T(0.25) ? 2 * std::atanh(2 * x - 1) : std::log(x) - std::log1p(-x);
}

template <class T>
T xlogy(T x, T y) {
  return x == 0 && !std::isnan(y) ? 0 : x * std::log(y);
}
template <class T>
T xlog1py(T x, T y) {
  return x == 0 && !std::isnan(y) ? 0 : x * std::log1p(y);
}

template <class T>
T ldexp(T x, T y) {
  return (x == 0 || std::isinf(x)) && std::isfinite(y) ? x : x * std::exp2(y);
}

template <class T>
T logaddexp2(T x, T y) {
  T high = x < y ? y : x;
  if (std::isnan(x) || std::isnan(y)) return x + y;
  if (x == y && std::isinf(x)) return x;
  return high + std::log1p(std::exp2(-std::fabs(x - y))) / std::log(T(2));
}

template <class T>
T logaddexp(T x, T y) {
  T high = x < y ? y : x;
  if (std::isnan(x) || std::isnan(y)) return x + y;
  return x == y && std::isinf(x) ? x : high + std::log1p(std::exp(-std::fabs(x - y)));
}

template <class T>
T remainder(T x, T y) {
  T m = std::fmod(x, y);
  return m != 0 && (y < 0) != (m < 0) ? m + y : m;
}

}  // namespace reference

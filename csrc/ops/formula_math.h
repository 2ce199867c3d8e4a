// Functions that formulas use beside the elementary ones: integer forms, selection, slopes of
// powers.
#pragma once

#include "kernels/math.h"

namespace rl::RL_ISA::math {

using i64 = __INT64_TYPE__;
using u64 = __UINT64_TYPE__;

RL_FN i64 abs(i64 x) { return x < 0 ? -x : x; }

RL_FN float sign(float x) { return static_cast<float>(x > 0) - static_cast<float>(x < 0); }
RL_FN double sign(double x) { return static_cast<double>(x > 0) - static_cast<double>(x < 0); }
RL_FN i64 sign(i64 x) { return static_cast<i64>(x > 0) - static_cast<i64>(x < 0); }

// 0 whatever x is, nan and infinity too.
RL_FN float zeros_like(float) { return 0; }
RL_FN double zeros_like(double) { return 0; }

// For arguments of mixed tags; the template of math.h needs equal types.
RL_FN float select(bool condition, float a, float b) { return condition ? a : b; }
RL_FN double select(bool condition, double a, double b) { return condition ? a : b; }

// Squaring by bits; wraps around like every int64 product. A negative power of anything but 1 and
// -1 rounds to 0.
RL_FN i64 pow(i64 x, i64 p) {
  if (p < 0) return x == 1 ? 1 : x == -1 ? (p & 1 ? -1 : 1) : 0;
  i64 result = 1;
  for (; p > 0; p >>= 1) {
    if (p & 1) result = static_cast<i64>(static_cast<u64>(result) * static_cast<u64>(x));
    x = static_cast<i64>(static_cast<u64>(x) * static_cast<u64>(x));
  }
  return result;
}

// x^p for one p and many x: the frequent exponents are products and roots, which compilers
// vectorise and which PyTorch computes in the same way.
template <class T>
RL_FN T pow_number(T x, T p) {
  if (p == T(2)) return x * x;
  if (p == T(1)) return x;
  if (p == T(3)) return x * x * x;
  if (p == T(0.5)) return sqrt(x);
  if (p == T(-1)) return T(1) / x;
  if (p == T(-2)) return T(1) / (x * x);
  if (p == T(-0.5)) return T(1) / sqrt(x);
  return pow(x, p);
}
RL_FN i64 pow_number(i64 x, i64 p) { return pow(x, p); }
RL_FN bool pow_number(bool x, bool p) { return x | !p; }

// g d(x^p)/dx; 0 for p = 0, whatever g.
RL_FN float pow_grad(float g, float x, float p) {
  return p == 0 ? 0.0f : g * (p * pow_number(x, p - 1.0f));
}
RL_FN double pow_grad(double g, double x, double p) {
  return p == 0 ? 0.0 : g * (p * pow_number(x, p - 1.0));
}

// nan where either is. The functions of math.h are the same for two floats.
template <class T>
RL_FN T larger(T x, T y) {
  return (x > y) | (x != x) ? x : y;
}
template <class T>
RL_FN T smaller(T x, T y) {
  return (x < y) | (x != x) ? x : y;
}
// What x gets of the gradient of larger(x, y), and y of that of smaller(x, y): both where one is
// nan.
template <class T>
RL_FN T share_of_larger(T g, T x, T y) {
  return x == y ? g / T(2) : x < y ? T(0) : g;
}

// v, which has no derivative where x is 0.
RL_FN float fixed_at_zero(float, float v) { return v; }
RL_FN double fixed_at_zero(double, double v) { return v; }

// The gradient where the output is above 0, or nan.
RL_FN float threshold_backward(float g, float y) { return y <= 0 ? 0.0f : g; }
RL_FN double threshold_backward(double g, double y) { return y <= 0 ? 0.0 : g; }

// g times the slopes of tanh and sigmoid, by their output.
template <class T>
RL_FN T tanh_backward(T g, T y) {
  return g * (T(1) - y * y);
}
template <class T>
RL_FN T sigmoid_backward(T g, T y) {
  return g * ((T(1) - y) * y);
}

// d(x^p)/dp = y log x; 0 where x = 0 and p >= 0, where the product would be 0 * -inf.
RL_FN float pow_exponent_slope(float x, float p, float y) {
  return (x == 0) & (p >= 0) ? 0.0f : y * log(x);
}
RL_FN double pow_exponent_slope(double x, double p, double y) {
  return (x == 0) & (p >= 0) ? 0.0 : y * log(x);
}

// g times the slope of smooth_l1_loss and huber_loss at the difference x - y.
template <class T>
RL_FN T smooth_l1_backward(T g, T x, T y, T norm, T beta) {
  T d = x - y;
  return d <= -beta ? -norm * g : d >= beta ? norm * g : norm * d * g / beta;
}
template <class T>
RL_FN T huber_backward(T g, T x, T y, T norm, T delta) {
  T d = x - y;
  return d <= -delta ? -norm * g * delta : d >= delta ? norm * g * delta : norm * d * g;
}
// An option among the arguments, as a condition.
RL_FN bool flag(float x) { return x != 0; }
RL_FN bool flag(double x) { return x != 0; }

// gelu with tanh in the place of the error function, and g times the slope of either form.
// (1 + tanh(u)) / 2 is sigmoid(2 u), which keeps its digits where tanh is near -1.
template <class T>
RL_FN T gelu_tanh_gate(T x) {
  return sigmoid(T(0x1.9884533d43651p+0) * (x + T(0.044715) * x * x * x));
}
template <class T>
RL_FN T gelu_tanh(T x) {
  return x * gelu_tanh_gate(x);
}
template <class T>
RL_FN T gelu_backward(T g, T x, T approximate) {
  if (flag(approximate)) {
    T s = gelu_tanh_gate(x);
    T inner_slope = T(0x1.9884533d43651p+0) * (T(1) + T(3 * 0.044715) * x * x);
    return g * (s + x * (s * (T(1) - s) * inner_slope));
  }
  return g * gelu_slope(x);
}

// The value where |d| < width, 0 elsewhere.
template <class T>
RL_FN T where_near(T d, T width, T value) {
  return abs(d) < width ? value : T(0);
}

}  // namespace rl::RL_ISA::math

// Exponentials, logarithms and roots.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

// e^x. Uses the output.
struct Exp {
  static constexpr OpRecord record{
      .name = "exp",
      .signature = "exp(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "e to the power of each element.",
      .derivative = "dy/dx = y",
      .domain = {-5, 5},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  RL_FN static bool fast(float x) { return math::exp_is_normal(x); }
  static bool fast(double) = delete;
  template <class T>
  RL_FN static T forward(T x) {
    return math::exp_near(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y);
  }
};

struct Log {
  static constexpr OpRecord record{
      .name = "log",
      .signature = "log(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Natural logarithm of each element.",
      .derivative = "dy/dx = 1 / x",
      .domain = {0.05, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  RL_FN static bool fast(float x) { return math::log_is_normal(x); }
  static bool fast(double) = delete;
  template <class T>
  RL_FN static T forward(T x) {
    return math::log_near(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(x);
  }
};

// e^x - 1. Uses the output: y + 1 is e^x without a second transcendental.
struct Expm1 {
  static constexpr OpRecord record{
      .name = "expm1",
      .signature = "expm1(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "e to the power of each element, minus 1; exact where the element is near 0.",
      .derivative = "dy/dx = y + 1",
      .domain = {-5, 5},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::expm1(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y + Num(1));
  }
};

// log(1 + x).
struct Log1p {
  static constexpr OpRecord record{
      .name = "log1p",
      .signature = "log1p(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Natural logarithm of 1 plus each element; exact where the element is near 0.",
      .derivative = "dy/dx = 1 / (x + 1)",
      .domain = {-0.9, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log1p(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / conj(x + Num(1));
  }
};

// Uses the output: 2 y is exact, and y = 0 gives PyTorch's inf.
struct Sqrt {
  static constexpr OpRecord record{
      .name = "sqrt",
      .signature = "sqrt(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Square root of each element.",
      .derivative = "dy/dx = 1 / (2 y)",
      .domain = {0.05, 9},
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::sqrt(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g / conj(y * Num(2));
  }
};

// 2^x. Uses the output.
struct Exp2 {
  static constexpr OpRecord record{
      .name = "exp2",
      .signature = "exp2(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "2 to the power of each element.",
      .derivative = "dy/dx = y log(2)",
      .domain = {-5, 5},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::exp2(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return g * conj(y) * Num(0x1.62e42fefa39efp-1);
  }
};

struct Log2 {
  static constexpr OpRecord record{
      .name = "log2",
      .signature = "log2(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Logarithm to base 2 of each element.",
      .derivative = "dy/dx = 1 / (x log(2))",
      .domain = {0.05, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log2(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / (conj(x) * Num(0x1.62e42fefa39efp-1));
  }
};

struct Log10 {
  static constexpr OpRecord record{
      .name = "log10",
      .signature = "log10(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Logarithm to base 10 of each element.",
      .derivative = "dy/dx = 1 / (x log(10))",
      .domain = {0.05, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::log10(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g / (conj(x) * Num(0x1.26bb1bbb55516p+1));
  }
};

// 1 / sqrt(x), rounded once. Uses the output.
struct Rsqrt {
  static constexpr OpRecord record{
      .name = "rsqrt",
      .signature = "rsqrt(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "One over the square root of each element.",
      .derivative = "dy/dx = -y^3 / 2",
      .domain = {0.05, 9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::rsqrt(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return Num(-0.5) * g * conj(y * y * y);
  }
};

// log(e^x + e^y): both gradients need the difference alone.
struct LogAddExp {
  static constexpr OpRecord record{
      .name = "logaddexp",
      .signature = "logaddexp(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "log(e^input + e^other), without overflow.",
      .derivative =
          "dy/dinput = 1 / (1 + e^(other - input)), dy/dother = 1 / (1 + e^(input - other))",
      .domain = {-5, 5},
      .max_ulp = 1,
      .computes = Computes::kFloatOnly,
      .kernel = "logaddexp_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::logaddexp(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return g / (math::exp(y - x) + Num(1));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return g / (math::exp(x - y) + Num(1));
  }
};

struct LogAddExp2 {
  static constexpr OpRecord record{
      .name = "logaddexp2",
      .signature = "logaddexp2(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "log2(2^input + 2^other), without overflow.",
      .derivative =
          "dy/dinput = 1 / (1 + 2^(other - input)), dy/dother = 1 / (1 + 2^(input - other))",
      .domain = {-5, 5},
      .max_ulp = 1,
      .computes = Computes::kFloatOnly,
      .kernel = "logaddexp2_cpu"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::logaddexp2(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return g / (math::exp2(y - x) + Num(1));
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return g / (math::exp2(x - y) + Num(1));
  }
};

// x 2^y. grad_other uses the output.
struct Ldexp {
  static constexpr OpRecord record{
      .name = "ldexp",
      .signature = "ldexp(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The first element times 2 to the power of the second.",
      .derivative = "dy/dinput = 2^other, dy/dother = y log(2)",
      .domain = {-4, 4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::ldexp(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return g * math::exp2(y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Result<V> r) {
    return g * r * Num(0x1.62e42fefa39efp-1);
  }
};

using ExponentialOps =
    OpList<Exp, Log, Expm1, Log1p, Sqrt, Exp2, Log2, Log10, Rsqrt, LogAddExp, LogAddExp2, Ldexp>;

}  // namespace rl::RL_ISA

// The error function and its kin.
#pragma once

#include "ops/formula_special.h"

namespace rl::RL_ISA {

struct Erf {
  static constexpr OpRecord record{
      .name = "erf",
      .signature = "erf(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Error function of each element.",
      .derivative = "dy/dx = 2 / sqrt(pi) e^(-x^2)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::erf(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    constexpr double kTwoOverSqrtPi = 0x1.20dd750429b6dp+0;
    return Num(kTwoOverSqrtPi) * math::exp(-(x * x)) * g;
  }
};

struct Erfc {
  static constexpr OpRecord record{
      .name = "erfc",
      .signature = "erfc(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "1 minus the error function of each element, without its loss of digits.",
      .derivative = "dy/dx = -2 / sqrt(pi) e^(-x^2)",
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::erfc(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return Num(-0x1.20dd750429b6dp+0) * math::exp(-(x * x)) * g;
  }
};

// PyTorch saves the input, and so the inverse is taken again.
struct Erfinv {
  static constexpr OpRecord record{
      .name = "erfinv",
      .signature = "erfinv(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Inverse error function of each element.",
      .derivative = "dy/dx = sqrt(pi) / 2 e^(y^2)",
      .domain = {-0.9, 0.9},
      .max_ulp = 1,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::erfinv(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    V y = math::erfinv(x);
    return Num(0x1.c5bf891b4ef6bp-1) * math::exp(y * y) * g;
  }
};

// log(x / (1 - x)), x clamped to [eps, 1 - eps] where eps is given.
struct Logit {
  static constexpr OpRecord record{
      .name = "logit",
      .signature = "logit(input: Tensor, eps: float? = None, *, out: Tensor? = None) -> Tensor",
      .doc = "Inverse of sigmoid: log(x / (1 - x)) of each element x, clamped to [eps, 1 - eps].",
      .derivative = "dy/dx = 1 / (x (1 - x)), 0 outside [eps, 1 - eps]",
      .domain = {0.1, 0.9},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> eps) {
    return math::logit_clamped(x, eps.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> eps) {
    return math::logit_slope(g.value, x.value, eps.value);
  }
};

struct XLogY {
  static constexpr OpRecord record{
      .name = "xlogy",
      .signature = "xlogy(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(other), 0 where input is 0.",
      .derivative = "dy/dinput = log(other), dy/dother = input / other",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::xlogy(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::xlogy_slope(g.value, x.value, y.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return g * x / y;
  }
};

struct XLogYNumber {
  static constexpr OpRecord record{
      .name = "xlogy",
      .overload = 2,
      .signature = "xlogy(input: Tensor, other: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(other), 0 where input is 0.",
      .derivative = "dy/dinput = log(other)",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> y) {
    return math::xlogy(x, y.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> y) {
    return math::xlogy_slope(g.value, x.value, y.value);
  }
};

struct XLogYOf {
  static constexpr OpRecord record{
      .name = "xlogy",
      .overload = 1,
      .signature = "xlogy(self: Number, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(other), 0 where input is 0.",
      .derivative = "dy/dother = input / other",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .form = Form::kFunction};
  template <class T>
  RL_FN static T forward(Scalar<T, 0> x, T y) {
    return math::xlogy(x.value, y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 0> x, Other<V> y) {
    return g * x / y;
  }
};

struct XLog1PY {
  static constexpr OpRecord record{
      .name = "_special_xlog1py",
      .signature =
          "_special_xlog1py(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(1 + other), 0 where input is 0.",
      .derivative = "dy/dinput = log(1 + other), dy/dother = input / (1 + other)",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .form = Form::kFunction,
      .node = "SpecialXlog1PyBackward0"};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return math::xlog1py(x, y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Other<V> y) {
    return math::xlog1py_slope(g.value, x.value, y.value);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return g * x / (y + Num(1));
  }
};

struct XLog1PYNumber {
  static constexpr OpRecord record{
      .name = "_special_xlog1py",
      .overload = 2,
      .signature =
          "_special_xlog1py(input: Tensor, other: Number, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(1 + other), 0 where input is 0.",
      .derivative = "dy/dinput = log(1 + other)",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .form = Form::kFunction,
      .node = "SpecialXlog1PyBackward2"};
  template <class T>
  RL_FN static T forward(T x, Scalar<T, 1> y) {
    return math::xlog1py(x, y.value);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x, Scalar<V, 1> y) {
    return math::xlog1py_slope(g.value, x.value, y.value);
  }
};

struct XLog1PYOf {
  static constexpr OpRecord record{
      .name = "_special_xlog1py",
      .overload = 1,
      .signature =
          "_special_xlog1py(self: Number, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "input * log(1 + other), 0 where input is 0.",
      .derivative = "dy/dother = input / (1 + other)",
      .domain = {0.1, 4},
      .max_ulp = 1,
      .form = Form::kFunction,
      .node = "SpecialXlog1PyBackward1"};
  template <class T>
  RL_FN static T forward(Scalar<T, 0> x, T y) {
    return math::xlog1py(x.value, y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 0> x, Other<V> y) {
    return g * x / (y + Num(1));
  }
};

// -x log(x), 0 at 0 and -inf below.
struct Entr {
  static constexpr OpRecord record{
      .name = "_special_entr",
      .signature = "_special_entr(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Entropy -x log(x) of each element x, 0 at 0 and -inf below.",
      .derivative = "dy/dx = -log(x) - 1",
      .domain = {0.05, 4},
      .max_ulp = 1,
      .form = Form::kFunction,
      .node = "SpecialEntrBackward0"};
  template <class T>
  RL_FN static T forward(T x) {
    return x < T(0) ? -math::infinity<T>() : x == T(0) ? T(0) : -math::xlogy(x, x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * (-math::log(x) - Num(1));
  }
};

using SpecialOps = OpList<Erf, Erfc, Erfinv, Logit, XLogY, XLogYNumber, XLogYOf, XLog1PY,
                          XLog1PYNumber, XLog1PYOf, Entr>;

}  // namespace rl::RL_ISA

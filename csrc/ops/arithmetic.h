// Sums, products and quotients.
#pragma once

#include "ops/formula.h"

namespace rl::RL_ISA {

namespace math {
RL_FN bool sign(bool x) { return x; }
}  // namespace math

// x + alpha y. Saves nothing: both gradients are the gradient itself, scaled.
struct Add {
  static constexpr OpRecord record{
      .name = "add",
      .signature =
          "add(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Sum of each pair of elements, the second scaled by alpha.",
      .derivative = "dy/dinput = 1, dy/dother = alpha",
      .computes = Computes::kAny,
      .inplace = true,
      .scales_gradient = true,
      .lists_form = true};
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> alpha) {
    return static_cast<T>(x + alpha.value * y);
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 2> alpha) {
    return g * conj(alpha);
  }
};

// x - alpha y.
struct Sub {
  static constexpr OpRecord record{
      .name = "sub",
      .aliases = "subtract",
      .signature =
          "sub(input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Difference of each pair of elements, the second scaled by alpha.",
      .derivative = "dy/dinput = 1, dy/dother = -alpha",
      .computes = Computes::kNumeric,
      .inplace = true,
      .subtracts = true,
      .lists_form = true};
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> alpha) {
    return x - alpha.value * y;
  }
  using grad_input = PassThrough;
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Scalar<V, 2> alpha) {
    return -g * conj(alpha);
  }
};

// y - alpha x of two tensors.
struct RsubTensor {
  static constexpr OpRecord record{
      .name = "rsub",
      .signature = "rsub(input: Tensor, other: Tensor, *, alpha: Number = 1) -> Tensor",
      .doc = "other - alpha * input, element by element.",
      .derivative = "dy/dinput = -alpha, dy/dother = 1",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .subtracts = true,
      .many_forms = true};
  template <class T>
  RL_FN static T forward(T x, T y, Scalar<T, 2> alpha) {
    return y - alpha.value * x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Scalar<V, 2> alpha) {
    return -g * conj(alpha);
  }
  using grad_other = PassThrough;
};

// y - alpha x: what `number - tensor` records.
struct Rsub {
  static constexpr OpRecord record{
      .name = "rsub",
      .overload = 1,
      .signature = "rsub(input: Tensor, other: Number, alpha: Number = 1) -> Tensor",
      .doc = "other - alpha * input, element by element.",
      .derivative = "dy/dinput = -alpha",
      .computes = Computes::kNumeric,
      .form = Form::kFunction,
      .subtracts = true};
  template <class T>
  RL_FN static T forward(T x, Arg<T, 1> y, Scalar<T, 2> alpha) {
    return y.value - alpha.value * x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Scalar<V, 2> alpha) {
    return -g * conj(alpha);
  }
};

// x y. Each operand is saved only where the other one needs a gradient.
struct Mul {
  static constexpr OpRecord record{
      .name = "mul",
      .aliases = "multiply",
      .signature =
          "mul(input: Tensor | Number, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Product of each pair of elements.",
      .derivative = "dy/dinput = other, dy/dother = input",
      .computes = Computes::kAny,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return static_cast<T>(x * y);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return g * conj(y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x) {
    return g * conj(x);
  }
};

// x / y. grad_other divides twice, as PyTorch, where g * x / (y * y) would overflow early.
struct Div {
  static constexpr OpRecord record{
      .name = "div",
      .aliases = "divide true_divide",
      .signature =
          "div(input: Tensor | Number, other: Tensor | Number, *, out: Tensor? = None) -> Tensor",
      .doc = "Quotient of each pair of elements. Integers give the default float type.",
      .derivative = "dy/dinput = 1 / other, dy/dother = -input / other^2",
      .computes = Computes::kFloating,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x, T y) {
    return x / y;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Other<V> y) {
    return g / conj(y);
  }
  template <class V>
  RL_FN static V grad_other(Grad<V> g, Self<V> x, Other<V> y) {
    return -g * conj((x / y) / y);
  }
};

struct Neg {
  static constexpr OpRecord record{
      .name = "neg",
      .aliases = "negative",
      .signature = "neg(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Negative of each element.",
      .derivative = "dy/dx = -1",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .bool_error =
          "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
          "invert a mask, use the `~` or `logical_not()` operator instead."};
  template <class T>
  RL_FN static T forward(T x) {
    return -x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return -g;
  }
};

// 1 / x. Uses the output.
struct Reciprocal {
  static constexpr OpRecord record{
      .name = "reciprocal",
      .signature = "reciprocal(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "One over each element.",
      .derivative = "dy/dx = -y^2",
      .inplace = true,
      .inplace_function = true};
  template <class T>
  RL_FN static T forward(T x) {
    return T(1) / x;
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Result<V> y) {
    return -g * conj(y * y);
  }
};

// |x|. The gradient at 0 is 0.
struct Abs {
  static constexpr OpRecord record{
      .name = "abs",
      .aliases = "absolute",
      .signature = "abs(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "Absolute value of each element.",
      .derivative = "dy/dx = sign(x), 0 at 0",
      .computes = Computes::kNumeric,
      .inplace = true,
      .inplace_function = true,
      .kernel = "abs_cpu"};
  template <class T>
  RL_FN static T forward(T x) {
    return math::abs(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g, Self<V> x) {
    return g * math::sign(x);
  }
};

struct Sign {
  static constexpr OpRecord record{
      .name = "sign",
      .signature = "sign(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "-1, 0 or 1 by the sign of each element.",
      .derivative = "dy/dx = 0",
      .computes = Computes::kAny,
      .inplace = true};
  template <class T>
  RL_FN static T forward(T x) {
    return math::sign(x);
  }
  template <class V>
  RL_FN static V grad_input(Grad<V> g) {
    return math::zeros_like(g.value);
  }
};

using ArithmeticOps = OpList<Add, Sub, RsubTensor, Rsub, Mul, Div, Neg, Reciprocal, Abs, Sign>;

}  // namespace rl::RL_ISA

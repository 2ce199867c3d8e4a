// The vocabulary of formulas: tags that say what a derivative reads, literals, lists of ops.
// std-free, since every kernel set compiles it in a namespace of its own.
#pragma once

#ifndef RL_ISA
#define RL_ISA ops
#endif

#include "ops/formula_math.h"
#include "ops/record.h"
#ifndef RL_KERNEL_SET
#include "ops/tensor.h"  // before the formulas: they name math:: functions of Tensor
#endif

namespace rl::RL_ISA {

// The gradient of the output.
template <class V>
struct Grad {
  V value;
  RL_FN operator const V&() const { return value; }
};

// Argument I of the call: a tensor, or a number where the signature allows one.
template <class V, int I>
struct Arg {
  V value;
  RL_FN operator const V&() const { return value; }
};
template <class V>
using Self = Arg<V, 0>;
template <class V>
using Other = Arg<V, 1>;

// Argument I, always a number: the same for every element.
template <class V, int I>
struct Scalar {
  V value;
  RL_FN operator const V&() const { return value; }
};

// The op's own output.
template <class V>
struct Result {
  V value;
  RL_FN operator const V&() const { return value; }
};

// A literal. Beside a tensor it is a number argument, never a tensor.
struct Num {
  double value;
  RL_FN explicit constexpr Num(double v) : value(v) {}
  RL_FN operator float() const { return static_cast<float>(value); }
  RL_FN operator double() const { return value; }
};

#define RL_NUM_OPERATOR(Result, op)                                            \
  RL_FN Result<float> operator op(Num a, float b) { return float(a) op b; }    \
  RL_FN Result<float> operator op(float a, Num b) { return a op float(b); }    \
  RL_FN Result<double> operator op(Num a, double b) { return double(a) op b; } \
  RL_FN Result<double> operator op(double a, Num b) { return a op double(b); }
template <class T>
using Same = T;
template <class T>
using Truth = bool;
RL_NUM_OPERATOR(Same, +)
RL_NUM_OPERATOR(Same, -)
RL_NUM_OPERATOR(Same, *)
RL_NUM_OPERATOR(Same, /)
RL_NUM_OPERATOR(Truth, <)
RL_NUM_OPERATOR(Truth, <=)
RL_NUM_OPERATOR(Truth, >)
RL_NUM_OPERATOR(Truth, >=)
RL_NUM_OPERATOR(Truth, ==)
RL_NUM_OPERATOR(Truth, !=)
#undef RL_NUM_OPERATOR

// The value type of formulas whose operands may leave the range of math.h's fast functions, which
// it calls in their exact form (sin_any). See `fast` in isa/family.cpp.
template <class T>
struct Wide {
  T value;
  RL_FN Wide(T v) : value(v) {}
  RL_FN Wide(Num v) : value(v) {}
  RL_FN operator T() const { return value; }
  RL_FN friend Wide operator-(Wide a) { return -a.value; }
#define RL_WIDE_OPERATOR(Result, op)                                                      \
  RL_FN friend Result operator op(Wide a, Wide b) { return a.value op b.value; }          \
  RL_FN friend Result operator op(Num a, Wide b) { return static_cast<T>(a) op b.value; } \
  RL_FN friend Result operator op(Wide a, Num b) { return a.value op static_cast<T>(b); }
  RL_WIDE_OPERATOR(Wide, +)
  RL_WIDE_OPERATOR(Wide, -)
  RL_WIDE_OPERATOR(Wide, *)
  RL_WIDE_OPERATOR(Wide, /)
  RL_WIDE_OPERATOR(bool, <)
  RL_WIDE_OPERATOR(bool, <=)
  RL_WIDE_OPERATOR(bool, >)
  RL_WIDE_OPERATOR(bool, >=)
  RL_WIDE_OPERATOR(bool, ==)
#undef RL_WIDE_OPERATOR
};

RL_FN float conj(float x) { return x; }
RL_FN double conj(double x) { return x; }
RL_FN Wide<float> conj(Wide<float> x) { return x; }
RL_FN Wide<double> conj(Wide<double> x) { return x; }

namespace math {
RL_FN float exp_near(float x) { return exp_normal(x); }
RL_FN double exp_near(double x) { return exp(x); }
RL_FN Wide<float> exp_near(Wide<float> x) { return exp(x.value); }
RL_FN float sigmoid_near(float x) { return sigmoid_normal(x); }
RL_FN double sigmoid_near(double x) { return sigmoid(x); }
RL_FN Wide<float> sigmoid_near(Wide<float> x) { return sigmoid(x.value); }
RL_FN float log_near(float x) { return log_normal(x); }
RL_FN double log_near(double x) { return log(x); }
RL_FN Wide<float> log_near(Wide<float> x) { return log(x.value); }
RL_FN Wide<float> sin(Wide<float> x) { return sin_any(x.value); }
RL_FN Wide<double> sin(Wide<double> x) { return sin_any(x.value); }
RL_FN Wide<float> cos(Wide<float> x) { return cos_any(x.value); }
RL_FN Wide<double> cos(Wide<double> x) { return cos_any(x.value); }
RL_FN Wide<float> tan(Wide<float> x) { return tan_any(x.value); }
RL_FN Wide<double> tan(Wide<double> x) { return tan_any(x.value); }
}  // namespace math

// Declares that an input has no derivative; leaving a gradient out is a compile error instead.
struct NotDifferentiable {};
// Declares that the gradient goes through unchanged.
struct PassThrough {};

// A list of ops; a kernel's place in every kernel set is its op's place in the list of all.
template <class... Ops>
struct OpList {};
template <class... A, class... B, class... Rest>
auto join_lists(OpList<A...>, OpList<B...>, Rest... rest) {
  if constexpr (sizeof...(Rest) == 0)
    return OpList<A..., B...>{};
  else
    return join_lists(OpList<A..., B...>{}, rest...);
}

// What a formula parameter reads.
enum class Reads : unsigned char { kGrad, kArg, kResult };
template <class P>
struct ParamTraits {  // a plain value: the next argument of a forward formula
  static constexpr Reads reads = Reads::kArg;
  static constexpr int arg = -1;
  static constexpr bool scalar = false;
};
template <class V>
struct ParamTraits<Grad<V>> {
  static constexpr Reads reads = Reads::kGrad;
  static constexpr int arg = 0;
  static constexpr bool scalar = false;
};
template <class V, int I>
struct ParamTraits<Arg<V, I>> {
  static constexpr Reads reads = Reads::kArg;
  static constexpr int arg = I;
  static constexpr bool scalar = false;
};
template <class V, int I>
struct ParamTraits<Scalar<V, I>> {
  static constexpr Reads reads = Reads::kArg;
  static constexpr int arg = I;
  static constexpr bool scalar = true;
};
template <class V>
struct ParamTraits<Result<V>> {
  static constexpr Reads reads = Reads::kResult;
  static constexpr int arg = 0;
  static constexpr bool scalar = false;
};

// How input K's gradient is given: as a formula, passed through, or not at all.
enum class GradForm : unsigned char { kMissing, kFormula, kPassThrough, kNone };
template <class Op>
constexpr GradForm grad_form(int input) {
  if (input == 0) {
    if constexpr (requires { &Op::template grad_input<float>; }) return GradForm::kFormula;
    if constexpr (requires { typename Op::grad_input; }) {
      return __is_same(typename Op::grad_input, PassThrough) ? GradForm::kPassThrough
                                                             : GradForm::kNone;
    }
  } else if (input == 1) {
    if constexpr (requires { &Op::template grad_other<float>; }) return GradForm::kFormula;
    if constexpr (requires { typename Op::grad_other; }) {
      return __is_same(typename Op::grad_other, PassThrough) ? GradForm::kPassThrough
                                                             : GradForm::kNone;
    }
  } else {
    if constexpr (requires { &Op::template grad_third<float>; }) return GradForm::kFormula;
    if constexpr (requires { typename Op::grad_third; }) {
      return __is_same(typename Op::grad_third, PassThrough) ? GradForm::kPassThrough
                                                             : GradForm::kNone;
    }
  }
  return GradForm::kMissing;
}

// The function of formula F (0: forward, 1..3: the gradients) at value type V.
template <class Op, int F, class V>
constexpr auto formula_function() {
  if constexpr (F == 0)
    return &Op::template forward<V>;
  else if constexpr (F == 1)
    return &Op::template grad_input<V>;
  else if constexpr (F == 2)
    return &Op::template grad_other<V>;
  else
    return &Op::template grad_third<V>;
}

template <class Op, int F>
constexpr bool has_formula() {
  if constexpr (F == 0)
    return true;
  else
    return grad_form<Op>(F - 1) == GradForm::kFormula;
}

}  // namespace rl::RL_ISA

// What all elementwise ops share: promotion, broadcasting, memory, the fused and the recorded
// derivative.
#pragma once

#include <cstring>

#include "core/error.h"
#include "kernels/tile.h"
#include "ops/argument_checks.h"
#include "ops/elementwise_list.h"
#include "ops/op_node.h"
#include "ops/tensor.h"

namespace rl {

// One kernel operand and where it comes from.
struct OperandSpec {
  ops::Reads reads = ops::Reads::kArg;
  uint8_t arg = 0;
  bool scalar = false;
  uint8_t slot = 0;  // of the node, for derivatives
};

struct Formula {
  ops::GradForm form = ops::GradForm::kMissing;
  uint8_t n = 0;
  uint8_t repeats = 0;  // operands that a kernel takes as one element (kernels/tile.h)
  OperandSpec operands[kMaxOperands];
};

struct Elementwise {
  int kernel = 0;  // index in the kernel sets
  uint8_t n_args = 0;
  uint8_t repeats = 0;  // as in Formula
  bool scalar_arg[kMaxOperands] = {};
  uint8_t cost = 1;           // of an element: kernels/iterator.h
  bool predicate = false;     // the result is bool
  bool rounds = false;        // numbers are rounded to the dtype first, as PyTorch does it here
  uint8_t alpha = 0;          // the argument `alpha`; 0: there is none
  uint8_t promotes_from = 0;  // arguments before this one (a condition) do not decide the dtype
  Formula grads[3];           // by argument
  Tensor (*recorded[3])(OpNode& node, const Tensor& grad) = {};
  int (*option)(const char* word) = nullptr;  // the number of a string argument in the formulas
  const char* const* options = nullptr;       // the words by number
  // What an argument counts as where it is None: nan (0), or the least (-1) or greatest (1) number.
  signed char absent[kMaxOperands] = {};
  void (*check)(const Call& call) = nullptr;  // ops/argument_checks.h
  void (*check_backward)(OpNode& node) = nullptr;
};

void elementwise_forward(Call& call);
void elementwise_backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);

namespace detail {

template <class T>
struct FunctionTraits;
template <class R, class... P>
struct FunctionTraits<R (*)(P...)> {
  using result = R;
  static constexpr int count = sizeof...(P);
  static constexpr uint8_t repeats() {
    int moving = 0, i = 0;
    uint8_t scalars = 0;
    ((scalars |= static_cast<uint8_t>(ops::ParamTraits<P>::scalar << i++),
      moving += !ops::ParamTraits<P>::scalar),
     ...);
    return moving <= 2 ? 0xff : scalars;
  }
  static void describe(Formula& formula) {
    int i = 0;
    ((formula.operands[i++] = {ops::ParamTraits<P>::reads,
                               static_cast<uint8_t>(ops::ParamTraits<P>::arg),
                               ops::ParamTraits<P>::scalar, 0}),
     ...);
    formula.n = count;
    formula.repeats = repeats();
  }
  static void describe_args(bool* scalar) {
    int i = 0;
    ((scalar[i++] = ops::ParamTraits<P>::scalar), ...);
  }
};

Tensor recorded_operand(OpNode& node, const Formula& formula, int i, const Tensor& grad);

template <class Op, int F, class... P>
Tensor call_recorded(Tensor (*function)(P...), OpNode& node, const Tensor& grad) {
  const Formula& formula = node.op().elementwise->grads[F - 1];
  int i = 0;
  // Braces evaluate left to right.
  struct Apply {
    Tensor result;
    Apply(Tensor (*f)(P...), P... p) : result(f(p...)) {}
  };
  return Apply{function, P{recorded_operand(node, formula, i++, grad)}...}.result;
}

template <class Op, int F>
Tensor recorded_gradient(OpNode& node, const Tensor& grad) {
  return call_recorded<Op, F>(ops::formula_function<Op, F, Tensor>(), node, grad);
}

template <class Op, int F>
void describe_gradient(Elementwise& e) {
  Formula& formula = e.grads[F - 1];
  formula.form = ops::grad_form<Op>(F - 1);
  if constexpr (ops::has_formula<Op, F>()) {
    FunctionTraits<decltype(ops::formula_function<Op, F, float>())>::describe(formula);
    e.recorded[F - 1] = &recorded_gradient<Op, F>;
  }
}

}  // namespace detail

// A forward formula over floats, and a statement about the gradient of every tensor input.
template <class Op>
concept ElementwiseOp = requires {
  Op::record.name;
  &Op::template forward<float>;
};

template <ElementwiseOp T>
Elementwise describe_elementwise() {
  Elementwise e;
  e.kernel = ops::list_index<T>(ops::ElementwiseOps{});
  static_assert(ops::list_index<T>(ops::ElementwiseOps{}) >= 0,
                "the op is missing in its family's OpList");
  using Forward = detail::FunctionTraits<decltype(&T::template forward<float>)>;
  e.n_args = Forward::count;
  e.repeats = Forward::repeats();
  e.cost = T::record.max_ulp > 0.5 ? 4 : 1;  // what is not exact takes a polynomial or more
  e.predicate = std::is_same_v<typename Forward::result, bool>;
  e.rounds = e.predicate || requires { T::kRoundsNumbers; };
  Forward::describe_args(e.scalar_arg);
  if constexpr (requires { T::kOptions; }) {
    e.options = T::kOptions;
    e.option = [](const char* word) {
      int number = 0;
      for (const char* known : T::kOptions) {
        if (std::strcmp(word, known) == 0) return number;
        ++number;
      }
      if constexpr (requires { T::kOptionErrorQuotes; })
        fail(ErrorKind::kRuntime, T::kOptionError, " '", word, "'");
      else
        fail(ErrorKind::kRuntime, T::kOptionError, "\n  got           '", word, "'");
    };
  }
  if constexpr (requires { T::kAbsent; })
    for (int i = 0; i < Forward::count; ++i) e.absent[i] = T::kAbsent[i];
  if constexpr (requires { &ArgumentCheck<T>::forward; }) e.check = &ArgumentCheck<T>::forward;
  if constexpr (requires { &ArgumentCheck<T>::backward; })
    e.check_backward = &ArgumentCheck<T>::backward;
  detail::describe_gradient<T, 1>(e);
  detail::describe_gradient<T, 2>(e);
  detail::describe_gradient<T, 3>(e);
  return e;
}

}  // namespace rl

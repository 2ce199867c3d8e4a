#include "ops/binary_criterion.h"

#include "graph/grad_mode.h"
#include "ops/places.h"
#include "ops/reduce.h"
#include "ops/table.h"

namespace rl {

void check_reduction(int64_t reduction) {
  check(reduction >= kEach && reduction <= kSum, ErrorKind::kRuntime,
        "reduction is 0 (none), 1 (mean) or 2 (sum), not ", reduction);
}

void check_storable(DType result, DType kept) {
  check(category(result) <= category(kept), ErrorKind::kRuntime, "result type ",
        dtype_title(result), " can't be cast to the desired output type ", dtype_title(kept));
}

void check_constant(const Call& call, int i, const char* function) {
  const Value& v = call.args[i];
  bool wanted = grad_enabled() && v.is_tensor() && v.t->requires_grad();
  check(!wanted, ErrorKind::kRuntime, "The function '", function,
        "' is not differentiable with respect to argument '",
        call.op->signature.params[static_cast<size_t>(i)].names[0],
        "'. This input cannot have requires_grad True.\n  fix: pass it without a history, as in "
        "w.detach().");
}

namespace {

using ops::Num;

Tensor argument(const Call& call, int i) {
  return call.args[i].is_tensor() ? Tensor(TensorRef::borrow(call.args[i].t)) : Tensor();
}

// Grad mode is off.
TensorRef reduced(const Tensor& terms, int64_t reduction) {
  if (reduction == kEach) return terms.ref();
  if (reduction == kSum) return call_op(op_of<ops::Sum>(), {terms.value()}).ref();
  return call_op(op_of<ops::Mean>(), {terms.value()}).ref();
}

// 1, or 1 / n for a mean.
double mean_factor(const Tensor& t, int64_t reduction) {
  return reduction == kMean ? 1 / static_cast<double>(t->numel()) : 1;
}

void check_probabilities(TensorImpl* t, const char* name) {
  DType compute = compute_dtype(t->dtype());
  TensorRef x = row_major_as(t, compute);
  bool inside = true;
  dispatch_compute(compute, [&](auto zero) {
    using T = decltype(zero);
    const auto* v = reinterpret_cast<const T*>(x->data());
    for (int64_t i = 0, n = x->numel(); i < n; ++i) inside &= (v[i] >= T(0)) & (v[i] <= T(1));
  });
  check(inside, ErrorKind::kRuntime, "all elements of ", name, " should be between 0 and 1");
}

Tensor times(const Tensor& t, const Tensor& weight) { return weight.defined() ? t * weight : t; }

TensorRef to_shape(const Tensor& grad, const Tensor& of) { return sum_to(grad, of->shape()).ref(); }

}  // namespace

namespace ops {

void BinaryCrossEntropy::forward(Call& call) {
  check_constant(call, 2, "binary_cross_entropy");
  TensorImpl *x = call.tensor(0), *t = call.tensor(1);
  check(t->dtype() == x->dtype(), ErrorKind::kRuntime, "Found dtype ", dtype_title(t->dtype()),
        " but expected ", dtype_title(x->dtype()));
  check(is_float(x->dtype()), ErrorKind::kNotImplemented,
        "\"binary_cross_entropy\" not implemented for '", dtype_title(x->dtype()), "'");
  check_reduction(call.args[3].i);
  check_probabilities(x, "input");
  check_probabilities(t, "target");
  GradModeGuard off(false);
  Tensor terms = call_op(op_of<BceTerm>(), {call.args[0], call.args[1]});
  Tensor weighted = times(terms, argument(call, 2));  // in place there: the dtype stays
  if (weighted->dtype() != terms->dtype()) weighted = to_dtype(weighted, terms->dtype());
  call.output = reduced(weighted, call.args[3].i);
}

void BinaryCrossEntropy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), x(node.saved(0)), t(node.saved(1)), weight(node.saved(2));
  double norm = mean_factor(x, node.slot(3).as_int());
  if (node.wants(0)) {
    Tensor slope =
        call_op(op_of<BceBackward>(), {g.value(), x.value(), t.value(), Value::of_double(norm)});
    grad_in[0] = to_shape(times(slope, weight), x);
  }
  if (node.wants(1)) {
    Tensor slope = math::log(Num(1) - x) - math::log(x);
    grad_in[1] = to_shape(times(slope * g, weight) * Num(norm), t);
  }
}

void BinaryCrossEntropyWithLogits::forward(Call& call) {
  check_constant(call, 2, "binary_cross_entropy_with_logits");
  check_constant(call, 3, "binary_cross_entropy_with_logits");
  TensorImpl *x = call.tensor(0), *t = call.tensor(1);
  check_storable(x->dtype(), t->dtype());
  check(is_float(x->dtype()), ErrorKind::kNotImplemented,
        "\"log_sigmoid_cpu\" not implemented for '", dtype_title(x->dtype()), "'");
  check_reduction(call.args[4].i);
  GradModeGuard off(false);
  Tensor terms =
      call.args[3].is_none()
          ? call_op(op_of<BceLogitsTerm>(), {call.args[0], call.args[1]})
          : call_op(op_of<BceLogitsWeightedTerm>(), {call.args[0], call.args[1], call.args[3]});
  // PyTorch writes the terms into a tensor of the target's dtype.
  Tensor weighted = times(terms, argument(call, 2));
  if (weighted->dtype() != t->dtype()) weighted = to_dtype(weighted, t->dtype());
  call.output = reduced(weighted, call.args[4].i);
}

void BinaryCrossEntropyWithLogits::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), x(node.saved(0)), t(node.saved(1)), weight(node.saved(2)),
      positive(node.saved(3));
  double norm = mean_factor(x, node.slot(4).as_int());
  if (node.wants(0)) {
    Tensor slope;
    if (positive.defined()) {
      Tensor yes = positive * t;
      slope = (math::sigmoid(x) * (yes + Num(1) - t) - yes) * g * Num(norm);
    } else {
      slope = call_op(op_of<BceLogitsBackward>(),
                      {g.value(), x.value(), t.value(), Value::of_double(norm)});
    }
    grad_in[0] = to_shape(times(slope, weight), x);
  }
  if (node.wants(1)) {
    Tensor slope = -x;
    if (positive.defined()) {
      auto log_sigmoid = [](const Tensor& v) { return -math::softplus(-v); };
      slope = log_sigmoid(-x) - positive * log_sigmoid(x);
    }
    grad_in[1] = to_shape(times(slope * g, weight) * Num(norm), t);
  }
}

void SoftMarginLoss::forward(Call& call) {
  check_constant(call, 1, "soft_margin_loss");
  check_reduction(call.args[2].i);
  GradModeGuard off(false);
  // PyTorch computes in place, in a copy of the input: first its negative.
  TensorImpl *x = call.tensor(0), *t = call.tensor(1);
  check(x->dtype() != DType::kBool, ErrorKind::kRuntime, Neg::record.bool_error);
  Dims sizes;
  broadcast_sizes(x->sizes(), x->ndim(), t->sizes(), t->ndim(), sizes);
  ResultType type;
  for (TensorImpl* operand : {x, t}) type.add_tensor(operand->dtype(), operand->ndim());
  check_storable(is_float(type.get()) ? type.get() : default_dtype(), x->dtype());
  Tensor terms = call_op(op_of<SoftMarginTerm>(), {call.args[0], call.args[1]});
  if (terms->dtype() != x->dtype()) terms = to_dtype(terms, x->dtype());
  call.output = reduced(terms, call.args[2].i);
}

void SoftMarginLoss::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(0)), t(node.saved(1));
  Dims sizes;
  broadcast_sizes(x->sizes(), x->ndim(), t->sizes(), t->ndim(), sizes);
  double norm = 1;
  if (node.slot(2).as_int() == kMean)
    norm = 1 / static_cast<double>(checked_numel(sizes.v, sizes.n));
  Tensor slope = call_op(op_of<SoftMarginBackward>(), {Value::of(grad_out[0].get()), x.value(),
                                                       t.value(), Value::of_double(norm)});
  grad_in[0] = to_shape(slope, x);
}

}  // namespace ops

void add_likelihood_ops(std::vector<Op*>& table) { add_ops(ops::BinaryCriterionOps{}, table); }

}  // namespace rl

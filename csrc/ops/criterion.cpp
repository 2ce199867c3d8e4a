#include "ops/criterion.h"

#include "ops/binary_criterion.h"
#include "ops/reduce.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// The terms by an elementwise op, then their mean or sum. Nothing is recorded: the caller is.
// kept: the dtype that the terms are stored in, where PyTorch's are written into such a tensor.
void reduced(Call& call, const Op& term, const char* kernel, const Value& width,
             const DType* kept = nullptr) {
  ResultType type;
  for (int i = 0; i < 2; ++i) type.add_tensor(call.tensor(i)->dtype(), call.tensor(i)->ndim());
  if (kept) check_storable(type.get(), *kept);
  check(is_float(type.get()), ErrorKind::kNotImplemented, "\"", kernel, "\" not implemented for '",
        dtype_title(type.get()), "'");
  int64_t reduction = call.args[2].i;
  check_reduction(reduction);
  Call terms(term);
  terms.args[0] = call.args[0];
  terms.args[1] = call.args[1];
  terms.args[2] = width;
  elementwise_forward(terms);
  if (kept && terms.output->dtype() != *kept)
    terms.output = to_dtype(Tensor(std::move(terms.output)), *kept).ref();
  if (reduction == kEach) {
    call.output = std::move(terms.output);
    return;
  }
  Call total(reduction == kMean ? op_of<Mean>() : op_of<Sum>());
  total.args[0] = Value::of(terms.output.get());
  reduction == kMean ? Mean::forward(total) : Sum::forward(total);
  call.output = std::move(total.output);
}

// Both gradients are one op, with input and target changing places for the second.
void spread_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in, const Op& slope,
                     double factor) {
  if (!grad) return;
  Tensor sides[] = {Tensor(node.saved(0)), Tensor(node.saved(1))};
  double norm = factor;
  if (node.slot(2).as_int() == kMean) {
    Dims sizes;
    broadcast_sizes(sides[0]->sizes(), sides[0]->ndim(), sides[1]->sizes(), sides[1]->ndim(),
                    sizes);
    norm /= static_cast<double>(checked_numel(sizes.v, sizes.n));
  }
  for (uint32_t side = 0; side < 2; ++side) {
    if (!node.wants(side)) continue;
    Value width = node.n_slots() > 3 ? Value::of_double(node.slot(3).as_double()) : Value();
    Tensor full = call_op(slope, {Value::of(grad.get()), sides[side].value(),
                                  sides[1 - side].value(), Value::of_double(norm), width});
    grad_in[side] = sum_to(full, sides[side]->shape()).ref();
  }
}

}  // namespace

void MseLoss::forward(Call& call) { reduced(call, op_of<MseTerm>(), "mse_cpu", Value()); }

void MseLoss::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  spread_gradient(node, grad_out[0], grad_in, op_of<MseLossBackward>(), 2);
}

void SmoothL1Loss::forward(Call& call) {
  double beta = call.args[3].d;
  check(beta >= 0, ErrorKind::kRuntime,
        "smooth_l1_loss does not support negative values for beta.");
  reduced(call, op_of<SmoothL1Term>(), "smooth_l1_cpu", call.args[3]);
}

void SmoothL1Loss::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  spread_gradient(node, grad_out[0], grad_in, op_of<SmoothL1LossBackward>(), 1);
}

void HuberLoss::forward(Call& call) {
  double delta = call.args[3].d;
  check(delta > 0, ErrorKind::kRuntime,
        "huber_loss does not support non-positive values for delta.");
  DType kept = call.tensor(0)->dtype();
  reduced(call, op_of<HuberTerm>(), "huber_cpu", call.args[3], &kept);
}

void HuberLoss::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  spread_gradient(node, grad_out[0], grad_in, op_of<HuberLossBackward>(), 1);
}

}  // namespace rl::ops

namespace rl {

void add_criterion_ops(std::vector<Op*>& table) { add_ops(ops::CriterionOps{}, table); }

}  // namespace rl

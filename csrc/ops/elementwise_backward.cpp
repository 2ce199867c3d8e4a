// The derivative of every elementwise op: one fused loop, or the formula recorded.
#include "core/expanded.h"
#include "core/ownership.h"
#include "graph/grad_mode.h"
#include "kernels/formula_sum.h"
#include "ops/elementwise.h"
#include "ops/launch.h"
#include "ops/reduction.h"
#include "ops/slope.h"

namespace rl {

namespace {

// The gradient's own memory may take the result.
bool can_reuse(TensorImpl* grad, const Launch& l) {
  if (!sole_owner(grad) || grad->dtype() != l.stored) return false;
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    if (t && t != grad && !expandable_to(t->sizes(), t->ndim(), grad->sizes(), grad->ndim()))
      return false;
  }
  return true;
}

// The operands of a gradient under the shape that they broadcast to.
struct Spread {
  Dims shape;
  int64_t strides[kMaxOperands][kMaxDims];
  Operand operands[kMaxOperands];

  explicit Spread(const Launch& l) : shape(broadcast_shape(l)) {
    describe_operands(l, shape, operands, strides);
  }
};

// Dimensions along which all operands repeat are computed once: an expanded gradient stays
// expanded.
TensorRef launch_expanded(const Launch& l) {
  Spread s(l);
  Dims compact = s.shape;
  for (int d = 0; d < s.shape.n; ++d) {
    bool repeats = s.shape[d] > 1;
    for (int k = 0; k < l.n; ++k) repeats = repeats && s.strides[k][d] == 0;
    if (repeats) compact[d] = 1;
  }
  if (compact == s.shape) return launch(l, nullptr);
  TensorRef out = TensorImpl::empty(l.stored, compact);
  run_elementwise(l.kernel, compact.v, compact.n, out->mut_data(), out->strides(), out->dtype(),
                  s.operands, l.n);
  int64_t strides[kMaxDims];
  for (int d = 0; d < s.shape.n; ++d) strides[d] = compact[d] == s.shape[d] ? out->strides()[d] : 0;
  return TensorImpl::alias(out->storage(), l.stored, s.shape, strides, 0);
}

// The gradient of an operand that was broadcast, summed to its shape `want` as it is computed. Null
// where the values would be rounded to 16 bits before their sum, or shapes do not fit.
TensorRef launch_summed(const Launch& l, const Dims& want) {
  if (l.stored != l.kernel.compute) return {};
  Spread s(l);
  int extra = s.shape.n - want.n;
  if (extra < 0 || checked_numel(s.shape.v, s.shape.n) == 0) return {};
  bool reduced[kMaxDims];
  for (int d = 0; d < s.shape.n; ++d) {
    reduced[d] = d < extra || (want[d - extra] == 1 && s.shape[d] != 1);
    if (!reduced[d] && want[d - extra] != s.shape[d]) return {};
  }
  TensorRef out = TensorImpl::empty(l.stored, want);
  int64_t outputs = out->numel(), count = checked_numel(s.shape.v, s.shape.n) / outputs;
  int64_t layout[kMaxDims];
  Slabs slabs(s.shape, reduced);
  if (slabs.fits && !output_strides(l, s.shape, s.strides, layout)) {
    sum_formula({l.kernel, s.operands, l.n}, s.shape.v, s.shape.n, slabs.outer, count, slabs.inner,
                out->mut_data());
    return out;
  }
  // What a sum would copy first: the reduced dimensions last.
  Dims sizes;
  int64_t moved[kMaxOperands][kMaxDims];
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < s.shape.n; ++d) {
      if (reduced[d] != (pass == 1)) continue;
      for (int k = 0; k < l.n; ++k) moved[k][sizes.n] = s.strides[k][d];
      sizes.push(s.shape[d]);
    }
  for (int k = 0; k < l.n; ++k) s.operands[k].strides = moved[k];
  sum_formula({l.kernel, s.operands, l.n}, sizes.v, sizes.n, outputs, count, 1, out->mut_data());
  return out;
}

TensorRef launch_gradient(const Launch& l, const Edge& edge, TensorImpl* grad, bool last_use) {
  if (!gradient_fits(edge, *grad)) {
    if (TensorRef out = launch_summed(l, edge.node->output_shape(edge.nr))) return out;
  } else if (is_expanded(grad)) {
    return launch_expanded(l);
  }
  return launch(l, last_use && can_reuse(grad, l) ? grad : nullptr);
}

// The loop of the gradient of argument `arg`, without its operands.
Launch gradient_loop(const Elementwise& e, int arg, DType dtype) {
  const Formula& formula = e.grads[arg];
  Launch l;
  l.stored = dtype;
  l.kernel.compute = l.kernel.result = compute_dtype(dtype);
  l.n = formula.n;
  l.kernel.repeats = formula.repeats;
  l.kernel.cost = e.cost;
  l.kernel.fn = kernel_set->ops[e.kernel].fn[arg + 1][compute_index(l.kernel.compute)];
  return l;
}

TensorRef fused_gradient(OpNode& node, uint32_t edge, TensorImpl* grad, bool last_use) {
  int arg = node.op().edge_args[edge];
  const Elementwise& e = *node.op().elementwise;
  const Formula& formula = e.grads[arg];
  Launch l = gradient_loop(e, arg, grad->dtype());
  ScalarSlot scalars[kMaxOperands];
  TensorRef held[kMaxOperands];
  for (int k = 0; k < formula.n; ++k) {
    const OperandSpec& spec = formula.operands[k];
    if (spec.reads == ops::Reads::kGrad) {
      l.tensors[k] = grad;
      continue;
    }
    SavedSlot& slot = node.slot(spec.slot);
    switch (slot.kind()) {
      case SavedKind::kDouble:
        store_scalar(scalars[k], Value::of_double(slot.as_double()), l.stored, e.rounds);
        break;
      case SavedKind::kInt:
      case SavedKind::kBool:
        store_scalar(scalars[k], Value::of_int(slot.as_int()), l.stored, false);
        break;
      case SavedKind::kString:
        store_scalar(scalars[k], Value::of_int(e.option(slot.as_string())), l.stored, false);
        break;
      case SavedKind::kNone:
        store_absent(scalars[k], e.absent[spec.arg], l.kernel.compute);
        break;
      default:
        held[k] = slot.unpack(&node, false);
        l.tensors[k] = held[k].get();
        continue;
    }
    l.tensors[k] = nullptr;
    l.scalars[k] = scalars[k].bytes;
  }
  return launch_gradient(l, node.edges()[edge], grad, last_use);
}

// g * alpha with alpha = 1 is g itself.
bool scales_by_one(OpNode& node, const Formula& formula) {
  return node.op().record->scales_gradient && formula.n == 2 &&
         node.slot(formula.operands[1].slot).as_double() == 1;
}

TensorRef recorded_gradient(OpNode& node, int arg, const TensorRef& grad) {
  const Elementwise& e = *node.op().elementwise;
  const Op* slope = arg == 0 ? slope_of(node.op()) : nullptr;
  if (!slope) return e.recorded[arg](node, Tensor(grad)).ref();
  Call call(*slope);
  Tensor operands[kMaxOperands];
  for (int k = 0; k < e.grads[0].n; ++k) {
    operands[k] = detail::recorded_operand(node, e.grads[0], k, Tensor(grad));
    call.args[k] = operands[k].value();
  }
  dispatch(call);
  return std::move(call.output);
}

}  // namespace

TensorRef run_slope(const Op& function, const Call& call) {
  const Elementwise& e = *function.elementwise;
  TensorImpl* grad = call.tensor(0);
  Launch l = gradient_loop(e, 0, grad->dtype());
  ScalarSlot scalars[kMaxOperands];
  for (int k = 0; k < l.n; ++k) {
    const Value& v = call.args[k];
    l.tensors[k] = v.is_tensor() ? v.t : nullptr;
    l.scalars[k] = scalars[k].bytes;
    if (!v.is_tensor()) store_scalar(scalars[k], v, l.stored, e.rounds);
  }
  return is_expanded(grad) ? launch_expanded(l) : launch(l, nullptr);
}

void elementwise_backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  TensorRef& grad = grad_out[0];
  if (!grad) return;
  const Op& op = node.op();
  const Elementwise& e = *op.elementwise;
  if (e.check_backward) [[unlikely]]
    e.check_backward(node);
  for (uint32_t edge = 0; edge < op.n_edges; ++edge) {
    if (!node.wants(edge)) continue;
    int arg = op.edge_args[edge];
    const Formula& formula = e.grads[arg];
    if (formula.form == ops::GradForm::kPassThrough || scales_by_one(node, formula)) {
      grad_in[edge] = grad;
    } else if (grad_enabled()) {
      grad_in[edge] = recorded_gradient(node, arg, grad);
    } else {
      bool last_use = true;
      for (uint32_t later = edge + 1; later < op.n_edges; ++later) last_use &= !node.wants(later);
      grad_in[edge] = fused_gradient(node, edge, grad.get(), last_use);
    }
  }
}

namespace detail {

Tensor recorded_operand(OpNode& node, const Formula& formula, int i, const Tensor& grad) {
  const OperandSpec& spec = formula.operands[i];
  if (spec.reads == ops::Reads::kGrad) return grad;
  SavedSlot& slot = node.slot(spec.slot);
  switch (slot.kind()) {
    case SavedKind::kDouble:
      return Tensor::number(Value::of_double(slot.as_double()));
    case SavedKind::kInt:
    case SavedKind::kBool:
      return Tensor::number(Value::of_int(slot.as_int()));
    case SavedKind::kString:
      return Tensor::number(Value::of_int(node.op().elementwise->option(slot.as_string())));
    case SavedKind::kNone: {
      int absent = node.op().elementwise->absent[spec.arg];
      return Tensor::number(
          Value::of_double(absent ? absent * __builtin_inf() : __builtin_nan("")));
    }
    default:
      return Tensor(slot.unpack(&node, true));
  }
}

}  // namespace detail

}  // namespace rl

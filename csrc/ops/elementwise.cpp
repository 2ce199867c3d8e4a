#include "ops/elementwise.h"

#include <algorithm>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/table.h"

namespace rl {

namespace {

// A number in the form that kernels read.
struct ScalarSlot {
  alignas(8) char bytes[8];
};

[[gnu::cold]] int64_t wrapped(int64_t x, DType dtype) {
  return dispatch_dtype(dtype, [&](auto zero) {
    if constexpr (kIsInt<decltype(zero)>) x = static_cast<decltype(zero)>(x);
    return x;
  });
}

// Integers wrap around to the dtype that the call has; comparisons see the rounded number too.
void store_scalar(ScalarSlot& slot, const Value& v, DType dtype, bool rounded) {
  switch (compute_dtype(dtype)) {
    case DType::kFloat32: {
      auto x = static_cast<float>(v.as_double());
      if (rounded && dtype != DType::kFloat32)
        x = dtype == DType::kFloat16 ? float(Half(x)) : float(BFloat16(x));
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    case DType::kFloat64: {
      double x = v.as_double();
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    case DType::kInt64: {
      int64_t x = v.as_int();
      if (dtype != DType::kInt64) [[unlikely]]
        x = wrapped(x, dtype);
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    default: {
      bool x = v.kind == Kind::kDouble ? v.d != 0 : v.i != 0;
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
  }
}

[[gnu::noinline]] DType promoted_type(const Call& call, const Elementwise& e) {
  ResultType type;
  for (int i = e.promotes_from; i < e.n_args; ++i) {
    const Value& v = call.args[i];
    if (v.is_tensor())
      type.add_tensor(v.t->dtype(), v.t->ndim());
    else if (!e.scalar_arg[i])
      type.add_number(v.number_category());
  }
  DType result = type.get();
  // A float exponent makes the power of an integer tensor a float; alpha must fit instead.
  for (int i = 0; i < e.n_args; ++i) {
    const Value& v = call.args[i];
    if (!e.scalar_arg[i]) continue;
    if (call.op->record->scalar_promotes) {
      if (v.number_category() <= category(result)) continue;
      ResultType wider;
      wider.add_tensor(result, 1);
      wider.add_number(v.number_category());
      result = wider.get();
      continue;
    }
    check(v.kind != Kind::kBool || result == DType::kBool, ErrorKind::kRuntime,
          "Boolean alpha only supported for Boolean results.");
    check(v.kind != Kind::kDouble || is_float(result), ErrorKind::kRuntime,
          "For integral input tensors, argument alpha must not be a floating point number.");
  }
  return result;
}

[[gnu::cold, gnu::noinline]] void refuse_bool(const Op& op) {
  if (const char* text = op.record->bool_error)
    fail(*text == '"' ? ErrorKind::kNotImplemented : ErrorKind::kRuntime, text);
  fail(ErrorKind::kNotImplemented, "\"", op.record->name, "\" not implemented for 'Bool'");
}

bool is_bool(const Value& v) {
  return v.is_tensor() ? v.t->dtype() == DType::kBool : v.kind == Kind::kBool;
}

[[gnu::cold, gnu::noinline]] void refuse_bool_subtraction(bool both) {
  fail(
      ErrorKind::kRuntime,
      both
          ? "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
            "`logical_xor()` operator instead."
          : "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
            "to "
            "invert a mask, use the `~` or `logical_not()` operator instead.");
}

// A negative number as the exponent of integers has no integer result.
void check_exponent(const Call& call, DType type) {
  const Value& p = call.args[1];
  if (is_float(type) || !p.is_number()) return;
  check(p.as_double() >= 0, ErrorKind::kRuntime,
        "Integers to negative integer powers are not allowed.");
}

// As the loop will see it: 256 is 0 among bytes.
[[gnu::noinline]] void check_divisor(const Value& v, DType type) {
  bool zero = false;
  if (v.is_number())
    dispatch_dtype(type, [&](auto x) {
      if constexpr (std::is_integral_v<decltype(x)>) zero = !static_cast<decltype(x)>(v.as_int());
    });
  if (v.is_tensor()) {
    Tensor divisor(TensorRef::borrow(v.t));
    if (v.t->dtype() != type) divisor = to_dtype(divisor, type);
    TensorRef flags = call_op(op_of<ops::Eq>(), {divisor.value(), Value::of_int(0)}).ref();
    TensorRef row_major = contiguous_clone(Tensor(flags)).ref();
    const auto* at = reinterpret_cast<const bool*>(row_major->data());
    zero = std::find(at, at + row_major->numel(), true) != at + row_major->numel();
  }
  check(!zero, ErrorKind::kRuntime, "ZeroDivisionError");
}

DType result_type(const Call& call, const Elementwise& e) {
  // All tensors of one dtype and numbers that cannot raise it: no promotion.
  const Op& op = *call.op;
  if (op.record->subtracts) {
    bool a = is_bool(call.args[0]), b = is_bool(call.args[1]);
    if (a || b) [[unlikely]]
      refuse_bool_subtraction(a && b);
  }
  DType type = DType::kBool;
  bool first = true, plain = true;
  for (int i = e.promotes_from; i < e.n_args; ++i) {
    const Value& v = call.args[i];
    if (v.is_tensor()) {
      // One bool among the numbers that // divides is promoted.
      if (op.record->bool_error && !op.record->divides_integers && v.t->dtype() == DType::kBool)
        refuse_bool(op);
      plain = plain && (first || v.t->dtype() == type);
      type = v.t->dtype();
      first = false;
    }
  }
  if (plain) {
    for (int i = 0; i < e.n_args; ++i) {
      const Value& v = call.args[i];
      if (v.is_number() && (v.number_category() > category(type) || first)) plain = false;
    }
  }
  if (!plain) type = promoted_type(call, e);
  if (op.record->scalar_promotes) check_exponent(call, type);
  if (op.record->divides_integers && category(type) == Category::kInt)
    check_divisor(call.args[1], type);
  if (is_float(type)) return type;
  if (op.record->computes == Computes::kFloating) return default_dtype();
  if (type == DType::kBool && op.record->computes == Computes::kNumeric) refuse_bool(op);
  return type;
}

// The strides of an output: those of the operands where all full-shape ones agree on a dense
// layout.
bool common_dense_strides(TensorImpl* const* tensors, int n, const Dims& shape, int64_t* strides) {
  const TensorImpl* model = nullptr;
  for (int k = 0; k < n; ++k) {
    TensorImpl* t = tensors[k];
    if (!t || !same_sizes(t->sizes(), t->ndim(), shape.v, shape.n)) continue;
    if (model) {
      for (int d = 0; d < shape.n; ++d)
        if (t->strides()[d] != model->strides()[d]) return false;
    } else {
      model = t;
    }
  }
  if (!model || model->is_contiguous() ||
      !dense_non_overlapping(model->sizes(), model->strides(), model->ndim()))
    return false;
  std::copy(model->strides(), model->strides() + shape.n, strides);
  return true;
}

[[gnu::cold, gnu::noinline]] void fail_output_shape(const TensorImpl* out, const Dims& shape) {
  fail(ErrorKind::kRuntime, "output with shape ", shown(out->sizes(), out->ndim()),
       " doesn't match the broadcast shape ", shown(shape));
}

// Runs a kernel over tensors and scalars into `out` (made here when null). Shared by both
// directions.
struct Launch {
  TileFn fn;
  DType compute, result;              // the kernel's types
  DType stored;                       // the output's
  TensorImpl* tensors[kMaxOperands];  // null: a scalar
  const void* scalars[kMaxOperands];
  int n;
  uint8_t repeats;
};

TensorRef launch(const Launch& l, TensorImpl* target) {
  // The straight path: equal contiguous shapes and single elements.
  TensorImpl* model = nullptr;
  for (int k = 0; k < l.n; ++k)
    if (l.tensors[k] && (!model || l.tensors[k]->ndim() > model->ndim() ||
                         (l.tensors[k]->ndim() == model->ndim() && model->numel() == 1)))
      model = l.tensors[k];
  bool straight = true;
  const void* in[kMaxOperands];
  uint8_t step[kMaxOperands];
  const int64_t* sizes = model->sizes();
  int ndim = model->ndim();
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    if (!t && (l.repeats >> k & 1)) {
      in[k] = l.scalars[k];
      step[k] = 0;
    } else if (!t) {
      straight = false;
      break;
    } else if (t->dtype() == l.compute && t->is_contiguous() &&
               same_sizes(t->sizes(), t->ndim(), sizes, ndim)) {
      in[k] = t->data();
      step[k] = 1;
    } else if (t->dtype() == l.compute && t->numel() == 1 && t->ndim() <= ndim &&
               (l.repeats >> k & 1)) {
      in[k] = t->data();
      step[k] = 0;
    } else {
      straight = false;
      break;
    }
  }
  if (straight) {
    if (!target && l.stored == l.result) {
      TensorRef out = TensorImpl::empty(l.result, sizes, ndim);
      int64_t n = model->numel();
      if (n) l.fn(out->mut_data(), in, step, n);
      return out;
    }
    if (target && target->is_contiguous() && target->dtype() == l.result &&
        same_sizes(target->sizes(), target->ndim(), sizes, ndim)) {
      int64_t n = model->numel();
      if (n) l.fn(target->mut_data(), in, step, n);
      return TensorRef::borrow(target);
    }
  }
  Dims shape;
  bool first = true;
  for (int k = 0; k < l.n; ++k) {
    if (!l.tensors[k]) continue;
    if (first) {
      shape = l.tensors[k]->shape();
      first = false;
    } else {
      Dims both;
      broadcast_sizes(shape.v, shape.n, l.tensors[k]->sizes(), l.tensors[k]->ndim(), both);
      shape = both;
    }
  }
  Operand operands[kMaxOperands];
  int64_t strides[kMaxOperands][kMaxDims];
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    for (int d = 0; d < shape.n; ++d) {
      int at = t ? d - (shape.n - t->ndim()) : -1;
      strides[k][d] = at < 0 || (t->sizes()[at] == 1) ? 0 : t->strides()[at];
    }
    operands[k] = {t ? static_cast<const void*>(t->data()) : l.scalars[k], strides[k],
                   t ? t->dtype() : l.compute};
  }
  TensorRef out;
  if (target) {
    if (!same_sizes(target->sizes(), target->ndim(), shape.v, shape.n))
      fail_output_shape(target, shape);
    out = TensorRef::borrow(target);
  } else {
    out = TensorImpl::empty(l.stored, shape);
    int64_t layout[kMaxDims];
    if (common_dense_strides(l.tensors, l.n, shape, layout)) out->set_geometry(shape, layout, 0);
  }
  run_elementwise(l.fn, l.compute, l.result, l.repeats, shape.v, shape.n, out->mut_data(),
                  out->strides(), out->dtype(), operands, l.n);
  return out;
}

// In place, where an operand looks at the target's memory.
[[gnu::cold, gnu::noinline]] TensorRef launch_apart(Launch l, TensorImpl* target) {
  TensorRef apart[kMaxOperands];
  for (int k = 0; k < l.n; ++k) {
    if (!l.tensors[k]) continue;
    apart[k] = read_apart(target, l.tensors[k]);
    l.tensors[k] = apart[k].get();
  }
  return launch(l, target);
}

}  // namespace

void elementwise_forward(Call& call) {
  const Op& op = *call.op;
  const Elementwise& e = *op.elementwise;
  if (e.promotes_from) [[unlikely]] {
    if (call.args[0].t->dtype() == DType::kUInt8)
      host().warn(
          "UserWarning",
          "where received a uint8 condition tensor. This behavior is deprecated and will be "
          "removed in a future version of PyTorch. Use a boolean condition instead.");
    else
      check(call.args[0].t->dtype() == DType::kBool, ErrorKind::kRuntime,
            "where expected condition to be a boolean tensor, but got a tensor with dtype ",
            dtype_title(call.args[0].t->dtype()));
  }
  DType type = result_type(call, e), compute = compute_dtype(type);
  Launch l;
  l.compute = compute;
  l.result = e.predicate ? DType::kBool : compute;
  l.stored = e.predicate ? DType::kBool : type;
  l.n = e.n_args;
  l.repeats = e.repeats;
  l.fn = kernel_set->ops[e.kernel].fn[0][compute_index(compute)];
  ScalarSlot scalars[kMaxOperands];
  for (int i = 0; i < e.n_args; ++i) {
    const Value& v = call.args[i];
    if (v.is_tensor()) {
      l.tensors[i] = v.t;
    } else {
      l.tensors[i] = nullptr;
      l.scalars[i] = scalars[i].bytes;
      store_scalar(scalars[i], v, type, e.predicate);
    }
  }
  if (call.target) {
    TensorImpl* target = call.target;
    if (category(l.stored) > category(target->dtype())) [[unlikely]]
      fail(ErrorKind::kRuntime, "result type ", dtype_title(l.stored),
           " can't be cast to the desired output type ", dtype_title(target->dtype()));
    bool shared = false;
    for (int i = 0; i < e.n_args; ++i)
      if (TensorImpl* t = l.tensors[i])
        shared |= t != target && t->storage().get() == target->storage().get();
    if (shared) {
      call.output = launch_apart(l, target);
      return;
    }
  }
  call.output = launch(l, call.target);
}

namespace {

// The gradient's own memory may take the result: nobody else looks at it afterwards.
bool can_reuse(TensorImpl* grad, const Launch& l) {
  if (grad->refs() != 1 || grad->storage()->refs() != 1 || !grad->is_contiguous() ||
      grad->is_view() || grad->dtype() != l.stored || !grad->storage()->resizable())
    return false;
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    if (t && t != grad && !expandable_to(t->sizes(), t->ndim(), grad->sizes(), grad->ndim()))
      return false;
  }
  return true;
}

TensorRef fused_gradient(OpNode& node, int arg, TensorImpl* grad, bool last_use) {
  const Elementwise& e = *node.op().elementwise;
  const Formula& formula = e.grads[arg];
  Launch l;
  l.stored = grad->dtype();
  l.compute = l.result = compute_dtype(l.stored);
  l.n = formula.n;
  l.repeats = formula.repeats;
  l.fn = kernel_set->ops[e.kernel].fn[arg + 1][compute_index(l.compute)];
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
        store_scalar(scalars[k], Value::of_double(slot.as_double()), l.stored, false);
        break;
      case SavedKind::kInt:
      case SavedKind::kBool:
        store_scalar(scalars[k], Value::of_int(slot.as_int()), l.stored, false);
        break;
      default:
        held[k] = slot.unpack(&node, false);
        l.tensors[k] = held[k].get();
        continue;
    }
    l.tensors[k] = nullptr;
    l.scalars[k] = scalars[k].bytes;
  }
  return launch(l, last_use && can_reuse(grad, l) ? grad : nullptr);
}

// g * alpha with alpha = 1 is g itself.
bool scales_by_one(OpNode& node, const Formula& formula) {
  return node.op().record->scales_gradient && formula.n == 2 &&
         node.slot(formula.operands[1].slot).as_double() == 1;
}

}  // namespace

void elementwise_backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  TensorRef& grad = grad_out[0];
  if (!grad) return;
  const Op& op = node.op();
  const Elementwise& e = *op.elementwise;
  for (uint32_t edge = 0; edge < op.n_edges; ++edge) {
    if (!node.wants(edge)) continue;
    int arg = op.edge_args[edge];
    const Formula& formula = e.grads[arg];
    if (formula.form == ops::GradForm::kPassThrough || scales_by_one(node, formula)) {
      grad_in[edge] = grad;
    } else if (grad_enabled()) {
      grad_in[edge] = e.recorded[arg](node, Tensor(grad)).ref();
    } else {
      bool last_use = true;
      for (uint32_t later = edge + 1; later < op.n_edges; ++later) last_use &= !node.wants(later);
      grad_in[edge] = fused_gradient(node, arg, grad.get(), last_use);
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
    default:
      return Tensor(slot.unpack(&node, true));
  }
}

}  // namespace detail

}  // namespace rl

#include "ops/elementwise.h"

#include <algorithm>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "ops/launch.h"
#include "ops/copy.h"
#include "ops/table.h"

namespace rl {

namespace {

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
    if (!e.scalar_arg[i] || !v.is_number()) continue;
    if (call.op->record->scalar_promotes) {
      if (v.number_category() <= category(result)) continue;
      ResultType wider;
      wider.add_tensor(result, 1);
      wider.add_number(v.number_category());
      result = wider.get();
      continue;
    }
    if (call.op->signature.params[static_cast<size_t>(i)].names[0] != "alpha") continue;
    check(v.kind != Kind::kBool || result == DType::kBool, ErrorKind::kRuntime,
          "Boolean alpha only supported for Boolean results.");
    check(v.kind != Kind::kDouble || is_float(result), ErrorKind::kRuntime,
          "For integral input tensors, argument alpha must not be a floating point number.");
  }
  return result;
}

[[gnu::cold, gnu::noinline]] void refuse_dtype(const Op& op, DType type) {
  const char* text = op.record->bool_error;
  if (text && type == DType::kBool)
    fail(*text == '"' ? ErrorKind::kNotImplemented : ErrorKind::kRuntime, text);
  fail(ErrorKind::kNotImplemented, "\"", op.record->kernel ? op.record->kernel : op.record->name,
       "\" not implemented for '", dtype_title(type), "'");
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
        refuse_dtype(op, DType::kBool);
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
  Computes computes = op.record->computes;
  if (is_float(type)) {
    if (computes == Computes::kIntegral) refuse_dtype(op, type);
    return type;
  }
  if (computes == Computes::kFloating) return default_dtype();
  if (computes == Computes::kFloatOnly || (computes == Computes::kNumeric && type == DType::kBool))
    refuse_dtype(op, type);
  return type;
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
      host().warn("UserWarning", "where received a uint8 condition tensor. This behavior is deprecated and will be "
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
    Value& v = call.args[i];
    if (v.is_tensor()) {
      l.tensors[i] = v.t;
    } else if (v.kind == Kind::kString) [[unlikely]] {
      int number = e.option(v.s);
      v = Value::of(e.options[number]);  // a literal, which may be saved
      l.tensors[i] = nullptr;
      l.scalars[i] = scalars[i].bytes;
      store_scalar(scalars[i], Value::of_int(number), compute, false);
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

}  // namespace rl

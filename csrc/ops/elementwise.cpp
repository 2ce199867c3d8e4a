#include "ops/elementwise.h"

#include <algorithm>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "ops/copy.h"
#include "ops/launch.h"
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
  // A float exponent makes the power of an integer tensor a float.
  for (int i = 0; call.op->record->scalar_promotes && i < e.n_args; ++i) {
    const Value& v = call.args[i];
    if (!e.scalar_arg[i] || !v.is_number() || v.number_category() <= category(result)) continue;
    ResultType wider;
    wider.add_tensor(result, 1);
    wider.add_number(v.number_category());
    result = wider.get();
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

[[gnu::cold, gnu::noinline]] void refuse_target(const Op& op, DType result, DType target) {
  fail(ErrorKind::kRuntime, "result type ", dtype_title(result),
       " can't be cast to the desired output type ",
       op.record->out == OutRule::kFound ? dtype_cpp_name(target) : dtype_title(target));
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

// As the loop will see it: 256 is 0 among bytes.
bool is_zero(const Value& number, DType type) {
  return dispatch_dtype(type, [&](auto x) {
    if constexpr (std::is_integral_v<decltype(x)>)
      return !static_cast<decltype(x)>(number.as_int());
    else
      return false;
  });
}

bool has_zero(TensorImpl* t, DType type) {
  TensorRef dense = TensorRef::borrow(t);
  if (!t->is_contiguous()) dense = contiguous_clone(Tensor(dense)).ref();
  return dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    const auto* p = reinterpret_cast<const T*>(dense->data());
    int64_t n = dense->numel(), zeros = 0;
    if (item_size(t->dtype()) <= item_size(type))
      for (int64_t i = 0; i < n; ++i) zeros += p[i] == T(0);
    else
      for (int64_t i = 0; i < n; ++i)
        zeros += is_zero(Value::of_int(static_cast<int64_t>(p[i])), type);
    return zeros != 0;
  });
}

void check_divisor(const Value& v, DType type) {
  bool zero = v.is_tensor() ? has_zero(v.t, type) : is_zero(v, type);
  check(!zero, ErrorKind::kRuntime, "ZeroDivisionError");
}

// Nothing is divided, by 0 neither.
bool divides_nothing(const Call& call) {
  return call.args[0].is_tensor() && call.tensor(0)->numel() == 0;
}

void check_number_fits(Value v, DType type) {
  // A negative integer stands for the byte that its bits are.
  if (type == DType::kUInt8 && v.kind == Kind::kInt && v.i < 0) v = Value::of_int(-v.as_int());
  check(type != DType::kUInt8 || v.as_double() >= 0, ErrorKind::kRuntime,
        "value cannot be converted to type uint8_t without overflow");
  check_fits(v, type);
  double x = v.as_double(), most = type == DType::kFloat16 ? 65504 : 3.3895313892515355e38;
  bool half = type == DType::kFloat16 || type == DType::kBFloat16;
  check(!half || x - x != 0 || (x <= most && x >= -most), ErrorKind::kRuntime,
        "value cannot be converted to type ", dtype_cpp_name(type), " without overflow");
}

void check_numbers_fit(const Call& call, DType type) {
  for (int i = 0; i < call.op->elementwise->n_args; ++i)
    if (call.args[i].is_number()) check_number_fits(call.args[i], type);
}

[[gnu::noinline]] void check_alpha(const Value& alpha, DType type) {
  check(alpha.kind != Kind::kBool || type == DType::kBool, ErrorKind::kRuntime,
        "Boolean alpha only supported for Boolean results.");
  check(alpha.kind != Kind::kDouble || is_float(type), ErrorKind::kRuntime,
        "For integral input tensors, argument alpha must not be a floating point number.");
  DType computed = type == DType::kFloat16 || type == DType::kBFloat16 ? DType::kFloat32 : type;
  check_number_fits(alpha, computed);
}

[[gnu::cold]] void check_same_types(const Call& call) {
  DType type = call.tensor(0)->dtype();
  for (int i = 1; i < call.op->elementwise->n_args; ++i) {
    const Value& v = call.args[i];
    if (!v.is_tensor() || v.t->dtype() == type || (i == 2 && v.t->ndim() == 0)) continue;
    fail(ErrorKind::kRuntime, "expected dtype ", dtype_cpp_name(type), " for `",
         call.op->signature.params[static_cast<size_t>(i)].names[0], "` but got dtype ",
         dtype_cpp_name(v.t->dtype()), "\n  fix: convert it, as in y.to(x.dtype).");
  }
}

// What the op wants beside the dtype, which the promotion of its arguments says.
[[gnu::noinline]] void check_demand(const Call& call, DType type) {
  const Value& v = call.args[1];
  switch (call.op->record->demand) {
    case Demand::kExponent:
      // A negative number as the exponent of integers has no integer result.
      check(is_float(type) || !v.is_number() || v.as_double() >= 0, ErrorKind::kRuntime,
            "Integers to negative integer powers are not allowed.");
      if (v.is_number()) check_number_fits(v, type);  // a base is wrapped instead
      break;
    case Demand::kRounding:
      if (call.args[2].is_none()) break;
      [[fallthrough]];
    case Demand::kDivisor:
      if (call.target && category(type) > category(call.target->dtype()))
        refuse_target(*call.op, type, call.target->dtype());
      if (category(type) == Category::kInt && !divides_nothing(call)) check_divisor(v, type);
      break;
    case Demand::kBounds:
      check(!v.is_none() || !call.args[2].is_none(), ErrorKind::kRuntime,
            "torch.clamp: At least one of 'min' or 'max' must not be None");
      // One bound alone is a maximum or minimum, which bools have.
      if (type == DType::kBool && !v.is_none() && !call.args[2].is_none())
        refuse_dtype(*call.op, type);
      [[fallthrough]];
    case Demand::kNumbersFit:
      check_numbers_fit(call, type);
      break;
    case Demand::kSameTypes:
      check_same_types(call);
      check_numbers_fit(call, type);
      break;
    case Demand::kQuotient:
      check(is_float(v.t->dtype()) || is_float(call.tensor(2)->dtype()), ErrorKind::kRuntime,
            "Integer division with addcdiv is no longer supported, and in a future  release "
            "addcdiv will perform a true division of tensor1 and tensor2. The historic addcdiv "
            "behavior can be implemented as (input + value * torch.trunc(tensor1 / "
            "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / "
            "tensor2) for float inputs. The future addcdiv behavior is just the latter "
            "implementation: (input + value * tensor1 / tensor2), for all dtypes.");
      check_numbers_fit(call, type);
      break;
    default:
      break;
  }
}

// An op without a kernel for `type`, which is no float.
[[gnu::noinline]] DType integer_type(const Call& call, DType type) {
  const Op& op = *call.op;
  switch (op.record->computes) {
    case Computes::kFloating:
      return default_dtype();
    case Computes::kFloatOnly:
      refuse_dtype(op, type);
      break;
    case Computes::kNumeric:
    case Computes::kInteger:
      if (op.record->demand == Demand::kRounding) {
        const Value& mode = call.args[2];
        if (mode.is_none()) return default_dtype();
        check(type != DType::kBool, ErrorKind::kNotImplemented, "\"div_",
              *mode.s == 'f' ? "floor" : "trunc", "_cpu\" not implemented for 'Bool'");
      }
      if (type == DType::kBool) refuse_dtype(op, type);
      break;
    default:
      break;
  }
  return type;
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
  if (op.record->demand != Demand::kNothing) [[unlikely]]
    check_demand(call, type);
  if (e.alpha && (call.args[e.alpha].kind != Kind::kInt || call.args[e.alpha].i != 1)) [[unlikely]]
    check_alpha(call.args[e.alpha], type);
  Computes computes = op.record->computes;
  if (!is_float(type)) return computes == Computes::kAny ? type : integer_type(call, type);
  if (computes == Computes::kIntegral || computes == Computes::kInteger) {
    if (call.target && !is_float(call.target->dtype()))
      refuse_target(op, type, call.target->dtype());
    refuse_dtype(op, type);
  }
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

// No tensor among the arguments: the first number becomes one, as PyTorch takes it where it allows
// that.
[[gnu::cold, gnu::noinline]] void forward_numbers(Call& call) {
  constexpr const char* kTypes[] = {"float", "int", "int", "bool"};  // from kDouble to kBool
  auto type_name = [&](int i) {
    return kTypes[static_cast<int>(call.args[i].kind) - static_cast<int>(Kind::kDouble)];
  };
  if (call.op->record->computes == Computes::kIntegral ||
      call.op->record->computes == Computes::kInteger)
    fail(ErrorKind::kType, call.op->record->name,
         "() received an invalid combination of arguments - got (", type_name(0), ", ",
         type_name(1), "), but expected one of:\n  fix: make one of them a tensor.");
  Value number = call.args[0];
  TensorRef made = TensorImpl::empty(default_dtype_of(number.number_category()), Dims());
  fill(made.get(), number);
  call.args[0] = Value::of(made.get());
  elementwise_forward(call);
  call.args[0] = number;
}

bool holds_all(DType type, DType integers) {
  if (type == integers || integers == DType::kBool) return true;
  bool unsigned_type = type == DType::kUInt8;
  return item_size(type) > item_size(integers) && !unsigned_type;
}

// Whether a 0-d tensor has numbers that `type` has not, which it has to be converted to before the
// loop widens it.
bool needs_rounding(const Call& call, const Elementwise& e, DType type) {
  bool integers = category(type) == Category::kInt && type != DType::kInt64;
  bool rounds = e.rounds && (type == DType::kFloat16 || type == DType::kBFloat16);
  if (!integers && !rounds) return false;
  for (int i = e.promotes_from; i < e.n_args; ++i) {
    if (!call.args[i].is_tensor()) continue;
    DType given = call.args[i].t->dtype();
    if (rounds ? given != type : !holds_all(type, given)) return true;
  }
  return false;
}

[[gnu::cold, gnu::noinline]] void forward_rounded(Call& call, const Elementwise& e, DType type) {
  GradModeGuard unrecorded(false);
  Value given[kMaxOperands];
  TensorRef rounded[kMaxOperands];
  for (int i = 0; i < e.n_args; ++i) {
    given[i] = call.args[i];
    if (i < e.promotes_from || !given[i].is_tensor()) continue;
    rounded[i] = to_dtype(Tensor(TensorRef::borrow(given[i].t)), type).ref();
    call.args[i] = Value::of(rounded[i].get());
  }
  elementwise_forward(call);
  std::copy(given, given + e.n_args, call.args);
}

// What is neither tensor nor number: an option, or an argument that is None.
[[gnu::noinline]] void store_word(ScalarSlot& slot, Value& v, const Elementwise& e, int i,
                                  DType compute) {
  if (v.is_none()) return store_absent(slot, e.absent[i], compute);
  int number = e.option(v.s);
  v = Value::of(e.options[number]);  // a literal, which may be saved
  store_scalar(slot, Value::of_int(number), compute, false);
}

}  // namespace

void elementwise_forward(Call& call) {
  const Op& op = *call.op;
  const Elementwise& e = *op.elementwise;
  if (call.args[0].is_number() && (e.n_args < 2 || !call.args[1].is_tensor())) [[unlikely]]
    return forward_numbers(call);
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
  if (needs_rounding(call, e, type)) [[unlikely]]
    return forward_rounded(call, e, type);
  if (e.check) [[unlikely]]
    e.check(call);
  Launch l;
  l.kernel.compute = compute;
  l.kernel.result = e.predicate ? DType::kBool : compute;
  l.stored = e.predicate ? DType::kBool : type;
  l.n = e.n_args;
  l.kernel.repeats = e.repeats;
  l.kernel.cost = e.cost;
  l.kernel.fn = kernel_set->ops[e.kernel].fn[0][compute_index(compute)];
  ScalarSlot scalars[kMaxOperands];
  for (int i = 0; i < e.n_args; ++i) {
    Value& v = call.args[i];
    if (v.is_tensor()) {
      l.tensors[i] = v.t;
    } else {
      l.tensors[i] = nullptr;
      l.scalars[i] = scalars[i].bytes;
      if (v.is_number()) [[likely]]
        store_scalar(scalars[i], v, type, e.rounds);
      else
        store_word(scalars[i], v, e, i, compute);
    }
  }
  if (call.target) {
    TensorImpl* target = call.target;
    if (category(l.stored) > category(target->dtype())) [[unlikely]]
      refuse_target(op, l.stored, target->dtype());
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

#include "ops/elementary.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/host.h"
#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/sequence.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor given(const Value& v) { return Tensor(TensorRef::borrow(v.t)); }

// Runs a kernel in the place of `call`, into its target.
void run_kernel(Call& call, const Op& kernel, std::initializer_list<Value> args) {
  Call inner(kernel);
  std::copy(args.begin(), args.end(), inner.args);
  inner.target = call.target;
  elementwise_forward(inner);
  call.output = std::move(inner.output);
}

// Calls an op in the place of `call`, in place where that is.
void call_instead(Call& call, const Op& op, const Value& a, const Value& b) {
  Call inner(op);
  inner.args[0] = a;
  inner.args[1] = b;
  inner.target = call.target;
  dispatch(inner);
  call.output = std::move(inner.output);
}

// Writes a result into the target of an in-place call, if that is one.
void finish(Call& call, TensorRef result) {
  TensorImpl* target = call.target;
  if (!target) {
    call.output = std::move(result);
    return;
  }
  check(same_sizes(target->sizes(), target->ndim(), result->sizes(), result->ndim()),
        ErrorKind::kRuntime, "output with shape ", shown(target->shape()),
        " doesn't match the broadcast shape ", shown(result->shape()));
  run_copy(target->mut_data(), target->strides(), target->dtype(), result->data(),
           result->strides(), result->dtype(), result->sizes(), result->ndim());
  call.output = TensorRef::borrow(target);
}

// --- float_power

Tensor in_double(const Value& v) {
  return v.t->dtype() == DType::kFloat64 ? given(v) : to_dtype(given(v), DType::kFloat64);
}

void check_power_target(const Call& call) {
  if (call.target)
    check(call.target->dtype() == DType::kFloat64, ErrorKind::kRuntime,
          "the base given to float_power_ has dtype ", dtype_title(call.target->dtype()),
          " but the operation's result requires dtype Double\n  fix: convert it first, as in "
          "x.double().float_power_().");
}

// --- polygamma

void polygamma(Call& call, const Value& n, const Value& x) {
  check(n.i >= 0, ErrorKind::kRuntime, "polygamma(n, x) does not support negative n.");
  run_kernel(call, op_of<PolygammaOf>(), {x, n});
}

// n and x as they were saved.
void polygamma_gradient(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(1));
  Tensor slope = call_op(op_of<Polygamma>(), {Value::of_int(node.slot(0).as_int() + 1), x.value()});
  grad_in[0] = (Tensor(grad_out[0]) * slope).ref();
}

// --- nextafter

// Of the bits of 16-bit floats: sign and magnitude.
template <class H>
H next_half(H a, H b) {
  auto x = static_cast<float>(a), y = static_cast<float>(b);
  if (x != x || y != y) return H(std::numeric_limits<float>::quiet_NaN());
  if (x == y) return b;
  H next = a;
  if (x == 0) {
    next.bits = static_cast<uint16_t>(y < 0 ? 0x8001 : 1);
  } else {
    next.bits = static_cast<uint16_t>(a.bits + ((x < y) == (x > 0) ? 1 : -1));
  }
  return next;
}

template <class H>
TensorRef next_halves(const Tensor& x, const Tensor& y) {
  TensorRef out = TensorImpl::empty(x->dtype(), x->shape());
  const auto *a = reinterpret_cast<const H*>(x->data()), *b = reinterpret_cast<const H*>(y->data());
  auto* to = reinterpret_cast<H*>(out->mut_data());
  for (int64_t i = 0; i < out->numel(); ++i) to[i] = next_half(a[i], b[i]);
  return out;
}

// --- mvlgamma

// x - j / 2 for j = p - 1 .. 0, in a new last dimension.
Tensor shifted_by_halves(const Tensor& x, int64_t p) {
  double start = 0.5 - 0.5 * static_cast<double>(p);
  Tensor steps = call_op(op_of<ArangeStep>(), {Value::of_double(start), Value::of_double(0.5),
                                               Value::of_double(0.5), Value::of(x->dtype())});
  return unsqueeze(x, x->ndim()) + steps;
}

// PyTorch holds all p terms of each element in memory, and refuses more than it can hold. A sum
// that would take days is refused in the same words.
void check_terms(TensorImpl* x, int64_t p) {
  if (p < int64_t{1} << 24) return;
  Dims sizes = x->shape();
  sizes.push(p);
  TensorImpl::empty(x->dtype(), sizes);
}

// A sum of more terms than this answers Ctrl-C in between.
constexpr int64_t kPollEvery = 4096;

// The sum of lgamma(x - j / 2) for j = p - 1 .. 0, plus a constant, in double: the error of a sum
// of many terms grows with their number. `out` may be `x`; of a long sum nobody else may hold both,
// as a signal's handler may change any tensor.
template <class T>
void sum_lgamma(T* out, const T* x, int64_t n, int64_t p, double constant) {
  const size_t type = compute_index(sizeof(T) == 8 ? DType::kFloat64 : DType::kFloat32);
  TileFn lgamma = kernel_set->ops[op_of<Lgamma>().elementwise->kernel].fn[0][type];
  constexpr int64_t kBlock = 256;
  T terms[kBlock];
  double sum[kBlock];
  const void* in[] = {terms};
  const uint8_t step[] = {1};
  for (int64_t i = 0; i < n; i += kBlock, x += kBlock, out += kBlock) {
    int64_t size = std::min(kBlock, n - i);
    std::fill_n(sum, size, 0.0);
    for (int64_t j = p; j-- > 0;) {
      for (int64_t q = 0; q < size; ++q) terms[q] = x[q] - static_cast<T>(0.5) * static_cast<T>(j);
      lgamma(terms, in, step, size);
      for (int64_t q = 0; q < size; ++q) sum[q] += static_cast<double>(terms[q]);
      if (j && j % kPollEvery == 0) host().poll();
    }
    for (int64_t q = 0; q < size; ++q) out[q] = static_cast<T>(sum[q] + constant);
  }
}

}  // namespace

void Square::forward(Call& call) {
  call_instead(call, op_of<Pow>(), call.args[0], Value::of_int(2));
}

void FloatPower::forward(Call& call) {
  check_power_target(call);
  Tensor x = in_double(call.args[0]), p = in_double(call.args[1]);
  call_instead(call, op_of<PowTensor>(), x.value(), p.value());
}

void FloatPowerNumber::forward(Call& call) {
  check_power_target(call);
  Value p = Value::of_double(call.args[1].as_double());
  Tensor x = in_double(call.args[0]);
  call_instead(call, op_of<Pow>(), x.value(), p);
}

void FloatPowerBase::forward(Call& call) {
  Value base = Value::of_double(call.args[0].as_double());
  Tensor p = in_double(call.args[1]);
  call_instead(call, op_of<PowBase>(), base, p.value());
}

void NanToNum::forward(Call& call) {
  TensorImpl* x = call.tensor(0);
  if (!is_float(x->dtype())) {
    call.output = call.target ? TensorRef::borrow(x) : clone(given(call.args[0])).ref();
    return;
  }
  double largest = dispatch_dtype(x->dtype(), [](auto zero) -> double {
    using T = decltype(zero);
    if constexpr (std::is_same_v<T, Half>) return 65504;
    if constexpr (std::is_same_v<T, BFloat16>) return 0x1.fep127;
    if constexpr (std::is_same_v<T, float>) return std::numeric_limits<float>::max();
    return std::numeric_limits<double>::max();
  });
  auto number = [&](int i, double otherwise) {
    return Value::of_double(call.args[i].is_none() ? otherwise : call.args[i].as_double());
  };
  run_kernel(call, op_of<ReplaceNonFinite>(),
             {call.args[0], number(1, 0), number(2, largest), number(3, -largest)});
}

void NanToNum::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor finite = call_op(op_of<IsFinite>(), {Tensor(node.saved(0)).value()});
  grad_in[0] = (Tensor(grad_out[0]) * finite).ref();
}

void Heaviside::forward(Call& call) {
  check(call.tensor(0)->dtype() == call.tensor(1)->dtype(), ErrorKind::kRuntime,
        "heaviside is not yet implemented for tensors with different dtypes.\n  fix: convert one "
        "of them, as in values.to(x.dtype).");
  run_kernel(call, op_of<Step>(), {call.args[0], call.args[1]});
}

void NextAfter::forward(Call& call) {
  ResultType type;
  for (int i = 0; i < 2; ++i) type.add_tensor(call.tensor(i)->dtype(), call.tensor(i)->ndim());
  DType dtype = type.get();
  if (dtype != DType::kFloat16 && dtype != DType::kBFloat16)
    return run_kernel(call, op_of<Neighbour>(), {call.args[0], call.args[1]});
  GradModeGuard unrecorded(false);
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  Dims shape;
  broadcast_sizes(a->sizes(), a->ndim(), b->sizes(), b->ndim(), shape);
  Tensor x = contiguous_clone(expand(to_dtype(given(call.args[0]), dtype), shape));
  Tensor y = contiguous_clone(expand(to_dtype(given(call.args[1]), dtype), shape));
  finish(call, dtype == DType::kFloat16 ? next_halves<Half>(x, y) : next_halves<BFloat16>(x, y));
}

void NextAfter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  if (node.wants(0)) {
    Tensor x(node.saved(0)), y(node.saved(1));
    grad_in[0] = math::select(x == y, Num(0), g).ref();
  }
  if (node.wants(1)) grad_in[1] = math::zeros_like(g).ref();
}

void Frexp::forward(Call& call) {
  TensorImpl* given_tensor = call.tensor(0);
  check(is_float(given_tensor->dtype()), ErrorKind::kRuntime,
        "torch.frexp() only supports floating-point dtypes");
  GradModeGuard unrecorded(false);
  bool dense =
      dense_non_overlapping(given_tensor->sizes(), given_tensor->strides(), given_tensor->ndim());
  Tensor x = dense ? given(call.args[0]) : contiguous_clone(given(call.args[0]));
  TensorRef mantissas = TensorImpl::empty(x->dtype(), x->shape());
  TensorRef exponents = TensorImpl::empty(DType::kInt32, x->shape());
  mantissas->set_geometry(x->shape(), x->strides(), 0);
  exponents->set_geometry(x->shape(), x->strides(), 0);
  dispatch_dtype(x->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      const auto* from = reinterpret_cast<const T*>(x->data());
      auto* mantissa = reinterpret_cast<T*>(mantissas->mut_data());
      auto* exponent = reinterpret_cast<int32_t*>(exponents->mut_data());
      for (int64_t i = 0; i < x->numel(); ++i) {
        int power = 0;
        auto value = static_cast<double>(from[i]);
        mantissa[i] = static_cast<T>(std::frexp(value, &power));
        exponent[i] = std::isfinite(value) ? power : 0;
      }
    }
  });
  call.output = std::move(mantissas);
  call.more.push_back(std::move(exponents));
}

void Frexp::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), exponent(node.saved(0));
  grad_in[0] = (g / math::exp2(to_dtype(exponent, g->dtype()))).ref();
}

void Polygamma::forward(Call& call) { polygamma(call, call.args[0], call.args[1]); }

void Polygamma::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  polygamma_gradient(node, grad_out, grad_in);
}

void PolygammaMethod::forward(Call& call) { polygamma(call, call.args[1], call.args[0]); }

void PolygammaMethod::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  polygamma_gradient(node, grad_out, grad_in);
}

void Mvlgamma::forward(Call& call) {
  TensorImpl* given_tensor = call.tensor(0);
  int64_t p = call.args[1].i;
  check(given_tensor->dtype() != DType::kBool, ErrorKind::kRuntime,
        "The input tensor may not be a boolean tensor.");
  check(p >= 1, ErrorKind::kRuntime, "p has to be greater than or equal to 1");
  DType dtype = is_float(given_tensor->dtype()) ? given_tensor->dtype() : default_dtype();
  check(!call.target || is_float(call.target->dtype()), ErrorKind::kRuntime,
        "mvlgamma: result type ", dtype_title(given_tensor->dtype()),
        " can't be cast to the desired output type ", dtype_title(dtype));
  GradModeGuard unrecorded(false);
  Tensor x = given(call.args[0]);
  if (x->dtype() != dtype) x = to_dtype(x, dtype);
  check_terms(x.get(), p);
  constexpr double kQuarterLogPi = 0x1.250d048e7a1bdp-2;
  double constant = static_cast<double>(p) * (static_cast<double>(p) - 1) * kQuarterLogPi;
  if (dtype == compute_dtype(dtype)) {
    Tensor source = x->is_contiguous() && p <= kPollEvery ? x : contiguous_clone(x);
    bool inside = source.get() == call.target;
    Tensor out = inside ? source : Tensor(TensorImpl::empty(dtype, source->shape()));
    auto run = [&](auto zero) {
      using T = decltype(zero);
      sum_lgamma(reinterpret_cast<T*>(out->mut_data()), reinterpret_cast<const T*>(source->data()),
                 out->numel(), p, constant);
    };
    if (dtype == DType::kFloat64)
      run(0.0);
    else
      run(0.0f);
    if (inside)
      call.output = out.ref();
    else
      finish(call, out.ref());
    return;
  }
  Tensor terms = math::lgamma(shifted_by_halves(x, p));
  finish(call, (sum(terms, Dims::of({x->ndim()}), false) + Num(constant)).ref());
}

void Mvlgamma::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(0));
  Tensor slopes = math::digamma(shifted_by_halves(x, node.slot(1).as_int()));
  grad_in[0] = (Tensor(grad_out[0]) * sum(slopes, Dims::of({x->ndim()}), false)).ref();
}

}  // namespace rl::ops

namespace rl {
void add_elementary_ops(std::vector<Op*>& table) { add_ops(ops::ElementaryOps{}, table); }
}  // namespace rl

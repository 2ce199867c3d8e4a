#include "ops/activation_custom.h"

#include <cstring>

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "kernels/random.h"
#include "ops/join.h"
#include "ops/places.h"
#include "ops/slope.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// An elementwise op without a node: the caller is the one that is recorded.
Tensor unrecorded(const Op& op, std::initializer_list<Value> args) {
  GradModeGuard off(false);
  return call_op(op, args);
}

// The call once more as another op, in place where this one is.
void pass_on(Call& call, const Op& op, std::initializer_list<Value> args) {
  Call inner(op);
  int n = 0;
  for (const Value& v : args) inner.args[n++] = v;
  inner.target = call.target;
  dispatch(inner);
  call.output = std::move(inner.output);
}

}  // namespace

void Selu::forward(Call& call) {
  pass_on(call, op_of<Elu>(),
          {call.args[0], Value::of_double(1.6732632423543772848170429916717),
           Value::of_double(1.0507009873554804934193349852946), Value::of_int(1)});
}

void Gelu::forward(Call& call) {
  bool by_tanh = std::strcmp(call.args[1].s, "tanh") == 0;
  const Op& op = by_tanh ? op_of<GeluTanh>() : op_of<GeluExact>();
  call.output = call_op(op, {call.args[0], call.args[1]}).ref();
}

void Prelu::forward(Call& call) {
  TensorImpl *t = call.tensor(0), *weight = call.tensor(1);
  check(t->dtype() == weight->dtype(), ErrorKind::kRuntime,
        "prelu: Type promoting not supported. Got ", dtype_title(t->dtype()), " and ",
        dtype_title(weight->dtype()));
  if (weight->numel() != 1) {
    check(t->ndim() > 0, ErrorKind::kRuntime, "Not allow zero-dim input tensor.");
    int64_t channels = t->ndim() > 1 ? t->sizes()[1] : 1;
    check(channels == weight->numel(), ErrorKind::kRuntime,
          "Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
          weight->numel(), " and channel size = ", channels, ".");
  }
  check(weight->ndim() <= 1, ErrorKind::kRuntime,
        "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight->ndim());
  Tensor wide(TensorRef::borrow(weight));
  if (t->ndim() != weight->ndim()) {
    Dims sizes;
    for (int d = 0; d < t->ndim(); ++d) sizes.push(d == 1 ? weight->numel() : 1);
    wide = view(wide, sizes);
  }
  call.output = call_op(op_of<PreluKernel>(), {call.args[0], wide.value()}).ref();
}

void LogSigmoid::forward(Call& call) {
  Tensor buffer = unrecorded(op_of<LogSigmoidBuffer>(), {call.args[0]});
  call.output = unrecorded(op_of<LogSigmoidTerm>(), {call.args[0]}).ref();
  call.more.push_back(buffer.ref());
}

void LogSigmoid::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(0)), buffer(node.saved(1));
  grad_in[0] = call_op(op_of<LogSigmoidBackward>(),
                       {Value::of(grad_out[0].get()), x.value(), buffer.value()})
                   .ref();
}

namespace {

struct Halves {
  Tensor a, b;
  int dim;
  Halves(const Tensor& t, int64_t given) : dim(wrap_dim(given, t->ndim())) {
    int64_t size = t->sizes()[dim], half = size / 2;
    a = slice(t, dim, 0, half, 1);
    b = slice(t, dim, half, size, 1);
  }
};

}  // namespace

void Glu::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() > 0, ErrorKind::kRuntime,
        "glu does not support scalars because halving size must be even");
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(t->sizes()[dim] % 2 == 0, ErrorKind::kRuntime,
        "Halving dimension must be even, but dimension ", dim, " is size ", t->sizes()[dim]);
  GradModeGuard off(false);
  Halves halves(Tensor(TensorRef::borrow(t)), dim);
  call.output = call_op(op_of<GluTerm>(), {halves.a.value(), halves.b.value()}).ref();
}

void Glu::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Halves halves(Tensor(node.saved(1)), node.slot(0).as_int());
  Tensor s = math::sigmoid(halves.b);
  Tensor parts[] = {g * s, g * halves.a * ((Num(1) - s) * s)};
  TensorImpl* list[] = {parts[0].get(), parts[1].get()};
  TensorList both{list, 2};
  grad_in[0] = call_op(op_of<Cat>(), {Value::of(both), Value::of_int(halves.dim)}).ref();
}

namespace {

double mean_slope(const Value& lower, const Value& upper) {
  return (lower.as_double() + upper.as_double()) / 2;
}

// Draws in the order of the elements, one number for each that is not above 0: a double, between
// bounds that were rounded. The product takes the slope before it is rounded to 16 bits.
template <class T, class Wide>
void draw_slopes(T* noise, T* out, const T* x, int64_t n, Wide lower, Wide upper,
                 Generator& generator) {
  for (int64_t i = 0; i < n; ++i) {
    Wide slope = 1;
    if (x[i] <= 0)
      slope =
          static_cast<Wide>(generator.uniform() * (double(upper) - double(lower)) + double(lower));
    noise[i] = static_cast<T>(slope);
    out[i] = x[i] <= 0 ? static_cast<T>(static_cast<Wide>(x[i]) * slope) : x[i];
  }
}

void rrelu_gradient(OpNode& node, bool by_result, const TensorRef& grad, TensorRef* grad_in) {
  if (!grad) return;
  TensorRef x = node.saved(0), noise = node.saved(1);
  grad_in[0] = call_op(op_of<RreluWithNoiseBackward>(),
                       {Value::of(grad.get()), Value::of(x.get()), Value::of(noise.get()),
                        Value::of_double(node.slot(2).as_double()),
                        Value::of_double(node.slot(3).as_double()),
                        Value::of_bool(node.slot(4).as_bool()), Value::of_bool(by_result)})
                   .ref();
}

}  // namespace

void RreluWithNoise::forward(Call& call) {
  TensorImpl *t = call.tensor(0), *noise = call.tensor(1);
  double lower = call.args[2].as_double(), upper = call.args[3].as_double();
  check(lower <= upper, ErrorKind::kRuntime,
        "Lower bound should be less than or equal to the upper bound");
  if (!call.args[4].i) {
    Call leaky(op_of<LeakyRelu>());
    leaky.args[0] = call.args[0];
    leaky.args[1] = Value::of_double(mean_slope(call.args[2], call.args[3]));
    leaky.target = call.target;
    elementwise_forward(leaky);
    call.output = std::move(leaky.output);
    return;
  }
  DType dtype = t->dtype();
  check(is_float(dtype) && dtype != DType::kFloat16, ErrorKind::kNotImplemented,
        "\"rrelu_with_noise_out_cpu\" not implemented for '", dtype_title(dtype), "'");
  TensorRef x = row_major_as(t, dtype);
  TensorRef out = call.target && call.target->is_contiguous()
                      ? TensorRef::borrow(call.target)
                      : TensorImpl::empty(dtype, t->shape());
  const Value& given = call.args[5];
  Generator& generator =
      given.kind == Kind::kPointer ? *static_cast<Generator*>(given.p) : default_generator();
  dispatch_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
    if constexpr (kIsFloat<T>)
      draw_slopes(reinterpret_cast<T*>(noise->mut_data()), reinterpret_cast<T*>(out->mut_data()),
                  reinterpret_cast<const T*>(x->data()), t->numel(), static_cast<Wide>(lower),
                  static_cast<Wide>(upper), generator);
  });
  if (call.target && out.get() != call.target) {
    run_copy(call.target->mut_data(), call.target->strides(), dtype, out->data(), out->strides(),
             dtype, t->sizes(), t->ndim());
    out = TensorRef::borrow(call.target);
  }
  call.output = std::move(out);
}

void RreluWithNoise::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  rrelu_gradient(node, false, grad_out[0], grad_in);
}

void RreluResult::forward(Call& call) { RreluWithNoise::forward(call); }
void RreluResult::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  rrelu_gradient(node, true, grad_out[0], grad_in);
}

void Rrelu::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Tensor noise = full(t->shape(), is_float(t->dtype()) ? t->dtype() : default_dtype(), 0);
  pass_on(call, op_of<RreluWithNoise>(),
          {call.args[0], noise.value(), call.args[1], call.args[2], call.args[3], call.args[4]});
}

}  // namespace rl::ops

namespace rl {

void add_activation_ops(std::vector<Op*>& table) {
  add_ops(ops::ActivationCustomOps{}, table);
  add_ops(ops::SlopeOps{}, table);
}

}  // namespace rl

#include "ops/sample.h"

#include <cmath>
#include <numbers>

#include "graph/grad_mode.h"
#include "ops/copy.h"
#include "ops/draw.h"
#include "ops/elementwise_list.h"
#include "ops/places.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

constexpr const char* kNoProbability =
    "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
    "improved?  If so, please report an enhancement request to PyTorch.)\n  probabilities are "
    "numbers from 0 to 1.";

void no_gradient(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void check_probability(double p) {
  check(p >= 0 && p <= 1, ErrorKind::kRuntime,
        "bernoulli_ expects p to be in [0, 1], but got p=", p);
}

void draw_bernoulli(TensorImpl* t, double p, Generator& generator) {
  check_probability(p);
  int64_t n = t->numel();
  draw(t, [&](char* out) {
    if (t->dtype() == DType::kFloat32)
      return bernoulli(reinterpret_cast<float*>(out), n, p, generator);
    if (t->dtype() == DType::kFloat64)
      return bernoulli(reinterpret_cast<double*>(out), n, p, generator);
    TensorRef flags = TensorImpl::empty(DType::kUInt8, &n, 1);
    bernoulli(reinterpret_cast<uint8_t*>(flags->mut_data()), n, p, generator);
    convert_strided(out, 1, t->dtype(), flags->data(), 1, DType::kUInt8, n);
  });
}

// The probabilities in the order of t's memory; a 16-bit one is compared as a float.
TensorRef probabilities_for(TensorImpl* t, TensorImpl* p) {
  check(is_float(p->dtype()), ErrorKind::kNotImplemented,
        "\"bernoulli_tensor_cpu_p_\" not implemented for '", dtype_title(p->dtype()), "'");
  Dims shape = t->shape();
  Dims strides = expand_strides(p, shape);
  Dims order = memory_order(t);
  if (t->is_contiguous())
    for (int d = 0; d < order.n; ++d) order[d] = d;
  Dims sizes = permuted(shape.v, order), from = permuted(strides.v, order);
  DType dtype = compute_dtype(p->dtype());
  TensorRef out = TensorRef::borrow(p);
  if (dtype != p->dtype() || !p->is_contiguous() || !t->is_contiguous() || !(p->shape() == sizes)) {
    out = TensorImpl::empty(dtype, sizes);
    run_copy(out->mut_data(), out->strides(), dtype, p->data(), from.v, p->dtype(), sizes.v,
             sizes.n);
  }
  bool valid = true;
  auto look = [&](const auto* v) {
    for (int64_t i = 0, n = out->numel(); i < n; ++i) valid = valid && v[i] >= 0 && v[i] <= 1;
  };
  dtype == DType::kFloat64 ? look(reinterpret_cast<const double*>(out->data()))
                           : look(reinterpret_cast<const float*>(out->data()));
  check(valid, ErrorKind::kRuntime, kNoProbability);
  return out;
}

void draw_bernoulli_each(TensorImpl* t, TensorImpl* p, Generator& generator) {
  TensorRef each = probabilities_for(t, p);
  int64_t n = t->numel();
  DType dtype = each->dtype();
  draw(t, [&](char* out) {
    TensorRef wide;
    if (t->dtype() != dtype) wide = TensorImpl::empty(dtype, &n, 1);
    char* flags = wide ? wide->mut_data() : out;
    if (dtype == DType::kFloat64)
      bernoulli_each(reinterpret_cast<double*>(flags),
                     reinterpret_cast<const double*>(each->data()), n, generator);
    else
      bernoulli_each(reinterpret_cast<float*>(flags), reinterpret_cast<const float*>(each->data()),
                     n, generator);
    if (wide) convert_strided(out, 1, t->dtype(), flags, 1, dtype, n);
  });
}

}  // namespace

void Bernoulli::forward(Call& call) {
  TensorImpl* p = call.tensor(0);
  call.output = TensorImpl::empty(p->dtype(), p->shape());
  draw_bernoulli_each(call.output.get(), p, generator_from(call.args[1]));
}
void Bernoulli::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

void BernoulliP::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  draw_bernoulli(call.output.get(), call.args[1].as_double(), generator_from(call.args[2]));
}
void BernoulliP::backward(OpNode&, TensorRef*, TensorRef*) {
  fail(ErrorKind::kRuntime, "derivative for aten::bernoulli is not implemented");
}

void BernoulliTensorInplace::forward(Call& call) {
  draw_bernoulli_each(call.target, call.tensor(1), generator_from(call.args[2]));
  call.output = TensorRef::borrow(call.target);
}
void BernoulliTensorInplace::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) no_gradient(node, grad_out, grad_in);
  if (node.wants(1)) grad_in[1] = full(node.slot(0).as_dims(), grad_out[0]->dtype(), 0).ref();
}

void BernoulliInplace::forward(Call& call) {
  draw_bernoulli(call.target, call.args[1].as_double(), generator_from(call.args[2]));
  call.output = TensorRef::borrow(call.target);
}
void BernoulliInplace::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

void Exponential::forward(Call& call) {
  TensorImpl* t = call.target;
  double lambda = call.args[1].as_double();
  check(is_float(t->dtype()), ErrorKind::kRuntime,
        "Exponential distribution is a continuous probability distribution. dtype must be a "
        "floating point but you specified ",
        dtype_title(t->dtype()));
  check(lambda > 0, ErrorKind::kRuntime,
        "exponential_ expects lambda > 0.0, but found lambda=", lambda);
  Generator& generator = generator_from(call.args[2]);
  draw_real(t, [&](auto* out, int64_t n) { exponential(out, n, lambda, generator); });
  call.output = TensorRef::borrow(t);
}
void Exponential::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

void Geometric::forward(Call& call) {
  TensorImpl* t = call.target;
  double p = call.args[1].as_double();
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented,
        "\"geometric_cpu\" not implemented for 'Bool'");
  check(p > 0 && p < 1, ErrorKind::kRuntime, "geometric_ expects p to be in (0, 1), but got p=", p);
  Generator& generator = generator_from(call.args[2]);
  double scale = std::log1p(-p);
  draw(t, [&](char* out) {
    dispatch_dtype(t->dtype(), [&](auto x) {
      using T = decltype(x);
      using Wide = std::conditional_t<sizeof(T) == 2 && kIsFloat<T>, float, T>;
      auto* to = reinterpret_cast<T*>(out);
      for (int64_t i = 0, n = t->numel(); i < n; ++i) {
        // A uniform number of 0 would be an infinite number of trials: the longest of int64.
        double trials = std::ceil(std::log(generator.uniform()) / scale);
        if constexpr (kIsFloat<T>)
          to[i] = static_cast<T>(static_cast<Wide>(trials));
        else
          to[i] = static_cast<T>(trials < 9.2e18 ? static_cast<int64_t>(trials) : INT64_MAX);
      }
    });
  });
  call.output = TensorRef::borrow(t);
}
void Geometric::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

void Cauchy::forward(Call& call) {
  TensorImpl* t = call.target;
  double median = call.args[1].as_double(), sigma = call.args[2].as_double();
  check(is_float(t->dtype()), ErrorKind::kRuntime,
        "Cauchy distribution is a continuous probability distribution. dtype must be a floating "
        "point but you specified ",
        dtype_cpp_name(t->dtype()));
  check(sigma > 0, ErrorKind::kRuntime, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  Generator& generator = generator_from(call.args[3]);
  draw_real(t, [&](auto* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i)
      out[i] = static_cast<std::remove_reference_t<decltype(*out)>>(
          median + sigma * std::tan(std::numbers::pi * (generator.uniform() - 0.5)));
  });
  call.output = TensorRef::borrow(t);
}
void Cauchy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

void LogNormal::forward(Call& call) {
  TensorImpl* t = call.target;
  double mean = call.args[1].as_double(), std = call.args[2].as_double();
  check(std > 0, ErrorKind::kRuntime, "log_normal_ expects std > 0.0, but found std=", std);
  require_float(t, "log_normal_cpu");
  Generator& generator = generator_from(call.args[3]);
  draw_real(t, [&](auto* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      double normal;
      normal_double(&normal, 1, mean, std, true, generator);
      out[i] = static_cast<std::remove_reference_t<decltype(*out)>>(std::exp(normal));
    }
  });
  call.output = TensorRef::borrow(t);
}
void LogNormal::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

namespace {

// Uniform numbers are multiplied until the product falls below e^-rate.
int64_t poisson_by_product(double rate, Generator& generator) {
  double limit = std::exp(-rate), product = 1;
  for (int64_t events = 0;; ++events) {
    product *= generator.uniform();
    if (!(product > limit)) return events;
  }
}

// Transformed rejection with squeeze: W. Hoermann, Insurance: Mathematics and Economics 12, 1993.
int64_t poisson_by_rejection(double rate, Generator& generator) {
  double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
  double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), quick = 0.9277 - 3.6224 / (b - 2);
  double log_rate = std::log(rate);
  for (;;) {
    double u = generator.uniform() - 0.5, v = generator.uniform();
    double us = 0.5 - std::fabs(u);
    auto k = static_cast<int64_t>(std::floor((2 * a / us + b) * u + rate + 0.43));
    if (us >= 0.07 && v <= quick) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    double events = static_cast<double>(k);
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        -rate + events * log_rate - std::lgamma(events + 1))
      return k;
  }
}

int64_t draw_poisson(double rate, Generator& generator) {
  check(rate >= 0, ErrorKind::kRuntime, "invalid Poisson rate, expected rate to be non-negative");
  // Beyond that the events are counted no more; the loop would not end.
  check(rate < 1e18, ErrorKind::kRuntime, "poisson: rates of 1e18 and more are not supported");
  if (rate >= 10) return poisson_by_rejection(rate, generator);
  return rate == 0 ? 0 : poisson_by_product(rate, generator);
}

}  // namespace

void Poisson::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  require_float(t, "poisson_cpu");
  Generator& generator = generator_from(call.args[1]);
  TensorRef rates = converted_copy(t, DType::kFloat64);
  auto* v = reinterpret_cast<double*>(rates->mut_data());
  for (int64_t i = 0, n = rates->numel(); i < n; ++i)
    v[i] = static_cast<double>(draw_poisson(v[i], generator));
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  convert_strided(call.output->mut_data(), 1, t->dtype(), v, 1, DType::kFloat64, rates->numel());
}
void Poisson::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  no_gradient(node, grad_out, grad_in);
}

namespace {

template <class T>
void check_weights(const T* weights, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r) {
    const T* row = weights + r * n;
    bool valid = true;
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      valid = valid && row[i] >= 0 && std::isfinite(row[i]);
      sum += row[i];
    }
    check(valid, ErrorKind::kRuntime,
          "probability tensor contains either `inf`, `nan` or element < 0");
    check(sum > 0, ErrorKind::kRuntime,
          "invalid multinomial distribution (sum of probabilities <= 0)");
  }
}

template <class T, class Stored = T>
void draw_indices(int64_t* out, TensorImpl* t, int64_t rows, int64_t n, int64_t k, bool replacement,
                  Generator& generator) {
  TensorRef held = row_major_as(t, compute_dtype(t->dtype()));
  auto* weights = reinterpret_cast<const T*>(held->data());
  check_weights(weights, rows, n);
  if (replacement && k > 1) {
    for (int64_t r = 0; r < rows; ++r)
      multinomial(out + r * k, k, weights + r * n, n, true, generator);
    return;
  }
  // The waiting times come in the order of the weights' memory.
  TensorRef times = factory_like(t, Value::none(), Value::none());
  draw_real(times.get(), [&](auto* to, int64_t count) { exponential(to, count, 1, generator); });
  TensorRef waits = row_major_as(times.get(), compute_dtype(t->dtype()));
  for (int64_t r = 0; r < rows; ++r)
    race<T, Stored>(out + r * k, k, weights + r * n,
                    reinterpret_cast<const T*>(waits->data()) + r * n, n);
}

}  // namespace

void Multinomial::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t k = call.args[1].i;
  bool replacement = call.args[2].i;
  check(
      is_float(t->dtype()), ErrorKind::kRuntime,
      "multinomial only supports floating-point dtypes for input, got: ", dtype_title(t->dtype()));
  check(t->ndim() == 1 || t->ndim() == 2, ErrorKind::kRuntime, "prob_dist must be 1 or 2 dim");
  check(k > 0, ErrorKind::kRuntime, "cannot sample n_sample <= 0 samples");
  int64_t n = t->sizes()[t->ndim() - 1], rows = t->ndim() == 2 ? t->sizes()[0] : 1;
  check(replacement || k <= n, ErrorKind::kRuntime,
        "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  check(n <= int64_t{1} << 24, ErrorKind::kRuntime, "number of categories cannot exceed 2^24");
  Dims shape = t->shape();
  shape[shape.n - 1] = k;
  call.output = TensorImpl::empty(DType::kInt64, shape);
  if (call.output->numel() == 0) return;
  check(n > 0, ErrorKind::kRuntime, "invalid multinomial distribution (sum of probabilities <= 0)");
  auto* out = reinterpret_cast<int64_t*>(call.output->mut_data());
  Generator& generator = generator_from(call.args[3]);
  switch (t->dtype()) {
    case DType::kFloat64:
      return draw_indices<double>(out, t, rows, n, k, replacement, generator);
    case DType::kFloat16:
      return draw_indices<float, Half>(out, t, rows, n, k, replacement, generator);
    case DType::kBFloat16:
      return draw_indices<float, BFloat16>(out, t, rows, n, k, replacement, generator);
    default:
      return draw_indices<float>(out, t, rows, n, k, replacement, generator);
  }
}

namespace {

void check_std(double std) {
  check(std >= 0, ErrorKind::kRuntime, "normal expects std >= 0.0, but found std ", std);
}

void check_std(TensorImpl* std) {
  bool valid = true;
  TensorRef all = row_major_as(std, DType::kFloat64);
  auto* v = reinterpret_cast<const double*>(all->data());
  for (int64_t i = 0, n = all->numel(); i < n; ++i) valid = valid && v[i] >= 0;
  check(valid, ErrorKind::kRuntime, "normal expects all elements of std >= 0.0");
}

template <class Op>
void change(TensorImpl* target, const Value& by) {
  Call call(op_of<Op>());
  call.args[0] = Value::of(target);
  call.args[1] = by;
  call.args[2] = Value::of_int(1);
  call.target = target;
  dispatch(call);
}

// Standard normal numbers times std, plus mean; both steps rounded, as PyTorch takes them.
TensorRef normal_numbers(const Value& mean, const Value& std, Generator& generator) {
  TensorImpl* like = mean.is_tensor() ? mean.t : std.t;
  Dims shape = like->shape();
  if (mean.is_tensor() && std.is_tensor())
    broadcast_sizes(mean.t->sizes(), mean.t->ndim(), std.t->sizes(), std.t->ndim(), shape);
  TensorRef out = TensorImpl::empty(like->dtype(), shape);
  require_float(out.get(), "normal_kernel_cpu");
  draw_normal(out.get(), 0, std.is_tensor() ? 1 : std.as_double(), generator);
  GradModeGuard unrecorded(false);
  if (std.is_tensor()) change<Mul>(out.get(), std);
  change<Add>(out.get(), mean);
  return out;
}

}  // namespace

void NormalTensorFloat::forward(Call& call) {
  check_std(call.args[1].as_double());
  call.output = normal_numbers(call.args[0], call.args[1], generator_from(call.args[2]));
}
void NormalTensorFloat::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = full(node.slot(0).as_dims(), grad_out[0]->dtype(), 0).ref();
}

void NormalFloatTensor::forward(Call& call) {
  check_std(call.tensor(1));
  call.output = normal_numbers(call.args[0], call.args[1], generator_from(call.args[2]));
}
void NormalFloatTensor::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = full(node.slot(0).as_dims(), grad_out[0]->dtype(), 0).ref();
}

void NormalTensors::forward(Call& call) {
  check_std(call.tensor(1));
  call.output = normal_numbers(call.args[0], call.args[1], generator_from(call.args[2]));
}
void NormalTensors::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  for (int i = 0; i < 2; ++i)
    if (node.wants(static_cast<uint32_t>(i)))
      grad_in[i] = full(node.slot(i).as_dims(), grad_out[0]->dtype(), 0).ref();
}

void NormalSized::forward(Call& call) {
  double std = call.args[1].as_double();
  check_std(std);
  call.output = factory(*call.args[2].dims, call.args[4]);
  require_float(call.output.get(), "normal_kernel_cpu");
  draw_normal(call.output.get(), call.args[0].as_double(), std, generator_from(call.args[3]));
  finish_factory(call, 4);
}

}  // namespace rl::ops

namespace rl {

void add_sample_ops(std::vector<Op*>& table) { add_ops(ops::SampleOps{}, table); }

}  // namespace rl

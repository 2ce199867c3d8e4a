#include "ops/sequence.h"

#include <cmath>

#include "core/host.h"
#include "ops/copy.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

struct Interval {
  Value start, end, step;

  bool integral() const {
    return start.kind != Kind::kDouble && end.kind != Kind::kDouble && step.kind != Kind::kDouble;
  }
};

void check_interval(const Interval& r) {
  double start = r.start.as_double(), end = r.end.as_double(), step = r.step.as_double();
  check(step > 0 || step < 0, ErrorKind::kRuntime, "step must be nonzero");
  check(std::isfinite(start) && std::isfinite(end), ErrorKind::kRuntime,
        "unsupported range: ", start, " -> ", end);
  check(step > 0 ? end >= start : end <= start, ErrorKind::kRuntime,
        "upper bound and lower bound inconsistent with step sign");
}

// How many numbers lie in [start, end). int64 counts in integers, which may need 65 bits. All
// integer dtypes are filled from int64, which start and step must fit.
int64_t count_below(const Interval& r, DType dtype) {
  if (category(dtype) == Category::kInt)
    for (const Value* v : {&r.start, &r.step}) check_fits(*v, DType::kInt64);
  if (dtype == DType::kInt64) {
    check_fits(r.end, DType::kInt64);
    int64_t step = r.step.as_int();
    check(step != 0, ErrorKind::kValue, "step must be nonzero");
    __int128 span = static_cast<__int128>(r.end.as_int()) - r.start.as_int();
    __int128 count = step > 0 ? (span + step - 1) / step : (span + step + 1) / step;
    return static_cast<int64_t>(count);
  }
  double count = std::ceil((r.end.as_double() - r.start.as_double()) / r.step.as_double());
  check(count >= 0 && count < 9e18, ErrorKind::kRuntime, "invalid size, possible overflow?");
  return static_cast<int64_t>(count);
}

[[gnu::always_inline]] inline float fused(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}
[[gnu::always_inline]] inline double fused(double a, double b, double c) {
  return __builtin_fma(a, b, c);
}

// Floats come in pairs of vectors of `lanes`, as PyTorch counts them: each vector from its own
// first number, rounded to T, the rest one by one.
template <class T, class Wide>
[[gnu::always_inline]] inline void count_floats(T* out, int64_t n, Wide start, Wide step,
                                                int lanes) {
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += lanes * 2)
    for (int half = 0; half < 2; ++half) {
      int64_t at = i + half * lanes;
      auto first = static_cast<Wide>(static_cast<T>(fused(step, static_cast<Wide>(at), start)));
      for (int k = 0; k < lanes; ++k)
        out[at + k] = static_cast<T>(fused(step, static_cast<Wide>(k), first));
    }
  for (; i < n; ++i) out[i] = static_cast<T>(fused(step, static_cast<Wide>(i), start));
}

// The numbers from start up, and those down from end, in one rounding each.
template <class T>
[[gnu::always_inline]] inline void count_from_ends(T* out, int64_t n, T start, T end, T step) {
  for (int64_t i = 0; i < n / 2; ++i) out[i] = fused(step, static_cast<T>(i), start);
  for (int64_t i = n / 2; i < n; ++i) out[i] = fused(-step, static_cast<T>(n - i - 1), end);
}

// The same bits twice: without the instruction, fma is a call.
#define RL_COUNTS(suffix, target)                                                                 \
  target void count_##suffix(float* out, int64_t n, double start, double step) {                  \
    count_floats<float, double>(out, n, start, step, 8);                                          \
  }                                                                                               \
  target void count_##suffix(double* out, int64_t n, double start, double step) {                 \
    count_floats<double, double>(out, n, start, step, 4);                                         \
  }                                                                                               \
  target void from_ends_##suffix(float* out, int64_t n, float start, float end, float step) {     \
    count_from_ends(out, n, start, end, step);                                                    \
  }                                                                                               \
  target void from_ends_##suffix(double* out, int64_t n, double start, double end, double step) { \
    count_from_ends(out, n, start, end, step);                                                    \
  }
RL_COUNTS(base, )
#if defined(__x86_64__)
RL_COUNTS(fma, [[gnu::target("avx2,fma")]])
bool has_fma() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#define RL_COUNT(name, ...) (has_fma() ? name##_fma(__VA_ARGS__) : name##_base(__VA_ARGS__))
#else
#define RL_COUNT(name, ...) name##_base(__VA_ARGS__)
#endif
#undef RL_COUNTS

template <class T>
void count_into(T* out, int64_t n, const Interval& r) {
  double start = r.start.as_double(), step = r.step.as_double();
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, float>) {
    RL_COUNT(count, out, n, start, step);
  } else if constexpr (kIsFloat<T>) {
    count_floats<T, float>(out, n, static_cast<float>(start), static_cast<float>(step), 16);
  } else if constexpr (!std::is_same_v<T, bool>) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(r.start.as_int() + i * r.step.as_int());
  }
}

void range(Call& call, const Interval& r, int dtype_at) {
  const Value& asked = call.args[dtype_at];
  DType dtype = asked.kind == Kind::kDType ? asked.dtype
                : r.integral()             ? DType::kInt64
                                           : default_dtype();
  check(dtype != DType::kBool, ErrorKind::kNotImplemented,
        "\"arange_cpu\" not implemented for 'Bool'");
  check_interval(r);
  int64_t n = count_below(r, dtype);
  call.output = TensorImpl::empty(dtype, &n, 1);
  dispatch_dtype(dtype, [&](auto x) {
    count_into(reinterpret_cast<decltype(x)*>(call.output->mut_data()), n, r);
  });
  finish_factory(call, dtype_at);
}

// A Python number, or the number in a 0-d tensor.
Value endpoint(const Value& v, const char* op, const char* name) {
  if (!v.is_tensor()) return v;
  check(v.t->ndim() == 0, ErrorKind::kRuntime, op,
        " only supports 0-dimensional start and end tensors, but got ", name, " with ", v.t->ndim(),
        " dimension(s).");
  return dispatch_dtype(v.t->dtype(), [&](auto x) {
    using T = decltype(x);
    T number;
    std::memcpy(&number, v.t->data(), sizeof number);
    if constexpr (std::is_same_v<T, bool>) return Value::of_bool(number);
    if constexpr (kIsInt<T>) return Value::of_int(static_cast<int64_t>(number));
    return Value::of_double(static_cast<double>(number));
  });
}

template <class T>
T number_as(const Value& v) {
  check_holds(v, dtype_of<T>());
  if constexpr (kIsInt<T>) return static_cast<T>(v.as_int());
  return static_cast<T>(v.as_double());
}

// What T is rounded from.
template <class T>
using compute = std::conditional_t<sizeof(T) == 2 && kIsFloat<T>, float,
                                   std::conditional_t<kIsFloat<T>, T, double>>;

// a b + c in T: one rounding, or two where PyTorch computes in T step by step.
double plus_product(double a, double b, double c) { return fused(a, b, c); }
template <class T>
T plus_product(T a, T b, T c) {
  T product(static_cast<float>(a) * static_cast<float>(b));
  return T(static_cast<float>(product) + static_cast<float>(c));
}

// Step is T for floats, double for integers.
template <class T>
void space_evenly(T* out, int64_t n, const Value& first, const Value& last) {
  using Step = std::conditional_t<kIsInt<T>, double, T>;
  auto start = static_cast<Step>(number_as<T>(first)), end = static_cast<Step>(number_as<T>(last));
  if (n == 1) {
    out[0] = static_cast<T>(start);
    return;
  }
  auto as_step = [](auto x) { return Step(static_cast<compute<Step>>(x)); };
  auto minus = [&](Step x) { return as_step(-x); };
  Step step = as_step(as_step(end - start) / as_step(n - 1));
  if constexpr (std::is_same_v<T, double> || std::is_same_v<T, float>)
    return RL_COUNT(from_ends, out, n, start, end, step);
  for (int64_t i = 0; i < n / 2; ++i)
    out[i] = static_cast<T>(plus_product(step, as_step(i), start));
  for (int64_t i = n / 2; i < n; ++i)
    out[i] = static_cast<T>(plus_product(minus(step), as_step(n - i - 1), end));
}

// Ends and their difference are rounded to T, the rest is computed in double, as PyTorch does it.
template <class T>
void space_powers(T* out, int64_t n, const Value& first, const Value& last, double base) {
  auto start = static_cast<double>(number_as<T>(first)),
       end = static_cast<double>(number_as<T>(last));
  double span = end - start;
  if constexpr (kIsFloat<T>)
    span = static_cast<double>(static_cast<T>(static_cast<compute<T>>(span)));
  double step = span / static_cast<double>(n - 1);
  for (int64_t i = 0; i < n; ++i) {
    double exponent = i < n / 2 ? start + step * static_cast<double>(i)
                                : end - step * static_cast<double>(n - i - 1);
    out[i] = static_cast<T>(static_cast<compute<T>>(std::pow(base, exponent)));
  }
}

// The tensor for linspace and logspace; `dtype_at` as in the signature.
int64_t begin_space(Call& call, int dtype_at, const char* kernel) {
  int64_t n = call.args[2].i;
  check(n >= 0, ErrorKind::kRuntime, "number of steps must be non-negative");
  call.output = factory(Dims::of({n}), call.args[dtype_at]);
  check(n < 2 || call.output->dtype() != DType::kBool, ErrorKind::kNotImplemented, "\"", kernel,
        "\" not implemented for 'Bool'");
  return n;
}

}  // namespace

void Arange::forward(Call& call) {
  range(call, {Value::of_int(0), call.args[0], Value::of_int(1)}, 1);
}
void ArangeStep::forward(Call& call) { range(call, {call.args[0], call.args[1], call.args[2]}, 3); }

void Range::forward(Call& call) {
  host().warn("UserWarning",
              "torch.range is deprecated and will be removed in a future release because its "
              "behavior is inconsistent with Python's range builtin. Instead, use torch.arange, "
              "which produces values in [start, end).");
  Interval r{call.args[0], call.args[1], call.args[2]};
  check_interval(r);
  DType dtype = call.args[3].kind == Kind::kDType ? call.args[3].dtype : default_dtype();
  check(dtype != DType::kBool, ErrorKind::kNotImplemented,
        "\"range_cpu\" not implemented for 'Bool'");
  double count = std::floor((r.end.as_double() - r.start.as_double()) / r.step.as_double() + 1);
  check(count < 9e18, ErrorKind::kRuntime, "invalid size, possible overflow?");
  auto n = static_cast<int64_t>(count);
  call.output = TensorImpl::empty(dtype, &n, 1);
  dispatch_dtype(dtype, [&](auto x) {
    using T = decltype(x);
    auto* out = reinterpret_cast<T*>(call.output->mut_data());
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (kIsInt<T>)
        out[i] = static_cast<T>(r.start.as_int() + i * r.step.as_int());
      else
        out[i] = static_cast<T>(r.start.as_double() + static_cast<double>(i) * r.step.as_double());
    }
  });
  finish_factory(call, 3);
}

void Linspace::forward(Call& call) {
  Value start = endpoint(call.args[0], "linspace", "start");
  Value end = endpoint(call.args[1], "linspace", "end");
  int64_t n = begin_space(call, 3, "linspace_cpu");
  dispatch_dtype(call.output->dtype(), [&](auto x) {
    using T = decltype(x);
    auto* out = reinterpret_cast<T*>(call.output->mut_data());
    if constexpr (std::is_same_v<T, bool>) {
      if (n) *out = start.as_double() != 0;
    } else {
      if (n) space_evenly(out, n, start, end);
    }
  });
  finish_factory(call, 3);
}

void Logspace::forward(Call& call) {
  Value start = endpoint(call.args[0], "logspace", "start");
  Value end = endpoint(call.args[1], "logspace", "end");
  double base = call.args[3].as_double();
  int64_t n = begin_space(call, 4, "logspace_cpu");
  if (n == 1)
    fill(call.output.get(), Value::of_double(std::pow(base, start.as_double())));
  else
    dispatch_dtype(call.output->dtype(), [&](auto x) {
      using T = decltype(x);
      if constexpr (!std::is_same_v<T, bool>)
        if (n) space_powers(reinterpret_cast<T*>(call.output->mut_data()), n, start, end, base);
    });
  finish_factory(call, 4);
}

void Eye::forward(Call& call) {
  int64_t n = call.args[0].i, m = call.args[1].is_none() ? n : call.args[1].i;
  check(n >= 0, ErrorKind::kRuntime, "n must be greater or equal to 0, got ", n);
  check(m >= 0, ErrorKind::kRuntime, "m must be greater or equal to 0, got ", m);
  int64_t numel;
  check(!__builtin_mul_overflow(n, m, &numel), ErrorKind::kRuntime,
        "numel: integer multiplication overflow");
  call.output = factory(Dims::of({n, m}), call.args[2]);
  fill(call.output.get(), Value::of_int(0));
  TensorRef diagonal =
      TensorImpl::alias(call.output->storage(), call.output->dtype(), Dims::of({std::min(n, m)}),
                        Dims::of({m + 1}).v, call.output->offset());
  fill(diagonal.get(), Value::of_int(1));
  finish_factory(call, 2);
}

}  // namespace rl::ops

namespace rl {

void add_sequence_ops(std::vector<Op*>& table) { add_ops(ops::SequenceOps{}, table); }

}  // namespace rl

#include "ops/random.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/host.h"
#include "ops/copy.h"
#include "ops/create.h"
#include "ops/draw.h"
#include "ops/table.h"

namespace rl {

void draw_uniform(TensorImpl* t, double from, double to, Generator& generator) {
  int64_t n = t->numel();
  draw(t, [&](char* out) {
    if (compute_dtype(t->dtype()) == DType::kFloat32)
      draw_floats(t->dtype(), out, n, [&](float* wide) {
        uniform_float(wide, n, static_cast<float>(from), static_cast<float>(to), generator);
      });
    else
      uniform_double(reinterpret_cast<double*>(out), n, from, to, generator);
  });
}

void draw_normal(TensorImpl* t, double mean, double std, Generator& generator) {
  int64_t n = t->numel();
  bool contiguous = t->is_contiguous();
  draw(t, [&](char* out) {
    if (t->dtype() == DType::kFloat32)
      normal_float(reinterpret_cast<float*>(out), n, mean, std, contiguous, generator);
    else if (t->dtype() != DType::kFloat64)
      draw_floats(t->dtype(), out, n,
                  [&](float* wide) { normal_half(wide, n, mean, std, contiguous, generator); });
    else
      normal_double(reinterpret_cast<double*>(out), n, mean, std, contiguous, generator);
  });
}

}  // namespace rl

namespace rl::ops {

namespace {

// The digits of T, and its largest integer: what a float rounds to beyond that is infinite.
template <class T>
constexpr int kDigits = std::numeric_limits<T>::digits;
template <>
constexpr int kDigits<Half> = 11;
template <>
constexpr int kDigits<BFloat16> = 8;
template <class T>
constexpr double kLargest = std::numeric_limits<T>::max();
template <>
constexpr double kLargest<Half> = 65504;
template <>
constexpr double kLargest<BFloat16> = std::numeric_limits<float>::max();

// The float nearest to an integer, as one; beyond int64 the lowest, which no bound compares with.
template <class T>
int64_t rounded(int64_t i) {
  double x = static_cast<double>(T(i));
  return x >= -0x1p63 && x < 0x1p63 ? static_cast<int64_t>(x) : INT64_MIN;
}

// The distance of neighbouring floats at i, doubled where i is a power of two's end.
template <class T>
int64_t spacing(int64_t i) {
  int top = 63 - __builtin_clzll(static_cast<uint64_t>(i < 0 ? -i : i));
  return int64_t{1} << (top - kDigits<T> + 1);
}

// Moves bounds inside that the dtype would round out of the interval.
template <class T>
void round_inside(int64_t& from, int64_t* to) {
  int64_t next = rounded<T>(from + 1);
  if (next < from) from = next + spacing<T>(from + 1);
  if (!to) return;
  int64_t last = rounded<T>(*to - 1);
  if (last >= *to) *to = last - spacing<T>(*to - 1);
}

// `what` is a number of the dtype, and one of those that it counts without gaps.
template <class T>
void check_counted(int64_t bound, const char* what) {
  constexpr DType dtype = dtype_of<T>();
  if constexpr (!kIsFloat<T>) {
    check(bound >= std::numeric_limits<T>::min() && bound <= std::numeric_limits<T>::max(),
          ErrorKind::kRuntime, what, " is out of bounds for ", dtype_cpp_name(dtype), "\n  ", what,
          " is ", bound, "; torch.", dtype_name(dtype), " holds the integers from ",
          int64_t{std::numeric_limits<T>::min()}, " to ", int64_t{std::numeric_limits<T>::max()});
  } else {
    check(std::abs(static_cast<double>(bound)) <= kLargest<T>, ErrorKind::kRuntime, what,
          " is out of bounds for ", dtype_cpp_name(dtype), "\n  ", what, " is ", bound,
          "; the largest number of torch.", dtype_name(dtype), " is ", kLargest<T>);
    constexpr int64_t kEnd = int64_t{1} << kDigits<T>;
    if (bound < -kEnd || bound > kEnd)
      host().warn("UserWarning",
                  concat(what, " is out of bounds [-(2^", kDigits<T>, "), 2^", kDigits<T>,
                         "]. Due to precision limitations ", dtype_cpp_name(dtype),
                         " can support discrete uniform distribution only within this range."));
  }
}

// range 0: every int64.
void draw_range(TensorImpl* t, int64_t from, uint64_t range, Generator& generator) {
  int64_t n = t->numel();
  draw(t, [&](char* out) {
    dispatch_dtype(t->dtype(), [&](auto x) {
      using T = decltype(x);
      auto* to = reinterpret_cast<T*>(out);
      if constexpr (std::is_same_v<T, int64_t>) {
        random_range(to, n, from, range, generator);
      } else {
        int64_t chunk[256];
        for (int64_t m, at = 0; at < n; at += m) {
          m = std::min<int64_t>(n - at, 256);
          random_range(chunk, m, from, range, generator);
          for (int64_t i = 0; i < m; ++i) to[at + i] = static_cast<T>(chunk[i]);
        }
      }
    });
  });
}

void draw_between(TensorImpl* t, int64_t from, int64_t to, Generator& generator) {
  check(from < to, ErrorKind::kRuntime,
        "random_ expects 'from' to be less than 'to', but got from=", from, " >= to=", to);
  dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    if constexpr (kIsFloat<T>) {
      round_inside<T>(from, &to);
      check(from < to, ErrorKind::kRuntime,
            "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got "
            "from=",
            from, " >= to=", to);
    }
    check_counted<T>(from, "from");
    check_counted<T>(to - 1, "to - 1");
  });
  draw_range(t, from, static_cast<uint64_t>(to) - static_cast<uint64_t>(from), generator);
}

// Every int64, which only the widest dtypes hold; PyTorch's lists, its float16 apart.
void draw_all_words(TensorImpl* t, Generator& generator) {
  DType dtype = t->dtype();
  constexpr const char* kName = "random_full_64_bits_range_kernel_cpu";
  check(dtype != DType::kBool && dtype != DType::kFloat16, ErrorKind::kNotImplemented, "\"", kName,
        "\" not implemented for '", dtype_title(dtype), "'");
  check(dtype >= DType::kInt64, ErrorKind::kRuntime, kName,
        " handles only int64, double, float and bfloat16");
  draw_range(t, INT64_MIN, 0, generator);
}

// As far as the dtype counts without gaps.
void draw_upwards(TensorImpl* t, int64_t from, Generator& generator) {
  if (from == INT64_MIN) return draw_all_words(t, generator);
  int64_t last = 0;
  dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    if constexpr (kIsFloat<T>) {
      last = int64_t{1} << kDigits<T>;
      round_inside<T>(from, nullptr);
      check(from < last, ErrorKind::kRuntime,
            "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to "
            "dtype, but got from=",
            from, " > to_inc=", last);
    } else {
      last = std::numeric_limits<T>::max();
    }
    check_counted<T>(from, "from");
  });
  draw_range(t, from, static_cast<uint64_t>(last) - static_cast<uint64_t>(from) + 1, generator);
}

// randint: sizes in args[at], then generator and a factory's tail.
void integers(Call& call, int64_t low, int64_t high, int at) {
  const Value& dtype = call.args[at + 2];
  call.output =
      factory(*call.args[at].dims, dtype.kind == Kind::kDType ? dtype : Value::of(DType::kInt64));
  draw_between(call.output.get(), low, high, generator_from(call.args[at + 1]));
  finish_factory(call, at + 2);
}

void integers_like(Call& call, int64_t low, int64_t high, int at) {
  call.output = factory_like(call.tensor(0), call.args[at + 1], call.args[at + 6]);
  draw_between(call.output.get(), low, high, generator_from(call.args[at]));
  finish_factory(call, at + 1);
}

// randperm: n numbers from 0 fit the dtype. PyTorch has no limit for bfloat16.
template <class T>
void check_counts(int64_t n) {
  constexpr DType dtype = dtype_of<T>();
  if constexpr (kIsInt<T>)
    check(n - 1 <= std::numeric_limits<T>::max(), ErrorKind::kRuntime,
          "value cannot be converted to type ", dtype_name(dtype), "_t without overflow");
  else if constexpr (dtype == DType::kFloat16)
    check(n <= 2049, ErrorKind::kRuntime, "n cannot be greater than 2049 for Half type.");
  else if constexpr (dtype == DType::kFloat32)
    check(n <= (1 << 24) + 1, ErrorKind::kRuntime,
          "n cannot be greater than 2^24+1 for Float type.");
}

}  // namespace

void Rand::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[2]);
  require_float(call.output.get(), "check_uniform_bounds");
  draw_uniform(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 2);
}

void Randn::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[2]);
  require_float(call.output.get(), "normal_kernel_cpu");
  draw_normal(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 2);
}

void RandLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[2], call.args[7]);
  require_float(call.output.get(), "check_uniform_bounds");
  draw_uniform(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 2);
}

void RandnLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[2], call.args[7]);
  require_float(call.output.get(), "normal_kernel_cpu");
  draw_normal(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 2);
}

void Uniform::forward(Call& call) {
  TensorImpl* t = call.target;
  double from = call.args[1].as_double(), to = call.args[2].as_double();
  require_float(t, "check_uniform_bounds");
  check(from <= to, ErrorKind::kRuntime,
        "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
  draw_uniform(t, from, to, generator_from(call.args[3]));
  call.output = TensorRef::borrow(t);
}

void Uniform::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void Normal::forward(Call& call) {
  TensorImpl* t = call.target;
  double std = call.args[2].as_double();
  require_float(t, "normal_kernel_cpu");
  check(std >= 0, ErrorKind::kRuntime, "normal expects std >= 0.0, but found std ", std);
  draw_normal(t, call.args[1].as_double(), std, generator_from(call.args[3]));
  call.output = TensorRef::borrow(t);
}

void Normal::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void Randint::forward(Call& call) { integers(call, 0, call.args[0].i, 1); }
void RandintLow::forward(Call& call) { integers(call, call.args[0].i, call.args[1].i, 2); }
void RandintLike::forward(Call& call) { integers_like(call, 0, call.args[1].i, 2); }
void RandintLikeLow::forward(Call& call) { integers_like(call, call.args[1].i, call.args[2].i, 3); }

void Randperm::forward(Call& call) {
  int64_t n = call.args[0].i;
  DType dtype = call.args[2].kind == Kind::kDType ? call.args[2].dtype : DType::kInt64;
  check(n >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", n, ": [",
        n, "]");
  check(dtype != DType::kBool, ErrorKind::kNotImplemented,
        "\"randperm\" not implemented for 'Bool'");
  dispatch_dtype(dtype, [&](auto x) { check_counts<decltype(x)>(n); });
  TensorRef order = TensorImpl::empty(DType::kInt64, &n, 1);
  random_permutation(reinterpret_cast<int64_t*>(order->mut_data()), n,
                     generator_from(call.args[1]));
  call.output = order;
  if (dtype != DType::kInt64) {
    call.output = TensorImpl::empty(dtype, &n, 1);
    run_copy(call.output->mut_data(), order->strides(), dtype, order->data(), order->strides(),
             DType::kInt64, &n, 1);
  }
  finish_factory(call, 2);
}

void Random::forward(Call& call) {
  TensorImpl* t = call.target;
  Generator& generator = generator_from(call.args[1]);
  draw(t, [&](char* out) {
    dispatch_dtype(t->dtype(), [&](auto x) {
      random_all(reinterpret_cast<decltype(x)*>(out), t->numel(), generator);
    });
  });
  call.output = TensorRef::borrow(t);
}

void Random::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void RandomFromTo::forward(Call& call) {
  Generator& generator = generator_from(call.args[3]);
  if (call.args[2].is_none())
    draw_upwards(call.target, call.args[1].i, generator);
  else
    draw_between(call.target, call.args[1].i, call.args[2].i, generator);
  call.output = TensorRef::borrow(call.target);
}

void RandomFromTo::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void RandomTo::forward(Call& call) {
  draw_between(call.target, 0, call.args[1].i, generator_from(call.args[2]));
  call.output = TensorRef::borrow(call.target);
}

void RandomTo::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

}  // namespace rl::ops

namespace rl {

void add_random_ops(std::vector<Op*>& table) { add_ops(ops::RandomOps{}, table); }

}  // namespace rl

#include "ops/create.h"

#include <cmath>

#include "ops/copy.h"
#include "ops/table.h"

namespace rl {

TensorRef factory(const Dims& sizes, const Value& dtype) {
  for (int64_t size : sizes)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", shown(sizes));
  return TensorImpl::empty(dtype.kind == Kind::kDType ? dtype.dtype : default_dtype(), sizes);
}

TensorRef factory_like(TensorImpl* t, const Value& dtype) {
  TensorRef out = TensorImpl::empty(dtype.kind == Kind::kDType ? dtype.dtype : t->dtype(),
                                    t->sizes(), t->ndim());
  if (!t->is_contiguous() && dense_non_overlapping(t->sizes(), t->strides(), t->ndim()))
    out->set_geometry(t->shape(), t->strides(), 0);
  return out;
}

void finish_factory(Call& call, int at) {
  if (!call.args[at].i) return;
  check(is_float(call.output->dtype()), ErrorKind::kRuntime,
        "Only Tensors of floating point and complex dtype can require gradients");
  call.output->set_requires_grad(true);
}

namespace ops {

namespace {

void filled(Call& call, const Value& number) {
  call.output = factory(*call.args[0].dims, call.args[1]);
  fill(call.output.get(), number);
  finish_factory(call, 3);
}

void filled_like(Call& call, const Value& number) {
  call.output = factory_like(call.tensor(0), call.args[1]);
  check_fits(number, call.output->dtype());
  fill(call.output.get(), number);
  finish_factory(call, 3);
}

// What a lone number gives: bool, int64 or the default float dtype.
Value dtype_for(const Value& dtype, const Value& number) {
  if (dtype.kind == Kind::kDType) return dtype;
  return Value::of(default_dtype_of(number.number_category()));
}

void range(Call& call, const Value& start, const Value& end, const Value& step, int dtype_at) {
  const Value& asked = call.args[dtype_at];
  bool integral =
      start.kind != Kind::kDouble && end.kind != Kind::kDouble && step.kind != Kind::kDouble;
  DType dtype = asked.kind == Kind::kDType ? asked.dtype
                : integral                 ? DType::kInt64
                                           : default_dtype();
  check(step.as_double() != 0, ErrorKind::kRuntime, "step must be nonzero");
  check(std::isfinite(start.as_double()) && std::isfinite(end.as_double()), ErrorKind::kRuntime,
        "unsupported range: ", start.as_double(), " -> ", end.as_double());
  check((end.as_double() - start.as_double()) * step.as_double() >= 0, ErrorKind::kRuntime,
        "upper bound and lower bound inconsistent with step sign");
  int64_t n;
  if (integral) {
    // Differences of int64 may need 65 bits.
    __int128 span = static_cast<__int128>(end.i) - start.i;
    __int128 count = step.i > 0 ? (span + step.i - 1) / step.i : (span + step.i + 1) / step.i;
    n = static_cast<int64_t>(count);
  } else {
    double count = std::ceil((end.as_double() - start.as_double()) / step.as_double());
    check(count < 9e18, ErrorKind::kRuntime, "invalid size, possible overflow?");
    n = static_cast<int64_t>(count);
  }
  call.output = TensorImpl::empty(dtype, &n, 1);
  dispatch_dtype(dtype, [&](auto x) {
    using T = decltype(x);
    auto* data = reinterpret_cast<T*>(call.output->mut_data());
    for (int64_t i = 0; i < n; ++i) {
      if constexpr (kIsInt<T>)
        data[i] = static_cast<T>(start.as_int() + i * step.as_int());
      else if constexpr (std::is_same_v<T, bool>)
        data[i] = start.as_double() + static_cast<double>(i) * step.as_double() != 0;
      else
        data[i] = static_cast<T>(start.as_double() + static_cast<double>(i) * step.as_double());
    }
  });
  finish_factory(call, dtype_at + 2);
}

}  // namespace

void Empty::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[1]);
  finish_factory(call, 3);
}
void Zeros::forward(Call& call) {
  for (int64_t size : *call.args[0].dims)
    check(size >= 0, ErrorKind::kRuntime, "zeros: Dimension size must be non-negative.");
  filled(call, Value::of_int(0));
}
void Ones::forward(Call& call) { filled(call, Value::of_int(1)); }

void Full::forward(Call& call) {
  call.output = factory(*call.args[0].dims, dtype_for(call.args[2], call.args[1]));
  check_fits(call.args[1], call.output->dtype());
  fill(call.output.get(), call.args[1]);
  finish_factory(call, 4);
}

void Arange::forward(Call& call) {
  range(call, Value::of_int(0), call.args[0], Value::of_int(1), 1);
}
void ArangeStep::forward(Call& call) { range(call, call.args[0], call.args[1], call.args[2], 3); }

void EmptyLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[1]);
  finish_factory(call, 3);
}
void ZerosLike::forward(Call& call) { filled_like(call, Value::of_int(0)); }
void OnesLike::forward(Call& call) { filled_like(call, Value::of_int(1)); }

void FullLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[2]);
  fill(call.output.get(), call.args[1]);
  finish_factory(call, 4);
}

}  // namespace ops

void add_create_ops(std::vector<Op*>& table) { add_ops(ops::CreateOps{}, table); }

}  // namespace rl

#include "ops/create.h"

#include "ops/copy.h"
#include "ops/table.h"

namespace rl {

TensorRef factory(const Dims& sizes, const Value& dtype) {
  for (int64_t size : sizes)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", shown(sizes));
  return TensorImpl::empty(dtype.kind == Kind::kDType ? dtype.dtype : default_dtype(), sizes);
}

TensorRef empty_strided(const Dims& sizes, const Dims& strides, DType type) {
  // The memory that the last element needs, in bytes, may pass int64.
  int64_t needed = 1;
  bool overflows = false, empty = false;
  for (int d = 0; d < sizes.n; ++d) {
    int64_t reach;
    empty = empty || sizes[d] == 0;
    overflows = overflows || strides[d] < 0 ||
                __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
                __builtin_add_overflow(needed, reach, &needed);
  }
  int64_t bytes;
  overflows =
      overflows || __builtin_mul_overflow(needed, static_cast<int64_t>(item_size(type)), &bytes);
  check(empty || !overflows, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(sizes),
        " and strides=", shown(strides));
  if (empty) needed = 0;
  TensorRef out = TensorImpl::empty(type, &needed, 1);
  out->set_geometry(sizes, strides.v, 0);
  return out;
}

TensorRef empty_similar(TensorImpl* t, TensorImpl* like, DType type) {
  Dims strides;
  strides.n = t->ndim();
  similar_strides(like->sizes(), like->strides(), like->ndim(), strides.v);
  return empty_strided(t->shape(), strides, type);
}

TensorRef factory_like(TensorImpl* t, const Value& dtype, const Value& memory_format) {
  DType type = dtype.kind == Kind::kDType ? dtype.dtype : t->dtype();
  bool row_major = t->is_contiguous() || memory_format.kind == Kind::kBool;
  return row_major ? TensorImpl::empty(type, t->sizes(), t->ndim()) : empty_similar(t, t, type);
}

void finish_factory(Call& call, int dtype_at) {
  const Value &pinned = call.args[dtype_at + 3], &requires_grad = call.args[dtype_at + 4];
  check(!pinned.i, ErrorKind::kRuntime,
        "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator "
        "is available on this system.");
  if (!requires_grad.i) return;
  check(is_float(call.output->dtype()), ErrorKind::kRuntime,
        "Only Tensors of floating point and complex dtype can require gradients");
  call.output->set_requires_grad(true);
}

namespace ops {

namespace {

// Numbers of one value, where args[dtype_at] says.
void filled(Call& call, TensorRef out, const Value& number, int dtype_at) {
  check_fill(number, out.get());
  fill(out.get(), number);
  call.output = std::move(out);
  finish_factory(call, dtype_at);
}

// The dtype asked for, or that of the tensor.
Value dtype_or(const Value& asked, TensorImpl* t) {
  return asked.kind == Kind::kDType ? asked : Value::of(t->dtype());
}

// What a lone number gives: bool, int64 or the default float dtype.
Value dtype_for(const Value& dtype, const Value& number) {
  if (dtype.kind == Kind::kDType) return dtype;
  return Value::of(default_dtype_of(number.number_category()));
}

TensorRef strided(const Dims& sizes, const Dims& strides, const Value& dtype) {
  check(sizes.n == strides.n, ErrorKind::kRuntime, "dimensionality of sizes (", sizes.n,
        ") must match dimensionality of strides (", strides.n, ")");
  for (int64_t size : sizes)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", shown(sizes));
  return empty_strided(sizes, strides, dtype.kind == Kind::kDType ? dtype.dtype : default_dtype());
}

}  // namespace

void Empty::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[1]);
  finish_factory(call, 1);
}
void EmptyStrided::forward(Call& call) {
  call.output = strided(*call.args[0].dims, *call.args[1].dims, call.args[2]);
  finish_factory(call, 2);
}
void Zeros::forward(Call& call) {
  for (int64_t size : *call.args[0].dims)
    check(size >= 0, ErrorKind::kRuntime, "zeros: Dimension size must be non-negative.");
  filled(call, factory(*call.args[0].dims, call.args[1]), Value::of_int(0), 1);
}
void Ones::forward(Call& call) {
  filled(call, factory(*call.args[0].dims, call.args[1]), Value::of_int(1), 1);
}
void Full::forward(Call& call) {
  const Value& number = call.args[1];
  filled(call, factory(*call.args[0].dims, dtype_for(call.args[2], number)), number, 2);
}
void ScalarTensor::forward(Call& call) {
  filled(call, factory(Dims(), call.args[1]), call.args[0], 1);
}

void EmptyLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[1], call.args[6]);
  finish_factory(call, 1);
}
void ZerosLike::forward(Call& call) {
  filled(call, factory_like(call.tensor(0), call.args[1], call.args[6]), Value::of_int(0), 1);
}
void OnesLike::forward(Call& call) {
  filled(call, factory_like(call.tensor(0), call.args[1], call.args[6]), Value::of_int(1), 1);
}
void FullLike::forward(Call& call) {
  filled(call, factory_like(call.tensor(0), call.args[2], call.args[7]), call.args[1], 2);
}

void NewEmpty::forward(Call& call) {
  call.output = factory(*call.args[1].dims, dtype_or(call.args[2], call.tensor(0)));
  finish_factory(call, 2);
}
void NewEmptyStrided::forward(Call& call) {
  call.output =
      strided(*call.args[1].dims, *call.args[2].dims, dtype_or(call.args[3], call.tensor(0)));
  finish_factory(call, 3);
}
void NewZeros::forward(Call& call) {
  filled(call, factory(*call.args[1].dims, dtype_or(call.args[2], call.tensor(0))),
         Value::of_int(0), 2);
}
void NewOnes::forward(Call& call) {
  filled(call, factory(*call.args[1].dims, dtype_or(call.args[2], call.tensor(0))),
         Value::of_int(1), 2);
}
void NewFull::forward(Call& call) {
  filled(call, factory(*call.args[1].dims, dtype_or(call.args[3], call.tensor(0))), call.args[2],
         3);
}

}  // namespace ops

void add_create_ops(std::vector<Op*>& table) { add_ops(ops::CreateOps{}, table); }

}  // namespace rl

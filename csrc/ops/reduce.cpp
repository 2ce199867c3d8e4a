#include "ops/reduce.h"

#include <cstring>

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl {

namespace {

TensorRef sum_as(TensorImpl* t, const Reduction& r, bool keepdim, DType dtype) {
  // Of bools the sum is "or": no fraction is cut and nothing cancels.
  if (dtype == DType::kBool) return reduce_over(t, r, keepdim, Reducer::kMax, dtype);
  DType compute = compute_dtype(dtype);
  TensorRef out = reduce_over(t, r, keepdim, Reducer::kSum, compute);
  return compute == dtype ? out : to_dtype(Tensor(std::move(out)), dtype).ref();
}

TensorRef mean_over(TensorImpl* t, const Value& dims, bool keepdim, const Value& dtype) {
  DType type = dtype.kind == Kind::kDType ? dtype.dtype : t->dtype();
  check(is_float(type), ErrorKind::kRuntime,
        dtype.kind == Kind::kDType ? "mean(): could not infer output dtype. Optional dtype must be"
                                   : "mean(): could not infer output dtype. Input dtype must be",
        " either a floating point or complex dtype. Got: ", dtype_title(type),
        "\n  fix: convert first, as in x.float().mean().");
  Reduction r(t, dims);
  DType compute = compute_dtype(type);
  TensorRef out = reduce_over(t, r, keepdim, Reducer::kSum, compute);
  dispatch_compute(type, [&](auto x) {
    using T = decltype(x);
    auto* data = reinterpret_cast<T*>(out->mut_data());
    for (int64_t i = 0, n = out->numel(); i < n; ++i)
      data[i] = static_cast<T>(data[i] / static_cast<T>(r.count));
  });
  return compute == type ? out : to_dtype(Tensor(std::move(out)), type).ref();
}

struct DimSlots {
  Dims sizes, dims;
  bool has_dims, keepdim;
  explicit DimSlots(OpNode& node)
      : sizes(node.slot(2).as_dims()),
        has_dims(node.slot(0).is_dims()),
        keepdim(node.slot(1).as_bool()) {
    if (has_dims) dims = node.slot(0).as_dims();
  }
  const Dims* list() const { return has_dims ? &dims : nullptr; }
};

}  // namespace

namespace ops {

void Sum::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = sum_as(t, Reduction(t, Value::none()), false, total_dtype(t, call.args[1]));
}

void Sum::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = expand(Tensor(grad_out[0]), node.slot(0).as_dims()).ref();
}

void SumDim::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output =
      sum_as(t, Reduction(t, call.args[1]), call.args[2].i != 0, total_dtype(t, call.args[3]));
}

void SumDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  DimSlots s(node);
  // Without dims everything was summed: keepdim leaves ones, which expand as well.
  grad_in[0] = spread(Tensor(grad_out[0]), s.sizes, s.list(), s.keepdim).ref();
}

void Mean::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = mean_over(t, Value::none(), false, call.args[1]);
}

// Recorded as PyTorch does it; unrecorded the division comes first and the result takes no memory.
void Mean::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims();
  Num count(reduced_count(sizes, nullptr));
  Tensor grad(grad_out[0]);
  grad_in[0] = (grad_enabled() ? expand(grad, sizes) / count : expand(grad / count, sizes)).ref();
}

void MeanDim::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = mean_over(t, call.args[1], call.args[2].i != 0, call.args[3]);
}

void MeanDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  DimSlots s(node);
  Num count(reduced_count(s.sizes, s.list()));
  Tensor grad(grad_out[0]);
  if (grad_enabled())
    grad_in[0] = (spread(grad, s.sizes, s.list(), s.keepdim) / count).ref();
  else
    grad_in[0] = spread(grad / count, s.sizes, s.list(), s.keepdim).ref();
}

}  // namespace ops

void add_reduce_ops(std::vector<Op*>& table) { add_ops(ops::ReduceOps{}, table); }

}  // namespace rl

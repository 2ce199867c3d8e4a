#include "ops/reduce.h"

#include <cstring>

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/table.h"

namespace rl {

namespace {

// Which dimensions are summed away. An empty or missing list means all of them.
struct Reduction {
  bool reduced[kMaxDims] = {};
  Dims kept;      // the output with keepdim
  Dims squeezed;  // the output without
  int64_t count = 1;

  Reduction(TensorImpl* t, const Value& dims) {
    bool all = dims.is_none() || dims.dims->n == 0;
    for (int d = 0; d < t->ndim(); ++d) reduced[d] = all;
    if (!all) {
      bool seen[kMaxDims] = {};
      for (int64_t dim : *dims.dims) {
        int d = wrap_dim(dim, t->ndim());
        check(!seen[d], ErrorKind::kRuntime, "dim ", d,
              " appears multiple times in the list of dims");
        seen[d] = true;
        if (t->ndim()) reduced[d] = true;
      }
    }
    for (int d = 0; d < t->ndim(); ++d) {
      kept.push(reduced[d] ? 1 : t->sizes()[d]);
      if (reduced[d])
        count *= t->sizes()[d];
      else
        squeezed.push(t->sizes()[d]);
    }
  }
};

// Contiguous memory with the reduced dimensions last, in the type that is summed.
TensorRef arrange(TensorImpl* t, DType dtype, const Reduction& r, bool* inner) {
  // Reduced dimensions first in memory order are summed row by row, without moving anything.
  if (t->dtype() == dtype && t->is_contiguous()) {
    int first_kept = -1, last_reduced = -1, first_reduced = -1, last_kept = -1;
    for (int d = 0; d < t->ndim(); ++d) {
      if (t->sizes()[d] == 1) continue;
      if (r.reduced[d]) {
        if (first_reduced < 0) first_reduced = d;
        last_reduced = d;
      } else {
        if (first_kept < 0) first_kept = d;
        last_kept = d;
      }
    }
    if (first_reduced < 0 || last_kept < first_reduced) {
      *inner = true;
      return TensorRef::borrow(t);
    }
    if (first_kept < 0 || last_reduced < first_kept) {
      *inner = first_kept < 0;
      return TensorRef::borrow(t);
    }
  }
  *inner = true;
  Dims sizes;
  int64_t strides[kMaxDims];
  for (int pass = 0; pass < 2; ++pass)
    for (int d = 0; d < t->ndim(); ++d)
      if (r.reduced[d] == (pass == 1)) {
        strides[sizes.n] = t->strides()[d];
        sizes.push(t->sizes()[d]);
      }
  TensorRef copy = TensorImpl::empty(dtype, sizes);
  run_copy(copy->mut_data(), copy->strides(), dtype, t->data(), strides, t->dtype(), sizes.v,
           sizes.n);
  return copy;
}

// In a compute type.
TensorRef sum_over(TensorImpl* t, const Reduction& r, bool keepdim, DType dtype) {
  TensorRef out = TensorImpl::empty(dtype, keepdim ? r.kept : r.squeezed);
  int64_t outputs = out->numel();
  if (outputs == 0) return out;
  if (r.count == 0) {
    fill(out.get(), Value::of_int(0));
    return out;
  }
  bool inner;
  TensorRef source = arrange(t, dtype, r, &inner);
  const ReduceKernels& kernels = kernel_set->reduce[compute_index(dtype)];
  int64_t item = static_cast<int64_t>(item_size(dtype));
  if (inner) {
    for (int64_t i = 0; i < outputs; ++i)
      kernels.sum(out->mut_data() + i * item, source->data() + i * r.count * item, r.count);
  } else {
    kernels.sum_rows(out->mut_data(), source->data(), r.count, outputs, outputs);
  }
  return out;
}

DType sum_dtype(TensorImpl* t, const Value& dtype) {
  if (dtype.kind == Kind::kDType) {
    if (dtype.dtype == DType::kBool) return DType::kBool;
    return dtype.dtype;
  }
  return is_float(t->dtype()) ? t->dtype() : DType::kInt64;
}

TensorRef sum_as(TensorImpl* t, const Reduction& r, bool keepdim, DType dtype) {
  DType compute = dtype == DType::kBool ? DType::kInt64 : compute_dtype(dtype);
  TensorRef out = sum_over(t, r, keepdim, compute);
  return compute == dtype ? out : to_dtype(Tensor(std::move(out)), dtype).ref();
}

TensorRef mean_over(TensorImpl* t, const Reduction& r, bool keepdim, const Value& dtype) {
  DType type = dtype.kind == Kind::kDType ? dtype.dtype : t->dtype();
  check(is_float(type), ErrorKind::kRuntime,
        dtype.kind == Kind::kDType ? "mean(): could not infer output dtype. Optional dtype must be"
                                   : "mean(): could not infer output dtype. Input dtype must be",
        " either a floating point or complex dtype. Got: ", dtype_title(type),
        "\n  fix: convert first, as in x.float().mean().");
  DType compute = compute_dtype(type);
  TensorRef out = sum_over(t, r, keepdim, compute);
  dispatch_compute(type, [&](auto x) {
    using T = decltype(x);
    auto* data = reinterpret_cast<T*>(out->mut_data());
    for (int64_t i = 0, n = out->numel(); i < n; ++i)
      data[i] = static_cast<T>(data[i] / static_cast<T>(r.count));
  });
  return compute == type ? out : to_dtype(Tensor(std::move(out)), type).ref();
}

// The gradient of a sum: every input element gets its output's, without taking memory.
Tensor spread(const Tensor& grad, const Dims& sizes, const Dims* dims, bool keepdim) {
  if (!dims || dims->n == 0 || keepdim || sizes.n == 0) return expand(grad, sizes);
  bool reduced[kMaxDims] = {};
  for (int64_t d : *dims) reduced[wrap_dim(d, sizes.n)] = true;
  Dims kept;
  for (int d = 0; d < sizes.n; ++d) kept.push(reduced[d] ? 1 : sizes[d]);
  return expand(view(grad, kept), sizes);
}

double reduced_count(const Dims& sizes, const Dims* dims) {
  double count = 1;
  if (!dims || dims->n == 0) {
    for (int64_t size : sizes) count *= static_cast<double>(size);
  } else if (sizes.n) {
    for (int64_t d : *dims) count *= static_cast<double>(sizes[wrap_dim(d, sizes.n)]);
  }
  return count;
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
  call.output = sum_as(t, Reduction(t, Value::none()), false, sum_dtype(t, call.args[1]));
}

void Sum::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = expand(Tensor(grad_out[0]), node.slot(0).as_dims()).ref();
}

void SumDim::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output =
      sum_as(t, Reduction(t, call.args[1]), call.args[2].i != 0, sum_dtype(t, call.args[3]));
}

void SumDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  DimSlots s(node);
  // Without dims everything was summed: keepdim leaves ones, which expand as well.
  grad_in[0] = spread(Tensor(grad_out[0]), s.sizes, s.list(), s.keepdim).ref();
}

void Mean::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = mean_over(t, Reduction(t, Value::none()), false, call.args[1]);
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
  call.output = mean_over(t, Reduction(t, call.args[1]), call.args[2].i != 0, call.args[3]);
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

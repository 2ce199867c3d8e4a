#include "ops/reduction.h"

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "kernels/split_reduce.h"
#include "ops/copy.h"

namespace rl {

namespace {

// A row-major copy in the type that is reduced, with the reduced dimensions last.
TensorRef arrange(TensorImpl* t, DType dtype, const Reduction& r) {
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

bool multiplies(Reducer reducer) {
  return reducer == Reducer::kProduct || reducer == Reducer::kMin;
}

}  // namespace

Slabs::Slabs(const Dims& sizes, const bool* reduced) {
  int first = sizes.n, last = -1;
  for (int d = 0; d < sizes.n; ++d)
    if (reduced[d] && sizes[d] != 1) {
      first = d < first ? d : first;
      last = d;
    }
  for (int d = 0; d < sizes.n; ++d) {
    if (reduced[d] || sizes[d] == 1) continue;
    if (d > first && d < last) fits = false;
    (d < first && last >= 0 ? outer : inner) *= sizes[d];
  }
}

Reduction::Reduction(TensorImpl* t, const Value& dims) {
  bool all = dims.is_none() || (dims.kind == Kind::kDims && dims.dims->n == 0);
  for (int d = 0; d < t->ndim(); ++d) reduced[d] = all;
  auto take = [&](int64_t dim) {
    int d = wrap_dim(dim, t->ndim());
    check(!reduced[d], ErrorKind::kRuntime, "dim ", d,
          " appears multiple times in the list of dims");
    reduced[d] = true;
  };
  if (dims.kind == Kind::kInt) take(dims.i);
  if (!all && dims.kind == Kind::kDims)
    for (int64_t dim : *dims.dims) take(dim);
  for (int d = 0; d < t->ndim(); ++d) {
    kept.push(reduced[d] ? 1 : t->sizes()[d]);
    if (reduced[d])
      count *= t->sizes()[d];
    else
      squeezed.push(t->sizes()[d]);
  }
}

void check_recordable(TensorImpl* t, DType dtype) {
  if (is_float(dtype) || !grad_enabled() || inference_enabled()) return;
  check(!t->requires_grad(), ErrorKind::kRuntime,
        "Autograd not support dtype: ", dtype_title(dtype),
        "\n  fix: x.detach(), since no gradient passes an integer.");
}

TensorRef reduce_over(TensorImpl* t, const Reduction& r, bool keepdim, Reducer reducer, DType dtype,
                      TensorImpl* m) {
  TensorRef out = TensorImpl::empty(dtype, keepdim ? r.kept : r.squeezed);
  int64_t outputs = out->numel();
  if (outputs == 0) return out;
  if (r.count == 0) {
    fill(out.get(), Value::of_int(multiplies(reducer)));
    return out;
  }
  Slabs slabs(t->shape(), r.reduced);
  TensorRef source = TensorRef::borrow(t);
  if (t->dtype() != dtype || !t->is_contiguous() || !slabs.fits) {
    source = arrange(t, dtype, r);
    slabs.outer = outputs;
    slabs.inner = 1;
  }
  auto kernels_of = [&](Reducer which) -> const ReduceKernels& {
    return kernel_set->reduce[static_cast<int>(which)][compute_index(dtype)];
  };
  const ReduceKernels& kernels = kernels_of(reducer);
  ReduceShape shape{slabs.outer, r.count, slabs.inner, static_cast<int64_t>(item_size(dtype))};
  const char *from = source->data(), *param = m ? m->data() : nullptr;
  auto reduce_part = [&](const ReducePart& part, char* to) {
    for (int64_t o = part.slab; o < part.slab + part.slabs; ++o, to += part.columns * shape.item) {
      int64_t first = (o * shape.count + part.begin) * shape.inner + part.column;
      const char* x = from + first * shape.item;
      const char* of = param ? param + (o * shape.inner + part.column) * shape.item : nullptr;
      if (shape.inner == 1)
        kernels.line(to, x, part.rows, of);
      else
        kernels.rows(to, x, part.rows, shape.inner, part.columns, of);
    }
  };
  int64_t cost = reducer == Reducer::kSumExp ? 4 : 1;
  split_reduce(shape, cost, kernels_of(joining(reducer)), out->mut_data(),
               [&] { return reduce_part; });
  return out;
}

Tensor spread_shape(const Tensor& reduced, const Dims& sizes, const Dims* dims, bool keepdim) {
  if (!dims || dims->n == 0 || keepdim || sizes.n == 0) return reduced;
  Dims kept = sizes;
  for (int64_t d : *dims) kept[wrap_dim(d, sizes.n)] = 1;
  return view(reduced, kept);
}

Tensor spread(const Tensor& reduced, const Dims& sizes, const Dims* dims, bool keepdim) {
  return expand(spread_shape(reduced, sizes, dims, keepdim), sizes);
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

}  // namespace rl

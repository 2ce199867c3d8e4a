#include "ops/reduction.h"

#include <algorithm>

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "kernels/reduce_source.h"
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

// How the elements of any tensor lie as slabs, rows and columns, from the farthest step to the
// nearest.
struct Layout {
  int64_t size[3] = {1, 1, 1}, step[3] = {0, 0, 1};  // kept, reduced, kept
  Dims sizes, places;  // of the kept dimensions in that order, and which they are
  bool fits = true, in_order = true;

  Layout(TensorImpl* t, const bool* reduced) {
    int order[kMaxDims], n = 0;
    bool repeats = false;
    for (int d = 0; d < t->ndim(); ++d) {
      if (t->sizes()[d] == 1) continue;
      order[n++] = d;
      repeats = repeats || t->strides()[d] == 0;
    }
    if (!repeats)
      std::stable_sort(order, order + n,
                       [&](int a, int b) { return t->strides()[a] > t->strides()[b]; });
    int part = std::any_of(order, order + n, [&](int d) { return reduced[d]; }) ? 0 : 2;
    bool empty[3] = {true, true, true};
    for (int i = 0; i < n; ++i) {
      int64_t length = t->sizes()[order[i]], stride = t->strides()[order[i]];
      if (reduced[order[i]]) {
        fits = fits && part < 2;
        part = 1;
      } else {
        part = part == 1 ? 2 : part;
        in_order = in_order && (places.n == 0 || places[places.n - 1] < order[i]);
        sizes.push(length);
        places.push(order[i]);
      }
      fits = fits && (empty[part] || step[part] == stride * length);
      empty[part] = false;
      size[part] *= length;
      step[part] = stride;
    }
    // Short pieces that nothing but their steps keeps apart cost a call each.
    int64_t piece = size[2] == 1 ? size[1] : size[2];
    fits = fits && (piece >= 32 || n == 1 || dense());
  }

  bool dense() const {
    if (size[2] > 1) return step[1] == size[2] * step[2];
    return size[0] == 1 || step[0] == size[1] * step[1];
  }
};

// The results, which lie in the order of the layout, in row-major order.
void put_in_order(TensorImpl* out, const Dims& kept, TensorImpl* results, const Layout& layout) {
  int64_t packed[kMaxDims], rank_strides[kMaxDims], strides[kMaxDims];
  contiguous_strides(layout.sizes.v, layout.sizes.n, packed);
  contiguous_strides(kept.v, kept.n, rank_strides);
  for (int i = 0; i < layout.places.n; ++i) strides[i] = rank_strides[layout.places[i]];
  run_copy(out->mut_data(), strides, out->dtype(), results->data(), packed, out->dtype(),
           layout.sizes.v, layout.sizes.n);
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

DType total_dtype(TensorImpl* t, const Value& asked) {
  if (asked.kind == Kind::kDType) {
    check_recordable(t, asked.dtype);
    return asked.dtype;
  }
  return is_float(t->dtype()) ? t->dtype() : DType::kInt64;
}

TensorRef reduce_over(TensorImpl* t, const Reduction& r, bool keepdim, Reducer reducer, DType dtype,
                      TensorImpl* m, bool as_bools) {
  TensorRef out = TensorImpl::empty(dtype, keepdim ? r.kept : r.squeezed);
  int64_t outputs = out->numel();
  if (outputs == 0) return out;
  if (r.count == 0) {
    fill(out.get(), Value::of_int(multiplies(reducer)));
    return out;
  }
  ReduceShape shape{outputs, r.count, 1, static_cast<int64_t>(item_size(dtype))};
  auto reduce = [&](TensorImpl* from, const int64_t* step, TensorImpl* to) {
    ReduceSource source{from->data(), from->dtype(), as_bools, step[0], step[1], step[2]};
    reduce_source(source, shape, reducer, dtype, m ? m->data() : nullptr, to->mut_data());
  };
  if (t->is_contiguous()) {
    Slabs slabs(t->shape(), r.reduced);
    if (slabs.fits) {
      shape.outer = slabs.outer;
      shape.inner = slabs.inner;
      const int64_t step[] = {r.count * slabs.inner, slabs.inner, 1};
      reduce(t, step, out.get());
      return out;
    }
  } else if (Layout layout(t, r.reduced); layout.fits && (layout.in_order || !m)) {
    shape.outer = layout.size[0];
    shape.inner = layout.size[2];
    TensorRef to = layout.in_order ? out : TensorImpl::empty(dtype, &outputs, 1);
    reduce(t, layout.step, to.get());
    if (!layout.in_order) put_in_order(out.get(), r.kept, to.get(), layout);
    return out;
  }
  TensorRef source = arrange(t, as_bools ? DType::kBool : dtype, r);
  const int64_t step[] = {r.count, 1, 1};
  reduce(source.get(), step, out.get());
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

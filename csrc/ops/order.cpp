#include "ops/order.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/iterator.h"
#include "kernels/narrow.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/lines.h"
#include "ops/places.h"
#include "ops/radix_sort.h"
#include "ops/reduction.h"
#include "ops/scan_kernels.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// Whether `next` takes the place of `best`: nan over everything, the first of equals stays.
template <bool largest, class T>
bool better(T next, T best) {
  auto a = sort_key(next), b = sort_key(best);
  bool beyond = largest ? b < a : a < b;
  if constexpr (kIsFloat<T>) return beyond | ((a != a) & (b == b));
  return beyond;
}

// The first best element of a row-major line: the value by the reductions' kernel, then its place,
// looked for in whole chunks.
template <bool largest, class T>
int64_t first_best(const T* x, int64_t n) {
  constexpr DType dtype = dtype_of<T>(), compute = compute_dtype(dtype);
  constexpr bool narrows = dtype != compute && compute == DType::kInt64;
  if constexpr (narrows || dtype == DType::kInt64 || dtype == DType::kFloat32 ||
                dtype == DType::kFloat64) {
    std::conditional_t<narrows, int64_t, T> best;
    constexpr auto which = static_cast<int>(largest ? Reducer::kMax : Reducer::kMin);
    const ReduceKernels& kernels =
        narrows ? (largest ? narrow_kernels->max : narrow_kernels->min)[static_cast<int>(dtype)]
                : kernel_set->reduce[which][compute_index(compute)];
    kernels.line(&best, x, n, nullptr);
    const bool nan = best != best;
    auto found = [&](T value) { return nan ? value != value : value == best; };
    int64_t i = 0;
    for (constexpr int64_t kChunk = 64; i + kChunk <= n; i += kChunk) {
      int hits = 0;
      for (int64_t k = 0; k < kChunk; ++k) hits |= found(x[i + k]);
      if (hits) break;
    }
    while (!found(x[i])) ++i;
    return i;
  } else {
    int64_t best = 0;
    for (int64_t k = 1; k < n; ++k)
      if (better<largest>(x[k], x[best])) best = k;
    return best;
  }
}

template <bool largest, class T, class Place>
void choose_columns(T* values, int64_t* indices, const T* x, const ScanBlock<2>& b) {
  T best[kScanColumns];
  Place place[kScanColumns] = {};
  for (int64_t j = 0; j < b.columns; ++j) best[j] = x[j * b.column[1]];
  for (int64_t k = 1; k < b.length; ++k) {
    x += b.step[1];
    auto here = static_cast<Place>(k);
    for (int64_t j = 0; j < b.columns; ++j) {
      T next = x[j * b.column[1]];
      bool taken = better<largest>(next, best[j]);
      best[j] = taken ? next : best[j];
      place[j] = taken ? here : place[j];
    }
  }
  for (int64_t j = 0; j < b.columns; ++j) {
    indices[j * b.column[0]] = place[j];
    if (values) values[j * b.column[0]] = best[j];
  }
}

// Operand 0 is what is written, operand 1 the elements.
template <bool largest, class T>
void choose_block(T* values, int64_t* indices, const T* x, const ScanBlock<2>& b) {
  x += b.base[1];
  indices += b.base[0];
  if (values) values += b.base[0];
  if (b.step[1] == 1) {
    for (int64_t j = 0; j < b.columns; ++j, x += b.column[1]) {
      int64_t best = first_best<largest>(x, b.length);
      indices[j * b.column[0]] = best;
      if (values) values[j * b.column[0]] = x[best];
    }
    return;
  }
  // Places as wide as the elements fill vectors alike.
  using Narrow = std::conditional_t<sizeof(T) == 8, int64_t, int32_t>;
  if (b.length <= std::numeric_limits<Narrow>::max())
    choose_columns<largest, T, Narrow>(values, indices, x, b);
  else
    choose_columns<largest, T, int64_t>(values, indices, x, b);
}

// The first best elements along a dimension that is not empty. `out` has its size 1 or is without
// it; `values` may be null.
template <bool largest>
void choose(TensorImpl* t, int64_t along, TensorImpl* values, TensorImpl* indices) {
  if (is_float(t->dtype()) && item_size(t->dtype()) == 2) {  // by the kernels for floats
    TensorRef wide = converted_copy(t, DType::kFloat32), best;
    if (values) best = TensorImpl::empty(DType::kFloat32, values->shape());
    choose<largest>(wide.get(), along, best.get(), indices);
    if (values)
      run_copy(values->mut_data(), values->strides(), values->dtype(), best->data(),
               best->strides(), best->dtype(), best->sizes(), best->ndim());
    return;
  }
  int dim = wrap_dim(along, t->ndim());
  TensorRef from = t->dtype() == DType::kBool ? clean_bools(t) : TensorRef::borrow(t);
  Dims kept = t->shape(), written;
  if (kept.n) kept[dim] = 1;
  written.n = kept.n;
  contiguous_strides(kept.v, kept.n, written.v);
  if (kept.n) written[dim] = 0;
  auto* index = reinterpret_cast<int64_t*>(indices->mut_data());
  dispatch_dtype(from->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* x = reinterpret_cast<const T*>(from->data());
    auto* value = values ? reinterpret_cast<T*>(values->mut_data()) : nullptr;
    scan_blocks<2>(t->shape(), {written, Dims(from->strides(), from->ndim())}, dim, false,
                   [&](const ScanBlock<2>& b) { choose_block<largest>(value, index, x, b); });
  });
}

// The sizes of what is left of a dimension.
Dims without(TensorImpl* t, int64_t dim, bool keepdim) {
  Dims sizes;
  for (int d = 0, last = wrap_dim(dim, t->ndim()); d < t->ndim(); ++d)
    if (d != last || keepdim) sizes.push(d == last ? 1 : t->sizes()[d]);
  return sizes;
}

// The extreme values alone, by the reductions' kernels: converting to a compute type is exact.
template <bool largest>
TensorRef extreme(TensorImpl* t, const Value& dims, bool keepdim) {
  DType compute = compute_dtype(t->dtype());
  TensorRef out =
      reduce_over(t, Reduction(t, dims), keepdim, largest ? Reducer::kMax : Reducer::kMin, compute);
  return compute == t->dtype() ? out : to_dtype(Tensor(std::move(out)), t->dtype()).ref();
}

template <bool largest>
void choose_all(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  check(t->numel() != 0, ErrorKind::kRuntime, name,
        "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
        "dim with the 'dim' argument.");
  call.output = extreme<largest>(t, Value::none(), false);
}

template <bool largest>
void choose_along(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  int64_t dim = call.args[1].i;
  wrap_dim(dim, t->ndim());
  check_length(name, t, dim, wrap_dim(dim, t->ndim()));
  Dims sizes = without(t, dim, call.args[2].i != 0);
  call.output = TensorImpl::empty(t->dtype(), sizes);
  call.more.push_back(TensorImpl::empty(DType::kInt64, sizes));
  choose<largest>(t, dim, call.output.get(), call.more[0].get());
}

template <bool largest>
void choose_index(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  check(t->dtype() != DType::kBool, ErrorKind::kRuntime, name, "(): does not support bool input");
  bool all = call.args[1].is_none();
  if (all)
    check(t->numel() != 0, ErrorKind::kIndex, name,
          "(): Expected reduction dim to be specified for input.numel() == 0.");
  else
    check_length(name, t, call.args[1].i, wrap_dim(call.args[1].i, t->ndim()));
  if (!all) {
    Dims sizes = without(t, call.args[1].i, call.args[2].i != 0);
    call.output = TensorImpl::empty(DType::kInt64, sizes);
    choose<largest>(t, call.args[1].i, nullptr, call.output.get());
    return;
  }
  Lines line = whole_line(t);
  Dims length = Dims::of({line.length}), step = Dims::of({1});
  TensorRef flat =
      TensorImpl::alias(line.memory->storage(), t->dtype(), length, step.v, line.memory->offset());
  call.output = TensorImpl::empty(DType::kInt64, call.args[2].i ? line.kept : Dims());
  choose<largest>(flat.get(), 0, nullptr, call.output.get());
}

template <bool largest>
void choose_over(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  static const Dims kAll;
  if (call.args[1].is_none()) call.args[1] = Value::of(kAll);  // as the node shows it
  if (call.args[1].dims->n == 0) {
    choose_all<largest>(call, name);
    if (call.args[2].i) {
      Dims ones;
      for (int d = 0; d < t->ndim(); ++d) ones.push(1);
      call.output->set_geometry(ones, ones.v, 0);
    }
    return;
  }
  bool reduced[kMaxDims] = {};
  for (int64_t dim : *call.args[1].dims) {
    int d = wrap_dim(dim, t->ndim());
    check(!reduced[d], ErrorKind::kRuntime, "dim ", d,
          " appears multiple times in the list of dims");
    check_length(name, t, dim, dim);
    reduced[d] = true;
  }
  call.output = extreme<largest>(t, call.args[1], call.args[2].i != 0);
}

// Those that equal the chosen element of their line share its gradient.
void share_gradients(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (!grad) return;
  Tensor t(node.saved(0)), result(node.saved(1)), g(grad);
  Dims dims, kept = t->shape();
  if (node.slot(2).is_dims()) dims = node.slot(2).as_dims();
  if (dims.n == 0)
    for (int d = 0; d < kept.n; ++d) dims.push(d);
  for (int64_t dim : dims)
    if (kept.n) kept[wrap_dim(dim, kept.n)] = 1;
  Tensor mask = t == reshape(result, kept);
  Tensor count = to_dtype(sum(mask, dims, true), grad->dtype());
  grad_in[0] = (to_dtype(mask, grad->dtype()) * (reshape(g, kept) / count)).ref();
}

// A short line by comparing. Where equal elements need not keep their order, they come in that of
// the library's introsort, as in PyTorch.
template <bool descending, class T>
void sort_row(Placed<T>* row, int64_t n, bool stable) {
  auto first = [](const Placed<T>& a, const Placed<T>& b) {
    return sorts_before<descending>(a.value, b.value);
  };
  if (stable)
    std::stable_sort(row, row + n, first);
  else
    std::sort(row, row + n, first);
}

// Values (where wanted) and indices of the sorted lines.
template <bool descending>
void sort_lines(Call& call, int64_t dim, bool stable, bool values) {
  TensorImpl* t = call.tensor(0);
  Lines lines = lines_along(t, dim);
  const int64_t n = lines.count * lines.length;
  TensorRef sorted = TensorImpl::empty(t->dtype(), &n, 1);
  TensorRef places = TensorImpl::empty(DType::kInt64, &n, 1);
  auto* index = reinterpret_cast<int64_t*>(places->mut_data());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* out = reinterpret_cast<T*>(sorted->mut_data());
    const int64_t length = lines.length;
    constexpr auto kItem = static_cast<int64_t>(sizeof(Placed<T>));
    const int64_t room = std::max(radix::room_for<T>(length), length * kItem);
    each_line<Placed<T>>(lines.count, length, room / kItem + 1, [&](int64_t i, Placed<T>* row) {
      const T* x = line + i * length;
      T* y = out + i * length;
      int64_t* z = index + i * length;
      if (radix_sort<descending>(x, length, y, z, row)) return;
      for (int64_t k = 0; k < length; ++k) row[k] = {x[k], k};
      sort_row<descending>(row, length, stable);
      for (int64_t k = 0; k < length; ++k) {
        y[k] = row[k].value;
        z[k] = row[k].index;
      }
    });
  });
  TensorRef order = unlined_like(t, places.get(), dim);
  if (!values) {
    call.output = std::move(order);
    return;
  }
  call.output = unlined_like(t, sorted.get(), dim);
  call.more.push_back(std::move(order));
}

void sort_along(Call& call, const Value& dim, const Value& descending, bool stable, bool values) {
  if (descending.i)
    sort_lines<true>(call, dim.i, stable, values);
  else
    sort_lines<false>(call, dim.i, stable, values);
}

// The shares of one end of aminmax: those that equal it, of each line.
Tensor end_gradient(const Tensor& t, const Tensor& end, const Tensor& grad, const Dims& dims) {
  Tensor mask = t == end;
  Tensor count = to_dtype(sum(mask, dims, true), grad->dtype());
  return to_dtype(mask, grad->dtype()) * (grad / count);
}

}  // namespace

void Max::forward(Call& call) { choose_all<true>(call, "max"); }
void Max::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradient(node, grad_out[0], grad_in);
}
void MaxDim::forward(Call& call) { choose_along<true>(call, "max"); }
void MaxDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}
void MaxOther::forward(Call& call) {
  call.output = call_op(op_of<Maximum>(), {call.args[0], call.args[1]}).ref();
}
void Argmax::forward(Call& call) { choose_index<true>(call, "argmax"); }
void Amax::forward(Call& call) { choose_over<true>(call, "amax"); }
void Amax::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradients(node, grad_out[0], grad_in);
}

void Min::forward(Call& call) { choose_all<false>(call, "min"); }
void Min::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradient(node, grad_out[0], grad_in);
}
void MinDim::forward(Call& call) { choose_along<false>(call, "min"); }
void MinDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}
void MinOther::forward(Call& call) {
  call.output = call_op(op_of<Minimum>(), {call.args[0], call.args[1]}).ref();
}
void Argmin::forward(Call& call) { choose_index<false>(call, "argmin"); }
void Amin::forward(Call& call) { choose_over<false>(call, "amin"); }
void Amin::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradients(node, grad_out[0], grad_in);
}

void Sort::forward(Call& call) { sort_along(call, call.args[1], call.args[2], false, true); }
void Sort::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  line_gradient(node, grad_out[0], grad_in);
}
void SortStable::forward(Call& call) {
  sort_along(call, call.args[2], call.args[3], call.args[1].i != 0, true);
}
void SortStable::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  line_gradient(node, grad_out[0], grad_in);
}
void Argsort::forward(Call& call) { sort_along(call, call.args[1], call.args[2], false, false); }
void ArgsortStable::forward(Call& call) {
  sort_along(call, call.args[2], call.args[3], call.args[1].i != 0, false);
}
void Msort::forward(Call& call) {
  call.output = call_op(op_of<Sort>(), {call.args[0], Value::of_int(0)}).ref();
}

void Aminmax::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  bool all = call.args[1].is_none();
  if (all)
    check(t->numel() != 0, ErrorKind::kRuntime,
          "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
          "identity.");
  else
    check(t->ndim() == 0 || t->sizes()[wrap_dim(call.args[1].i, t->ndim())] != 0, ErrorKind::kIndex,
          "aminmax: Expected reduction dim ", wrap_dim(call.args[1].i, t->ndim()),
          " to have non-zero size.");
  call.output = extreme<false>(t, call.args[1], call.args[2].i != 0);
  call.more.push_back(extreme<true>(t, call.args[1], call.args[2].i != 0));
}

void Aminmax::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0] && !grad_out[1]) return;
  Tensor t(node.saved(0)), result;
  Dims dims, kept = t->shape();
  if (node.slot(1).kind() != SavedKind::kNone) dims.push(node.slot(1).as_int());
  for (int d = 0; d < kept.n; ++d)
    if (dims.n == 0 || wrap_dim(dims[0], kept.n) == d) kept[d] = 1;
  for (int end = 0; end < 2; ++end) {
    if (!grad_out[end]) continue;
    Tensor share = end_gradient(t, reshape(Tensor(node.saved(3 + end)), kept),
                                reshape(Tensor(grad_out[end]), kept), dims);
    result = result.defined() ? result + share : share;
  }
  grad_in[0] = result.ref();
}

}  // namespace rl::ops

namespace rl {

void add_order_ops(std::vector<Op*>& table) { add_ops(ops::OrderOps{}, table); }

}  // namespace rl

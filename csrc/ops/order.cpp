#include "ops/order.h"

#include <algorithm>
#include <vector>

#include "ops/compare.h"
#include "ops/lines.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// The first best element of each line. `values` may be null.
template <bool largest>
void choose(const Lines& lines, TensorImpl* values, TensorImpl* indices) {
  dispatch_dtype(lines.memory->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* value = values ? reinterpret_cast<T*>(values->mut_data()) : nullptr;
    auto* index = reinterpret_cast<int64_t*>(indices->mut_data());
    for (int64_t i = 0; i < lines.count; ++i, line += lines.length) {
      int64_t best = 0;
      for (int64_t k = 1; k < lines.length; ++k)
        if (before<largest>(line[k], line[best])) best = k;
      if (value) value[i] = line[best];
      index[i] = best;
    }
  });
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
  Lines lines = lines_along(t, dim);
  const Dims& sizes = call.args[2].i ? lines.kept : lines.squeezed;
  call.output = TensorImpl::empty(t->dtype(), sizes);
  call.more.push_back(TensorImpl::empty(DType::kInt64, sizes));
  choose<largest>(lines, call.output.get(), call.more[0].get());
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
  Lines lines = all ? whole_line(t) : lines_along(t, call.args[1].i);
  call.output = TensorImpl::empty(DType::kInt64, call.args[2].i ? lines.kept : lines.squeezed);
  choose<largest>(lines, nullptr, call.output.get());
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

Tensor equal(const Tensor& a, const Tensor& b) {
  return call_op(op_of<Eq>(), {a.value(), b.value()});
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
  Tensor mask = equal(t, reshape(result, kept));
  Tensor count = to_dtype(sum(mask, dims, true), grad->dtype());
  grad_in[0] = (to_dtype(mask, grad->dtype()) * (reshape(g, kept) / count)).ref();
}

// Values (where wanted) and indices of the sorted lines. Where equal elements need not keep their
// order, they come in that of the library's introsort, as in PyTorch.
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
    std::vector<Placed<T>> row(static_cast<size_t>(lines.length));
    for (int64_t i = 0; i < lines.count; ++i) {
      for (Placed<T>& place : row) place = {*line++, &place - row.data()};
      auto first = [](const Placed<T>& a, const Placed<T>& b) {
        return sorts_before<descending>(a.value, b.value);
      };
      if (stable)
        std::stable_sort(row.begin(), row.end(), first);
      else
        std::sort(row.begin(), row.end(), first);
      for (const Placed<T>& place : row) {
        *out++ = place.value;
        *index++ = place.index;
      }
    }
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
  Tensor mask = equal(t, end);
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
void Argsort::forward(Call& call) {
  sort_along(call, call.args[1], call.args[2], false, false);
}
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

#include "ops/order.h"

#include <algorithm>
#include <numeric>

#include "kernels/iterator.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// 16-bit floats are compared as floats.
template <class T>
auto key(T x) {
  if constexpr (kIsFloat<T>)
    return static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(x);
  else
    return x;
}

template <class T>
bool is_nan(T x) {
  if constexpr (kIsFloat<T>) return key(x) != key(x);
  return false;
}

// a comes before b; nan before everything, and so is never passed over.
template <bool largest, class T>
bool before(T a, T b) {
  if (is_nan(a) || is_nan(b)) return is_nan(a) && !is_nan(b);
  return largest ? key(b) < key(a) : key(a) < key(b);
}

// A tensor as lines along the reduced dimensions, which are moved last and lie row by row.
struct Lines {
  TensorRef memory;
  Dims kept, squeezed;  // the result's sizes with and without the reduced dimensions
  int64_t count = 1, length = 1;

  Lines(TensorImpl* t, const bool* reduced) {
    Dims sizes, strides;
    for (int pass = 0; pass < 2; ++pass)
      for (int d = 0; d < t->ndim(); ++d)
        if (reduced[d] == (pass == 1)) {
          sizes.push(t->sizes()[d]);
          strides.push(t->strides()[d]);
          (pass ? length : count) *= t->sizes()[d];
        }
    for (int d = 0; d < t->ndim(); ++d) {
      kept.push(reduced[d] ? 1 : t->sizes()[d]);
      if (!reduced[d]) squeezed.push(t->sizes()[d]);
    }
    Dims packed = sizes;
    contiguous_strides(sizes.v, sizes.n, packed.v);
    bool bools = t->dtype() == DType::kBool;
    if (packed == strides && !bools) {
      memory = TensorRef::borrow(t);
      return;
    }
    memory = TensorImpl::empty(t->dtype(), sizes);
    run_copy(memory->mut_data(), packed.v, t->dtype(), t->data(), strides.v, t->dtype(), sizes.v,
             sizes.n);
    if (bools) memory = clean_bools(memory.get());
  }
};

Lines lines_along(TensorImpl* t, int64_t dim) {
  bool reduced[kMaxDims] = {};
  int d = wrap_dim(dim, t->ndim());
  if (t->ndim()) reduced[d] = true;
  return Lines(t, reduced);
}

Lines whole(TensorImpl* t) {
  bool reduced[kMaxDims];
  std::fill(reduced, reduced + kMaxDims, true);
  return Lines(t, reduced);
}

// `told`: the dim as the sentence has it.
void check_length(const char* name, TensorImpl* t, int64_t dim, int64_t told) {
  check(t->ndim() == 0 || t->sizes()[wrap_dim(dim, t->ndim())] != 0, ErrorKind::kIndex, name,
        "(): Expected reduction dim ", told, " to have non-zero size.");
}

// The first best element of each line; either output may be null.
template <bool largest>
void choose(const Lines& lines, TensorImpl* values, TensorImpl* indices) {
  dispatch_dtype(lines.memory->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* value = values ? reinterpret_cast<T*>(values->mut_data()) : nullptr;
    auto* index = indices ? reinterpret_cast<int64_t*>(indices->mut_data()) : nullptr;
    for (int64_t i = 0; i < lines.count; ++i, line += lines.length) {
      int64_t best = 0;
      for (int64_t k = 1; k < lines.length; ++k)
        if (before<largest>(line[k], line[best])) best = k;
      if (value) value[i] = line[best];
      if (index) index[i] = best;
    }
  });
}

template <bool largest>
void choose_all(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  check(t->numel() != 0, ErrorKind::kRuntime, name,
        "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
        "dim with the 'dim' argument.");
  call.output = TensorImpl::empty(t->dtype(), nullptr, 0);
  choose<largest>(whole(t), call.output.get(), nullptr);
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
  Lines lines = all ? whole(t) : lines_along(t, call.args[1].i);
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
  Lines lines(t, reduced);
  call.output = TensorImpl::empty(t->dtype(), call.args[2].i ? lines.kept : lines.squeezed);
  choose<largest>(lines, call.output.get(), nullptr);
}

Tensor equal(const Tensor& a, const Tensor& b) {
  return call_op(op_of<Eq>(), {a.value(), b.value()});
}

// One element was chosen out of all: those that equal it share the gradient, nan with nan.
void share_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (!grad) return;
  Tensor t(node.saved(0)), result(node.saved(1));
  Tensor mask = equal(t, result);
  if (equal(result, result).get()->data()[0] == 0)
    mask = call_op(op_of<Ne>(), {t.value(), t.value()});
  Tensor count = to_dtype(sum(mask, Dims(), false), grad->dtype());
  Tensor nothing = full(t->shape(), grad->dtype(), 0);
  Tensor share = Tensor(grad) / count;
  grad_in[0] =
      call_op(op_of<MaskedFillTensor>(), {nothing.value(), mask.value(), share.value()}).ref();
}

// Likewise for each line.
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

// Each gradient goes to the element that its index points to.
void scatter_gradient(const TensorRef& grad, int64_t dim, const TensorRef& indices, bool kept,
                      const Dims& sizes, TensorRef* grad_in) {
  if (!grad) return;
  Tensor g(grad), index(indices);
  if (!kept && sizes.n) {
    g = unsqueeze(g, wrap_dim(dim, sizes.n));
    index = unsqueeze(index, wrap_dim(dim, sizes.n));
  }
  grad_in[0] = call_op(op_of<GatherBackward>(),
                       {g.value(), Value::of_int(dim), index.value(), Value::of(sizes)})
                   .ref();
}

void dim_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (grad)
    scatter_gradient(grad, node.slot(1).as_int(), node.saved(0), node.slot(2).as_bool(),
                     node.slot(3).as_dims(), grad_in);
}

// Writes the lines of each output back to where the dimension was.
TensorRef unlined(TensorImpl* like, TensorImpl* lines, int64_t dim) {
  TensorRef out = TensorImpl::empty(lines->dtype(), like->shape());
  if (!like->is_contiguous() && dense_non_overlapping(like->sizes(), like->strides(), like->ndim()))
    out->set_geometry(like->shape(), like->strides(), 0);
  Dims sizes, strides;
  int last = wrap_dim(dim, like->ndim());
  for (int d = 0; d < like->ndim(); ++d) {
    if (d == last) continue;
    sizes.push(out->sizes()[d]);
    strides.push(out->strides()[d]);
  }
  if (like->ndim()) {
    sizes.push(out->sizes()[last]);
    strides.push(out->strides()[last]);
  }
  Dims packed = sizes;
  contiguous_strides(sizes.v, sizes.n, packed.v);
  run_copy(out->mut_data(), strides.v, out->dtype(), lines->data(), packed.v, out->dtype(), sizes.v,
           sizes.n);
  return out;
}

// Values (where wanted) and indices of the sorted lines.
void sort_lines(Call& call, bool values) {
  TensorImpl* t = call.tensor(0);
  int64_t dim = call.args[1].i;
  Lines lines = lines_along(t, dim);
  const int64_t n = lines.count * lines.length;
  TensorRef sorted = TensorImpl::empty(t->dtype(), &n, 1);
  TensorRef places = TensorImpl::empty(DType::kInt64, &n, 1);
  auto* index = reinterpret_cast<int64_t*>(places->mut_data());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* out = reinterpret_cast<T*>(sorted->mut_data());
    for (int64_t i = 0; i < lines.count; ++i, line += lines.length, index += lines.length) {
      std::iota(index, index + lines.length, int64_t{0});
      if (call.args[2].i)
        std::stable_sort(index, index + lines.length,
                         [&](int64_t a, int64_t b) { return before<true>(line[a], line[b]); });
      else  // nan last: what comes first from above comes last from below
        std::stable_sort(index, index + lines.length, [&](int64_t a, int64_t b) {
          return is_nan(line[a]) || is_nan(line[b]) ? !is_nan(line[a]) && is_nan(line[b])
                                                    : key(line[a]) < key(line[b]);
        });
      for (int64_t k = 0; k < lines.length; ++k) out[i * lines.length + k] = line[index[k]];
    }
  });
  TensorRef order = unlined(t, places.get(), dim);
  if (!values) {
    call.output = std::move(order);
    return;
  }
  call.output = unlined(t, sorted.get(), dim);
  call.more.push_back(std::move(order));
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

void Sort::forward(Call& call) { sort_lines(call, true); }
void Sort::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    scatter_gradient(grad_out[0], node.slot(1).as_int(), node.saved(0), true,
                     node.slot(2).as_dims(), grad_in);
}
void Argsort::forward(Call& call) { sort_lines(call, false); }

}  // namespace rl::ops

namespace rl {

void add_order_ops(std::vector<Op*>& table) { add_ops(ops::OrderOps{}, table); }

}  // namespace rl

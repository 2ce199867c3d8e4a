#include "ops/gather.h"

#include "core/ownership.h"
#include "graph/grad_mode.h"
#include "kernels/pool.h"
#include "ops/copy.h"
#include "ops/index.h"
#include "ops/index_add.h"
#include "ops/index_kernels.h"
#include "ops/mask_kernels.h"
#include "ops/places.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

TensorRef broadcast_alias(TensorImpl* t, const Dims& sizes) {
  return TensorImpl::alias(t->storage(), t->dtype(), sizes, broadcast_strides(t, sizes).v,
                           t->offset());
}

// By masks of bits: a branch for each element could not be foretold.
template <class T>
void fill_straight(T* to, const T* from, const unsigned char* bits, T value, int64_t n) {
  parallel_for(n, parallel_grain(), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T keep = static_cast<T>(static_cast<T>(bits[i] != 0) - 1);
      to[i] = static_cast<T>((from[i] & keep) | (value & static_cast<T>(~keep)));
    }
  });
}

// `number` points to one element of the input's dtype.
void fill_masked(Call& call, const void* number) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* mask = call.tensor(1);
  check(mask->dtype() == DType::kBool, ErrorKind::kRuntime,
        "masked_fill_ only supports boolean masks, but got mask with dtype ",
        dtype_cpp_name(mask->dtype()));
  Dims sizes;
  broadcast_sizes(mask->sizes(), mask->ndim(), t->sizes(), t->ndim(), sizes);
  TensorRef out;
  if (call.target) {
    out = TensorRef::borrow(call.target);
    check(sizes == out->shape(), ErrorKind::kRuntime, "output with shape ",
          shown(out->sizes(), out->ndim()), " doesn't match the broadcast shape ", shown(sizes));
  } else {
    out = TensorImpl::empty(t->dtype(), sizes);
  }
  // A mask in the memory that is written is read before.
  TensorRef safe = TensorRef::borrow(mask);
  if (mask->storage().get() == out->storage().get()) {
    safe = row_major_copy(mask);
  }
  auto straight = [&](TensorImpl* x) { return x->is_contiguous() && x->shape() == sizes; };
  const bool one_pass = straight(out.get()) && straight(safe.get()) && straight(t);
  if (!one_pass && !call.target) copy_elements(out.get(), t, broadcast_strides(t, sizes));
  with_word(out->dtype(), [&](auto word) {
    using T = decltype(word);
    auto* to = reinterpret_cast<T*>(out->mut_data());
    T value;
    __builtin_memcpy(&value, number, sizeof value);
    const auto* bits = reinterpret_cast<const unsigned char*>(safe->data());
    if (one_pass)
      fill_straight(to, reinterpret_cast<const T*>(t->data()), bits, value, out->numel());
    else
      for_each_place(sizes, strides_of(out.get()), broadcast_strides(safe.get(), sizes),
                     [&](int64_t a, int64_t b) {
                       if (bits[b]) to[a] = value;
                     });
  });
  call.output = std::move(out);
}

// The gradient without what the mask hides; unrecorded in its own memory where nobody else looks at
// it.
Tensor zero_masked(const TensorRef& grad, const TensorRef& mask) {
  Call call(op_of<MaskedFill>());
  if (!grad_enabled() && sole_owner(grad.get())) call.target = grad.get();
  call.args[0] = Value::of(grad.get());
  call.args[1] = Value::of(mask.get());
  call.args[2] = Value::of_int(0);
  dispatch(call);
  return Tensor(call.output);
}

Tensor index_backward(const TensorRef& grad, const TensorList& indices, const Dims& sizes) {
  return call_op(op_of<IndexBackward>(),
                 {Value::of(grad.get()), Value::of(indices), Value::of(sizes)});
}

}  // namespace

void MaskedFill::forward(Call& call) {
  TensorRef number = TensorImpl::empty(call.tensor(0)->dtype(), nullptr, 0);
  Call fill(op_of<Fill>());
  fill.args[0] = Value::of(number.get());
  fill.args[1] = call.args[2];
  fill.target = number.get();
  dispatch(fill);
  fill_masked(call, number->data());
}

void MaskedFill::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad = zero_masked(grad_out[0], node.saved(0));
  grad_in[0] = sum_to(grad, node.slot(1).as_dims()).ref();
}

void MaskedFillTensor::forward(Call& call) {
  TensorImpl* value = call.tensor(2);
  check(value->ndim() == 0, ErrorKind::kRuntime,
        "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
        value->ndim(), " dimension(s).");
  TensorRef number = TensorImpl::empty(call.tensor(0)->dtype(), nullptr, 0);
  copy_elements(number.get(), value, Dims());
  fill_masked(call, number->data());
}

void MaskedFillTensor::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  TensorRef mask = node.saved(0);
  if (node.wants(1)) {
    Tensor filled = math::select(Tensor(mask), Tensor(grad_out[0]), Num(0));
    grad_in[1] = sum_to(filled, Dims()).ref();
  }
  if (node.wants(0))
    grad_in[0] = sum_to(zero_masked(grad_out[0], mask), node.slot(1).as_dims()).ref();
}

void MaskedSelect::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* mask = call.tensor(1);
  check(mask->dtype() == DType::kBool, ErrorKind::kRuntime,
        "masked_select: expected BoolTensor for mask");
  Dims sizes;
  broadcast_sizes(mask->sizes(), mask->ndim(), t->sizes(), t->ndim(), sizes);
  if (sizes.n == 0) sizes.push(1);
  TensorRef wide = broadcast_alias(t, sizes), wide_mask = broadcast_alias(mask, sizes);
  TensorImpl* index = wide_mask.get();
  call.output = read_masked(wide.get(), {&index, 1});
  if (call.output) return;
  call.output = read_places(wide.get(), {&index, 1});
}

void MaskedSelect::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  TensorRef mask = node.saved(0), t = node.saved(1);
  Dims sizes;
  broadcast_sizes(mask->sizes(), mask->ndim(), t->sizes(), t->ndim(), sizes);
  if (sizes.n == 0) sizes.push(1);
  TensorRef wide_mask = broadcast_alias(mask.get(), sizes);
  TensorImpl* index = wide_mask.get();
  Tensor grad = index_backward(grad_out[0], {&index, 1}, sizes);
  grad_in[0] = t->ndim() == 0 && sizes.n == 1 && sizes[0] == 1 ? view(grad, Dims()).ref()
                                                               : sum_to(grad, t->shape()).ref();
}

namespace {

[[noreturn]] void fail_self(int64_t value, int, int64_t size) {
  fail(ErrorKind::kIndex, "index out of range in self\n  index ", value, ", size ", size);
}

}  // namespace

void IndexSelect::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(call.tensor(2)->ndim() <= 1, ErrorKind::kIndex,
        "index_select(): Index is supposed to be a vector");
  TensorRef places = as_places(call.tensor(2));
  check(static_cast<bool>(places), ErrorKind::kRuntime,
        "index_select(): Expected dtype int32 or int64 for index");
  TensorImpl* index = places.get();
  check(t->ndim() > 0 || index->numel() == 1, ErrorKind::kRuntime,
        "index_select(): Index to scalar can have only 1 value, got ", index->numel(), " value(s)");
  int64_t size = t->ndim() ? t->sizes()[dim] : 1, n = index->numel();
  check(size > 0 || n == 0, ErrorKind::kRuntime,
        "index_select(): self indexing axis dim should be positive");
  if (t->ndim() == 0) {
    TensorRef whole = broadcast_alias(t, Dims::of({1}));
    check_places(slice_index(index, IndexedDim(whole.get(), 0)), 0, 1, fail_self, 0);
    call.output = TensorImpl::empty(t->dtype(), nullptr, 0);
    copy_elements(call.output.get(), t, Dims());
    return;
  }
  IndexedDim lines(t, dim);
  IndexView view = slice_index(index, lines);
  auto outside = [](int64_t value, int, int64_t length) {
    fail(ErrorKind::kRuntime, "INDICES element is out of DATA bounds, id=", value,
         " axis_dim=", length);
  };
  // PyTorch has a loop of its own for dimension 1, with a sentence of its own.
  const Bounds bounds{size, t->numel() && dim != 1 ? fail_self : +outside, dim};
  const bool once = t->ndim() == 1;  // each index is read once
  if (!once) check_places(element_index(index), 0, size, bounds.fail, dim);
  call.output = TensorImpl::empty(t->dtype(), view.shape);
  gather_from(call.output.get(), t, lines, view, once ? &bounds : nullptr);
}

void IndexSelect::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(2).as_dims();
  if (sizes.n == 0) {
    grad_in[0] = grad_out[0];
    return;
  }
  Tensor zeros = full(sizes, grad_out[0]->dtype(), 0);
  TensorRef index = node.saved(1);
  grad_in[0] = call_op(op_of<IndexAdd>(), {zeros.value(), Value::of_int(node.slot(0).as_int()),
                                           Value::of(index.get()), Value::of(grad_out[0].get())})
                   .ref();
}

void Gather::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* index = call.tensor(2);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  if (index->numel() == 0) {
    call.output = TensorImpl::empty(t->dtype(), index->shape());
    return;
  }
  TensorRef places = as_places(index);
  check(static_cast<bool>(places), ErrorKind::kRuntime,
        "gather(): Expected dtype int32/int64 for index");
  index = places.get();
  check(std::max(index->ndim(), 1) == std::max(t->ndim(), 1), ErrorKind::kRuntime,
        "Index tensor must have the same number of dimensions as input tensor");
  for (int d = 0; d < t->ndim() && d < index->ndim(); ++d)
    check(d == dim || index->sizes()[d] <= t->sizes()[d], ErrorKind::kRuntime,
          "Size does not match at dimension ", d, " expected index ",
          shown(index->sizes(), index->ndim()), " to be no larger than self ",
          shown(t->sizes(), t->ndim()), " apart from dimension ", dim);
  IndexedDim lines(t, dim);
  const Bounds bounds{lines.length(), fail_place, dim};
  call.output = TensorImpl::empty(t->dtype(), index->shape());
  gather_from(call.output.get(), t, lines, element_index(index), &bounds);
}

void Gather::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  check(!node.slot(3).as_bool(), ErrorKind::kNotImplemented,
        "gather(): a sparse gradient is not supported: there are no sparse tensors\n  fix: leave "
        "out sparse_grad=True; the dense gradient has the same numbers.");
  TensorRef index = node.saved(1);
  Dims sizes = node.saved(2)->shape();
  grad_in[0] = call_op(op_of<GatherBackward>(),
                       {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int()),
                        Value::of(index.get()), Value::of(sizes)})
                   .ref();
}

void GatherBackward::forward(Call& call) {
  TensorImpl* grad = call.tensor(0);
  TensorRef out = full(*call.args[3].dims, grad->dtype(), 0).ref();
  if (grad->numel()) {
    IndexedDim lines(out.get(), call.args[1].i);
    IndexView view = element_index(call.tensor(2));
    check_places(view, 0, lines.length(), fail_place, lines.dim);
    scatter_into(out.get(), lines, view, grad, strides_under(grad), Combine::kAdd);
  }
  call.output = std::move(out);
}

void GatherBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  TensorRef index = node.saved(1);
  grad_in[0] = gather(grad_out[0], node.slot(0).as_int(), index).ref();
}

void Take::forward(Call& call) {
  TensorRef t = row_major(call.tensor(0));
  TensorImpl* index = call.tensor(1);
  check(index->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "take(): Expected a long tensor for index, but got ", dtype_title(index->dtype()));
  int64_t n = t->numel();
  check(n > 0 || index->numel() == 0, ErrorKind::kIndex,
        "take(): tried to take from an empty tensor");
  TensorRef numbers = row_major(index);
  const auto* places = reinterpret_cast<const int64_t*>(numbers->data());
  TensorRef out = TensorImpl::empty(t->dtype(), index->shape());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(t->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    for (int64_t i = 0, count = out->numel(); i < count; ++i) {
      check(places[i] >= -n && places[i] < n, ErrorKind::kIndex,
            "out of range: tried to access index ", places[i], " on a tensor of ", n, " elements.");
      to[i] = from[places[i] < 0 ? places[i] + n : places[i]];
    }
  });
  call.output = std::move(out);
}

void Take::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  TensorRef index = node.saved(0), t = node.saved(1);
  TensorImpl* indices = index.get();
  Tensor grad = index_backward(grad_out[0], {&indices, 1}, Dims::of({t->numel()}));
  grad_in[0] = view(grad, t->shape()).ref();
}

namespace {

void find_nonzero(Call& call, bool as_tuple) {
  TensorImpl* t = call.tensor(0);
  Dims sizes = t->shape();
  if (as_tuple && sizes.n == 0) sizes.push(1);
  TensorRef mask = TensorImpl::empty(DType::kBool, sizes);
  copy_elements(mask.get(), t);
  std::vector<TensorRef> columns;
  int64_t count = 0;
  if (as_tuple) {
    push_nonzero(mask.get(), columns);
    call.output = std::move(columns[0]);
    for (size_t i = 1; i < columns.size(); ++i) call.more.push_back(std::move(columns[i]));
    return;
  }
  call.lone = true;
  if (t->ndim() == 0)
    count = *mask->data() != 0;
  else
    push_nonzero(mask.get(), columns);
  if (!columns.empty()) count = columns[0]->numel();
  Dims shape = Dims::of({count, t->ndim()}), strides = Dims::of({1, count});
  call.output = TensorImpl::empty(DType::kInt64, columns.empty() ? shape : Dims::of({0}));
  if (!columns.empty()) call.output->set_storage(columns[0]->storage());
  call.output->set_geometry(shape, strides.v, 0);
}

}  // namespace

void Nonzero::forward(Call& call) { find_nonzero(call, call.args[1].i != 0); }

void WhereNonzero::forward(Call& call) { find_nonzero(call, true); }

void WhereMethod::forward(Call& call) {
  call.output = call_op(op_of<Where>(), {call.args[1], call.args[0], call.args[2]}).ref();
}

}  // namespace rl::ops

namespace rl {

Tensor gather(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<ops::Gather>(), {t.value(), Value::of_int(dim), index.value()});
}

void add_gather_ops(std::vector<Op*>& table) { add_ops(ops::GatherOps{}, table); }

}  // namespace rl

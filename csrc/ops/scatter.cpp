#include "ops/scatter.h"

#include <cstring>

#include "core/host.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/join.h"
#include "ops/reduce_into.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl::ops {

namespace {

Tensor gather(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<Gather>(), {t.value(), Value::of_int(dim), index.value()});
}

Tensor scatter_zeros(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<ScatterValue>(),
                 {t.value(), Value::of_int(dim), index.value(), Value::of_int(0)});
}

int64_t size_at(TensorImpl* t, int d) { return t->ndim() ? t->sizes()[d] : 1; }

// Dtypes and shapes in PyTorch's order; `src` is null for a number. False where nothing is to do.
bool check_scatter(TensorImpl* t, int64_t the_dim, TensorImpl* index, TensorImpl* src) {
  int dim = wrap_dim(the_dim, t->ndim());
  bool none = index->numel() == 0;
  check(none || index->dtype() == DType::kInt64 || index->dtype() == DType::kInt32,
        ErrorKind::kRuntime, "scatter(): Expected dtype int32/int64 for index");
  check(!src || src->dtype() == t->dtype(), ErrorKind::kRuntime,
        "scatter(): Expected self.dtype to be equal to src.dtype");
  if (none) return false;
  int n = std::max(index->ndim(), 1);
  check(n == std::max(t->ndim(), 1), ErrorKind::kRuntime,
        "Index tensor must have the same number of dimensions as self tensor");
  bool fits = true, fits_src = true;
  for (int d = 0; d < n; ++d) fits = fits && (d == dim || size_at(index, d) <= size_at(t, d));
  if (src) {
    if (fits && src->ndim() > 0 && src->ndim() < n) wrap_dim(src->ndim(), src->ndim());
    check(n == std::max(src->ndim(), 1), ErrorKind::kRuntime,
          "Index tensor must have the same number of dimensions as src tensor");
    for (int d = 0; d < n; ++d) fits_src = fits_src && size_at(index, d) <= size_at(src, d);
  }
  Shown is = shown(index->sizes(), index->ndim()), ts = shown(t->sizes(), t->ndim());
  check(src || fits, ErrorKind::kRuntime, "Expected index ", is, " to be no larger than self ", ts,
        " apart from dimension ", dim);
  if (src)
    check(fits && fits_src, ErrorKind::kRuntime, "Expected index ", is,
          " to be no larger than self ", ts, " apart from dimension ", dim,
          " and to be no larger size than src ", shown(src->sizes(), src->ndim()));
  return true;
}

// What all scatters do: `source` is seen under `strides`, in the shape of the index.
struct Target {
  TensorRef out, index, source;
  bool empty;

  // A null `src` stands for a number.
  Target(Call& call, TensorImpl* src) {
    TensorImpl* t = call.tensor(0);
    empty = !check_scatter(t, call.args[1].i, call.tensor(2), src);
    index = TensorRef::borrow(call.tensor(2));
    if (src) source = TensorRef::borrow(src);
    if (call.target) {
      index = read_unshared(t, index.get());
      if (src) source = read_unshared(t, src);
    }
    out = written_copy(call, false);
  }

  void run(Call& call, const Dims& strides, Combine how) {
    if (!empty) {
      Lines lines(out.get(), call.args[1].i);
      IndexView places = element_index(index.get());
      check_places(places, 0, lines.length(), fail_place, lines.dim);
      scatter_into(out.get(), lines, places, source.get(), strides, how);
    }
    call.output = std::move(out);
  }
};

void scatter_tensor(Call& call, Combine how) {
  Target target(call, call.tensor(3));
  target.run(call, strides_under(target.source.get()), how);
}

void scatter_number(Call& call, Combine how) {
  check_fits(call.args[3], call.tensor(0)->dtype());
  Target target(call, nullptr);
  target.source = TensorImpl::empty(call.tensor(0)->dtype(), nullptr, 0);
  fill(target.source.get(), call.args[3]);
  Dims still;
  for (int d = 0; d < std::max(call.tensor(2)->ndim(), 1); ++d) still.push(0);
  target.run(call, still, how);
}

Combine how_of(const char* reduce) {
  bool adds = std::strcmp(reduce, "add") == 0;
  check(adds || std::strcmp(reduce, "multiply") == 0, ErrorKind::kRuntime,
        "reduce argument must be either add or multiply.");
  return adds ? Combine::kAdd : Combine::kMultiply;
}

Reduction reduction_of(const char* reduce) {
  constexpr const char* kNames[] = {"sum", "prod", "mean", "amax", "amin"};
  for (int i = 0; i < 5; ++i)
    if (std::strcmp(reduce, kNames[i]) == 0) return static_cast<Reduction>(i);
  fail(ErrorKind::kRuntime, "reduce argument must be either sum, prod, mean, amax or amin, got ",
       reduce);
}

template <class T>
T plus(T a, T b) {
  if constexpr (kIsInt<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return static_cast<T>(a + b);
}

}  // namespace

void Scatter::forward(Call& call) { scatter_tensor(call, Combine::kWrite); }

void Scatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), index(node.saved(1));
  if (node.wants(0)) grad_in[0] = scatter_zeros(grad, node.slot(0).as_int(), index).ref();
  if (node.wants(1)) grad_in[1] = gather(grad, node.slot(0).as_int(), index).ref();
}

void ScatterValue::forward(Call& call) { scatter_number(call, Combine::kWrite); }

void ScatterValue::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] =
      scatter_zeros(Tensor(grad_out[0]), node.slot(0).as_int(), Tensor(node.saved(1))).ref();
}

void ScatterWith::forward(Call& call) {
  host().warn(
      "UserWarning",
      "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed "
      "in a future PyTorch release. Use torch.scatter_reduce instead for more reduction "
      "options.");
  check_scatter(call.tensor(0), call.args[1].i, call.tensor(2), call.tensor(3));
  scatter_tensor(call, how_of(call.args[4].s));
}

void ScatterValueWith::forward(Call& call) {
  check_scatter(call.tensor(0), call.args[1].i, call.tensor(2), nullptr);
  scatter_number(call, how_of(call.args[4].s));
}

void ScatterAdd::forward(Call& call) { scatter_tensor(call, Combine::kAdd); }

void ScatterAdd::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) grad_in[0] = grad_out[0];
  if (node.wants(1))
    grad_in[1] = gather(Tensor(grad_out[0]), node.slot(0).as_int(), Tensor(node.saved(1))).ref();
}

void ScatterReduce::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check_scatter(t, call.args[1].i, call.tensor(2), call.tensor(3));
  Reduction reduction = reduction_of(call.args[4].s);
  check(reduction != Reduction::kMean || t->dtype() != DType::kBool, ErrorKind::kNotImplemented,
        "\"scatter_gather_tensor_cpu_reduce_mean\" not implemented for 'Bool'");
  Target target(call, call.tensor(3));
  if (!target.empty) {
    Lines lines(target.out.get(), call.args[1].i);
    IndexView places = element_index(target.index.get());
    check_places(places, 0, lines.length(), fail_place, lines.dim);
    reduce_into(target.out.get(), lines, places, target.source.get(), reduction,
                call.args[5].i != 0);
  }
  call.output = std::move(target.out);
}

namespace {

struct ElementReach final : Reach {
  int64_t dim;
  Tensor index;
  const char* reduction;
  bool include_self;

  ElementReach(int64_t the_dim, Tensor the_index, const char* the_reduction, bool include)
      : dim(the_dim),
        index(std::move(the_index)),
        reduction(the_reduction),
        include_self(include) {}
  Tensor read(const Tensor& t) const override { return gather(t, dim, index); }
  Tensor add(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<ScatterAdd>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value()});
  }
  Tensor clear(const Tensor& t) const override { return scatter_zeros(t, dim, index); }
  Tensor reduce(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<ScatterReduce>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value(),
                    Value::of(reduction), Value::of_bool(include_self)});
  }
  const char* op() const override { return "scatter_reduce"; }
  const char* source() const override { return "src"; }
};

}  // namespace

void ScatterReduce::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  const char* name = node.slot(3).as_string();
  bool include_self = node.slot(1).as_bool();
  ElementReach reach(node.slot(0).as_int(), Tensor(node.saved(2)), name, include_self);
  reduction_gradients(node, Tensor(grad_out[0]), Tensor(node.saved(5)), Tensor(node.saved(6)),
                      Tensor(node.saved(4)), reduction_of(name), include_self, reach, grad_in);
}

void OnceDifferentiable::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
}

void OnceDifferentiable::backward(OpNode& node, TensorRef*, TensorRef*) {
  const char* source = node.slot(1).as_string();
  fail(ErrorKind::kRuntime, node.slot(0).as_string(), "(): Double backward is unsupported for ",
       source, " when >1 zeros in ", source, " are scattered to the same position in self");
}

namespace {

// The shape that is written: the target's, or what mask and input broadcast to.
Dims masked_shape(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* mask = call.tensor(1);
  Dims sizes = t->shape();
  if (call.target)
    check(mask->ndim() <= sizes.n, ErrorKind::kRuntime, "expand(CPU", dtype_title(mask->dtype()),
          "Type{", shown(mask->sizes(), mask->ndim()), "}, size=", shown(sizes),
          "): the number of sizes provided (", sizes.n,
          ") must be greater or equal to the number of dimensions in the tensor (", mask->ndim(),
          ")");
  else
    broadcast_sizes(mask->sizes(), mask->ndim(), t->sizes(), t->ndim(), sizes);
  return sizes;
}

// The mask in that shape, row-major.
TensorRef masked_bits(Call& call, const Dims& sizes) {
  TensorImpl *t = call.tensor(0), *mask = call.tensor(1), *source = call.tensor(2);
  Tensor wide = expand(Tensor(make_detached(mask)), sizes);
  check(t->dtype() == source->dtype(), ErrorKind::kRuntime,
        "masked_scatter: expected self and source to have same dtypes but got",
        dtype_title(t->dtype()), " and ", dtype_title(source->dtype()));
  if (mask->dtype() == DType::kUInt8)
    host().warn("UserWarning",
                "masked_scatter_ received a mask with dtype torch.uint8, this behavior is now "
                "deprecated,please use a mask with dtype torch.bool instead.");
  check(mask->dtype() == DType::kBool, ErrorKind::kRuntime,
        "masked_scatter_ only supports boolean masks, but got mask with dtype ",
        dtype_title(mask->dtype()));
  return clean_bools(wide.get());
}

}  // namespace

void MaskedScatter::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* source = call.tensor(2);
  const Dims sizes = masked_shape(call);
  TensorRef bits = masked_bits(call, sizes);
  const bool* holds = reinterpret_cast<const bool*>(bits->data());
  int64_t n = bits->numel(), count = 0;
  for (int64_t i = 0; i < n; ++i) count += holds[i];
  check(count <= source->numel(), ErrorKind::kRuntime,
        "Number of elements of source < number of ones in mask");
  TensorRef values = source->is_contiguous() && source->storage().get() != t->storage().get()
                         ? TensorRef::borrow(source)
                         : converted_copy(source, source->dtype());
  TensorRef out = TensorRef::borrow(call.target);
  if (!call.target) out = converted_copy(expand(Tensor(make_detached(t)), sizes).get(), t->dtype());
  TensorRef dense = out->is_contiguous() ? out : converted_copy(out.get(), out->dtype());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(dense->mut_data());
    const auto* from = reinterpret_cast<const T*>(values->data());
    for (int64_t i = 0; i < n; ++i)
      if (holds[i]) to[i] = *from++;
  });
  if (dense.get() != out.get())
    run_copy(out->mut_data(), out->strides(), out->dtype(), dense->data(), dense->strides(),
             out->dtype(), out->sizes(), out->ndim());
  call.output = std::move(out);
}

void MaskedScatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), mask(node.saved(0));
  if (node.wants(0))
    grad_in[0] =
        sum_to(call_op(op_of<MaskedFill>(), {grad.value(), mask.value(), Value::of_int(0)}),
               node.slot(2).as_dims())
            .ref();
  if (!node.wants(1)) return;
  Dims sizes = node.slot(1).as_dims();
  Tensor chosen = call_op(op_of<MaskedSelect>(), {grad.value(), mask.value()});
  int64_t rest = checked_numel(sizes.v, sizes.n) - chosen->numel();
  if (rest > 0) {
    Tensor zeros = full(Dims::of({rest}), grad->dtype(), 0);
    TensorImpl* parts[] = {chosen.get(), zeros.get()};
    TensorList list{parts, 2};
    chosen = call_op(op_of<Cat>(), {Value::of(list), Value::of_int(0)});
  }
  grad_in[1] = view(chosen, sizes).ref();
}

namespace {

void check_put(TensorImpl* t, TensorImpl* index, TensorImpl* source) {
  check(index->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "put_(): Expected a long tensor for index, but got ", dtype_title(index->dtype()));
  check(t->dtype() == source->dtype(), ErrorKind::kRuntime,
        "put_(): self and source expected to have the same dtype, but got self.dtype = ",
        dtype_title(t->dtype()), " and source.dtype = ", dtype_title(source->dtype()));
  check(index->numel() == source->numel(), ErrorKind::kIndex,
        "put_(): Expected source and index to have the same number of elements, but got "
        "source.numel() = ",
        source->numel(), ", index.numel() = ", index->numel());
  check(index->numel() == 0 || t->numel() > 0, ErrorKind::kIndex,
        "put_(): Tried to put elements into an empty tensor");
}

}  // namespace

void Put::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* index = call.tensor(1);
  TensorImpl* source = call.tensor(2);
  check_put(t, index, source);
  const int64_t n = index->numel(), size = t->numel();
  TensorRef safe_index = TensorRef::borrow(index), safe_source = TensorRef::borrow(source);
  if (call.target) {
    safe_index = read_unshared(t, index);
    safe_source = read_unshared(t, source);
  }
  if (!safe_index->is_contiguous()) safe_index = converted_copy(safe_index.get(), DType::kInt64);
  if (!safe_source->is_contiguous())
    safe_source = converted_copy(safe_source.get(), source->dtype());
  const auto* places = reinterpret_cast<const int64_t*>(safe_index->data());
  for (int64_t i = 0; i < n; ++i)
    check(places[i] >= -size && places[i] < size, ErrorKind::kIndex,
          "out of range: tried to access index ", places[i], " on a tensor of ", size,
          " elements.");
  TensorRef out = written_copy(call, true);
  const bool dense = out->is_contiguous(), adds = call.args[3].i != 0;
  auto offset_of = [&](int64_t place) {
    if (place < 0) place += size;
    if (dense) return place;
    int64_t offset = 0;
    for (int d = out->ndim(); d-- > 0; place /= out->sizes()[d])
      offset += place % out->sizes()[d] * out->strides()[d];
    return offset;
  };
  dispatch_dtype(out->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(out->mut_data());
    const auto* from = reinterpret_cast<const T*>(safe_source->data());
    for (int64_t i = 0; i < n; ++i) {
      T& place = to[offset_of(places[i])];
      place = adds ? plus(place, from[i]) : from[i];
    }
  });
  call.output = std::move(out);
}

void Put::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), index(node.saved(1));
  if (node.wants(0)) {
    if (node.slot(0).as_bool()) {
      grad_in[0] = grad_out[0];
    } else {
      Tensor zeros = full(index->shape(), grad->dtype(), 0);
      grad_in[0] = call_op(op_of<Put>(), {grad.value(), index.value(), zeros.value()}).ref();
    }
  }
  if (node.wants(1)) {
    Tensor taken = call_op(op_of<Take>(), {grad.value(), index.value()});
    grad_in[1] = reshape(taken, node.saved(2)->shape()).ref();
  }
}

void TakeAlongDim::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0))), indices(TensorRef::borrow(call.tensor(1)));
  check(indices->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "torch.take_along_dim(): dtype of indices should be Long but got ",
        dtype_title(indices->dtype()));
  if (call.args[2].is_none()) {
    t = view(t, Dims::of({t->numel()}));
    indices = reshape(indices, Dims::of({indices->numel()}));
    call.output = gather(t, 0, indices).ref();
    return;
  }
  check(t->ndim() == indices->ndim(), ErrorKind::kRuntime,
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but "
        "got ",
        t->ndim(), " dimensions for input, and ", indices->ndim(), " dimensions for indices");
  int dim = wrap_dim(call.args[2].i, t->ndim());
  check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  Dims wide, places = indices->shape();
  places[dim] = t->sizes()[dim];
  broadcast_sizes(t->sizes(), t->ndim(), places.v, places.n, wide);
  t = expand(t, wide);
  wide[dim] = indices->sizes()[dim];
  indices = expand(indices, wide);
  call.output = gather(t, dim, indices).ref();
}

}  // namespace rl::ops

namespace rl {

void add_scatter_ops(std::vector<Op*>& table) { add_ops(ops::ScatterOps{}, table); }

}  // namespace rl

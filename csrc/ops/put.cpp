#include "ops/put.h"

#include "core/host.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/join.h"
#include "ops/places.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

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

// The mask in that shape: its own memory, unless that is written to. Bytes may hold any value.
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
  bool shared = mask->storage().get() == t->storage().get();
  return shared ? clean_bools(wide.get()) : wide.ref();
}

// body(place, mask's byte) for every element in row-major order.
template <class Body>
void each_bit(TensorImpl* bits, const Body& body) {
  const auto* holds = reinterpret_cast<const unsigned char*>(bits->data());
  int last = bits->ndim() - 1;
  int64_t line = last < 0 ? 1 : bits->sizes()[last], step = last < 0 ? 0 : bits->strides()[last];
  int64_t counter[kMaxDims] = {}, n = bits->numel();
  for (int64_t at = 0; at < n; at += line) {
    for (int64_t k = 0; k < line; ++k) body(at + k, holds[k * step]);
    for (int d = last - 1; d >= 0; --d) {
      holds += bits->strides()[d];
      if (++counter[d] < bits->sizes()[d]) break;
      holds -= bits->strides()[d] * bits->sizes()[d];
      counter[d] = 0;
    }
  }
}

}  // namespace

void MaskedScatter::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* source = call.tensor(2);
  const Dims sizes = masked_shape(call);
  TensorRef bits = masked_bits(call, sizes);
  int64_t count = 0;
  each_bit(bits.get(), [&](int64_t, unsigned char bit) { count += bit != 0; });
  check(count <= source->numel(), ErrorKind::kRuntime,
        "Number of elements of source < number of ones in mask");
  TensorRef values = source->is_contiguous() && source->storage().get() != t->storage().get()
                         ? TensorRef::borrow(source)
                         : converted_copy(source, source->dtype());
  TensorRef out = TensorRef::borrow(call.target);
  if (!call.target) out = converted_copy(expand(Tensor(make_detached(t)), sizes).get(), t->dtype());
  TensorRef dense = row_major(out.get());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(dense->mut_data());
    const auto* from = reinterpret_cast<const T*>(values->data());
    each_bit(bits.get(), [&](int64_t place, unsigned char bit) {
      if (bit) to[place] = *from++;
    });
  });
  if (dense.get() != out.get()) copy_elements(out.get(), dense.get());
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
  safe_index = row_major(safe_index.get());
  safe_source = row_major(safe_source.get());
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
      place = adds ? static_cast<T>(place + from[i]) : from[i];
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
  check(indices->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "torch.take_along_dim(): dtype of indices should be Long but got ",
        dtype_title(indices->dtype()));
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

void add_put_ops(std::vector<Op*>& table) { add_ops(ops::PutOps{}, table); }

}  // namespace rl

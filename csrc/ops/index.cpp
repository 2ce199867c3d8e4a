#include "ops/index.h"

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/index_kernels.h"
#include "ops/mask_kernels.h"
#include "ops/places.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor index_of(const Tensor& t, const std::vector<TensorRef>& indices) {
  std::vector<TensorImpl*> pointers;
  for (const TensorRef& index : indices) pointers.push_back(index.get());
  TensorList list{pointers.data(), static_cast<int>(pointers.size())};
  return call_op(op_of<Index>(), {t.value(), Value::of(list)});
}

}  // namespace

void Index::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = read_masked(t, *call.args[1].list);
  if (!call.output) call.output = read_places(t, *call.args[1].list);
}

void Index::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  std::vector<TensorRef> indices = node.saved_list(0);
  std::vector<TensorImpl*> pointers;
  for (const TensorRef& index : indices) pointers.push_back(index.get());
  TensorList list{pointers.data(), static_cast<int>(pointers.size())};
  Dims sizes = node.slot(1).as_dims();
  grad_in[0] = call_op(op_of<IndexBackward>(),
                       {Value::of(grad_out[0].get()), Value::of(list), Value::of(sizes)})
                   .ref();
}

void IndexBackward::forward(Call& call) {
  TensorImpl* grad = call.tensor(0);
  TensorRef out = full(*call.args[2].dims, grad->dtype(), 0).ref();
  add_at_places(out.get(), *call.args[1].list, grad);
  call.output = std::move(out);
}

void IndexBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = index_of(Tensor(grad_out[0]), node.saved_list(0)).ref();
}

namespace {

// One value for masks alone is written in the target's dtype, whatever its own.
bool fills_masks(TensorImpl* values, const TensorList& indices) {
  for (int i = 0; i < indices.n; ++i)
    if (indices.v[i] && indices.v[i]->dtype() != DType::kBool) return false;
  return values->numel() == 1;
}

// Whether the value broadcasts to what a mask chooses: it has no more dimensions than that.
bool fits_one(TensorImpl* values, TensorImpl* t, const TensorList& indices) {
  return indices.n == 1 && indices.v[0] && values->ndim() <= t->ndim() - indices.v[0]->ndim() + 1;
}

void put(TensorImpl* t, const TensorList& indices, TensorImpl* values, bool add) {
  check(indices.n > 0, ErrorKind::kRuntime,
        "sym_strides() called on an undefined Tensor\n  fix: give an index tensor.");
  check(t->ndim() > 0, ErrorKind::kIndex, "too many indices for tensor of dimension 0 (got ",
        indices.n, ")");
  Tensor converted;
  if (!add && fills_masks(values, indices)) {
    if (values->dtype() != t->dtype()) {
      converted = to_dtype(Tensor(make_detached(values)), t->dtype());
      values = converted.get();
    }
    if (fits_one(values, t, indices) && fill_masked_blocks(t, indices, values)) return;
  }
  check(values->dtype() == t->dtype(), ErrorKind::kRuntime,
        "Index put requires the source and destination dtypes match, got ", dtype_title(t->dtype()),
        " for the destination and ", dtype_title(values->dtype()), " for the source.");
  Places places = resolve(t, indices);
  check(expandable_to(values->sizes(), values->ndim(), places.result.v, places.result.n),
        ErrorKind::kRuntime, "shape mismatch: value tensor of shape ",
        shown(values->sizes(), values->ndim()), " cannot be broadcast to indexing result of shape ",
        shown(places.result));
  // Values that lie in the target's own memory are read before it is written.
  TensorRef safe = values->storage().get() == t->storage().get()
                       ? clone(Tensor(make_detached(values))).ref()
                       : TensorRef::borrow(values);
  const Dims strides = broadcast_strides(safe.get(), places.result);
  if (checked_numel(places.result.v, places.result.n))
    write_places(places, t, safe.get(), strides, add);
}

}  // namespace

void IndexPut::forward(Call& call) {
  put(call.target, *call.args[1].list, call.tensor(2), call.args[3].i != 0);
  call.output = TensorRef::borrow(call.target);
}

void IndexPut::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]);
  std::vector<TensorRef> indices = node.saved_list(0);
  if (node.wants(0)) {
    if (node.slot(1).as_bool()) {
      grad_in[0] = grad_out[0];
    } else {
      Tensor rest = clone(grad);
      Tensor zero = full(Dims(), grad->dtype(), 0);
      std::vector<TensorImpl*> pointers;
      for (const TensorRef& index : indices) pointers.push_back(index.get());
      TensorList list{pointers.data(), static_cast<int>(pointers.size())};
      Call call(op_of<IndexPut>());
      call.args[0] = rest.value();
      call.args[1] = Value::of(list);
      call.args[2] = zero.value();
      call.args[3] = Value::of_bool(false);
      call.target = rest.get();
      dispatch(call);
      grad_in[0] = rest.ref();
    }
  }
  if (node.wants(1)) grad_in[1] = sum_to(index_of(grad, indices), node.slot(2).as_dims()).ref();
}

void IndexPutCopy::forward(Call& call) {
  TensorRef out = written_copy(call, true);
  put(out.get(), *call.args[1].list, call.tensor(2), call.args[3].i != 0);
  call.output = std::move(out);
}

void IndexPutCopy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  IndexPut::backward(node, grad_out, grad_in);
}

void Alias::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = make_view(t, t->shape(), t->strides(), t->offset());
}

void Alias::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) { grad_in[0] = grad_out[0]; }

}  // namespace rl::ops

namespace rl {

void add_index_ops(std::vector<Op*>& table) { add_ops(ops::IndexOps{}, table); }

}  // namespace rl

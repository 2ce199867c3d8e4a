#include "ops/shape.h"

#include "core/host.h"
#include "ops/copy.h"
#include "ops/reduce.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

TensorRef swapped(TensorImpl* t, int a, int b) {
  Dims sizes = t->shape();
  Dims strides(t->strides(), t->ndim());
  if (sizes.n) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_view(t, sizes, strides.v, t->offset());
}

TensorRef viewed(TensorImpl* t, const Dims& asked) {
  Dims sizes = asked;
  infer_size(sizes, t->numel());
  int64_t strides[kMaxDims];
  check(view_strides(t->sizes(), t->strides(), t->ndim(), sizes, strides), ErrorKind::kRuntime,
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans "
        "across two contiguous subspaces). Use .reshape(...) instead.");
  return make_view(t, sizes, strides, t->offset());
}

}  // namespace

void View::forward(Call& call) { call.output = viewed(call.tensor(0), *call.args[1].dims); }

void View::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = reshape(Tensor(grad_out[0]), node.slot(0).as_dims()).ref();
}

void ReshapeAlias::forward(Call& call) { call.output = viewed(call.tensor(0), *call.args[1].dims); }

void ReshapeAlias::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  View::backward(node, grad_out, grad_in);
}

void UnsafeView::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Dims sizes = *call.args[1].dims;
  infer_size(sizes, t->numel());
  int64_t strides[kMaxDims];
  check(view_strides(t->sizes(), t->strides(), t->ndim(), sizes, strides), ErrorKind::kAssertion,
        "_unsafe_view: the strides do not allow it");
  call.output = TensorImpl::alias(t->storage(), t->dtype(), sizes, strides, t->offset());
}

void UnsafeView::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  View::backward(node, grad_out, grad_in);
}

void Reshape::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Dims sizes = *call.args[1].dims;
  infer_size(sizes, t->numel());
  int64_t strides[kMaxDims];
  Tensor source(TensorRef::borrow(t));
  if (view_strides(t->sizes(), t->strides(), t->ndim(), sizes, strides)) {
    const Op& op = t->is_contiguous() ? op_of<View>() : op_of<ReshapeAlias>();
    call.output = call_op(op, {source.value(), Value::of(sizes)}).ref();
    return;
  }
  Tensor copy = contiguous_clone(source);
  call.output = call_op(op_of<UnsafeView>(), {copy.value(), Value::of(sizes)}).ref();
}

void Expand::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Dims sizes = *call.args[1].dims, strides = expand_strides(t, sizes);
  checked_numel(sizes.v, sizes.n);
  call.output = make_view(t, sizes, strides.v, t->offset());
}

void Expand::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = sum_to(Tensor(grad_out[0]), node.slot(0).as_dims()).ref();
}

void Transpose::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output =
      swapped(t, wrap_dim(call.args[1].i, t->ndim()), wrap_dim(call.args[2].i, t->ndim()));
}

void Transpose::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] = transpose(Tensor(grad_out[0]), node.slot(0).as_int(), node.slot(1).as_int()).ref();
}

namespace {

TensorRef transposed(Call& call, const Value& a, const Value& b) {
  return call_op(op_of<Transpose>(), {call.args[0], a, b}).ref();
}

}  // namespace

void Swapaxes::forward(Call& call) { call.output = transposed(call, call.args[1], call.args[2]); }

void Swapdims::forward(Call& call) { call.output = transposed(call, call.args[1], call.args[2]); }

void Adjoint::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  if (t->ndim() == 0) {
    host().warn("UserWarning", "adjoint() is deprecated on 0-D tensors. Consider using x.conj().");
    call.output = TensorRef::borrow(t);
    return;
  }
  check(t->ndim() >= 2, ErrorKind::kRuntime,
        "tensor.adjoint() is only supported on matrices or batches of matrices. Got ", t->ndim(),
        "-D tensor.");
  call.output = transposed(call, Value::of_int(-2), Value::of_int(-1));
}

void SumToSize::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& sizes = *call.args[1].dims;
  check(expandable_to(sizes.v, sizes.n, t->sizes(), t->ndim()), ErrorKind::kRuntime, "size {",
        shown(sizes), "} is not expandable to size {", shown(t->sizes(), t->ndim()), "}.");
  call.output = t->ndim() == 0 ? call_op(op_of<Sum>(), {Value::of(t), Value::none()}).ref()
                               : sum_to(Tensor(TensorRef::borrow(t)), sizes).ref();
}

void TransposeMatrix::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() <= 2, ErrorKind::kRuntime, call.target ? "t_" : "t",
        "() expects a tensor with <= 2 dimensions, but self is ", t->ndim(), "D");
  call.output = swapped(t, 0, t->ndim() == 2 ? 1 : 0);
}

void TransposeMatrix::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    grad_in[0] = call_op(op_of<TransposeMatrix>(), {Value::of(grad_out[0].get())}).ref();
}

void Permute::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& order = *call.args[1].dims;
  check(order.n == t->ndim(), ErrorKind::kRuntime,
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
        "of the "
        "desired ordering of dimensions i.e. input.dim() = ",
        t->ndim(), " is not equal to len(dims) = ", order.n);
  Dims sizes, strides;
  bool seen[kMaxDims] = {};
  for (int64_t dim : order) {
    int d = wrap_dim(dim, t->ndim());
    check(!seen[d], ErrorKind::kRuntime, "permute(): duplicate dims are not allowed.");
    seen[d] = true;
    sizes.push(t->sizes()[d]);
    strides.push(t->strides()[d]);
  }
  call.output = make_view(t, sizes, strides.v, t->offset());
}

void Permute::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims order = node.slot(0).as_dims(), inverse = order;
  for (int i = 0; i < order.n; ++i) inverse[wrap_dim(order[i], order.n)] = i;
  grad_in[0] = call_op(op_of<Permute>(), {Value::of(grad_out[0].get()), Value::of(inverse)}).ref();
}

void ViewAs::forward(Call& call) {
  call.output = view(Tensor(TensorRef::borrow(call.tensor(0))), call.tensor(1)->shape()).ref();
}

void ExpandAs::forward(Call& call) {
  call.output = expand(Tensor(TensorRef::borrow(call.tensor(0))), call.tensor(1)->shape()).ref();
}

void ReshapeAs::forward(Call& call) {
  call.output = reshape(Tensor(TensorRef::borrow(call.tensor(0))), call.tensor(1)->shape()).ref();
}

void Detach::forward(Call& call) { call.output = make_detached(call.tensor(0)); }

}  // namespace rl::ops

namespace rl {

Dims expand_strides(TensorImpl* t, Dims& sizes) {
  Dims asked = sizes;
  check(sizes.n >= t->ndim(), ErrorKind::kRuntime, "expand(", dtype_tensor_type(t->dtype()), "{",
        shown(t->sizes(), t->ndim()), "}, size=", shown(sizes), "): the number of sizes provided (",
        sizes.n, ") must be greater or equal to the number of dimensions in the tensor (",
        t->ndim(), ")");
  Dims strides;
  int extra = sizes.n - t->ndim();
  strides.n = sizes.n;
  for (int d = sizes.n; d-- > 0;) {
    int64_t old = d < extra ? 1 : t->sizes()[d - extra];
    if (sizes[d] == -1) {
      check(d >= extra, ErrorKind::kRuntime,
            "The expanded size of the tensor (-1) isn't allowed in a "
            "leading, non-existing dimension ",
            d);
      sizes[d] = old;
    }
    check(sizes[d] == old || old == 1, ErrorKind::kRuntime, "The expanded size of the tensor (",
          sizes[d], ") must match the existing size (", old, ") at non-singleton dimension ", d,
          ".  Target sizes: ", shown(asked), ".  Tensor sizes: ", shown(t->sizes(), t->ndim()));
    check(sizes[d] >= 0, ErrorKind::kRuntime, "numel: integer multiplication overflow");
    strides[d] = d < extra || (old == 1 && sizes[d] != 1) ? 0 : t->strides()[d - extra];
  }
  return strides;
}

void add_shape_ops(std::vector<Op*>& table) { add_ops(ops::ShapeOps{}, table); }

}  // namespace rl

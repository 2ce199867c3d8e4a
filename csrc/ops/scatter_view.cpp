#include "ops/scatter_view.h"

#include "ops/copy.h"
#include "ops/create.h"
#include "ops/places.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl::ops {

namespace {

// The part of `whole` that the op View shows with these arguments behind the first. Its forward
// alone: nothing of this is recorded.
template <class View>
TensorRef part_of(TensorImpl* whole, std::initializer_list<Value> arguments) {
  Call call(op_of<View>());
  call.args[0] = Value::of(whole);
  std::copy(arguments.begin(), arguments.end(), call.args + 1);
  View::forward(call);
  return std::move(call.output);
}

// A copy of the input, and src written over the part of it that View shows.
template <class View>
void scatter(Call& call, std::initializer_list<Value> arguments) {
  TensorImpl *t = call.tensor(0), *src = call.tensor(1);
  TensorRef out = factory_like(t, Value::none());
  TensorRef part = part_of<View>(out.get(), arguments);
  check(part->shape() == src->shape(), ErrorKind::kRuntime,
        "expected src to have a size equal to the slice of self. src size = ",
        shown(src->sizes(), src->ndim()), ", slice size = ", shown(part->sizes(), part->ndim()));
  copy_elements(out.get(), t);
  copy_elements(part.get(), src);
  // `part` shares the version block that its making gave to `out`.
  call.output = std::move(out);
}

// The gradient for the input: what arrives, with zeros where src stood.
template <class Scatter>
TensorRef without_part(const TensorRef& grad, const Dims& part,
                       std::initializer_list<Value> arguments) {
  Tensor zeros = full(part, grad->dtype(), 0);
  Call call(op_of<Scatter>());
  call.args[0] = Value::of(grad.get());
  call.args[1] = zeros.value();
  std::copy(arguments.begin(), arguments.end(), call.args + 2);
  dispatch(call);
  return std::move(call.output);
}

template <class View>
TensorRef part_of_gradient(const TensorRef& grad, std::initializer_list<Value> arguments) {
  Call call(op_of<View>());
  call.args[0] = Value::of(grad.get());
  std::copy(arguments.begin(), arguments.end(), call.args + 1);
  dispatch(call);
  return std::move(call.output);
}

template <class Scatter, class View>
void split_gradient(OpNode& node, TensorRef* grad_out, TensorRef* grad_in, const Dims& part,
                    std::initializer_list<Value> arguments) {
  if (!grad_out[0]) return;
  if (node.wants(0)) grad_in[0] = without_part<Scatter>(grad_out[0], part, arguments);
  if (node.wants(1)) grad_in[1] = part_of_gradient<View>(grad_out[0], arguments);
}

Value slot_int(OpNode& node, int i) { return Value::of_int(node.slot(i).as_int()); }

}  // namespace

void DiagonalScatter::forward(Call& call) {
  scatter<Diagonal>(call, {call.args[2], call.args[3], call.args[4]});
}

void DiagonalScatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  split_gradient<DiagonalScatter, Diagonal>(
      node, grad_out, grad_in, node.slot(3).as_dims(),
      {slot_int(node, 2), slot_int(node, 0), slot_int(node, 1)});
}

void SelectScatter::forward(Call& call) { scatter<Select>(call, {call.args[2], call.args[3]}); }

void SelectScatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  split_gradient<SelectScatter, Select>(node, grad_out, grad_in, node.slot(2).as_dims(),
                                        {slot_int(node, 0), slot_int(node, 1)});
}

namespace {

Value start_of(const Value& start) { return start.is_none() ? Value::of_int(0) : start; }
Value end_of(const Value& end) { return end.is_none() ? Value::of_int(INT64_MAX) : end; }

Value slot_bound(OpNode& node, int i) {
  return node.slot(i).kind() == SavedKind::kNone ? Value::none() : slot_int(node, i);
}

}  // namespace

void SliceScatter::forward(Call& call) {
  check(call.tensor(0)->ndim() > 0, ErrorKind::kIndex,
        "slice() cannot be applied to a 0-dim tensor.");
  scatter<Slice>(call, {call.args[2], start_of(call.args[3]), end_of(call.args[4]), call.args[5]});
}

void SliceScatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Value dim = slot_int(node, 0), end = slot_bound(node, 1), start = slot_bound(node, 2);
  Value step = slot_int(node, 3);
  if (node.wants(0))
    grad_in[0] =
        without_part<SliceScatter>(grad_out[0], node.slot(4).as_dims(), {dim, start, end, step});
  if (node.wants(1))
    grad_in[1] = part_of_gradient<Slice>(grad_out[0], {dim, start_of(start), end_of(end), step});
}

void AsStridedScatter::forward(Call& call) {
  scatter<AsStrided>(call, {call.args[2], call.args[3], call.args[4]});
}

// Places count in the input's geometry: the gradient takes that where it is dense.
void AsStridedScatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = grad_out[0]->shape(), strides = node.slot(3).as_dims();
  Dims part = node.slot(0).as_dims(), part_strides = node.slot(2).as_dims();
  Value offset = slot_bound(node, 1);
  if (offset.is_none()) offset = Value::of_int(0);
  Tensor grad(grad_out[0]);
  bool dense = dense_non_overlapping(sizes.v, strides.v, sizes.n);
  if (!dense) strides = row_major_strides(sizes);
  bool fits = grad->offset() == 0 && Dims(grad->strides(), grad->ndim()) == strides;
  if (!fits) grad = call_op(op_of<Restride>(), {grad.value(), Value::of(strides)});
  if (node.wants(0))
    grad_in[0] = without_part<AsStridedScatter>(grad.ref(), part,
                                                {Value::of(part), Value::of(part_strides), offset});
  if (node.wants(1))
    grad_in[1] =
        part_of_gradient<AsStrided>(grad.ref(), {Value::of(part), Value::of(part_strides), offset});
}

void NarrowCopy::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() > 0, ErrorKind::kRuntime, "narrow() cannot be applied to a 0-dim tensor.");
  int dim = wrap_dim(call.args[1].i, t->ndim());
  int64_t start = call.args[2].i, length = call.args[3].i, size = t->sizes()[dim];
  check(start >= -size && start <= size, ErrorKind::kIndex,
        "start out of range (expected to be in range of [", -size, ", ", size, "], but got ", start,
        ")");
  if (start < 0) start += size;
  check(length >= 0 && length <= size - start, ErrorKind::kRuntime, "start (", start,
        ") + length (", length, ") exceeds dimension size (", size, ").");
  TensorRef part = part_of<Slice>(t, {Value::of_int(dim), Value::of_int(start),
                                      Value::of_int(start + length), Value::of_int(1)});
  call.output = row_major_copy(part.get());
}

void NarrowCopy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(2).as_dims(), strides = row_major_strides(sizes);
  int64_t start = node.slot(3).as_int();
  int dim = wrap_dim(node.slot(0).as_int(), sizes.n);
  if (start < 0) start += sizes[dim];
  Dims part = strides;
  grad_in[0] = call_op(op_of<SliceBackward>(),
                       {Value::of(grad_out[0].get()), Value::of(sizes), Value::of(strides),
                        Value::of(part), Value::of_int(start * strides[dim])})
                   .ref();
}

}  // namespace rl::ops

namespace rl {

void add_scatter_view_ops(std::vector<Op*>& table) { add_ops(ops::ScatterViewOps{}, table); }

}  // namespace rl

#include "ops/dims.h"

#include "ops/copy.h"
#include "ops/index.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor input_of(Call& call) { return Tensor(TensorRef::borrow(call.tensor(0))); }

// The view without those dimensions that `drop` names and whose size is 1.
TensorRef squeezed(TensorImpl* t, const bool* drop) {
  Dims sizes, strides;
  for (int d = 0; d < t->ndim(); ++d) {
    if (drop[d] && t->sizes()[d] == 1) continue;
    sizes.push(t->sizes()[d]);
    strides.push(t->strides()[d]);
  }
  return make_view(t, sizes, strides.v, t->offset());
}

void unsqueeze_gradient(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = reshape(Tensor(grad_out[0]), node.slot(0).as_dims()).ref();
}

}  // namespace

void Squeeze::forward(Call& call) {
  bool drop[kMaxDims];
  std::fill(drop, drop + kMaxDims, true);
  call.output = squeezed(call.tensor(0), drop);
}

void Squeeze::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  unsqueeze_gradient(node, grad_out, grad_in);
}

void SqueezeDim::forward(Call& call) {
  bool drop[kMaxDims] = {};
  drop[wrap_dim(call.args[1].i, call.tensor(0)->ndim())] = true;
  call.output = squeezed(call.tensor(0), drop);
}

void SqueezeDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  unsqueeze_gradient(node, grad_out, grad_in);
}

void SqueezeDims::forward(Call& call) {
  bool drop[kMaxDims] = {};
  for (int64_t dim : *call.args[1].dims) {
    int d = wrap_dim(dim, call.tensor(0)->ndim());
    check(!drop[d], ErrorKind::kRuntime, "dim ", d, " appears multiple times in the list of dims");
    drop[d] = true;
  }
  call.output = squeezed(call.tensor(0), drop);
}

void SqueezeDims::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  unsqueeze_gradient(node, grad_out, grad_in);
}

void Unsqueeze::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim() + 1);
  Dims sizes = t->shape(), strides(t->strides(), t->ndim());
  int64_t stride = dim < t->ndim() ? sizes[dim] * strides[dim] : 1;
  sizes.insert(dim, 1);
  strides.insert(dim, stride);
  call.output = make_view(t, sizes, strides.v, t->offset());
}

void Unsqueeze::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Value dim = Value::of_int(node.slot(0).as_int());
  grad_in[0] = call_op(op_of<SqueezeDim>(), {Value::of(grad_out[0].get()), dim}).ref();
}

void Flatten::forward(Call& call) {
  Tensor t = input_of(call);
  int start = wrap_dim(call.args[1].i, t->ndim()), end = wrap_dim(call.args[2].i, t->ndim());
  check(start <= end, ErrorKind::kRuntime,
        "flatten() has invalid args: start_dim cannot come after end_dim");
  if (t->ndim() == 0) {
    call.output = reshape(t, Dims::of({1})).ref();
    return;
  }
  if (start == end) {
    call.output = t.ref();
    return;
  }
  Dims sizes;
  int64_t merged = checked_numel(t->sizes() + start, end - start + 1);
  for (int d = 0; d < start; ++d) sizes.push(t->sizes()[d]);
  sizes.push(merged);
  for (int d = end + 1; d < t->ndim(); ++d) sizes.push(t->sizes()[d]);
  call.output = reshape(t, sizes).ref();
}

// Always row-major, where reshape() may keep an expanded stride.
void Ravel::forward(Call& call) {
  Tensor dense = call_op(op_of<Contiguous>(), {Value::of(call.tensor(0))});
  call.output = view(dense, Dims::of({-1})).ref();
}

void Unflatten::forward(Call& call) {
  Tensor t = input_of(call);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  Dims parts = *call.args[2].dims;
  check(parts.n > 0, ErrorKind::kRuntime, "unflatten: sizes must be non-empty");
  int64_t size = t->ndim() ? t->sizes()[dim] : 1;
  int64_t product = 1;
  int inferred = -1;
  bool overflow = false;
  for (int i = 0; i < parts.n; ++i) {
    if (parts[i] == -1) {
      check(inferred < 0, ErrorKind::kRuntime,
            "unflatten got an unexpected error:\nonly one dimension can be inferred");
      inferred = i;
    } else {
      overflow = overflow || __builtin_mul_overflow(product, parts[i], &product);
    }
  }
  bool fits = !overflow && (inferred < 0 ? product == size : product > 0 && size % product == 0);
  check(fits, ErrorKind::kRuntime, "unflatten: Provided sizes ", shown(parts),
        " don't multiply up to the size of dim ", dim, " (", size, ") in the input tensor");
  if (inferred >= 0) parts[inferred] = size / product;
  Dims sizes;
  for (int d = 0; d < dim; ++d) sizes.push(t->sizes()[d]);
  for (int64_t part : parts) sizes.push(part);
  for (int d = dim + 1; d < t->ndim(); ++d) sizes.push(t->sizes()[d]);
  call.output = view(t, sizes).ref();
}

void Movedim::forward(Call& call) {
  Tensor t = input_of(call);
  const Dims& from = *call.args[1].dims;
  const Dims& to = *call.args[2].dims;
  check(from.n == to.n, ErrorKind::kRuntime,
        "movedim: Invalid source or destination dims: source (", shown(from),
        " dims) should contain the same number of dims as destination (", shown(to), " dims)");
  int n = t->ndim();
  int64_t order[kMaxDims];
  bool taken[kMaxDims] = {};
  std::fill(order, order + kMaxDims, -1);
  for (int i = 0; i < from.n; ++i) {
    int source = wrap_dim(from[i], n), place = wrap_dim(to[i], n);
    check(!taken[source], ErrorKind::kRuntime, "movedim: repeated dim in `source` (", shown(from),
          ")");
    check(order[place] < 0, ErrorKind::kRuntime, "movedim: repeated dim in `destination` (",
          shown(to), ")");
    taken[source] = true;
    order[place] = source;
  }
  Dims dims;
  int next = 0;
  for (int d = 0; d < n; ++d) {
    if (order[d] < 0) {
      while (taken[next]) ++next;
      order[d] = next++;
    }
    dims.push(order[d]);
  }
  call.output = (n ? permute(t, dims) : call_op(op_of<Alias>(), {t.value()})).ref();
}

void BroadcastTo::forward(Call& call) {
  call.output = expand(input_of(call), *call.args[1].dims).ref();
}

}  // namespace rl::ops

namespace rl {

void add_dims_ops(std::vector<Op*>& table) { add_ops(ops::DimsOps{}, table); }

}  // namespace rl

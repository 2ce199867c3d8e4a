#include "ops/memory.h"

#include "kernels/iterator.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

[[noreturn]] void fail_viewed(const char* what, TensorImpl* t, DType to, const std::string& end) {
  fail(ErrorKind::kRuntime, "self.", what, " to view ", dtype_title(t->dtype()), " as ",
       dtype_title(to), " (different element sizes)", end);
}

// Several narrow elements as one wide one: everything must be a multiple of it.
void widen(TensorImpl* t, DType to, int64_t ratio, Dims& sizes, Dims& strides, int64_t& offset) {
  int last = sizes.n - 1;
  auto divisible = [&](const std::string& what, int64_t value) {
    if (value % ratio)
      fail_viewed(concat(what, " must be divisible by ", ratio).c_str(), t, to,
                  concat(", but got ", value));
  };
  divisible("size(-1)", sizes[last]);
  divisible("storage_offset()", offset);
  for (int d = 0; d < last; ++d) divisible(concat("stride(", d, ")"), strides[d]);
  for (int d = 0; d < last; ++d) strides[d] /= ratio;
  sizes[last] /= ratio;
  offset /= ratio;
}

void narrow(int64_t ratio, Dims& sizes, Dims& strides, int64_t& offset) {
  int last = sizes.n - 1;
  for (int d = 0; d < last; ++d) strides[d] *= ratio;
  sizes[last] *= ratio;
  offset *= ratio;
  checked_numel(sizes.v, sizes.n);
}

void rebind(TensorImpl* target, TensorImpl* source, const Dims& sizes, const Dims& strides,
            int64_t offset) {
  check(source->dtype() == target->dtype(), ErrorKind::kRuntime, "Could not set tensor of type ",
        dtype_cpp_name(source->dtype()), " to a tensor of type ", dtype_cpp_name(target->dtype()));
  target->set_storage(source->storage());
  target->set_geometry(sizes, strides.v, offset);
}

// Sizes and strides of t with every dimension split in two: how often, and the dimension itself.
struct Split {
  Dims sizes, strides, result, repeats_at;
};

Split split_repeats(const Dims& sizes, const Dims& strides, const Dims& repeats) {
  check(repeats.n >= sizes.n, ErrorKind::kRuntime,
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
        "tensor");
  check(2 * repeats.n <= kMaxDims, ErrorKind::kRuntime, "repeat(): more than ", kMaxDims / 2,
        " dimensions are not supported");
  Split s;
  int extra = repeats.n - sizes.n;
  bool negative = false;
  for (int d = 0; d < repeats.n; ++d) {
    int64_t size = d < extra ? 1 : sizes[d - extra], total;
    s.repeats_at.push(s.sizes.n);
    s.sizes.push(repeats[d]);
    s.strides.push(0);
    s.sizes.push(size);
    s.strides.push(d < extra ? 0 : strides[d - extra]);
    check(!__builtin_mul_overflow(repeats[d], size, &total), ErrorKind::kRuntime,
          "Storage size calculation overflowed");
    s.result.push(total);
    negative = negative || total < 0;
  }
  for (int64_t size : s.result)
    check(!negative || size >= 0, ErrorKind::kRuntime,
          "Trying to create tensor with negative dimension ", size, ": ", shown(s.result));
  return s;
}

}  // namespace

void ViewDtype::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  DType to = call.args[1].dtype;
  auto from_size = static_cast<int64_t>(item_size(t->dtype()));
  auto to_size = static_cast<int64_t>(item_size(to));
  Dims sizes = t->shape(), strides(t->strides(), t->ndim());
  int64_t offset = t->offset();
  if (from_size != to_size) {
    if (t->ndim() == 0) fail_viewed("dim() cannot be 0", t, to, "");
    if (strides[sizes.n - 1] != 1)
      fail_viewed("stride(-1) must be 1", t, to, concat(", but got ", strides[sizes.n - 1]));
    if (from_size < to_size)
      widen(t, to, to_size / from_size, sizes, strides, offset);
    else
      narrow(from_size / to_size, sizes, strides, offset);
  }
  call.output = TensorImpl::alias(t->storage(), to, sizes, strides.v, offset);
  if (t->is_inference())
    call.output->set_inference();
  else
    call.output->share_version(*t);
}

void Set::forward(Call& call) {
  TensorImpl* source = call.tensor(1);
  rebind(call.target, source, source->shape(), Dims(source->strides(), source->ndim()),
         source->offset());
  call.output = TensorRef::borrow(call.target);
}

void Set::backward(OpNode&, TensorRef*, TensorRef*) {
  fail(ErrorKind::kRuntime, "derivative for set_ is not implemented");
}

void SetGeometry::forward(Call& call) {
  TensorImpl* source = call.tensor(1);
  int64_t offset = call.args[2].i, last = offset;
  const Dims& sizes = *call.args[3].dims;
  Dims strides = row_major_strides(sizes);
  if (!call.args[4].is_none() && call.args[4].dims->n) strides = *call.args[4].dims;
  check(strides.n == sizes.n, ErrorKind::kRuntime, "unequal size length (", sizes.n,
        ") and stride length (", strides.n, ")");
  check(offset >= 0, ErrorKind::kRuntime, "Tensor: invalid storage offset ", offset);
  bool overflow = false;
  for (int d = 0; d < sizes.n; ++d) {
    check(sizes[d] >= 0 && strides[d] >= 0, ErrorKind::kRuntime,
          "set_(): sizes and strides must not be negative, got ", shown(sizes), " and ",
          shown(strides));
    int64_t step;
    overflow = overflow || __builtin_mul_overflow(sizes[d] - 1, strides[d], &step) ||
               __builtin_add_overflow(last, step, &last);
  }
  auto item = static_cast<int64_t>(item_size(source->dtype()));
  int64_t bytes = 0;
  if (checked_numel(sizes.v, sizes.n) && !overflow)
    overflow = __builtin_mul_overflow(last + 1, item, &bytes);
  check(!overflow, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(sizes),
        " and strides=", shown(strides));
  if (static_cast<size_t>(bytes) > source->storage()->bytes()) {
    check(source->storage()->resizable(), ErrorKind::kRuntime,
          "Trying to resize storage that is not resizable");
    source->storage()->resize(static_cast<size_t>(bytes));
  }
  rebind(call.target, source, sizes, strides, offset);
  call.output = TensorRef::borrow(call.target);
}

void SetGeometry::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Set::backward(node, grad_out, grad_in);
}

void SetEmpty::forward(Call& call) {
  TensorRef nothing = TensorImpl::empty(call.target->dtype(), Dims::of({0}));
  rebind(call.target, nothing.get(), nothing->shape(), Dims::of({1}), 0);
  call.output = TensorRef::borrow(call.target);
}

void SetEmpty::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Set::backward(node, grad_out, grad_in);
}

void Repeat::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Split s = split_repeats(t->shape(), strides_of(t), *call.args[1].dims);
  call.output = TensorImpl::empty(t->dtype(), s.result);
  if (call.output->numel() == 0) return;
  copy_places(call.output.get(), row_major_strides(s.sizes), 0, t, s.strides, 0, s.sizes);
}

void Repeat::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(1).as_dims(), repeats = node.slot(0).as_dims();
  if (repeats.n == 0) {
    grad_in[0] = grad_out[0];
    return;
  }
  Split s = split_repeats(sizes, sizes, repeats);
  Tensor parts = sum(reshape(Tensor(grad_out[0]), s.sizes), s.repeats_at, false);
  grad_in[0] = parts->ndim() == sizes.n ? parts.ref() : view(parts, sizes).ref();
}

void Tile::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  Dims repeats = *call.args[1].dims;
  while (repeats.n < t->ndim()) repeats.insert(0, 1);
  call.output = call_op(op_of<Repeat>(), {t.value(), Value::of(repeats)}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_memory_ops(std::vector<Op*>& table) { add_ops(ops::MemoryOps{}, table); }

}  // namespace rl

#include "ops/join.h"

#include "kernels/iterator.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

void copy_part(TensorImpl* out, const int64_t* strides, int64_t offset, TensorImpl* part) {
  char* to = out->mut_data() + offset * static_cast<int64_t>(item_size(out->dtype()));
  run_copy(to, strides, out->dtype(), part->data(), part->strides(), part->dtype(), part->sizes(),
           part->ndim());
}

DType joined_type(const TensorList& list) {
  ResultType type;
  for (int i = 0; i < list.n; ++i) type.add_tensor(list.v[i]->dtype(), list.v[i]->ndim());
  return type.get();
}

// A count that no caller means would fill the memory, view by view, before anybody could stop it.
void check_parts(const char* function, int64_t parts) {
  constexpr int64_t kMost = int64_t{1} << 24;
  check(parts <= kMost, ErrorKind::kRuntime, function, "(): ", parts,
        " tensors asked for, and at most ", kMost,
        " can be made at once\n  fix: take the parts one "
        "by one, with narrow() or select().");
}

bool left_out(const Dims& sizes) { return sizes.n == 1 && sizes[0] == 0; }
bool left_out(const TensorImpl* t) { return t->ndim() == 1 && t->sizes()[0] == 0; }

void add_output(Call& call, TensorRef t) {
  if (call.output)
    call.more.push_back(std::move(t));
  else
    call.output = std::move(t);
}

// The gradients of all outputs, zeros where none arrived; false when none arrived at all.
bool complete(OpNode& node, TensorRef* grad_out) {
  bool any = false;
  DType dtype = node.output_meta(0).dtype;
  for (uint32_t i = 0; i < node.n_outputs(); ++i) any = any || grad_out[i];
  for (uint32_t i = 0; any && i < node.n_outputs(); ++i)
    if (!grad_out[i]) grad_out[i] = full(node.output_shape(i), dtype, 0).ref();
  return any;
}

std::vector<TensorImpl*> pointers(OpNode& node, TensorRef* grad_out) {
  std::vector<TensorImpl*> list;
  for (uint32_t i = 0; i < node.n_outputs(); ++i) list.push_back(grad_out[i].get());
  return list;
}

template <class Op>
TensorRef join(const std::vector<TensorImpl*>& parts, int64_t dim) {
  TensorList list{parts.data(), static_cast<int>(parts.size())};
  return call_op(op_of<Op>(), {Value::of(list), Value::of_int(dim)}).ref();
}

}  // namespace

void Cat::forward(Call& call) {
  const TensorList& list = *call.args[0].list;
  check(list.n > 0, ErrorKind::kValue, "torch.cat(): expected a non-empty list of Tensors");
  TensorImpl* model = nullptr;
  for (int i = 0; i < list.n; ++i) {
    check(list.v[i]->ndim() > 0, ErrorKind::kRuntime, "zero-dimensional tensor (at position ", i,
          ") cannot be concatenated");
    if (!model && !left_out(list.v[i])) model = list.v[i];
  }
  if (!model) model = list.v[0];
  int dim = wrap_dim(call.args[1].i, model->ndim());
  Dims sizes = model->shape();
  int64_t total = 0;
  bool overflow = false;
  for (int i = 0; i < list.n; ++i) {
    TensorImpl* t = list.v[i];
    if (left_out(t)) continue;
    check(t->ndim() == model->ndim(), ErrorKind::kRuntime,
          "Tensors must have same number of dimensions: got ", model->ndim(), " and ", t->ndim());
    for (int d = 0; d < t->ndim(); ++d)
      check(d == dim || t->sizes()[d] == sizes[d], ErrorKind::kRuntime,
            "Sizes of tensors must match except in dimension ", dim, ". Expected size ", sizes[d],
            " but got size ", t->sizes()[d], " for tensor number ", i, " in the list.");
    overflow |= __builtin_add_overflow(total, t->sizes()[dim], &total);
  }
  sizes[dim] = total;  // a sum that wraps around is named as PyTorch names it
  check(!overflow, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", total,
        ": ", shown(sizes));
  call.output = TensorImpl::empty(joined_type(list), sizes);
  int64_t at = 0;
  for (int i = 0; i < list.n; ++i) {
    if (left_out(list.v[i])) continue;
    const int64_t* strides = call.output->strides();
    copy_part(call.output.get(), strides, at * strides[dim], list.v[i]);
    at += list.v[i]->sizes()[dim];
  }
}

void Cat::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]);
  std::vector<Dims> parts = node.slot(1).as_shapes();
  int64_t at = 0;
  for (uint32_t i = 0; i < node.n_edges(); ++i) {
    const Dims& part = parts[i];
    if (left_out(part)) {
      if (node.wants(i)) grad_in[i] = full(part, grad->dtype(), 0).ref();
      continue;
    }
    int64_t length = part[wrap_dim(node.slot(0).as_int(), part.n)];
    if (node.wants(i)) grad_in[i] = slice(grad, node.slot(0).as_int(), at, at + length, 1).ref();
    at += length;
  }
}

void Stack::forward(Call& call) {
  const TensorList& list = *call.args[0].list;
  check(list.n > 0, ErrorKind::kRuntime, "stack expects a non-empty TensorList");
  Dims sizes = list.v[0]->shape();
  int dim = wrap_dim(call.args[1].i, sizes.n + 1);
  for (int i = 1; i < list.n; ++i)
    check(list.v[i]->shape() == sizes, ErrorKind::kRuntime,
          "stack expects each tensor to be equal size, but got ", shown(sizes), " at entry 0 and ",
          shown(list.v[i]->shape()), " at entry ", i);
  sizes.insert(dim, list.n);
  call.output = TensorImpl::empty(joined_type(list), sizes);
  Dims strides;
  for (int d = 0; d < sizes.n; ++d)
    if (d != dim) strides.push(call.output->strides()[d]);
  for (int i = 0; i < list.n; ++i)
    copy_part(call.output.get(), strides.v, i * call.output->strides()[dim], list.v[i]);
}

void Stack::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]);
  int dim = wrap_dim(node.slot(0).as_int(), grad->ndim());
  for (uint32_t i = 0; i < node.n_edges(); ++i)
    if (node.wants(i)) grad_in[i] = select(grad, dim, i).ref();
}

void Unbind::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  check_parts("unbind", t->sizes()[dim]);
  Dims sizes, strides;
  for (int d = 0; d < t->ndim(); ++d) {
    if (d == dim) continue;
    sizes.push(t->sizes()[d]);
    strides.push(t->strides()[d]);
  }
  for (int64_t i = 0; i < t->sizes()[dim]; ++i)
    add_output(call, make_view(t, sizes, strides.v, t->offset() + i * t->strides()[dim],
                               Creation::kMultiOutput));
}

void Unbind::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (complete(node, grad_out))
    grad_in[0] = join<Stack>(pointers(node, grad_out), node.slot(0).as_int());
}

namespace {

// `views`: the parts are views of t; else aliases that count as tensors of their own.
void split_at(Call& call, TensorImpl* t, int dim, const IntList& lengths, bool views) {
  int64_t at = t->offset();
  for (int64_t i = 0; i < lengths.n; ++i) {
    Dims sizes = t->shape();
    sizes[dim] = lengths.v[i];
    if (views) {
      add_output(call, make_view(t, sizes, t->strides(), at, Creation::kMultiOutput));
    } else {
      TensorRef part = TensorImpl::alias(t->storage(), t->dtype(), sizes, t->strides(), at);
      if (t->is_inference()) part->set_inference();
      add_output(call, std::move(part));
    }
    at += lengths.v[i] * t->strides()[dim];
  }
}

std::string list_of(const IntList& numbers) {
  std::string text = "[";
  for (int64_t i = 0; i < numbers.n; ++i) text += concat(i ? ", " : "", numbers.v[i]);
  return text + "]";
}

void split_evenly(Call& call, bool views) {
  TensorImpl* t = call.tensor(0);
  int64_t length = call.args[1].i;
  check(t->ndim() > 0, ErrorKind::kRuntime, "split expects at least a 1-dimensional tensor");
  check(length >= 0, ErrorKind::kRuntime,
        "split expects split_size be non-negative, but got split_size=", length);
  int dim = wrap_dim(call.args[2].i, t->ndim());
  int64_t size = t->sizes()[dim];
  check(length > 0 || size == 0, ErrorKind::kRuntime,
        "split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
  check_parts("split", length ? (size - 1) / length + 1 : 1);
  std::vector<int64_t> lengths;
  for (int64_t left = size; left > 0; left -= lengths.back())
    lengths.push_back(std::min(left, length));
  if (lengths.empty()) lengths.push_back(0);
  split_at(call, t, dim, {lengths.data(), static_cast<int64_t>(lengths.size())}, views);
}

void split_by_sizes(Call& call, bool views) {
  TensorImpl* t = call.tensor(0);
  const IntList& lengths = *call.args[1].ints;
  check(t->ndim() > 0, ErrorKind::kRuntime, "split expects at least a 1-dimensional tensor");
  int dim = wrap_dim(call.args[2].i, t->ndim());
  int64_t size = t->sizes()[dim], total = 0;
  bool fits = true;
  for (int64_t i = 0; i < lengths.n; ++i) {
    if (lengths.v[i] < 0)
      fail(ErrorKind::kRuntime,
           "split_with_sizes expects split_sizes have only non-negative entries, but got "
           "split_sizes=",
           list_of(lengths));
    fits = fits && !__builtin_add_overflow(total, lengths.v[i], &total);
  }
  if (!fits || total != size)
    fail(ErrorKind::kRuntime, "split_with_sizes expects split_sizes to sum exactly to ", size,
         " (input tensor's size at dimension ", dim, "), but got split_sizes=", list_of(lengths));
  split_at(call, t, dim, lengths, views);
}

}  // namespace

void Split::forward(Call& call) { split_evenly(call, true); }

void Split::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (complete(node, grad_out))
    grad_in[0] = join<Cat>(pointers(node, grad_out), node.slot(2).as_int());
}

void SplitSizes::forward(Call& call) { split_by_sizes(call, true); }

void SplitSizes::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Split::backward(node, grad_out, grad_in);
}

namespace {

void take_outputs(Call& call, Call& from) {
  dispatch(from);
  call.output = std::move(from.output);
  call.more = std::move(from.more);
}

}  // namespace

void SplitWithSizes::forward(Call& call) {
  Call split(op_of<SplitSizes>());
  for (int i = 0; i < 3; ++i) split.args[i] = call.args[i];
  take_outputs(call, split);
}

namespace {

void chunk_by(Call& call, const Op& by_length, const Op& by_sizes) {
  TensorImpl* t = call.tensor(0);
  int64_t chunks = call.args[1].i;
  check(t->ndim() > 0, ErrorKind::kRuntime, "chunk expects at least a 1-dimensional tensor");
  check(chunks > 0, ErrorKind::kRuntime,
        "chunk expects `chunks` to be greater than 0, got: ", chunks);
  int64_t size = t->sizes()[wrap_dim(call.args[2].i, t->ndim())];
  int64_t length = size / chunks + (size % chunks != 0);
  Call split(length ? by_length : by_sizes);
  split.args[0] = call.args[0];
  split.args[1] = Value::of_int(length);
  split.args[2] = call.args[2];
  if (length) return take_outputs(call, split);
  // Nothing to share out: as many empty parts as were asked for.
  check_parts("chunk", chunks);
  std::vector<int64_t> zeros(static_cast<size_t>(chunks));
  IntList lengths{zeros.data(), chunks};
  split.args[1] = Value::of(lengths);
  take_outputs(call, split);
}

}  // namespace

void Chunk::forward(Call& call) { chunk_by(call, op_of<Split>(), op_of<SplitSizes>()); }

void UnsafeChunk::forward(Call& call) {
  chunk_by(call, op_of<UnsafeSplit>(), op_of<UnsafeSplitWithSizes>());
}

void UnsafeSplit::forward(Call& call) { split_evenly(call, false); }

void UnsafeSplit::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (complete(node, grad_out))
    grad_in[0] = join<Cat>(pointers(node, grad_out), node.slot(0).as_int());
}

void UnsafeSplitWithSizes::forward(Call& call) { split_by_sizes(call, false); }

void UnsafeSplitWithSizes::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  UnsafeSplit::backward(node, grad_out, grad_in);
}

void TensorSplit::forward(Call& call) {
  Tensor t = borrowed(call.tensor(0));
  int64_t sections = call.args[1].i;
  check(t->ndim() > 0, ErrorKind::kRuntime,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ", t->ndim(),
        " dims");
  int dim = wrap_dim(call.args[2].i, t->ndim());
  check(sections > 0, ErrorKind::kRuntime, "number of sections must be larger than 0, got ",
        sections);
  check_parts("tensor_split", sections);
  int64_t size = t->sizes()[dim], at = 0;
  for (int64_t i = 0; i < sections; ++i) {
    int64_t length = size / sections + (i < size % sections);
    add_output(call, slice(t, dim, at, at + length, 1).ref());
    at += length;
  }
}

void TensorSplitIndices::forward(Call& call) {
  Tensor t = borrowed(call.tensor(0));
  check(t->ndim() > 0, ErrorKind::kRuntime,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ", t->ndim(),
        " dims");
  int dim = wrap_dim(call.args[2].i, t->ndim());
  const IntList& indices = *call.args[1].ints;
  int64_t start = 0;
  for (int64_t i = 0; i < indices.n; ++i) {
    add_output(call, slice(t, dim, start, indices.v[i], 1).ref());
    start = indices.v[i];
  }
  add_output(call, slice(t, dim, start, t->sizes()[dim], 1).ref());
}

void TensorSplitTensor::forward(Call& call) {
  TensorImpl* given = call.tensor(1);
  check(given->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
        dtype_title(given->dtype()));
  check(given->ndim() <= 1, ErrorKind::kRuntime,
        "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
        "one-dimensional tensor, but got a tensor with ",
        given->ndim(), " dims");
  TensorRef dense = row_major(given);
  IntList numbers{reinterpret_cast<const int64_t*>(dense->data()), dense->numel()};
  bool sections = given->ndim() == 0;
  Call split(sections ? op_of<TensorSplit>() : op_of<TensorSplitIndices>());
  split.args[0] = call.args[0];
  split.args[1] = sections ? Value::of_int(numbers.v[0]) : Value::of(numbers);
  split.args[2] = call.args[2];
  take_outputs(call, split);
}

}  // namespace rl::ops

namespace rl {

void add_join_ops(std::vector<Op*>& table) { add_ops(ops::JoinOps{}, table); }

}  // namespace rl

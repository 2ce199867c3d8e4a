#include "ops/stacking.h"

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/join.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// cat of what `shaped` makes of each tensor.
template <class Shaped>
void stacked(Call& call, const char* name, int64_t dim, const Shaped& shaped) {
  const TensorList& list = *call.args[0].list;
  check(list.n > 0, ErrorKind::kRuntime, name, " expects a non-empty TensorList");
  std::vector<Tensor> held;
  std::vector<TensorImpl*> parts;
  for (int i = 0; i < list.n; ++i) {
    held.push_back(shaped(Tensor(TensorRef::borrow(list.v[i]))));
    parts.push_back(held.back().get());
  }
  if (dim == 1 && parts[0]->ndim() == 1) dim = 0;
  TensorList joined{parts.data(), list.n};
  call.output = call_op(op_of<Cat>(), {Value::of(joined), Value::of_int(dim)}).ref();
}

Tensor at_least_2d(const Tensor& t) {
  if (t->ndim() == 0) return reshape(t, Dims::of({1, 1}));
  return t->ndim() == 1 ? unsqueeze(t, 0) : t;
}

Tensor at_least_3d(const Tensor& t) {
  if (t->ndim() == 0) return reshape(t, Dims::of({1, 1, 1}));
  return t->ndim() < 3 ? unsqueeze(at_least_2d(t), -1) : t;
}

}  // namespace

void Hstack::forward(Call& call) {
  stacked(call, "hstack", 1,
          [](const Tensor& t) { return t->ndim() == 0 ? reshape(t, Dims::of({1})) : t; });
}

void Vstack::forward(Call& call) { stacked(call, "vstack", 0, at_least_2d); }

void RowStack::forward(Call& call) { stacked(call, "vstack", 0, at_least_2d); }

void Dstack::forward(Call& call) { stacked(call, "dstack", 2, at_least_3d); }

void ColumnStack::forward(Call& call) {
  stacked(call, "column_stack", 1, [](const Tensor& t) {
    return t->ndim() <= 1 ? reshape(t, Dims::of({t->numel(), 1})) : t;
  });
}

namespace {

// tensor_split along `dim`; op is its form for what the second argument is.
void split_along(Call& call, const char* name, int least_dims, int64_t dim, const Op& op) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() >= least_dims, ErrorKind::kRuntime, "torch.", name,
        " requires a tensor with at least ", least_dims, " dimension, but got a tensor with ",
        t->ndim(), " dimensions!");
  if (dim == 1 && t->ndim() == 1) dim = 0;
  if (call.args[1].kind == Kind::kInt) {
    int64_t sections = call.args[1].i, size = t->sizes()[dim];
    // -1 divides everything, but INT64_MIN; what it means is for tensor_split to say.
    check(sections == -1 || (sections != 0 && size % sections == 0), ErrorKind::kRuntime, "torch.",
          name, " attempted to split along dimension ", dim, ", but the size of the dimension ",
          size, " is not divisible by the split_size ", sections, "!");
  }
  Call split(op);
  split.args[0] = call.args[0];
  split.args[1] = call.args[1];
  split.args[2] = Value::of_int(dim);
  dispatch(split);
  call.output = std::move(split.output);
  call.more = std::move(split.more);
}

}  // namespace

void Hsplit::forward(Call& call) { split_along(call, "hsplit", 1, 1, op_of<TensorSplit>()); }

void HsplitIndices::forward(Call& call) {
  split_along(call, "hsplit", 1, 1, op_of<TensorSplitIndices>());
}

void Vsplit::forward(Call& call) { split_along(call, "vsplit", 2, 0, op_of<TensorSplit>()); }

void VsplitIndices::forward(Call& call) {
  split_along(call, "vsplit", 2, 0, op_of<TensorSplitIndices>());
}

void Dsplit::forward(Call& call) { split_along(call, "dsplit", 3, 2, op_of<TensorSplit>()); }

void DsplitIndices::forward(Call& call) {
  split_along(call, "dsplit", 3, 2, op_of<TensorSplitIndices>());
}

namespace {

struct Block {
  int64_t rows, columns;
};

Block block_of(const Dims& sizes) {
  return {sizes.n == 2 ? sizes[0] : 1, sizes.n ? sizes[sizes.n - 1] : 1};
}

}  // namespace

void BlockDiag::forward(Call& call) {
  const TensorList& list = *call.args[0].list;
  ResultType type;
  int64_t rows = list.n ? 0 : 1, columns = 0;
  bool overflow = false;
  for (int i = 0; i < list.n; ++i) {
    TensorImpl* t = list.v[i];
    check(t->ndim() <= 2, ErrorKind::kRuntime,
          "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ", i, " has ",
          t->ndim(), " dimensions");
    type.add_tensor(t->dtype(), t->ndim());
    Block block = block_of(t->shape());
    overflow = overflow || __builtin_add_overflow(rows, block.rows, &rows) ||
               __builtin_add_overflow(columns, block.columns, &columns);
  }
  check(!overflow, ErrorKind::kRuntime, "block_diag: the matrix's size overflows");
  DType dtype = list.n ? type.get() : default_dtype();
  Dims sizes = Dims::of({rows, columns});
  checked_numel(sizes.v, 2);
  TensorRef out = TensorImpl::empty(dtype, sizes);
  fill(out.get(), Value::of_int(0));
  const int64_t* strides = out->strides();
  auto item = static_cast<int64_t>(item_size(dtype));
  int64_t at = 0;
  for (int i = 0; i < list.n; ++i) {
    TensorImpl* t = list.v[i];
    Block block = block_of(t->shape());
    if (t->numel())
      run_copy(out->mut_data() + at * item, strides + (2 - t->ndim()), dtype, t->data(),
               t->strides(), t->dtype(), t->sizes(), t->ndim());
    at += block.rows * strides[0] + block.columns * strides[1];
  }
  call.output = std::move(out);
}

void BlockDiag::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]);
  std::vector<Dims> shapes = node.slot(0).as_shapes();
  int64_t row = 0, column = 0;
  for (uint32_t i = 0; i < node.n_edges(); ++i) {
    Block block = block_of(shapes[i]);
    if (node.wants(i)) {
      Tensor part =
          slice(slice(grad, 0, row, row + block.rows, 1), 1, column, column + block.columns, 1);
      grad_in[i] = shapes[i].n == 2 ? part.ref() : reshape(part, shapes[i]).ref();
    }
    row += block.rows;
    column += block.columns;
  }
}

}  // namespace rl::ops

namespace rl {

void add_stacking_ops(std::vector<Op*>& table) { add_ops(ops::StackingOps{}, table); }

}  // namespace rl

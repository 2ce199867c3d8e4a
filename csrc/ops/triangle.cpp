#include "ops/triangle.h"

#include <algorithm>

#include "ops/copy.h"
#include "ops/places.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl::ops {

namespace {

int64_t clamp(int64_t x, int64_t low, int64_t high) { return std::min(std::max(x, low), high); }

// Columns [first, last) that row `i` of a matrix keeps. `k` is in [-rows, columns].
struct Kept {
  int64_t first, last;
};
Kept kept(bool lower, int64_t i, int64_t k, int64_t columns) {
  if (lower) return {0, clamp(i + k + 1, 0, columns)};
  return {clamp(i + k, 0, columns), columns};
}

// A row of `n` elements of which [first, last) come from `from`; null: they stand there already.
template <class Word>
void write_row(Word* to, int64_t to_step, const Word* from, int64_t from_step, Kept keep,
               int64_t n) {
  if (to_step == 1) {
    std::fill(to, to + keep.first, Word{});
    std::fill(to + keep.last, to + n, Word{});
  } else {
    for (int64_t j = 0; j < keep.first; ++j) to[j * to_step] = Word{};
    for (int64_t j = keep.last; j < n; ++j) to[j * to_step] = Word{};
  }
  if (!from) return;
  if (to_step == 1 && from_step == 1) {
    std::copy(from + keep.first, from + keep.last, to + keep.first);
  } else {
    for (int64_t j = keep.first; j < keep.last; ++j) to[j * to_step] = from[j * from_step];
  }
}

template <class Word>
void write_matrices(TensorImpl* out, TensorImpl* t, bool lower, int64_t k, bool in_place) {
  int n = t->ndim(), batch = n - 2;
  const int64_t *sizes = t->sizes(), *to_step = out->strides(), *from_step = t->strides();
  int64_t rows = sizes[n - 2], columns = sizes[n - 1];
  auto* to = reinterpret_cast<Word*>(out->mut_data());
  const auto* from = in_place ? nullptr : reinterpret_cast<const Word*>(t->data());
  int64_t index[kMaxDims] = {}, to_at = 0, from_at = 0;
  for (;;) {
    for (int64_t i = 0; i < rows; ++i)
      write_row(to + to_at + i * to_step[n - 2], to_step[n - 1],
                from ? from + from_at + i * from_step[n - 2] : nullptr, from_step[n - 1],
                kept(lower, i, k, columns), columns);
    int d = batch - 1;
    for (; d >= 0; --d) {
      to_at += to_step[d];
      from_at += from_step[d];
      if (++index[d] < sizes[d]) break;
      to_at -= to_step[d] * sizes[d];
      from_at -= from_step[d] * sizes[d];
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

void triangle(Call& call, const char* name, bool lower) {
  TensorImpl* t = call.tensor(0);
  int n = t->ndim();
  check(n >= 2, ErrorKind::kRuntime, name, ": input tensor must have at least 2 dimensions");
  call.output =
      call.target ? TensorRef::borrow(call.target) : TensorImpl::empty(t->dtype(), t->shape());
  if (t->numel() == 0) return;
  int64_t k = clamp(call.args[1].i, -t->sizes()[n - 2], t->sizes()[n - 1]);
  bool in_place = call.target;
  TensorImpl* out = call.output.get();
  with_word(t->dtype(),
            [&](auto word) { write_matrices<decltype(word)>(out, t, lower, k, in_place); });
}

}  // namespace

void Tril::forward(Call& call) { triangle(call, "tril", true); }

void Tril::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    grad_in[0] =
        call_op(op_of<Tril>(), {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int())})
            .ref();
}

void Triu::forward(Call& call) { triangle(call, "triu", false); }

void Triu::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    grad_in[0] =
        call_op(op_of<Triu>(), {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int())})
            .ref();
}

namespace {

void indices(Call& call, const char* name, bool lower) {
  int64_t rows = call.args[0].i, columns = call.args[1].i;
  check(rows >= 0, ErrorKind::kRuntime, "row must be non-negative, got", rows);
  check(columns >= 0, ErrorKind::kRuntime, "col must be non-negative, got", columns);
  constexpr int64_t kMost = int64_t{1} << 61;  // no sum below passes int64
  check(rows <= kMost && columns <= kMost, ErrorKind::kRuntime, name, ": (", rows, ", ", columns,
        ") is larger than any matrix");
  DType dtype = call.args[3].kind == Kind::kDType ? call.args[3].dtype : DType::kInt64;
  check(dtype == DType::kInt64 || dtype == DType::kInt32 || dtype == DType::kInt16,
        ErrorKind::kNotImplemented, '"', name, "\" not implemented for '", dtype_title(dtype), "'");
  int64_t k = clamp(call.args[2].i, -rows, columns);
  // [begin, end): the rows that keep anything. They grow by one element a row up to whole rows, or,
  // for triu and from the last row up, the same.
  int64_t begin = lower ? clamp(-k, 0, rows) : 0;
  int64_t end = lower ? rows : clamp(columns - k, 0, rows);
  if (columns == 0) end = begin;
  Kept least = kept(lower, lower ? begin : end - 1, k, columns);
  __int128 shortest = end > begin ? least.last - least.first : 0;
  __int128 growing = std::min<__int128>(end - begin, columns - shortest);
  __int128 count = growing * shortest + growing * (growing - 1) / 2 +
                   (end - begin - growing) * static_cast<__int128>(columns);
  check(count <= INT64_MAX / 2, ErrorKind::kRuntime, name, ": the number of elements overflows");
  auto total = static_cast<int64_t>(count);
  call.output = TensorImpl::empty(dtype, Dims::of({2, total}));
  finish_factory(call, 3);
  dispatch_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsInt<T>) {
      auto* row_to = reinterpret_cast<T*>(call.output->mut_data());
      T* column_to = row_to + total;
      for (int64_t i = begin; i < end; ++i) {
        Kept row = kept(lower, i, k, columns);
        for (int64_t j = row.first; j < row.last; ++j) {
          *row_to++ = static_cast<T>(i);
          *column_to++ = static_cast<T>(j);
        }
      }
    }
  });
}

}  // namespace

void TrilIndices::forward(Call& call) { indices(call, "tril_indices", true); }

void TriuIndices::forward(Call& call) { indices(call, "triu_indices", false); }

void DiagEmbed::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int n = t->ndim() + 1;
  // A 0-d tensor has no last dimension: PyTorch's range is that of one dimension.
  int dim1 = wrap_dim(call.args[2].i, n), dim2 = wrap_dim(call.args[3].i, n);
  check(dim1 != dim2, ErrorKind::kRuntime, "diagonal dimensions cannot be identical ",
        call.args[2].i, ", ", call.args[3].i);
  int64_t offset = call.args[1].i, length = t->sizes()[n - 2];
  int64_t side;
  bool overflow = __builtin_add_overflow(
      offset < 0 ? 0 - static_cast<uint64_t>(offset) : static_cast<uint64_t>(offset), length,
      &side);
  check(!overflow, ErrorKind::kRuntime, "diag_embed(): the matrices' size overflows");
  Dims sizes = t->shape();
  --sizes.n;
  sizes.insert(std::min(dim1, dim2), side);
  sizes.insert(std::max(dim1, dim2), side);
  checked_numel(sizes.v, sizes.n);
  TensorRef out = TensorImpl::empty(t->dtype(), sizes);
  fill(out.get(), Value::of_int(0));
  Dims strides;
  for (int d = 0; d < n; ++d)
    if (d != dim1 && d != dim2) strides.push(out->strides()[d]);
  int64_t row_step = out->strides()[dim1], column_step = out->strides()[dim2];
  strides.push(row_step + column_step);
  int64_t start = length == 0 ? 0 : offset < 0 ? -offset * row_step : offset * column_step;
  copy_places(out.get(), strides, start, t, strides_of(t), 0, t->shape());
  call.output = std::move(out);
}

void DiagEmbed::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] = call_op(op_of<Diagonal>(),
                       {Value::of(grad_out[0].get()), Value::of_int(node.slot(2).as_int()),
                        Value::of_int(node.slot(0).as_int()), Value::of_int(node.slot(1).as_int())})
                   .ref();
}

// The view's places, read by a call that the graph does not see.
void DiagonalCopy::forward(Call& call) {
  Call part(op_of<Diagonal>());
  std::copy(call.args, call.args + 4, part.args);
  Diagonal::forward(part);
  call.output = row_major_copy(part.output.get());
}

void DiagonalCopy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Diagonal::backward(node, grad_out, grad_in);
}

void Diag::forward(Call& call) {
  int n = call.tensor(0)->ndim();
  check(n == 1 || n == 2, ErrorKind::kRuntime, "diag(): Supports 1D or 2D tensors. Got ", n, "D");
  const Op& op = n == 1 ? op_of<DiagEmbed>() : op_of<DiagonalCopy>();
  call.output = call_op(op, {call.args[0], call.args[1]}).ref();
}

void Diagflat::forward(Call& call) {
  Tensor flat = reshape(Tensor(TensorRef::borrow(call.tensor(0))), Dims::of({-1}));
  call.output = call_op(op_of<DiagEmbed>(), {flat.value(), call.args[1]}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_triangle_ops(std::vector<Op*>& table) { add_ops(ops::TriangleOps{}, table); }

}  // namespace rl

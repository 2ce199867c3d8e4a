#include "ops/view.h"

#include <cstring>

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// The number of elements that the geometry reaches over. Throws where it passes int64.
int64_t extent(const Dims& sizes, const Dims& strides) {
  int64_t last = 0;
  for (int d = 0; d < sizes.n; ++d) {
    if (sizes[d] == 0) return 0;
    int64_t reach;
    bool overflow = __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
                    __builtin_add_overflow(last, reach, &last);
    check(!overflow, ErrorKind::kRuntime,
          "Storage size calculation overflowed with sizes=", shown(sizes),
          " and strides=", shown(strides));
  }
  return last + 1;
}

// A tensor of zeros or uninitialised, with exactly this geometry.
TensorRef strided_empty(DType dtype, const Dims& sizes, const Dims& strides) {
  int64_t n = extent(sizes, strides);
  TensorRef t = TensorImpl::empty(dtype, &n, 1);
  t->set_geometry(sizes, strides.v, 0);
  return t;
}

// The gradient of a view of a tensor of `sizes`; strides and offset are the view's, in a row-major
// base.
template <class Op>
TensorRef embed(const TensorRef& grad, const Dims& sizes, const Dims& strides, int64_t offset) {
  Dims base = row_major_strides(sizes);
  return call_op(op_of<Op>(), {Value::of(grad.get()), Value::of(sizes), Value::of(base),
                               Value::of(strides), Value::of_int(offset)})
      .ref();
}

}  // namespace

void AsStrided::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& sizes = *call.args[1].dims;
  const Dims& strides = *call.args[2].dims;
  int64_t offset = call.args[3].is_none() ? t->offset() : call.args[3].i;
  check(sizes.n == strides.n, ErrorKind::kRuntime, "mismatch in length of strides and shape");
  for (int64_t stride : strides)
    check(stride >= 0, ErrorKind::kRuntime,
          "as_strided: Negative strides are not supported at the moment, got strides: ",
          shown(strides));
  for (int64_t size : sizes)
    check(size >= 0, ErrorKind::kRuntime,
          "Storage size calculation overflowed with sizes=", shown(sizes),
          " and strides=", shown(strides));
  check(offset >= 0, ErrorKind::kRuntime, "Tensor: invalid storage offset ", offset);
  checked_numel(sizes.v, sizes.n);
  int64_t reach = extent(sizes, strides), end, bytes;
  auto item = static_cast<int64_t>(item_size(t->dtype()));
  bool overflow =
      __builtin_add_overflow(reach, offset, &end) || __builtin_mul_overflow(end, item, &bytes);
  check(reach == 0 || (!overflow && bytes <= static_cast<int64_t>(t->storage()->bytes())),
        ErrorKind::kRuntime, "setStorage: sizes ", shown(sizes), ", strides ", shown(strides),
        ", storage offset ", offset, ", and itemsize ", item, " requiring a storage size of ",
        overflow ? int64_t{-1} : bytes, " are out of bounds for storage of size ",
        t->storage()->bytes());
  call.output = make_view(t, sizes, strides.v, offset);
}

void AsStrided::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims base_sizes = node.slot(3).as_dims(), base_strides = node.slot(4).as_dims();
  Dims strides = node.slot(1).as_dims();
  int64_t base_offset = node.slot(5).as_int();
  const SavedSlot& given = node.slot(2);
  int64_t offset = given.kind() == SavedKind::kNone ? 0 : given.as_int() - base_offset;
  grad_in[0] = call_op(op_of<AsStridedBackward>(),
                       {Value::of(grad_out[0].get()), Value::of(base_sizes),
                        Value::of(base_strides), Value::of(strides), Value::of_int(offset)})
                   .ref();
}

// The view may reach outside the base's own elements (as_strided can): there the gradient is lost.
// Elements of the base that share one place share its gradient.
void AsStridedBackward::forward(Call& call) {
  TensorImpl* grad = call.tensor(0);
  const Dims& sizes = *call.args[1].dims;
  const Dims& base = *call.args[2].dims;
  const Dims& strides = *call.args[3].dims;
  int64_t offset = call.args[4].i;
  Dims view_sizes = grad->shape(), from(grad->strides(), grad->ndim());
  int64_t low = std::min<int64_t>(offset, 0);
  int64_t n = std::max(extent(sizes, base), extent(view_sizes, strides) + offset) - low;
  TensorRef places = TensorImpl::empty(grad->dtype(), &n, 1);
  std::memset(places->mut_data(), 0, static_cast<size_t>(n) * item_size(grad->dtype()));
  bool adds = may_overlap(view_sizes.v, strides.v, view_sizes.n);
  bool shares = may_overlap(sizes.v, base.v, sizes.n);
  dispatch_dtype(grad->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(places->mut_data());
    if (!adds) {
      run_copy(to + (offset - low), strides.v, grad->dtype(), grad->data(), from.v, grad->dtype(),
               view_sizes.v, view_sizes.n);
    } else {
      const auto* in = reinterpret_cast<const T*>(grad->data());
      for_each_place(view_sizes, strides, from, [&](int64_t a, int64_t b) {
        to[a + offset - low] = static_cast<T>(to[a + offset - low] + in[b]);
      });
    }
    if constexpr (kIsFloat<T>) {
      if (shares) {
        std::vector<T> count(static_cast<size_t>(n));
        for_each_place(sizes, base, base, [&](int64_t a, int64_t) { count[size_t(a - low)] += 1; });
        for (int64_t i = 0; i < n; ++i)
          if (count[static_cast<size_t>(i)] > 1) to[i] /= count[static_cast<size_t>(i)];
      }
    }
  });
  TensorRef out = TensorImpl::alias(places->storage(), grad->dtype(), sizes, base.v, -low);
  // What is not dense would hold on to places that nobody reads.
  call.output = dense_non_overlapping(sizes.v, base.v, sizes.n) && n == out->numel()
                    ? out
                    : clone(Tensor(out)).ref();
}

void AsStridedBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims(), base = node.slot(1).as_dims();
  Dims strides = node.slot(2).as_dims();
  Tensor placed = call_op(op_of<Restride>(), {Value::of(grad_out[0].get()), Value::of(base)});
  grad_in[0] = call_op(op_of<AsStrided>(), {placed.value(), Value::of(sizes), Value::of(strides),
                                            Value::of_int(node.slot(3).as_int())})
                   .ref();
}

void Restride::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& strides = *call.args[1].dims;
  TensorRef out = strided_empty(t->dtype(), t->shape(), strides);
  copy_elements(out.get(), t);
  call.output = std::move(out);
}

void Restride::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) {
  grad_in[0] = grad_out[0];
}

void Select::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t index = call.args[2].i;
  check(t->ndim() > 0, ErrorKind::kIndex, "select() cannot be applied to a 0-dim tensor.");
  int dim = wrap_dim(call.args[1].i, t->ndim());
  int64_t size = t->sizes()[dim];
  check(index >= -size && index < size, ErrorKind::kIndex, "select(): index ", index,
        " out of range for tensor of size ", shown(t->sizes(), t->ndim()), " at dimension ", dim);
  if (index < 0) index += size;
  Dims sizes, strides;
  for (int d = 0; d < t->ndim(); ++d) {
    if (d == dim) continue;
    sizes.push(t->sizes()[d]);
    strides.push(t->strides()[d]);
  }
  call.output = make_view(t, sizes, strides.v, t->offset() + index * t->strides()[dim]);
}

void Select::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims(), base = row_major_strides(sizes), strides;
  int dim = wrap_dim(node.slot(1).as_int(), sizes.n);
  int64_t index = node.slot(2).as_int();
  if (index < 0) index += sizes[dim];
  for (int d = 0; d < sizes.n; ++d)
    if (d != dim) strides.push(base[d]);
  grad_in[0] = embed<SelectBackward>(grad_out[0], sizes, strides, index * base[dim]);
}

namespace {

struct Range {
  int64_t start, count;
};

Range clamp_range(int64_t start, int64_t end, int64_t step, int64_t size) {
  check(step > 0, ErrorKind::kRuntime, "slice step must be positive");
  start = start < 0 ? std::max<int64_t>(start + size, 0) : std::min(start, size);
  end = end < 0 ? std::max<int64_t>(end + size, 0) : std::min(end, size);
  return {start, end <= start ? 0 : (end - start - 1) / step + 1};
}

}  // namespace

void Slice::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() > 0, ErrorKind::kRuntime, "slice() cannot be applied to a 0-dim tensor.");
  int dim = wrap_dim(call.args[1].i, t->ndim());
  int64_t step = call.args[4].i;
  Range range = clamp_range(call.args[2].i, call.args[3].i, step, t->sizes()[dim]);
  Dims sizes = t->shape(), strides(t->strides(), t->ndim());
  int64_t offset = t->offset() + range.start * strides[dim];
  sizes[dim] = range.count;
  // A step beyond the end takes one element: its stride is never used.
  if (range.count > 1) strides[dim] *= step;
  call.output = make_view(t, sizes, strides.v, offset);
}

void Slice::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims(), strides = row_major_strides(sizes);
  int dim = wrap_dim(node.slot(1).as_int(), sizes.n);
  int64_t step = node.slot(4).as_int();
  Range range = clamp_range(node.slot(2).as_int(), node.slot(3).as_int(), step, sizes[dim]);
  int64_t offset = range.start * strides[dim];
  if (range.count > 1) strides[dim] *= step;
  grad_in[0] = embed<SliceBackward>(grad_out[0], sizes, strides, offset);
}

void Narrow::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  check(t->ndim() > 0, ErrorKind::kRuntime, "narrow() cannot be applied to a 0-dim tensor.");
  int dim = wrap_dim(call.args[1].i, t->ndim());
  int64_t start = call.args[2].i, length = call.args[3].i, size = t->sizes()[dim];
  check(length >= 0, ErrorKind::kRuntime, "narrow(): length must be non-negative.");
  check(start >= -size && start <= size, ErrorKind::kIndex,
        "start out of range (expected to be in "
        "range of [",
        -size, ", ", size, "], but got ", start, ")");
  if (start < 0) start += size;
  check(length <= size - start, ErrorKind::kRuntime, "start (", start, ") + length (", length,
        ") exceeds dimension size (", size, ").");
  call.output = slice(t, dim, start, start + length, 1).ref();
}

void NarrowTensor::forward(Call& call) {
  TensorImpl* start = call.tensor(2);
  bool integral = category(start->dtype()) == Category::kInt;
  check(start->ndim() == 0 && integral, ErrorKind::kRuntime,
        "start must be an 0-dim integral Tensor.");
  TensorRef number = TensorImpl::empty(DType::kInt64, nullptr, 0);
  run_copy(number->mut_data(), nullptr, DType::kInt64, start->data(), nullptr, start->dtype(),
           nullptr, 0);
  Value at = Value::of_int(*reinterpret_cast<const int64_t*>(number->data()));
  call.output = call_op(op_of<Narrow>(), {call.args[0], call.args[1], at, call.args[3]}).ref();
}

namespace {

struct DiagonalPlaces {
  Dims sizes, strides;
  int64_t offset;
};

DiagonalPlaces diagonal_places(const Dims& sizes, const Dims& strides, int64_t offset, int64_t dim1,
                               int64_t dim2) {
  int a = wrap_dim(dim1, sizes.n), b = wrap_dim(dim2, sizes.n);
  check(a != b, ErrorKind::kRuntime, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  int64_t rows = sizes[a], columns = sizes[b];
  int64_t first_row = 0, first_column = 0;
  // Offsets beyond the matrix: nothing, and no overflow on the way.
  if (offset >= 0)
    columns -= first_column = std::min(offset, columns);
  else
    rows -= first_row = offset < -rows ? rows : -offset;
  DiagonalPlaces places;
  for (int d = 0; d < sizes.n; ++d) {
    if (d == a || d == b) continue;
    places.sizes.push(sizes[d]);
    places.strides.push(strides[d]);
  }
  int64_t length = std::min(rows, columns);
  places.sizes.push(length);
  places.strides.push(strides[a] + strides[b]);
  places.offset = length ? first_row * strides[a] + first_column * strides[b] : 0;
  return places;
}

}  // namespace

void Diagonal::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  DiagonalPlaces places = diagonal_places(t->shape(), Dims(t->strides(), t->ndim()), call.args[1].i,
                                          call.args[2].i, call.args[3].i);
  call.output = make_view(t, places.sizes, places.strides.v, t->offset() + places.offset);
}

void Diagonal::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims();
  DiagonalPlaces places = diagonal_places(sizes, row_major_strides(sizes), node.slot(1).as_int(),
                                          node.slot(2).as_int(), node.slot(3).as_int());
  grad_in[0] = embed<DiagonalBackward>(grad_out[0], sizes, places.strides, places.offset);
}

void Unfold::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  int64_t size = call.args[2].i, step = call.args[3].i;
  int64_t length = t->ndim() ? t->sizes()[dim] : 1;
  check(size >= 0, ErrorKind::kRuntime, "size is ", size, " but must be >= 0");
  check(size <= length, ErrorKind::kRuntime, "maximum size for tensor at dimension ", dim, " is ",
        length, " but size is ", size);
  check(step > 0, ErrorKind::kRuntime, "step is ", step, " but must be > 0");
  Dims sizes = t->shape(), strides(t->strides(), t->ndim());
  int64_t stride = t->ndim() ? strides[dim] : 1;
  if (t->ndim()) {
    sizes[dim] = (length - size) / step + 1;
    // One window: a step of any size must not overflow.
    if (sizes[dim] > 1) strides[dim] *= step;
  }
  sizes.push(size);
  strides.push(stride);
  call.output = make_view(t, sizes, strides.v, t->offset());
}

void Unfold::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims sizes = node.slot(0).as_dims(), strides = row_major_strides(sizes);
  int dim = wrap_dim(node.slot(1).as_int(), sizes.n);
  int64_t stride = sizes.n ? strides[dim] : 1;
  if (sizes.n && grad_out[0]->sizes()[dim] > 1) strides[dim] *= node.slot(3).as_int();
  strides.push(stride);
  grad_in[0] = embed<UnfoldBackward>(grad_out[0], sizes, strides, 0);
}

}  // namespace rl::ops

namespace rl {

void add_view_ops(std::vector<Op*>& table) { add_ops(ops::ViewOps{}, table); }

}  // namespace rl

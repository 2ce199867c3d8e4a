#include "ops/flip.h"

#include <algorithm>
#include <utility>

#include "ops/create.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

const Dims kNoDims;

// Walks dimension `dim` of the geometry backwards.
void reverse(const Dims& sizes, Dims& strides, int64_t& offset, int dim) {
  if (sizes[dim] == 0) return;
  offset += (sizes[dim] - 1) * strides[dim];
  strides[dim] = -strides[dim];
}

TensorRef flipped(TensorImpl* t, const bool* reversed) {
  TensorRef out = factory_like(t, Value::none());
  Dims from = strides_of(t);
  int64_t offset = 0;
  for (int d = 0; d < t->ndim(); ++d)
    if (reversed[d]) reverse(t->shape(), from, offset, d);
  copy_places(out.get(), strides_of(out.get()), 0, t, from, offset, t->shape());
  return out;
}

Tensor flip_one(Call& call, int64_t dim) {
  return call_op(op_of<Flip>(), {call.args[0], Value::of(Dims::of({dim}))});
}

}  // namespace

void Flip::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  bool reversed[kMaxDims] = {};
  for (int64_t dim : *call.args[1].dims) {
    int d = wrap_dim(dim, t->ndim());
    check(!reversed[d], ErrorKind::kRuntime, "dim ", d,
          " appears multiple times in the list of dims");
    reversed[d] = true;
  }
  call.output = flipped(t, reversed);
}

void Flip::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims dims = node.slot(0).as_dims();
  grad_in[0] = call_op(op_of<Flip>(), {Value::of(grad_out[0].get()), Value::of(dims)}).ref();
}

void Fliplr::forward(Call& call) {
  check(call.tensor(0)->ndim() >= 2, ErrorKind::kRuntime, "Input must be >= 2-d.");
  call.output = flip_one(call, 1).ref();
}

void Flipud::forward(Call& call) {
  check(call.tensor(0)->ndim() >= 1, ErrorKind::kRuntime, "Input must be >= 1-d.");
  call.output = flip_one(call, 0).ref();
}

namespace {

// Copies the blocks on both sides of the cut in dimension `dim`, and so on for the dims behind.
// shift[d] is in [0, sizes[d]).
void copy_rolled(TensorImpl* out, int64_t to_offset, TensorImpl* t, const Dims& from,
                 int64_t from_offset, Dims& sizes, const Dims& shift, const Dims& to, int dim) {
  while (dim < sizes.n && shift[dim] == 0) ++dim;
  if (dim == sizes.n) {
    copy_places(out, to, to_offset, t, from, from_offset, sizes);
    return;
  }
  int64_t size = sizes[dim], tail = shift[dim];
  sizes[dim] = size - tail;
  copy_rolled(out, to_offset + tail * to[dim], t, from, from_offset, sizes, shift, to, dim + 1);
  sizes[dim] = tail;
  copy_rolled(out, to_offset, t, from, from_offset + (size - tail) * from[dim], sizes, shift, to,
              dim + 1);
  sizes[dim] = size;
}

int64_t modulo(int64_t x, int64_t n) {
  int64_t rest = x % n;
  return rest < 0 ? rest + n : rest;
}

}  // namespace

void Roll::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  if (call.args[2].is_none()) call.args[2] = Value::of(kNoDims);
  const Dims &shifts = *call.args[1].dims, &dims = *call.args[2].dims;
  check(shifts.n > 0, ErrorKind::kRuntime, "`shifts` required");
  bool flat = dims.n == 0 && shifts.n == 1;
  check(flat || shifts.n == dims.n, ErrorKind::kRuntime,
        "shifts and dimensions must align. shifts: ", shifts.n, ", dims:", dims.n);
  Dims sizes = t->shape(), shift = sizes;
  std::fill(shift.v, shift.v + shift.n, 0);
  for (int i = 0; i < dims.n; ++i) {
    check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dims[i],
          " but tensor has no dimensions");
    int d = wrap_dim(dims[i], t->ndim());
    if (sizes[d]) shift[d] = modulo(shift[d] + modulo(shifts[i], sizes[d]), sizes[d]);
  }
  call.output = TensorImpl::empty(t->dtype(), sizes);
  if (call.output->numel() == 0) return;
  TensorRef source = TensorRef::borrow(t);
  Dims from = strides_of(t), to = strides_of(call.output.get());
  if (flat) {
    source = row_major(t);
    sizes = Dims::of({t->numel()});
    shift = Dims::of({modulo(shifts[0], t->numel())});
    from = to = Dims::of({1});
  }
  copy_rolled(call.output.get(), 0, source.get(), from, 0, sizes, shift, to, 0);
}

void Roll::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  const bool whole = node.slot(0).kind() == SavedKind::kNone;  // of outputs that were given
  Dims dims = whole ? kNoDims : node.slot(0).as_dims(), shifts = node.slot(1).as_dims();
  std::reverse(dims.v, dims.v + dims.n);
  std::reverse(shifts.v, shifts.v + shifts.n);
  for (int i = 0; i < shifts.n; ++i) {
    int64_t size = dims.n ? grad_out[0]->sizes()[wrap_dim(dims[i], grad_out[0]->ndim())]
                          : grad_out[0]->numel();
    // The one number without a negative wraps around like its remainder.
    shifts[i] = shifts[i] == INT64_MIN ? -(shifts[i] % std::max<int64_t>(size, 1)) : -shifts[i];
  }
  grad_in[0] =
      call_op(op_of<Roll>(), {Value::of(grad_out[0].get()), Value::of(shifts), Value::of(dims)})
          .ref();
}

void Rot90::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& dims = *call.args[2].dims;
  int n = t->ndim();
  check(dims.n == 2, ErrorKind::kRuntime,
        "expected total rotation dims == 2, but got dims = ", dims.n);
  check(n >= 2, ErrorKind::kRuntime, "expected total dims >= 2, but got total dims = ", n);
  int a = wrap_dim(dims[0], n), b = wrap_dim(dims[1], n);
  check(a != b, ErrorKind::kRuntime,
        "expected rotation dims to be different, but got dim0 = ", dims[0],
        " and dim1 = ", dims[1]);
  int64_t turns = modulo(call.args[1].i, 4);
  if (turns == 0) {
    call.output = row_major_copy(t);
    return;
  }
  bool reversed[kMaxDims] = {};
  reversed[a] = turns != 1;
  reversed[b] = turns != 3;
  TensorRef out = flipped(t, reversed);
  if (turns != 2) {
    Dims sizes = out->shape(), strides = strides_of(out.get());
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
    out->set_geometry(sizes, strides.v, 0);
  }
  call.output = std::move(out);
}

void Rot90::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims dims = node.slot(0).as_dims();
  auto back = static_cast<int64_t>(0 - static_cast<uint64_t>(node.slot(1).as_int()));
  grad_in[0] =
      call_op(op_of<Rot90>(), {Value::of(grad_out[0].get()), Value::of_int(back), Value::of(dims)})
          .ref();
}

namespace {

// Copies between (*, c r^2, h, w) and (*, c, h r, w r), to whichever of the two `out` is.
void copy_shuffled(TensorImpl* out, TensorImpl* t, int64_t r, bool up) {
  TensorImpl* deep = up ? t : out;
  TensorImpl* wide = up ? out : t;
  int n = t->ndim(), outer = n - 3;
  Dims sizes, deep_strides, wide_strides;
  for (int d = 0; d < outer; ++d) {
    sizes.push(t->sizes()[d]);
    deep_strides.push(deep->strides()[d]);
    wide_strides.push(wide->strides()[d]);
  }
  int64_t channel = deep->strides()[outer], down = deep->strides()[outer + 1];
  int64_t right = deep->strides()[outer + 2];
  const int64_t* wide_step = wide->strides() + outer;
  const int64_t* wide_size = wide->sizes() + outer;
  const int64_t rows[][3] = {{wide_size[0], channel * r * r, wide_step[0]},
                             {wide_size[1] / r, down, wide_step[1] * r},
                             {r, channel * r, wide_step[1]},
                             {wide_size[2] / r, right, wide_step[2] * r},
                             {r, channel, wide_step[2]}};
  for (const auto& row : rows) {
    sizes.push(row[0]);
    deep_strides.push(row[1]);
    wide_strides.push(row[2]);
  }
  if (up)
    copy_places(out, wide_strides, 0, t, deep_strides, 0, sizes);
  else
    copy_places(out, deep_strides, 0, t, wide_strides, 0, sizes);
}

void check_shuffle(const char* name, const char* factor, TensorImpl* t, int64_t r) {
  check(t->ndim() >= 3, ErrorKind::kRuntime, name,
        " expects input to have at least 3 dimensions, but got input with ", t->ndim(),
        " dimension(s)");
  check(t->ndim() + 2 <= kMaxDims, ErrorKind::kRuntime, name, ": more than ", kMaxDims - 2,
        " dimensions are not supported");
  check(r > 0, ErrorKind::kRuntime, name, " expects a positive ", factor, ", but got ", r);
}

}  // namespace

void PixelShuffle::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t r = call.args[1].i, square;
  check_shuffle("pixel_shuffle", "upscale_factor", t, r);
  Dims sizes = t->shape();
  int64_t* last = sizes.v + sizes.n - 3;
  check(!__builtin_mul_overflow(r, r, &square), ErrorKind::kRuntime,
        "upscale factor is too large, (upscale_factor)^2 overflowed: upscale_factor=", r);
  check(last[0] % square == 0, ErrorKind::kRuntime,
        "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
        "upscale_factor, but input.size(-3)=",
        last[0], " is not divisible by ", square);
  last[0] /= square;
  bool fits = !__builtin_mul_overflow(last[1], r, &last[1]) &&
              !__builtin_mul_overflow(last[2], r, &last[2]);
  check(fits, ErrorKind::kRuntime, "pixel_shuffle: the output's size overflows");
  call.output = TensorImpl::empty(t->dtype(), sizes);
  copy_shuffled(call.output.get(), t, r, true);
}

void PixelShuffle::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    grad_in[0] = call_op(op_of<PixelUnshuffle>(),
                         {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int())})
                     .ref();
}

void PixelUnshuffle::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t r = call.args[1].i, channels;
  check_shuffle("pixel_unshuffle", "downscale_factor", t, r);
  Dims sizes = t->shape();
  int64_t* last = sizes.v + sizes.n - 3;
  check(last[1] % r == 0, ErrorKind::kRuntime,
        "pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=",
        last[1], " is not divisible by ", r);
  check(last[2] % r == 0, ErrorKind::kRuntime,
        "pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=",
        last[2], " is not divisible by ", r);
  bool fits = !__builtin_mul_overflow(last[0], r, &channels) &&
              !__builtin_mul_overflow(channels, r, &last[0]);
  check(fits, ErrorKind::kRuntime, "pixel_unshuffle: the output's size overflows");
  last[1] /= r;
  last[2] /= r;
  call.output = TensorImpl::empty(t->dtype(), sizes);
  copy_shuffled(call.output.get(), t, r, false);
}

void PixelUnshuffle::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0])
    grad_in[0] = call_op(op_of<PixelShuffle>(),
                         {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int())})
                     .ref();
}

void ChannelShuffle::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t groups = call.args[1].i;
  check(t->ndim() > 2, ErrorKind::kRuntime,
        "channel_shuffle expects input with > 2 dims, but got input with sizes ",
        shown(t->sizes(), t->ndim()));
  int64_t channels = t->sizes()[1];
  check(groups > 0, ErrorKind::kRuntime,
        "Number of groups to divide channels in must be positive. Value of groups:", groups);
  check(channels % groups == 0, ErrorKind::kRuntime,
        "Number of channels must be divisible by groups. Got ", channels, " channels and ", groups,
        " groups.");
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  Dims sizes = t->shape(), from = strides_of(t), to = strides_of(call.output.get());
  // Dimension 1 as (c / groups, groups) of the output.
  int64_t each = channels / groups, in_step = from[1], out_step = to[1];
  sizes[1] = each;
  sizes.insert(2, groups);
  from.insert(2, in_step * each);
  to[1] = out_step * groups;
  to.insert(2, out_step);
  copy_places(call.output.get(), to, 0, t, from, 0, sizes);
}

void ChannelShuffle::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  int64_t channels = node.slot(1).as_dims()[1], groups = node.slot(0).as_int();
  grad_in[0] =
      call_op(op_of<ChannelShuffle>(), {Value::of(grad_out[0].get()),
                                        Value::of_int(std::max<int64_t>(channels / groups, 1))})
          .ref();
}

}  // namespace rl::ops

namespace rl {

void add_flip_ops(std::vector<Op*>& table) { add_ops(ops::FlipOps{}, table); }

}  // namespace rl

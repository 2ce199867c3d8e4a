#include "ops/pooling.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "kernels/pool.h"
#include "ops/dims.h"
#include "ops/lines.h"
#include "ops/places.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// One of the two dimensions of the windows.
struct Axis {
  int64_t kernel, stride, padding, dilation, size, count;
};

int64_t option(const Dims& given, int d) { return given.n == 1 ? given[0] : given[d]; }

void check_option(const Dims& given, bool may_be_empty, const char* what) {
  check(given.n == 1 || given.n == 2 || (may_be_empty && given.n == 0), ErrorKind::kRuntime,
        "max_pool2d: ", what);
}

// PyTorch's formula: a window may begin in the padding before the image, never in that behind it.
int64_t windows_along(const Axis& axis, bool ceil_mode) {
  int64_t room = axis.size + 2 * axis.padding - axis.dilation * (axis.kernel - 1) - 1 +
                 (ceil_mode ? axis.stride - 1 : 0);
  int64_t count = (room < 0 ? -((-room + axis.stride - 1) / axis.stride) : room / axis.stride) + 1;
  return count - (ceil_mode && (count - 1) * axis.stride >= axis.size + axis.padding ? 1 : 0);
}

void check_axes(const Axis& high, const Axis& wide) {
  constexpr int64_t kMost = int64_t{1} << 30;  // no product or sum here can pass int64
  auto positive = [&](int64_t h, int64_t w, const char* what, const char* name) {
    check(h > 0 && w > 0, ErrorKind::kRuntime, what, " should be greater than zero, but got ", name,
          "H: ", h, " ", name, "W: ", w);
    check(h <= kMost && w <= kMost, ErrorKind::kRuntime, what, " (", h, ", ", w,
          ") is larger than ", kMost);
  };
  check(high.stride != 0, ErrorKind::kRuntime, "stride should not be zero");
  check(wide.stride != 0, ErrorKind::kRuntime, "stride should not be zero");
  positive(high.kernel, wide.kernel, "kernel size", "k");
  positive(high.stride, wide.stride, "stride", "d");
  positive(high.dilation, wide.dilation, "dilation", "dilation");
}

void check_room(const Axis& axis) {
  check(axis.padding >= 0, ErrorKind::kRuntime,
        "pad must be non-negative, but got pad: ", axis.padding);
  check(axis.padding <= ((axis.kernel - 1) * axis.dilation + 1) / 2, ErrorKind::kRuntime,
        "pad should be at most half of effective kernel size, but got pad=", axis.padding,
        ", kernel_size=", axis.kernel, " and dilation=", axis.dilation);
}

// The places of window i within the image: from, to, in steps of the dilation.
struct Span {
  int64_t from, to;
};

Span span_of(const Axis& axis, int64_t i) {
  int64_t from = i * axis.stride - axis.padding;
  const int64_t to = std::min(from + (axis.kernel - 1) * axis.dilation + 1, axis.size);
  if (from < 0) from += (-from + axis.dilation - 1) / axis.dilation * axis.dilation;
  return {from, to};
}

template <class T>
void pool_plane(const Axis& high, const Axis& wide, const T* from, T* out, int64_t* index) {
  using Compared = std::conditional_t<kIsFloat<T> && sizeof(T) == 2, float, T>;
  for (int64_t i = 0; i < high.count; ++i) {
    const Span rows = span_of(high, i);
    for (int64_t j = 0; j < wide.count; ++j) {
      const Span columns = span_of(wide, j);
      int64_t best = rows.from * wide.size + columns.from;
      auto largest = static_cast<Compared>(from[best]);
      for (int64_t y = rows.from; y < rows.to; y += high.dilation)
        for (int64_t x = columns.from; x < columns.to; x += wide.dilation) {
          const int64_t at = y * wide.size + x;
          const auto value = static_cast<Compared>(from[at]);
          if (!(value > largest) && value == value) continue;
          largest = value;
          best = at;
        }
      *out++ = from[best];
      *index++ = best;
    }
  }
}

}  // namespace

void MaxPool2d::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const int n = t->ndim();
  const Dims &kernel = *call.args[1].dims, &padding = *call.args[3].dims;
  const Dims& dilation = *call.args[4].dims;
  const Dims& stride = call.args[2].dims->n ? *call.args[2].dims : kernel;
  check_option(kernel, false, "kernel_size must either be a single int, or a tuple of two ints");
  check_option(stride, false,
               "stride must either be omitted, a single int, or a tuple of two ints");
  check_option(padding, false, "padding must either be a single int, or a tuple of two ints");
  check_option(dilation, false, "dilation must be either a single int, or a tuple of two ints");
  check(n == 3 || n == 4, ErrorKind::kRuntime,
        "non-empty 3D or 4D (batch mode) tensor expected for input");
  Axis axes[2];
  for (int d = 0; d < 2; ++d)
    axes[d] = {option(kernel, d),   option(stride, d),     option(padding, d),
               option(dilation, d), t->sizes()[n - 2 + d], 0};
  Axis &high = axes[0], &wide = axes[1];
  check_axes(high, wide);
  bool valid = true;
  for (int d = n - 3; d < n; ++d) valid = valid && t->sizes()[d] != 0;
  check(valid, ErrorKind::kRuntime,
        "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:",
        shown(t->sizes(), n));
  for (Axis& axis : axes) {
    check_room(axis);
    axis.count = windows_along(axis, call.args[5].i != 0);
  }
  const int64_t channels = t->sizes()[n - 3];
  check(high.count >= 1 && wide.count >= 1, ErrorKind::kRuntime, "Given input size: (", channels,
        "x", high.size, "x", wide.size, "). Calculated output size: (", channels, "x", high.count,
        "x", wide.count, "). Output size is too small");
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented,
        "\"max_pool2d\" not implemented for 'Bool'");
  Dims sizes = t->shape();
  sizes[n - 2] = high.count;
  sizes[n - 1] = wide.count;
  checked_numel(sizes.v, sizes.n);
  TensorRef source = row_major(t);
  call.output = TensorImpl::empty(t->dtype(), sizes);
  call.more.push_back(TensorImpl::empty(DType::kInt64, sizes));
  const int64_t planes = (n == 4 ? t->sizes()[0] : 1) * channels, results = high.count * wide.count;
  const int64_t grain = std::max<int64_t>(
      1, parallel_grain() / std::max<int64_t>(1, results * high.kernel * wide.kernel));
  auto* index = reinterpret_cast<int64_t*>(call.more[0]->mut_data());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(source->data());
    auto* out = reinterpret_cast<T*>(call.output->mut_data());
    parallel_for(planes, grain, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        pool_plane(high, wide, from + p * high.size * wide.size, out + p * results,
                   index + p * results);
    });
  });
}

void MaxPool2d::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor index(node.saved(4)), g(grad_out[0]);
  Dims shape = node.saved(5)->shape();
  const int n = shape.n;
  auto planes = [&](const Tensor& t) {  // height and width as one dimension
    return call_op(op_of<Flatten>(), {t.value(), Value::of_int(n - 2), Value::of_int(n - 1)});
  };
  Dims flat = shape;
  flat.n = n - 1;
  flat[n - 2] = shape[n - 2] * shape[n - 1];
  TensorRef spread[1];
  scatter_gradient(planes(g).ref(), n - 2, planes(index).ref(), true, flat, spread);
  grad_in[0] = call_op(op_of<View>(), {Value::of(spread[0].get()), Value::of(shape)}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_pooling_ops(std::vector<Op*>& table) { add_ops(ops::PoolingOps{}, table); }

}  // namespace rl

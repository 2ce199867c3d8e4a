#include "ops/sliding.h"

#include <algorithm>

#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// The places of one row or column of windows: output i looks at `start + i * stride` of an image
// of `size`; [first, last) of the `count` windows see something of it.
struct Seen {
  int64_t start, stride, first, last;
};

Seen seen_from(int64_t start, int64_t stride, int64_t count, int64_t size) {
  int64_t first = start < 0 ? (-start + stride - 1) / stride : 0;
  int64_t last = start >= size ? 0 : (size - 1 - start) / stride + 1;
  first = std::min(first, count);
  return {start, stride, first, std::max(first, std::min(last, count))};
}

// Kernel, dilation, padding and stride of one of the two dimensions, its size and its windows.
struct Axis {
  int64_t kernel, dilation, padding, stride, size, count;
};

struct Windows {
  Axis height, width;
};

Windows windows_of(const Dims* options, const int64_t* image) {
  constexpr const char* kNames[] = {"kernel_size", "dilation", "padding", "stride"};
  constexpr const char* kProblems[] = {"kernel size should be greater than zero, but got kernel",
                                       "dilation should be greater than zero, but got dilation",
                                       "padding should be non-negative, but got pad",
                                       "stride should be greater than zero, but got stride"};
  constexpr int64_t kMost = int64_t{1} << 30;  // no product or sum below can pass int64
  for (int i = 0; i < 4; ++i)
    check(options[i].n == 2, ErrorKind::kRuntime, "It is expected ", kNames[i],
          " equals to 2, but got size ", options[i].n);
  for (int i = 0; i < 4; ++i) {
    int64_t h = options[i][0], w = options[i][1], least = i == 2 ? 0 : 1;
    const char* name = kProblems[i] + std::string_view(kProblems[i]).rfind(' ') + 1;
    check(h >= least && w >= least, ErrorKind::kRuntime, kProblems[i], "_height: ", h, " ", name,
          "_width: ", w);
    check(h <= kMost && w <= kMost, ErrorKind::kRuntime, kNames[i], " (", h, ", ", w,
          ") is larger than ", kMost);
  }
  Windows windows;
  for (int d = 0; d < 2; ++d) {
    Axis& axis = d ? windows.width : windows.height;
    axis = {options[0][d], options[1][d], options[2][d], options[3][d], image[d], 0};
    check(image[d] <= kMost, ErrorKind::kRuntime, "images of more than ", kMost,
          " rows or columns are not supported");
    int64_t room = axis.size + 2 * axis.padding - axis.dilation * (axis.kernel - 1) - 1;
    axis.count = room < 0 ? 0 : room / axis.stride + 1;
  }
  return windows;
}

std::string pair(const Dims& two) { return concat("(", two[0], ", ", two[1], ")"); }

// Calls visit(column row, image row, window range) for each row of windows at each place of the
// kernel: rows of the columns stand in row-major order.
template <class Visit>
void for_each_row(const Windows& windows, int64_t channels, const Visit& visit) {
  const Axis &high = windows.height, &wide = windows.width;
  int64_t row = 0;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < high.kernel; ++i)
      for (int64_t j = 0; j < wide.kernel; ++j) {
        Seen down = seen_from(i * high.dilation - high.padding, high.stride, high.count, high.size);
        Seen right =
            seen_from(j * wide.dilation - wide.padding, wide.stride, wide.count, wide.size);
        for (int64_t y = 0; y < high.count; ++y, ++row) {
          bool inside = y >= down.first && y < down.last;
          int64_t image = c * high.size + down.start + y * down.stride;
          visit(row * wide.count, inside ? image * wide.size : -1, right);
        }
      }
}

void check_dtype(const char* name, DType dtype) {
  check(is_float(dtype) || dtype == DType::kBool, ErrorKind::kNotImplemented, '"', name,
        "_out_cpu\" not implemented for '", dtype_title(dtype), "'");
}

Dims option(Call& call, int i) { return *call.args[i].dims; }

}  // namespace

void Im2Col::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims options[] = {option(call, 1), option(call, 2), option(call, 3), option(call, 4)};
  int n = t->ndim();
  int64_t image[] = {n >= 2 ? t->sizes()[n - 2] : 0, n >= 1 ? t->sizes()[n - 1] : 0};
  Windows windows = windows_of(options, image);
  wrap_dim(1, n);
  wrap_dim(2, n);
  bool valid = n == 3 || n == 4;
  for (int d = n == 4 ? 1 : 0; d < n; ++d) valid = valid && t->sizes()[d] != 0;
  check(valid, ErrorKind::kRuntime,
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
        "dimensions for input, but got: ",
        shown(t->sizes(), n));
  int64_t rows = windows.height.count, columns = windows.width.count;
  check(rows >= 1 && columns >= 1, ErrorKind::kRuntime, "Given input with spatial size (", image[0],
        ", ", image[1], "), kernel_size=", pair(options[0]), ", dilation=", pair(options[1]),
        ", padding=", pair(options[2]), ", calculated shape of the array of sliding blocks as (",
        rows, ", ", columns, "), but its components must be at least one.");
  check_dtype("im2col", t->dtype());
  int64_t batch = n == 4 ? t->sizes()[0] : 1, channels = t->sizes()[n - 3];
  const int64_t depth[] = {channels, windows.height.kernel, windows.width.kernel};
  Dims sizes = Dims::of({checked_numel(depth, 3), rows * columns});
  if (n == 4) sizes.insert(0, batch);
  checked_numel(sizes.v, sizes.n);
  TensorRef out = TensorImpl::empty(t->dtype(), sizes), source = row_major(t);
  with_word(t->dtype(), [&](auto word) {
    using Word = decltype(word);
    auto* to = reinterpret_cast<Word*>(out->mut_data());
    const auto* from = reinterpret_cast<const Word*>(source->data());
    for (int64_t b = 0; b < batch; ++b) {
      for_each_row(windows, channels, [&](int64_t column, int64_t row, const Seen& right) {
        Word* line = to + column;
        int64_t first = row < 0 ? columns : right.first, last = row < 0 ? columns : right.last;
        std::fill(line, line + first, Word{});
        int64_t at = row + right.start;
        if (right.stride == 1 && first < last)
          std::copy(from + at + first, from + at + last, line + first);
        else
          for (int64_t x = first; x < last; ++x) line[x] = from[at + x * right.stride];
        std::fill(line + last, line + columns, Word{});
      });
      to += sizes[sizes.n - 2] * sizes[sizes.n - 1];
      from += channels * image[0] * image[1];
    }
  });
  call.output = std::move(out);
}

void Im2Col::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims size = Dims::of({node.slot(4).as_int(), node.slot(3).as_int()});
  Dims kernel = node.slot(1).as_dims(), dilation = node.slot(0).as_dims();
  Dims padding = node.slot(2).as_dims(), stride = node.slot(5).as_dims();
  grad_in[0] =
      call_op(op_of<Col2Im>(), {Value::of(grad_out[0].get()), Value::of(size), Value::of(kernel),
                                Value::of(dilation), Value::of(padding), Value::of(stride)})
          .ref();
}

void Col2Im::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Dims image = option(call, 1);
  const Dims options[] = {option(call, 2), option(call, 3), option(call, 4), option(call, 5)};
  check(image.n == 2, ErrorKind::kRuntime, "It is expected output_size equals to 2, but got size ",
        image.n);
  Windows windows = windows_of(options, image.v);
  int n = t->ndim();
  bool valid = n == 2 || n == 3;
  for (int d = n == 3 ? 1 : 0; d < n; ++d) valid = valid && t->sizes()[d] != 0;
  check(valid, ErrorKind::kRuntime,
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
        "dimensions for input, but got: ",
        shown(t->sizes(), n));
  const int64_t* plane = t->sizes() + n - 2;
  int64_t kernel = windows.height.kernel * windows.width.kernel;
  check(plane[0] % kernel == 0, ErrorKind::kRuntime,
        "Expected size of input's dimension 1 to be "
        "divisible by the product of kernel_size, but got input.size(1)=",
        plane[0], " and kernel_size=", pair(options[0]), ".");
  int64_t rows = windows.height.count, columns = windows.width.count;
  std::string given = concat("Given output_size=", pair(image), ", kernel_size=", pair(options[0]),
                             ", dilation=", pair(options[1]), ", padding=", pair(options[2]),
                             ", stride=", pair(options[3]), ", expected ");
  check(plane[1] == rows * columns, ErrorKind::kRuntime, given,
        "size of input's dimension 2 to match the calculated number of sliding blocks ", rows,
        " * ", columns, " = ", rows * columns, ", but got input.size(2)=", plane[1], ".");
  check(rows >= 1 && columns >= 1, ErrorKind::kRuntime, given,
        "calculated shape of the array of sliding blocks as (", rows, ", ", columns,
        "), which is too small (non-positive)");
  check_dtype("col2im", t->dtype());
  int64_t batch = n == 3 ? t->sizes()[0] : 1, channels = plane[0] / kernel;
  Dims sizes = Dims::of({channels, image[0], image[1]});
  if (n == 3) sizes.insert(0, batch);
  checked_numel(sizes.v, sizes.n);
  TensorRef out = full(sizes, t->dtype(), 0).ref(), source = row_major(t);
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* to = reinterpret_cast<T*>(out->mut_data());
    const auto* from = reinterpret_cast<const T*>(source->data());
    for (int64_t b = 0; b < batch; ++b) {
      for_each_row(windows, channels, [&](int64_t column, int64_t row, const Seen& right) {
        if (row < 0) return;
        int64_t at = row + right.start;
        for (int64_t x = right.first; x < right.last; ++x) {
          T& place = to[at + x * right.stride];
          place = static_cast<T>(place + from[column + x]);
        }
      });
      to += channels * image[0] * image[1];
      from += plane[0] * plane[1];
    }
  });
  call.output = std::move(out);
}

void Col2Im::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims kernel = node.slot(1).as_dims(), dilation = node.slot(0).as_dims();
  Dims padding = node.slot(2).as_dims(), stride = node.slot(3).as_dims();
  grad_in[0] =
      call_op(op_of<Im2Col>(), {Value::of(grad_out[0].get()), Value::of(kernel),
                                Value::of(dilation), Value::of(padding), Value::of(stride)})
          .ref();
}

}  // namespace rl::ops

namespace rl {

void add_sliding_ops(std::vector<Op*>& table) { add_ops(ops::SlidingOps{}, table); }

}  // namespace rl

#include "ops/softmax.h"

#include <algorithm>

#include "core/ownership.h"
#include "graph/grad_mode.h"
#include "kernels/convert.h"
#include "kernels/pool.h"
#include "kernels/tile.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

constexpr int64_t kCost = 4;    // of an element, an exponential
constexpr int64_t kBlock = 64;  // columns that a kernel takes at once

// Calls part(line, lines, column, columns) for parts of (lines, n, columns): whole lines, or where
// one is more than a thread wants, whole blocks of its columns.
template <class Part>
void split_lines(int64_t lines, int64_t n, int64_t columns, const Part& part) {
  int64_t grain = parallel_grain() / kCost + 1;
  if (columns == 1 || n * columns <= grain) {
    int64_t each = grain / (n * columns) + 1;
    return parallel_for(lines, each,
                        [&](int64_t begin, int64_t end) { part(begin, end - begin, 0, columns); });
  }
  int64_t width = std::min((grain / n / kBlock + 1) * kBlock, columns);
  int64_t across = (columns + width - 1) / width;
  parallel_parts(lines * across, [&](int64_t i) {
    int64_t column = i % across * width;
    part(i / across, 1, column, std::min(width, columns - column));
  });
}

constexpr int64_t kTile = 4096;

// Contiguous lines of 16-bit floats, by tiles that stay in the cache.
TensorRef narrow_softmax(SoftmaxFn fn, TensorImpl* a, TensorImpl* b, int64_t n, TensorImpl* into) {
  DType dtype = a->dtype();
  TensorRef out = into ? TensorRef::borrow(into) : TensorImpl::empty(dtype, a->shape());
  const char *x = a->data(), *g = b ? b->data() : nullptr;
  char* y = out->mut_data();
  const auto item = static_cast<int64_t>(item_size(dtype));
  parallel_for(a->numel() / n, parallel_grain() / kCost / n + 1, [&](int64_t line, int64_t end) {
    alignas(64) float wide_x[kTile], wide_g[kTile], wide_y[kTile];
    for (int64_t some; line < end; line += some) {
      some = std::min(kTile / n, end - line);
      const int64_t at = line * n * item, count = some * n;
      convert_strided(wide_x, 1, DType::kFloat32, x + at, 1, dtype, count);
      if (g) convert_strided(wide_g, 1, DType::kFloat32, g + at, 1, dtype, count);
      fn(wide_y, wide_x, g ? wide_g : nullptr, some, n, 1, 1);
      convert_strided(y + at, 1, dtype, wide_y, 1, DType::kFloat32, count);
    }
  });
  return out;
}

// 16-bit floats are computed in float32 and rounded once. `into`: null, or b, which may be written.
TensorRef run_softmax(SoftmaxKernel kernel, TensorImpl* a, TensorImpl* b, int dim,
                      TensorImpl* into = nullptr) {
  DType compute = compute_dtype(a->dtype());
  SoftmaxFn fn = kernel_set->softmax[static_cast<int>(kernel)][compute_index(compute)];
  int64_t lines = 1, n = a->ndim() ? a->sizes()[dim] : 1, columns = 1;
  for (int d = 0; d < dim; ++d) lines *= a->sizes()[d];
  for (int d = dim + 1; d < a->ndim(); ++d) columns *= a->sizes()[d];
  bool alike = a->is_contiguous() && (!b || (b->dtype() == a->dtype() && b->is_contiguous()));
  if (a->dtype() != compute && alike && columns == 1 && n <= kTile && a->numel())
    return narrow_softmax(fn, a, b, n, into);
  TensorRef x = row_major_as(a, compute), g;
  if (b) g = row_major_as(b, compute);
  TensorRef out = into && into->dtype() == compute ? TensorRef::borrow(into)
                                                   : TensorImpl::empty(compute, a->shape());
  if (out->numel()) {
    auto item = static_cast<int64_t>(item_size(compute));
    char* to = out->mut_data();
    auto part = [&](int64_t line, int64_t some_lines, int64_t column, int64_t some_columns) {
      int64_t at = (line * n * columns + column) * item;
      fn(to + at, x->data() + at, g ? g->data() + at : nullptr, some_lines, n, some_columns,
         columns);
    };
    split_lines(lines, n, columns, part);
  }
  return converted(std::move(out), a->dtype());
}

void softmax_forward(Call& call, SoftmaxKernel kernel, const char* name) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  bool last = dim >= t->ndim() - 1;
  check(is_float(t->dtype()), ErrorKind::kNotImplemented, "\"", name,
        last ? "_lastdim_kernel_impl" : "_kernel_impl", "\" not implemented for '",
        dtype_title(t->dtype()), "'\n  fix: convert first, as in x.float().");
  call.output = run_softmax(kernel, t, nullptr, dim);
}

// Unrecorded, in the gradient's memory where nobody else looks at it.
template <class Slope>
void softmax_backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in, SoftmaxKernel kernel) {
  if (!grad_out[0]) return;
  TensorRef y = node.saved(1);
  const int64_t dim = node.slot(0).as_int();
  TensorImpl* g = grad_out[0].get();
  if (!grad_enabled() && g->dtype() == y->dtype() && sole_owner(g))
    grad_in[0] = run_softmax(kernel, y.get(), g, wrap_dim(dim, y->ndim()), g);
  else
    grad_in[0] =
        call_op(op_of<Slope>(), {Value::of(g), Value::of(y.get()), Value::of_int(dim)}).ref();
}

void slope_forward(Call& call, SoftmaxKernel kernel) {
  TensorImpl *g = call.tensor(0), *y = call.tensor(1);
  call.output = run_softmax(kernel, y, g, wrap_dim(call.args[2].i, y->ndim()));
}

template <class Kernel>
void convert_and_call(Call& call) {
  Tensor x(TensorRef::borrow(call.tensor(0)));
  const Value& dtype = call.args[2];
  if (dtype.kind == Kind::kDType && dtype.dtype != x->dtype()) x = to_dtype(x, dtype.dtype);
  call.output = call_op(op_of<Kernel>(), {x.value(), call.args[1]}).ref();
}

// Along the dimension of a derivative's slot 2; a 0-d tensor is its own sum.
struct Along {
  Dims dims;
  explicit Along(OpNode& node) { dims.push(node.slot(2).as_int()); }
  Tensor total(const Tensor& t) const { return sum(t, dims, true); }
};

}  // namespace

namespace ops {

void SoftmaxKernelOp::forward(Call& call) {
  softmax_forward(call, SoftmaxKernel::kSoftmax, "softmax");
}
void SoftmaxKernelOp::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  softmax_backward<SoftmaxBackwardData>(node, grad_out, grad_in, SoftmaxKernel::kSoftmaxSlope);
}

void LogSoftmaxKernelOp::forward(Call& call) {
  softmax_forward(call, SoftmaxKernel::kLogSoftmax, "log_softmax");
}
void LogSoftmaxKernelOp::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  softmax_backward<LogSoftmaxBackwardData>(node, grad_out, grad_in,
                                           SoftmaxKernel::kLogSoftmaxSlope);
}

void SoftmaxBackwardData::forward(Call& call) { slope_forward(call, SoftmaxKernel::kSoftmaxSlope); }
void SoftmaxBackwardData::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), first(node.saved(0)), y(node.saved(1));
  Along along(node);
  if (node.wants(0))
    grad_in[0] =
        call_op(op_of<SoftmaxBackwardData>(), {g.value(), y.value(), Value::of_int(along.dims[0])})
            .ref();
  if (node.wants(1))
    grad_in[1] = (g * (first - along.total(first * y)) - first * along.total(g * y)).ref();
}

void LogSoftmaxBackwardData::forward(Call& call) {
  slope_forward(call, SoftmaxKernel::kLogSoftmaxSlope);
}
void LogSoftmaxBackwardData::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), first(node.saved(0)), y(node.saved(1));
  Along along(node);
  Tensor weighted = g * math::exp(y);
  if (node.wants(0)) grad_in[0] = (g - along.total(weighted)).ref();
  if (node.wants(1)) grad_in[1] = (-(weighted * along.total(first))).ref();
}

void Softmax::forward(Call& call) { convert_and_call<SoftmaxKernelOp>(call); }
void LogSoftmax::forward(Call& call) { convert_and_call<LogSoftmaxKernelOp>(call); }

}  // namespace ops

void add_softmax_ops(std::vector<Op*>& table) { add_ops(ops::SoftmaxOps{}, table); }

}  // namespace rl

#include "ops/layer_norm.h"

#include "core/ownership.h"
#include "graph/grad_mode.h"
#include "kernels/pool.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

const char* data_or_null(const TensorRef& t) { return t ? t->data() : nullptr; }

// How many lines, and how long they are: the last `n_dims` dimensions.
struct Lines {
  int64_t count = 1, length = 1;
  Lines(const Dims& sizes, int n_dims) {
    for (int d = 0; d < sizes.n; ++d) (d < sizes.n - n_dims ? count : length) *= sizes[d];
  }
};

void check_parameter(const Value& v, const Dims& shape, const char* name) {
  if (v.is_none()) return;
  check(v.t->shape() == shape, ErrorKind::kRuntime, "Expected ", name,
        " to be of same shape as normalized_shape, but got ", name, " of shape ",
        shown(v.t->shape()), " and normalized_shape = ", shown(shape));
}

constexpr int64_t kColumns = 64;  // that a kernel takes at once

TensorRef argument_as(const Value& v, DType dtype) {
  return v.is_none() ? TensorRef() : row_major_as(v.t, dtype);
}

// Without a graph: the kernel.
void fused_slopes(OpNode& node, const TensorRef& grad, const Lines& lines, TensorRef* grad_in) {
  TensorRef input = node.saved(0), weight = node.saved(2);
  DType dtype = input->dtype(), compute = compute_dtype(dtype);
  Dims shape = node.slot(1).as_dims();
  // The gradient of the input takes the memory of the output's, which is read for the last time.
  const bool reuse = sole_owner(grad.get()) && grad->dtype() == compute;
  TensorRef g = row_major_as(grad.get(), compute), x = row_major_as(input.get(), compute), w;
  TensorRef mean = row_major_as(node.saved(4).get(), compute),
            rstd = row_major_as(node.saved(5).get(), compute);
  if (weight) w = row_major_as(weight.get(), compute);
  TensorRef out[3];
  for (uint32_t edge = 1; edge < 3; ++edge)
    if (node.wants(edge)) out[edge] = TensorImpl::empty(compute, shape);
  auto memory = [](TensorRef& t) { return t->mut_data(); };
  auto item = static_cast<int64_t>(item_size(compute));
  int64_t n = lines.length, grain = parallel_grain();
  if (n && (out[1] || out[2]))
    parallel_for(n, (grain / (lines.count + 1) / kColumns + 1) * kColumns,
                 [&](int64_t begin, int64_t end) {
                   int64_t at = begin * item;
                   auto sums = [&](TensorRef& t) { return t ? memory(t) + at : nullptr; };
                   kernel_set->layer_norm_sums[compute_index(compute)](
                       sums(out[1]), sums(out[2]), g->data() + at, x->data() + at, mean->data(),
                       rstd->data(), lines.count, end - begin, n);
                 });
  if (node.wants(0)) out[0] = reuse ? g : TensorImpl::empty(compute, input->shape());
  if (n && out[0])
    parallel_for(lines.count, grain / n + 1, [&](int64_t begin, int64_t end) {
      int64_t at = begin * n * item;
      kernel_set->layer_norm_slope[compute_index(compute)](
          memory(out[0]) + at, g->data() + at, x->data() + at, mean->data() + begin * item,
          rstd->data() + begin * item, data_or_null(w), end - begin, n);
    });
  for (uint32_t edge = 0; edge < 3; ++edge)
    if (out[edge]) grad_in[edge] = converted(std::move(out[edge]), dtype);
}

}  // namespace

namespace ops {

void NativeLayerNorm::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Dims& shape = *call.args[1].dims;
  check(shape.n > 0, ErrorKind::kRuntime,
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
        "element, but got normalized_shape = []");
  check_parameter(call.args[2], shape, "weight");
  check_parameter(call.args[3], shape, "bias");
  bool fits = t->ndim() >= shape.n;
  for (int d = 0; fits && d < shape.n; ++d) fits = t->sizes()[t->ndim() - shape.n + d] == shape[d];
  if (!fits) {
    std::string wanted;
    for (int64_t size : shape) wanted += concat(", ", size);
    fail(ErrorKind::kRuntime, "Given normalized_shape=", shown(shape),
         ", expected input with shape [*", wanted, "], but got input of size", shown(t->shape()));
  }
  DType dtype = t->dtype(), compute = compute_dtype(dtype);
  check(is_float(dtype), ErrorKind::kNotImplemented,
        "\"LayerNormKernelImpl\" not implemented for '", dtype_title(dtype), "'");
  Lines lines(t->shape(), shape.n);
  TensorRef x = row_major_as(t, compute), w = argument_as(call.args[2], compute),
            b = argument_as(call.args[3], compute);
  Dims sizes = t->shape();
  for (int d = 0; d < shape.n; ++d) sizes[t->ndim() - 1 - d] = 1;
  TensorRef out = TensorImpl::empty(compute, t->shape());
  TensorRef mean = TensorImpl::empty(compute, sizes), rstd = TensorImpl::empty(compute, sizes);
  auto item = static_cast<int64_t>(item_size(compute));
  int64_t n = lines.length;
  double eps = call.args[4].as_double();
  if (n)
    parallel_for(lines.count, parallel_grain() / n + 1, [&](int64_t begin, int64_t end) {
      int64_t at = begin * n * item;
      kernel_set->layer_norm[compute_index(compute)](
          out->mut_data() + at, mean->mut_data() + begin * item, rstd->mut_data() + begin * item,
          x->data() + at, data_or_null(w), data_or_null(b), end - begin, n, eps);
    });
  call.output = converted(std::move(out), dtype);
  call.more.push_back(converted(std::move(mean), dtype));
  call.more.push_back(converted(std::move(rstd), dtype));
}

// Recorded, mean and deviation are computed anew: their own derivatives are part of the second one.
void NativeLayerNorm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims shape = node.slot(1).as_dims();
  Tensor x(node.saved(0)), weight(node.saved(2)), g(grad_out[0]);
  Lines lines(x->shape(), shape.n);
  if (!grad_enabled()) return fused_slopes(node, grad_out[0], lines, grad_in);
  Dims within, before;
  for (int d = 0; d < x->ndim(); ++d) (d < x->ndim() - shape.n ? before : within).push(d);
  auto mean = [&](const Tensor& t) {
    return sum(t, within, true) / Num(static_cast<double>(lines.length));
  };
  Tensor centred = x - mean(x);
  Tensor rstd = Num(1) / math::sqrt(mean(centred * centred) + Num(node.slot(6).as_double()));
  Tensor z = centred * rstd;
  if (node.wants(0)) {
    Tensor h = weight.defined() ? g * weight : g;
    grad_in[0] = (rstd * (h - mean(h) - z * mean(h * z))).ref();
  }
  auto over_lines = [&](const Tensor& t) { return before.n ? sum(t, before, false) : t; };
  if (node.wants(1)) grad_in[1] = over_lines(g * z).ref();
  if (node.wants(2)) grad_in[2] = over_lines(g).ref();
}

void LayerNorm::forward(Call& call) {
  call.output = call_op(op_of<NativeLayerNorm>(),
                        {call.args[0], call.args[1], call.args[2], call.args[3], call.args[4]})
                    .ref();
}

}  // namespace ops

void add_layer_norm_ops(std::vector<Op*>& table) { add_ops(ops::LayerNormOps{}, table); }

}  // namespace rl

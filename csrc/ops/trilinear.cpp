#include "ops/trilinear.h"

#include <algorithm>

#include "graph/grad_mode.h"
#include "ops/dims.h"
#include "ops/elementwise_list.h"
#include "ops/matmul.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

bool holds(const Dims& dims, int64_t d) {
  for (int64_t each : dims)
    if (each == d) return true;
  return false;
}

// With a dimension of size 1 at each of `dims`, which count in the result.
Tensor expanded(Tensor t, const Dims& dims) {
  int n = t->ndim() + dims.n;
  for (int d = 0; d < n; ++d)
    if (holds(dims, d)) t = unsqueeze(t, d);
  return t;
}

int64_t product_numel(const Tensor& a, const Tensor& b) {
  int64_t n = 1;
  for (int d = 0; d < a->ndim(); ++d) n *= std::max(a->sizes()[d], b->sizes()[d]);
  return n;
}

// (a b) summed over `sums`, without those dimensions: one product of matrices, in batches.
Tensor contracted(Tensor a, Tensor b, const Dims& sums) {
  const DType dtype = a->dtype();  // sums of small integers are int64
  Dims batch, left, right, inner, none, batch_sizes, left_sizes, right_sizes;
  int64_t counts[4] = {1, 1, 1, 1};
  for (int d = 0; d < a->ndim(); ++d) {
    int64_t m = a->sizes()[d], n = b->sizes()[d];
    if (holds(sums, d)) {
      if (n == 1 && m != 1) a = to_dtype(sum(a, Dims::of({d}), true), dtype);
      if (m == 1 && n != 1) b = to_dtype(sum(b, Dims::of({d}), true), dtype);
      bool both = m != 1 && n != 1;
      (both ? inner : none).push(d);
      if (both) counts[3] *= m;
    } else if (n == 1) {
      left.push(d);
      left_sizes.push(m);
      counts[1] *= m;
    } else if (m == 1) {
      right.push(d);
      right_sizes.push(n);
      counts[2] *= n;
    } else {
      batch.push(d);
      batch_sizes.push(m);
      counts[0] *= m;
    }
  }
  auto order = [&](const Dims& second, const Dims& third, const Dims& rest) {
    Dims all = batch;
    for (const Dims* part : {&second, &third, &rest, static_cast<const Dims*>(&none)})
      for (int64_t d : *part) all.push(d);
    return all;
  };
  Tensor x =
      reshape(permute(a, order(left, inner, right)), Dims::of({counts[0], counts[1], counts[3]}));
  Tensor y =
      reshape(permute(b, order(inner, right, left)), Dims::of({counts[0], counts[3], counts[2]}));
  Tensor product = call_op(op_of<Bmm>(), {x.value(), y.value()});
  Dims sizes = batch_sizes, places = batch;
  for (int64_t size : left_sizes) sizes.push(size);
  for (int64_t size : right_sizes) sizes.push(size);
  for (int64_t d : left) places.push(d);
  for (int64_t d : right) places.push(d);
  // Where each kept dimension, in their order, stands now.
  Dims back;
  for (int d = 0; d < a->ndim(); ++d)
    for (int i = 0; i < places.n; ++i)
      if (places[i] == d) back.push(i);
  return permute(reshape(product, sizes), back);
}

Tensor trilinear(const Tensor& a, const Tensor& b, const Tensor& c, const Dims& expand_a,
                 const Dims& expand_b, const Dims& expand_c, const Dims& sums) {
  return call_op(op_of<Trilinear>(),
                 {a.value(), b.value(), c.value(), Value::of(expand_a), Value::of(expand_b),
                  Value::of(expand_c), Value::of(sums), Value::of_int(1)});
}

}  // namespace

void Trilinear::forward(Call& call) {
  GradModeGuard unrecorded(false);
  Tensor t[3];
  Dims sums;
  for (int i = 0; i < 3; ++i) t[i] = expanded(borrowed(call.tensor(i)), *call.args[3 + i].dims);
  check(t[0]->ndim() == t[1]->ndim() && t[1]->ndim() == t[2]->ndim(), ErrorKind::kRuntime,
        "_trilinear: the three tensors have different numbers of dimensions: ", t[0]->ndim(), ", ",
        t[1]->ndim(), " and ", t[2]->ndim());
  for (int64_t d : *call.args[6].dims) sums.push(wrap_dim(d, t[0]->ndim()));
  // The two factors whose product is the smallest are multiplied first.
  int last = 2;
  for (int i = 0; i < 2; ++i)
    if (product_numel(t[(i + 1) % 3], t[(i + 2) % 3]) <
        product_numel(t[(last + 1) % 3], t[(last + 2) % 3]))
      last = i;
  call.output = contracted(t[(last + 1) % 3] * t[(last + 2) % 3], t[last], sums).ref();
}

void Trilinear::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), t[3];
  for (int i = 0; i < 3; ++i)
    if (node.wants((i + 1) % 3) || node.wants((i + 2) % 3)) t[i] = Tensor(node.saved(i));
  Dims expand[3], sums = node.slot(6).as_dims();
  for (int i = 0; i < 3; ++i) expand[i] = node.slot(3 + i).as_dims();
  if (node.wants(0))
    grad_in[0] = trilinear(g, t[1], t[2], sums, expand[1], expand[2], expand[0]).ref();
  if (node.wants(1))
    grad_in[1] = trilinear(t[0], g, t[2], expand[0], sums, expand[2], expand[1]).ref();
  if (node.wants(2))
    grad_in[2] = trilinear(t[0], t[1], g, expand[0], expand[1], sums, expand[2]).ref();
}

void Bilinear::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1), *w = call.tensor(2);
  TensorImpl* bias = call.args[3].is_none() ? nullptr : call.tensor(3);
  bool same = a->dtype() == b->dtype() && b->dtype() == w->dtype();
  check(same && (!bias || bias->dtype() == a->dtype()), ErrorKind::kRuntime,
        "All tensors must have the same dtype, got input1: ", dtype_cpp_name(a->dtype()),
        ", input2: ", dtype_cpp_name(b->dtype()), ", weight: ", dtype_cpp_name(w->dtype()),
        bias ? ", bias: " : "", bias ? dtype_cpp_name(bias->dtype()) : "");
  check(a->ndim() == b->ndim(), ErrorKind::kRuntime,
        "bilinear(): input dimensions do not match: got ", a->ndim(), " and ", b->ndim());
  int last = a->ndim() - 1;
  for (int d = 0; d < last; ++d)
    check(a->sizes()[d] == b->sizes()[d], ErrorKind::kRuntime,
          "bilinear(): input batch dimensions do not match at dim ", d, ": got ", a->sizes()[d],
          " and ", b->sizes()[d]);
  check(last >= 0, ErrorKind::kIndex, "Dimension specified as -1 but tensor has no dimensions");
  wrap_dim(2, w->ndim());
  TensorImpl* inputs[] = {a, b};
  for (int i = 0; i < 2; ++i)
    check(inputs[i]->sizes()[last] == w->sizes()[i + 1], ErrorKind::kRuntime, "bilinear(): input",
          i + 1, " size does not match weight size: got ", inputs[i]->sizes()[last],
          " but expected ", w->sizes()[i + 1]);
  check(!bias || (bias->ndim() && bias->sizes()[0] == w->sizes()[0]), ErrorKind::kRuntime,
        "bilinear(): bias size does not match weight size: got ",
        bias && bias->ndim() ? bias->sizes()[0] : 1, " but expected ", w->sizes()[0]);
  int64_t rows = 1;
  for (int d = 0; d < last; ++d) rows *= a->sizes()[d];
  auto flat = [&](TensorImpl* t) {
    return reshape(borrowed(t), Dims::of({rows, t->sizes()[last]}));
  };
  Tensor y = trilinear(flat(a), borrowed(w), flat(b), Dims::of({1, 3}), Dims::of({0}),
                       Dims::of({1, 2}), Dims::of({2, 3}));
  Dims sizes = a->shape();
  sizes[last] = w->sizes()[0];
  y = reshape(y, sizes);
  call.output = (bias ? y + borrowed(bias) : y).ref();
}

}  // namespace rl::ops

namespace rl {

void add_trilinear_ops(std::vector<Op*>& table) { add_ops(ops::TrilinearOps{}, table); }

}  // namespace rl

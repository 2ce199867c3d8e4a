#include "ops/distance.h"

#include <algorithm>
#include <cmath>

#include "graph/grad_mode.h"
#include "kernels/distance.h"
#include "kernels/iterator.h"
#include "ops/elementwise_list.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Dims with_rows(Dims batch, int64_t n, int64_t k) {
  batch.push(n);
  batch.push(k);
  return batch;
}

// What a tensor's rows are under a batch shape that it broadcasts to, row-major.
TensorRef rows_of(TensorImpl* t, const Dims& batch) {
  Dims sizes = with_rows(batch, t->sizes()[t->ndim() - 2], t->sizes()[t->ndim() - 1]);
  Dims strides = expand_strides(t, sizes);
  TensorRef out = TensorImpl::empty(t->dtype(), sizes);
  run_copy(out->mut_data(), out->strides(), t->dtype(), t->data(), strides.v, t->dtype(), sizes.v,
           sizes.n);
  return out;
}

Norm norm_of(double p) {
  if (p == 0) return Norm::kCount;
  if (p == 1) return Norm::kSum;
  if (p == 2) return Norm::kEuclidean;
  return std::isinf(p) ? Norm::kLargest : Norm::kPower;
}

// Rows of n that are worth a thread: each part packs all m rows of the other side.
int64_t rows_worth(int64_t m, int64_t k) {
  return std::max(parallel_grain() / (m * (k + 1)) + 1, std::min(parallel_grain(), int64_t{64}));
}

TensorRef distances(TensorImpl* a, TensorImpl* b, double p) {
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime, "expected scalar type ",
        dtype_title(a->dtype()), " but found ", dtype_title(b->dtype()));
  check(a->dtype() >= DType::kFloat32, ErrorKind::kNotImplemented,
        "\"cdist\" not implemented for '", dtype_title(a->dtype()), "'");
  Dims batch;
  broadcast_sizes(a->sizes(), a->ndim() - 2, b->sizes(), b->ndim() - 2, batch);
  TensorRef left = rows_of(a, batch), right = rows_of(b, batch);
  int64_t n = a->sizes()[a->ndim() - 2], m = b->sizes()[b->ndim() - 2];
  int64_t k = a->sizes()[a->ndim() - 1];
  TensorRef out = TensorImpl::empty(a->dtype(), with_rows(batch, n, m));
  const bool wide = a->dtype() == DType::kFloat64;
  const int64_t item = wide ? 8 : 4, batches = n && m ? out->numel() / (n * m) : 0;
  auto kernel = distance_kernels->distance[static_cast<int>(norm_of(p))][wide];
  char* to = out->mut_data();
  for (int64_t c = 0; c < batches; ++c)
    parallel_for(n, rows_worth(m, k), [&](int64_t i, int64_t end) {
      kernel(to + (c * n + i) * m * item, left->data() + (c * n + i) * k * item,
             right->data() + c * m * k * item, end - i, m, k, p);
    });
  return out;
}

// The gradient of the rows of `a`, whose distances from those of `b` run along rows; of columns
// where `turned`.
TensorRef row_gradient(TensorImpl* a, TensorImpl* b, TensorImpl* g, TensorImpl* dist, double p,
                       bool turned) {
  Dims batch(dist->sizes(), dist->ndim() - 2);
  TensorRef x = rows_of(a, batch), y = rows_of(b, batch);
  TensorRef grads = rows_of(g, batch), lengths = rows_of(dist, batch);
  const int64_t n = a->sizes()[a->ndim() - 2], m = b->sizes()[b->ndim() - 2];
  const int64_t k = a->sizes()[a->ndim() - 1];
  Tensor out = full(x->shape(), a->dtype(), 0);
  const bool wide = a->dtype() == DType::kFloat64;
  const int64_t item = wide ? 8 : 4, batches = n && m ? dist->numel() / (n * m) : 0;
  auto kernel = distance_kernels->slope[static_cast<int>(norm_of(p))][wide];
  const int64_t row = turned ? 1 : m, column = turned ? n : 1;
  char* to = out->mut_data();
  for (int64_t c = 0; c < batches; ++c)
    parallel_for(n, rows_worth(m, k), [&](int64_t i, int64_t end) {
      const int64_t pairs = (c * n * m + i * row) * item;
      kernel(to + (c * n + i) * k * item, x->data() + (c * n + i) * k * item,
             y->data() + c * m * k * item, grads->data() + pairs, lengths->data() + pairs, row,
             column, end - i, m, k, p);
    });
  return sum_to(out, a->shape()).ref();
}

// x, and 1 where it is 0: what may be divided by and raised to any power.
Tensor nonzero(const Tensor& x) { return math::select(x == Num(0), Num(1), x); }

Tensor power(const Tensor& x, double p) {
  return call_op(op_of<Pow>(), {x.value(), Value::of_double(p)});
}

// The gradient of every difference; 0 where the difference or the distance is.
Tensor difference_gradient(const Tensor& g, const Tensor& d, const Tensor& dist, double p) {
  if (p == 2) return g * d / nonzero(dist);
  Tensor signed_g = g * math::sign(d);
  if (p == 1) return signed_g;
  Tensor size = call_op(op_of<Abs>(), {d.value()});
  if (std::isinf(p)) return signed_g * call_op(op_of<Eq>(), {size.value(), dist.value()});
  return signed_g * power(nonzero(size), p - 1) / power(nonzero(dist), p - 1);
}

Dims last(int64_t d) { return Dims::of({d}); }

}  // namespace

void CdistForward::forward(Call& call) {
  call.output = distances(call.tensor(0), call.tensor(1), call.args[2].as_double());
}

void CdistForward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), dist(node.saved(1)), x1(node.saved(2)), x2(node.saved(3));
  double p = node.slot(0).as_double();
  if (p == 0) {
    if (node.wants(0)) grad_in[0] = full(x1->shape(), x1->dtype(), 0).ref();
    if (node.wants(1)) grad_in[1] = full(x2->shape(), x2->dtype(), 0).ref();
    return;
  }
  if (!grad_enabled()) {
    if (node.wants(0)) grad_in[0] = row_gradient(x1.get(), x2.get(), g.get(), dist.get(), p, false);
    if (node.wants(1)) grad_in[1] = row_gradient(x2.get(), x1.get(), g.get(), dist.get(), p, true);
    return;
  }
  Tensor rows = unsqueeze(x1, -2), others = unsqueeze(x2, -3);
  auto slope = [&](const Tensor& d) {
    return difference_gradient(unsqueeze(g, -1), d, unsqueeze(dist, -1), p);
  };
  // Each by its own difference: the kernel's zeros have its sign, too.
  if (node.wants(0))
    grad_in[0] = sum_to(sum(slope(rows - others), last(-2), false), x1->shape()).ref();
  if (node.wants(1))
    grad_in[1] = sum_to(sum(slope(others - rows), last(-3), false), x2->shape()).ref();
}

void EuclideanDist::forward(Call& call) {
  call.output = distances(call.tensor(0), call.tensor(1), 2);
}

void EuclideanDist::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]), dist(node.saved(0)), x1(node.saved(1)), x2(node.saved(2));
  Tensor ratio = math::select(dist == Num(0), Num(0), g / nonzero(dist));
  auto matmul = [](const Tensor& a, const Tensor& b) {
    return call_op(op_of<Bmm>(), {a.value(), b.value()});
  };
  auto batches = [](const Tensor& t) {
    int64_t count = 1;
    for (int i = 0; i + 2 < t->ndim(); ++i) count *= t->sizes()[i];
    return reshape(t, Dims::of({count, t->sizes()[t->ndim() - 2], t->sizes()[t->ndim() - 1]}));
  };
  if (node.wants(0)) {
    Tensor product = reshape(matmul(batches(ratio), batches(x2)), x1->shape());
    grad_in[0] = (x1 * sum(ratio, last(-1), true) - product).ref();
  }
  if (node.wants(1)) {
    Tensor turned = transpose(ratio, -2, -1);
    Tensor product = reshape(matmul(batches(turned), batches(x1)), x2->shape());
    grad_in[1] = (x2 * sum(turned, last(-1), true) - product).ref();
  }
}

void Cdist::forward(Call& call) {
  Tensor x1(TensorRef::borrow(call.tensor(0))), x2(TensorRef::borrow(call.tensor(1)));
  double p = call.args[2].as_double();
  int n = x1->ndim(), m = x2->ndim();
  check(n >= 2, ErrorKind::kRuntime, "cdist only supports at least 2D tensors, X1 got: ", n, "D");
  check(m >= 2, ErrorKind::kRuntime, "cdist only supports at least 2D tensors, X2 got: ", m, "D");
  check(x1->sizes()[n - 1] == x2->sizes()[m - 1], ErrorKind::kRuntime,
        "X1 and X2 must have the same number of columns. X1: ", x1->sizes()[n - 1],
        " X2: ", x2->sizes()[m - 1]);
  for (int i = 0; i < 2; ++i) {
    DType dtype = (i ? x2 : x1)->dtype();
    check(is_float(dtype), ErrorKind::kRuntime, "cdist only supports floating-point dtypes, X",
          i + 1, " got: ", dtype_title(dtype));
  }
  check(p >= 0, ErrorKind::kRuntime, "cdist only supports non-negative p values");
  int64_t mode = call.args[3].is_none() ? 0 : call.args[3].i;
  int64_t rows = std::max(x1->sizes()[n - 2], x2->sizes()[m - 2]);
  bool by_product = p == 2 && (mode == 1 || (mode == 0 && rows > 25)) && x1->numel() && x2->numel();
  if (!by_product) {
    call.output =
        call_op(op_of<CdistForward>(), {x1.value(), x2.value(), Value::of_double(p), call.args[3]})
            .ref();
    return;
  }
  Dims batch;
  broadcast_sizes(x1->sizes(), n - 2, x2->sizes(), m - 2, batch);
  auto spread = [&](const Tensor& t) {
    Dims sizes = with_rows(batch, t->sizes()[t->ndim() - 2], t->sizes()[t->ndim() - 1]);
    return t->shape() == sizes ? t : expand(t, sizes);
  };
  Tensor dist = call_op(op_of<EuclideanDist>(), {spread(x1).value(), spread(x2).value()});
  call.output = view(dist, dist->shape()).ref();
}

}  // namespace rl::ops

namespace rl {

void add_distance_ops(std::vector<Op*>& table) { add_ops(ops::DistanceOps{}, table); }

}  // namespace rl

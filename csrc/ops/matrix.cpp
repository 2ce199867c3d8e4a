#include "ops/matrix.h"

#include "core/host.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/elementwise_list.h"
#include "ops/matmul.h"
#include "ops/matmul_math.h"
#include "ops/products.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl::ops {

void Trace::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() == 2, ErrorKind::kRuntime, "trace: expected a matrix, but got tensor with dim ",
        t->ndim());
  refuse_bool(t, "trace");
  int64_t n = std::min(t->sizes()[0], t->sizes()[1]);
  DType dtype = is_float(t->dtype()) ? t->dtype() : DType::kInt64;
  DType compute = compute_dtype(dtype);
  TensorRef diagonal = TensorImpl::empty(compute, &n, 1);
  const int64_t step = t->strides()[0] + t->strides()[1];
  run_copy(diagonal->mut_data(), diagonal->strides(), compute, t->data(), &step, t->dtype(), &n, 1);
  call.output = TensorImpl::empty(dtype, nullptr, 0);
  alignas(8) char sum[8] = {};
  if (n)
    kernel_set->reduce[static_cast<int>(Reducer::kSum)][compute_index(compute)].line(
        sum, diagonal->data(), n, nullptr);
  run_copy(call.output->mut_data(), nullptr, dtype, sum, nullptr, compute, nullptr, 0);
}

void Trace::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  const Dims& sizes = node.slot(0).as_dims();
  Tensor on_diagonal = full(sizes, DType::kBool, 0);
  auto* marks = reinterpret_cast<bool*>(on_diagonal->mut_data());
  for (int64_t i = 0; i < std::min(sizes[0], sizes[1]); ++i) marks[i * (sizes[1] + 1)] = true;
  grad_in[0] = math::select(on_diagonal, Tensor(grad_out[0]), Num(0)).ref();
}

namespace {

Tensor matmul(const Tensor& a, const Tensor& b) {
  return call_op(op_of<Matmul>(), {a.value(), b.value()});
}

TensorRef identity_like(const Tensor& t) {
  int64_t n = t->sizes()[t->ndim() - 1];
  const int64_t sizes[] = {n, n};
  TensorRef eye = TensorImpl::empty(t->dtype(), sizes, 2);
  fill(eye.get(), Value::of_int(0));
  TensorRef diagonal = TensorImpl::alias(eye->storage(), t->dtype(), Dims::of({n}),
                                         Dims::of({n + 1}).v, eye->offset());
  fill(diagonal.get(), Value::of_int(1));
  return eye;
}

Tensor power_zero(const Tensor& t) {
  Tensor out = contiguous_clone(t);
  TensorRef eye = identity_like(t);
  Call copy(op_of<Copy>());
  copy.args[0] = out.value();
  copy.args[1] = Value::of(eye.get());
  copy.args[2] = Value::of_bool(false);
  copy.target = out.get();
  dispatch(copy);
  return out;
}

}  // namespace

void MatrixPower::forward(Call& call) {
  Tensor a(TensorRef::borrow(call.tensor(0)));
  int64_t n = call.args[1].i;
  check(a->ndim() >= 2, ErrorKind::kRuntime,
        "linalg.matrix_power: The input tensor A must have at least 2 dimensions.");
  int64_t rows = a->sizes()[a->ndim() - 2], columns = a->sizes()[a->ndim() - 1];
  check(rows == columns, ErrorKind::kRuntime,
        "linalg.matrix_power: A must be batches of square matrices, but they are ", rows, " by ",
        columns, " matrices");
  check(n >= 0, ErrorKind::kNotImplemented, "linalg.matrix_power: n must not be negative, got ", n,
        "\n  fix: invert the matrix first, and raise the inverse to the power ",
        n == INT64_MIN ? n : -n, ".");
  Tensor result, square;
  if (n == 0) result = power_zero(a);
  if (n == 1) result = contiguous_clone(a);
  if (n == 3) result = matmul(matmul(a, a), a);
  if (!result.defined())
    for (; n > 0; n /= 2) {
      square = square.defined() ? matmul(square, square) : a;
      if (n % 2) result = result.defined() ? matmul(result, square) : square;
    }
  call.output = result.ref();
}

void LinalgDiagonal::forward(Call& call) {
  call.output =
      call_op(op_of<Diagonal>(), {call.args[0], call.args[1], call.args[2], call.args[3]}).ref();
}

namespace {

// The tensor under a shape that it expands to, with dimension `at` in front: three contiguous runs.
TensorRef components(TensorImpl* t, const Dims& shape, int at, DType compute) {
  Dims wanted = shape;
  Dims strides = expand_strides(t, wanted);
  Dims sizes = Dims::of({3}), steps = Dims::of({strides[at]});
  for (int d = 0; d < shape.n; ++d) {
    if (d == at) continue;
    sizes.push(shape[d]);
    steps.push(strides[d]);
  }
  TensorRef out = TensorImpl::empty(compute, sizes);
  run_copy(out->mut_data(), out->strides(), compute, t->data(), steps.v, t->dtype(), sizes.v,
           sizes.n);
  return out;
}

// Each product and each difference is rounded to T, as PyTorch's loop over T does.
template <class T, class Wide>
void cross_into(Wide* out, const Wide* a, const Wide* b, int64_t n) {
  auto rounded = [](Wide x) { return static_cast<Wide>(static_cast<T>(x)); };
  for (int k = 0; k < 3; ++k, out += n) {
    int i = (k + 1) % 3, j = (k + 2) % 3;
    const Wide *ai = a + i * n, *aj = a + j * n, *bi = b + i * n, *bj = b + j * n;
    for (int64_t c = 0; c < n; ++c) out[c] = rounded(ai[c] * bj[c]) - rounded(aj[c] * bi[c]);
  }
}

}  // namespace

void LinalgCross::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  int64_t dim = call.args[2].i;
  check(a->ndim() == b->ndim(), ErrorKind::kRuntime,
        "linalg.cross: inputs must have the same number of dimensions.");
  check(a->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  int at = wrap_dim(dim, a->ndim());
  check(a->sizes()[at] == 3 && b->sizes()[at] == 3, ErrorKind::kRuntime,
        "linalg.cross: inputs dimension ", dim, " must have length 3. Got ", a->sizes()[at],
        " and ", b->sizes()[at]);
  Dims shape;
  broadcast_sizes(a->sizes(), a->ndim(), b->sizes(), b->ndim(), shape);
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime, "expected scalar type ",
        dtype_title(a->dtype()), " but found ", dtype_title(b->dtype()));
  refuse_bool(a, "cross");
  DType dtype = a->dtype(), compute = compute_dtype(dtype);
  TensorRef left = components(a, shape, at, compute), right = components(b, shape, at, compute);
  TensorRef out = TensorImpl::empty(compute, left->shape());
  dispatch_dtype(dtype, [&](auto x) {
    using T = decltype(x);
    dispatch_compute(compute, [&](auto y) {
      using Wide = decltype(y);
      if constexpr (compute_dtype(dtype_of<T>()) == dtype_of<Wide>() && !std::is_same_v<T, bool>)
        cross_into<T>(reinterpret_cast<Wide*>(out->mut_data()),
                      reinterpret_cast<const Wide*>(left->data()),
                      reinterpret_cast<const Wide*>(right->data()), out->numel() / 3);
    });
  });
  call.output = TensorImpl::empty(dtype, shape);
  Dims strides;  // of the components, dimension by dimension of the result
  for (int d = 0, from = 1; d < shape.n; ++d)
    strides.push(d == at ? out->strides()[0] : out->strides()[from++]);
  run_copy(call.output->mut_data(), call.output->strides(), dtype, out->data(), strides.v, compute,
           shape.v, shape.n);
}

void LinalgCross::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Value dim = Value::of_int(node.slot(2).as_int());
  auto cross = [&](const Tensor& a, const Tensor& b) {
    return call_op(op_of<LinalgCross>(), {a.value(), b.value(), dim});
  };
  if (node.wants(0))
    grad_in[0] = sum_to(cross(Tensor(node.saved(1)), g), node.slot(3).as_dims()).ref();
  if (node.wants(1))
    grad_in[1] = sum_to(cross(g, Tensor(node.saved(0))), node.slot(4).as_dims()).ref();
}

void Cross::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Value dim = call.args[2];
  if (dim.is_none()) {
    host().warn("UserWarning",
                "Using torch.cross without specifying the dim arg is deprecated.\nPlease either "
                "pass the dim explicitly or simply use torch.linalg.cross.\nThe default value of "
                "dim will change to agree with that of linalg.cross in a future release.");
    int at = 0;
    while (at < t->ndim() && t->sizes()[at] != 3) ++at;
    check(at < t->ndim(), ErrorKind::kRuntime, "no dimension of size 3 in input");
    dim = Value::of_int(at);
  }
  call.output = call_op(op_of<LinalgCross>(), {call.args[0], call.args[1], dim}).ref();
}

void LinalgVecdot::forward(Call& call) {
  Tensor x(TensorRef::borrow(call.tensor(0))), y(TensorRef::borrow(call.tensor(1)));
  check(is_float(x->dtype()), ErrorKind::kRuntime,
        "linalg.vecdot: Expected a floating point or complex tensor as input. Got ",
        dtype_title(x->dtype()));
  check(x->dtype() == y->dtype(), ErrorKind::kRuntime,
        "linalg.vecdot: Expected x and y to have the same dtype, but found x of type ",
        dtype_title(x->dtype()), " and y of type ", dtype_title(y->dtype()), " instead");
  if (x->ndim() == 1 && y->ndim() == 1)
    call.output = call_op(op_of<Vdot>(), {x.value(), y.value()}).ref();
  else
    call.output = sum(x * y, Dims::of({call.args[2].i}), false).ref();
}

}  // namespace rl::ops

namespace rl {

void add_matrix_ops(std::vector<Op*>& table) { add_ops(ops::MatrixOps{}, table); }

}  // namespace rl

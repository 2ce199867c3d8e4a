#include "ops/matmul.h"

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

void check_same_dtype(TensorImpl* a, TensorImpl* b) {
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime,
        "expected m1 and m2 to have the same dtype, but got: ", dtype_cpp_name(a->dtype()),
        " != ", dtype_cpp_name(b->dtype()), "\n  fix: convert one of them, as in b.to(a.dtype).");
  check(a->dtype() != DType::kBool, ErrorKind::kRuntime,
        "\"addmm_impl_cpu_\" not implemented for 'Bool'");
}

// A row-major copy unless the rows are contiguous already.
TensorRef with_contiguous_rows(TensorImpl* t) {
  int last = t->ndim() - 1;
  if (t->strides()[last] == 1 || t->sizes()[last] == 1) return TensorRef::borrow(t);
  TensorRef copy = TensorImpl::empty(t->dtype(), t->sizes(), t->ndim());
  run_copy(copy->mut_data(), copy->strides(), t->dtype(), t->data(), t->strides(), t->dtype(),
           t->sizes(), t->ndim());
  return copy;
}

// Small integers and 16-bit floats: the operands widened, the result rounded or cut once.
void multiply_converted(MatmulFn product, char* to, const char* a, const char* b, DType dtype,
                        DType compute, int64_t m, int64_t n, int64_t k, const int64_t* a_stride,
                        int64_t b_row) {
  const int64_t left[] = {m, k}, right[] = {k, n}, result[] = {m, n};
  const int64_t b_stride[] = {b_row, 1};
  TensorRef wide_a = TensorImpl::empty(compute, left, 2);
  TensorRef wide_b = TensorImpl::empty(compute, right, 2);
  TensorRef wide = TensorImpl::empty(compute, result, 2);
  run_copy(wide_a->mut_data(), wide_a->strides(), compute, a, a_stride, dtype, left, 2);
  run_copy(wide_b->mut_data(), wide_b->strides(), compute, b, b_stride, dtype, right, 2);
  product(wide->mut_data(), wide_a->data(), wide_b->data(), m, n, k, k, 1, n, n);
  run_copy(to, wide->strides(), dtype, wide->data(), wide->strides(), compute, result, 2);
}

// One matrix product into out, whose rows are contiguous. Offsets in elements.
void multiply(TensorImpl* out, int64_t out_at, TensorImpl* a, int64_t a_at, TensorImpl* b,
              int64_t b_at, int64_t m, int64_t n, int64_t k, const int64_t* a_stride,
              int64_t b_row) {
  DType dtype = out->dtype(), compute = compute_dtype(dtype);
  int64_t item = static_cast<int64_t>(item_size(dtype));
  char* to = out->mut_data() + out_at * item;
  const char *left = a->data() + a_at * item, *right = b->data() + b_at * item;
  MatmulFn product = kernel_set->matmul[compute_index(dtype)];
  if (compute == dtype)
    product(to, left, right, m, n, k, a_stride[0], a_stride[1], b_row, n);
  else
    multiply_converted(product, to, left, right, dtype, compute, m, n, k, a_stride, b_row);
}

void fill_empty_sum(TensorImpl* out, int64_t k) {
  if (k == 0) fill(out, Value::of_int(0));
}

Tensor grad_of_left(const Tensor& g, const Tensor& right, const Op& product) {
  int n = right->ndim();
  return call_op(product, {g.value(), transpose(right, n - 2, n - 1).value()});
}

Tensor grad_of_right(const Tensor& g, const Tensor& left, const Op& product) {
  int n = left->ndim();
  return call_op(product, {transpose(left, n - 2, n - 1).value(), g.value()});
}

void product_backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  if (node.wants(0)) grad_in[0] = grad_of_left(g, Tensor(node.saved(1)), node.op()).ref();
  if (node.wants(1)) grad_in[1] = grad_of_right(g, Tensor(node.saved(0)), node.op()).ref();
}

}  // namespace

void Mm::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 2, ErrorKind::kRuntime, "self must be a matrix");
  check(b->ndim() == 2, ErrorKind::kRuntime, "mat2 must be a matrix");
  int64_t m = a->sizes()[0], k = a->sizes()[1], n = b->sizes()[1];
  check(k == b->sizes()[0], ErrorKind::kRuntime, "mat1 and mat2 shapes cannot be multiplied (", m,
        "x", k, " and ", b->sizes()[0], "x", n,
        ")\n  the inner sizes must be equal: (n, k) @ (k, m).");
  check_same_dtype(a, b);
  const int64_t sizes[] = {m, n};
  call.output = TensorImpl::empty(a->dtype(), sizes, 2);
  TensorRef right = with_contiguous_rows(b);
  if (k && m && n)
    multiply(call.output.get(), 0, a, 0, right.get(), 0, m, n, k, a->strides(),
             right->strides()[0]);
  fill_empty_sum(call.output.get(), k);
}

void Mm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  product_backward(node, grad_out, grad_in);
}

void Bmm::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 3, ErrorKind::kRuntime, "batch1 must be a 3D tensor");
  check(b->ndim() == 3, ErrorKind::kRuntime, "batch2 must be a 3D tensor");
  const int64_t *x = a->sizes(), *y = b->sizes();
  check(x[0] == y[0] && x[2] == y[1], ErrorKind::kRuntime,
        "Expected size for first two dimensions of batch2 tensor to be: [", x[0], ", ", x[2],
        "] but got: [", y[0], ", ", y[1], "].");
  check_same_dtype(a, b);
  const int64_t sizes[] = {x[0], x[1], y[2]};
  call.output = TensorImpl::empty(a->dtype(), sizes, 3);
  TensorRef right = with_contiguous_rows(b);
  if (call.output->numel() && x[2])
    for (int64_t i = 0; i < x[0]; ++i)
      multiply(call.output.get(), i * x[1] * y[2], a, i * a->strides()[0], right.get(),
               i * right->strides()[0], x[1], y[2], x[2], a->strides() + 1, right->strides()[1]);
  fill_empty_sum(call.output.get(), x[2]);
}

void Bmm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  product_backward(node, grad_out, grad_in);
}

void Mv::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *v = call.tensor(1);
  check(a->ndim() == 2 && v->ndim() == 1, ErrorKind::kRuntime,
        "vector + matrix @ vector expected, got ", v->ndim(), ", ", a->ndim(), ", ", v->ndim());
  int64_t m = a->sizes()[0], k = a->sizes()[1];
  check(k == v->sizes()[0], ErrorKind::kRuntime, "size mismatch, got input (", m, "), mat (", m,
        "x", k, "), vec (", v->sizes()[0], ")");
  check_same_dtype(a, v);
  call.output = TensorImpl::empty(a->dtype(), &m, 1);
  // A vector is a matrix with one column, which lies row by row whatever its stride.
  if (m && k) multiply(call.output.get(), 0, a, 0, v, 0, m, 1, k, a->strides(), v->strides()[0]);
  fill_empty_sum(call.output.get(), k);
}

void Mv::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  if (node.wants(0)) {
    Tensor vec(node.saved(1));
    Tensor column = view(g, Dims::of({g->numel(), 1}));
    grad_in[0] = (column * vec).ref();
  }
  if (node.wants(1)) {
    Tensor matrix(node.saved(0));
    grad_in[1] = call_op(op_of<Mv>(), {transpose(matrix, 0, 1).value(), g.value()}).ref();
  }
}

void Dot::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 1 && b->ndim() == 1, ErrorKind::kRuntime, "1D tensors expected, but got ",
        a->ndim(), "D and ", b->ndim(), "D tensors");
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime,
        "dot : expected both vectors to have same dtype, but found ", dtype_title(a->dtype()),
        " and ", dtype_title(b->dtype()));
  check(a->numel() == b->numel(), ErrorKind::kRuntime,
        "inconsistent tensor size, expected tensor [", a->numel(), "] and src [", b->numel(),
        "] to have the same number of elements, but got ", a->numel(), " and ", b->numel(),
        " elements respectively");
  check_same_dtype(a, b);
  call.output = TensorImpl::empty(a->dtype(), nullptr, 0);
  const int64_t stride[] = {0, a->strides()[0]};
  if (a->numel())
    multiply(call.output.get(), 0, a, 0, b, 0, 1, 1, a->numel(), stride, b->strides()[0]);
  fill_empty_sum(call.output.get(), a->numel());
}

void Dot::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  if (node.wants(0)) grad_in[0] = (Tensor(node.saved(1)) * g).ref();
  if (node.wants(1)) grad_in[1] = (Tensor(node.saved(0)) * g).ref();
}

namespace {

Tensor unsafe_view(const Tensor& t, const Dims& sizes) {
  return call_op(op_of<UnsafeView>(), {t.value(), Value::of(sizes)});
}
// (..., n, k) @ (k, m) or (k): the leading dimensions join the rows.
Tensor folded(const Tensor& a, const Tensor& b) {
  int64_t k = a->sizes()[a->ndim() - 1];
  int64_t rows = 1;
  for (int d = 0; d + 1 < a->ndim(); ++d) rows *= a->sizes()[d];
  Tensor flat = reshape(a, Dims::of({rows, k}));
  Dims sizes = a->shape();
  if (b->ndim() == 1) {
    --sizes.n;
    return unsafe_view(call_op(op_of<Mv>(), {flat.value(), b.value()}), sizes);
  }
  sizes[sizes.n - 1] = b->sizes()[1];
  return unsafe_view(call_op(op_of<Mm>(), {flat.value(), b.value()}), sizes);
}

Tensor batched(const Tensor& a, const Tensor& b) {
  Dims batch;
  broadcast_sizes(a->sizes(), a->ndim() - 2, b->sizes(), b->ndim() - 2, batch);
  int64_t count = 1;
  for (int64_t size : batch) count *= size;
  auto spread = [&](const Tensor& t) {
    int64_t rows = t->sizes()[t->ndim() - 2], columns = t->sizes()[t->ndim() - 1];
    Dims sizes = batch;
    sizes.push(rows);
    sizes.push(columns);
    return reshape(expand(t, sizes), Dims::of({count, rows, columns}));
  };
  Tensor product = call_op(op_of<Bmm>(), {spread(a).value(), spread(b).value()});
  Dims sizes = batch;
  sizes.push(a->sizes()[a->ndim() - 2]);
  sizes.push(b->sizes()[b->ndim() - 1]);
  return unsafe_view(product, sizes);
}

}  // namespace

void Matmul::forward(Call& call) {
  Tensor a(TensorRef::borrow(call.tensor(0))), b(TensorRef::borrow(call.tensor(1)));
  int m = a->ndim(), n = b->ndim();
  check(m && n, ErrorKind::kRuntime,
        "both arguments to matmul need to be at least 1D, but they are ", m, "D and ", n, "D");
  const Value args[] = {a.value(), b.value()};
  if (m == 1 && n == 1) {
    call.output = call_op(op_of<Dot>(), {args[0], args[1]}).ref();
  } else if (m == 2 && n == 1) {
    call.output = call_op(op_of<Mv>(), {args[0], args[1]}).ref();
  } else if (m == 2 && n == 2) {
    call.output = call_op(op_of<Mm>(), {args[0], args[1]}).ref();
  } else if (m == 1) {
    // (k) @ (..., k, m): a row on the left, taken away afterwards.
    Tensor product =
        call_op(op_of<Matmul>(), {view(a, Dims::of({1, a->numel()})).value(), args[1]});
    Dims sizes = product->shape();
    sizes[sizes.n - 2] = sizes[sizes.n - 1];
    --sizes.n;
    call.output = unsafe_view(product, sizes).ref();
  } else if (n <= 2) {
    call.output = folded(a, b).ref();
  } else {
    call.output = batched(a, b).ref();
  }
}

}  // namespace rl::ops

namespace rl {

void add_matmul_ops(std::vector<Op*>& table) { add_ops(ops::MatmulOps{}, table); }

}  // namespace rl

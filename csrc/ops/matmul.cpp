#include "ops/matmul.h"

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/dims.h"
#include "ops/matmul_math.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

void check_same_dtype(TensorImpl* a, TensorImpl* b) {
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime,
        "expected m1 and m2 to have the same dtype, but got: ", dtype_cpp_name(a->dtype()),
        " != ", dtype_cpp_name(b->dtype()), "\n  fix: convert one of them, as in b.to(a.dtype).");
}

void check_inner(TensorImpl* a, TensorImpl* b) {
  check(a->sizes()[1] == b->sizes()[0], ErrorKind::kRuntime,
        "mat1 and mat2 shapes cannot be multiplied (", a->sizes()[0], "x", a->sizes()[1], " and ",
        b->sizes()[0], "x", b->sizes()[1], ")\n  the inner sizes must be equal: (n, k) @ (k, m).");
}

Tensor matrix_transpose(const Tensor& t) { return call_op(op_of<TransposeMatrix>(), {t.value()}); }

bool column_major(const Dims& sizes, const Dims& strides) {
  return strides[0] == 1 && strides[1] == sizes[0];
}

Tensor scaled(const Tensor& t, double factor) {
  return factor == 1 ? t : t * Tensor::number(Value::of_double(factor));
}

// The gradients of both factors, of a layout that suits the factor's: a transposed weight gets a
// transposed gradient, which is row-major for the weight itself.
struct Factors {
  OpNode& node;
  Tensor g;
  double scale;
  int left, right, dims;  // slots: the factors, then sizes and strides of both

  bool transposed(int at) const {
    return column_major(node.slot(dims + at).as_dims(), node.slot(dims + at + 1).as_dims());
  }
  TensorRef grad_left() const {
    Tensor other(node.saved(right));
    Tensor grad = transposed(0) ? matrix_transpose(matmul2d(other, matrix_transpose(g)))
                                : matmul2d(g, matrix_transpose(other));
    return scaled(grad, scale).ref();
  }
  TensorRef grad_right() const {
    Tensor other(node.saved(left));
    Tensor grad = transposed(2) ? matrix_transpose(matmul2d(matrix_transpose(g), other))
                                : matmul2d(matrix_transpose(other), g);
    return scaled(grad, scale).ref();
  }
};

}  // namespace

void Mm::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 2, ErrorKind::kRuntime, "self must be a matrix");
  check(b->ndim() == 2, ErrorKind::kRuntime, "mat2 must be a matrix");
  check_inner(a, b);
  check_same_dtype(a, b);
  if (a->sizes()[0] && b->sizes()[1]) refuse_bool(a, "addmm_impl_cpu_");
  call.output = matrix_product(a, b);
}

void Mm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Factors factors{node, Tensor(grad_out[0]), 1, 0, 1, 2};
  if (node.wants(0)) grad_in[0] = factors.grad_left();
  if (node.wants(1)) grad_in[1] = factors.grad_right();
}

void Addmm::forward(Call& call) {
  TensorImpl *input = call.tensor(0), *a = call.tensor(1), *b = call.tensor(2);
  check(a->ndim() == 2, ErrorKind::kRuntime, "mat1 must be a matrix, got ", a->ndim(), "-D tensor");
  check(b->ndim() == 2, ErrorKind::kRuntime, "mat2 must be a matrix, got ", b->ndim(), "-D tensor");
  check_inner(a, b);
  const int64_t sizes[] = {a->sizes()[0], b->sizes()[1]};
  if (call.target) {
    check(same_sizes(input->sizes(), input->ndim(), sizes, 2), ErrorKind::kRuntime,
          "Bad in-place call: input tensor size ", shown(input->sizes(), input->ndim()),
          " and output tensor size ", shown(sizes, 2), " should match");
  }
  // Broadcast as expand() does, with its complaints.
  Dims shape(sizes, 2);
  expand_strides(input, shape);
  auto same = [](TensorImpl* x, TensorImpl* y, const char* what) {
    check(x->dtype() == y->dtype(), ErrorKind::kRuntime, what,
          " and mat2 must have the same dtype, but got ", dtype_title(x->dtype()), " and ",
          dtype_title(y->dtype()), "\n  fix: convert one of them, as in x.to(y.dtype).");
  };
  same(input, b, "self");
  same(a, b, "mat1");
  refuse_bool(a, "addmm_impl_cpu_");
  call.output = add_product(input, a, b, call.args[3], call.args[4], shape, call.target);
}

void Addmm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Factors factors{node, g, node.slot(7).as_double(), 0, 1, 2};
  if (node.wants(0))
    grad_in[0] = sum_to(scaled(g, node.slot(6).as_double()), node.slot(8).as_dims()).ref();
  if (node.wants(1)) grad_in[1] = factors.grad_left();
  if (node.wants(2)) grad_in[2] = factors.grad_right();
}

void Bmm::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 3, ErrorKind::kRuntime, "batch1 must be a 3D tensor");
  check(b->ndim() == 3, ErrorKind::kRuntime, "batch2 must be a 3D tensor");
  const int64_t *x = a->sizes(), *y = b->sizes();
  check(x[0] == y[0] && x[2] == y[1], ErrorKind::kRuntime,
        "Expected size for first two dimensions of batch2 tensor to be: [", x[0], ", ", x[2],
        "] but got: [", y[0], ", ", y[1], "].");
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime, "expected scalar type ",
        dtype_title(a->dtype()), " but found ", dtype_title(b->dtype()));
  refuse_bool(a, "bmm");
  call.output = batch_product(a, b);
}

void Bmm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Value g = Value::of(grad_out[0].get());
  if (node.wants(0)) {
    Tensor right(node.saved(1));
    grad_in[0] = call_op(node.op(), {g, transpose(right, 1, 2).value()}).ref();
  }
  if (node.wants(1)) {
    Tensor left(node.saved(0));
    grad_in[1] = call_op(node.op(), {transpose(left, 1, 2).value(), g}).ref();
  }
}

void BroadcastBmm::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  Dims batch;
  broadcast_sizes(a->sizes(), a->ndim() - 2, b->sizes(), b->ndim() - 2, batch);
  call.output = broadcast_product(a, b, batch);
}

void Mv::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *v = call.tensor(1);
  check(a->ndim() == 2 && v->ndim() == 1, ErrorKind::kRuntime,
        "vector + matrix @ vector expected, got ", v->ndim(), ", ", a->ndim(), ", ", v->ndim());
  int64_t m = a->sizes()[0], k = a->sizes()[1];
  check(k == v->sizes()[0], ErrorKind::kRuntime, "size mismatch, got input (", m, "), mat (", m,
        "x", k, "), vec (", v->sizes()[0], ")");
  check(a->dtype() == v->dtype(), ErrorKind::kRuntime,
        "addmv input tensors must have the same dtype, but got ", dtype_title(v->dtype()), ", ",
        dtype_title(a->dtype()), ", and ", dtype_title(v->dtype()));
  if (m) refuse_bool(a, "addmv_impl_cpu");
  call.output = vector_product(a, v);
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

namespace {

void check_vectors(TensorImpl* a, TensorImpl* b) {
  check(a->ndim() == 1 && b->ndim() == 1, ErrorKind::kRuntime, "1D tensors expected, but got ",
        a->ndim(), "D and ", b->ndim(), "D tensors");
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime,
        "dot : expected both vectors to have same dtype, but found ", dtype_title(a->dtype()),
        " and ", dtype_title(b->dtype()));
  check(a->numel() == b->numel(), ErrorKind::kRuntime,
        "inconsistent tensor size, expected tensor [", a->numel(), "] and src [", b->numel(),
        "] to have the same number of elements, but got ", a->numel(), " and ", b->numel(),
        " elements respectively");
  refuse_bool(a, "dot");
}

}  // namespace

void Dot::forward(Call& call) {
  check_vectors(call.tensor(0), call.tensor(1));
  call.output = inner_product(call.tensor(0), call.tensor(1));
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

Tensor product_of(const Tensor& a, const Tensor& b) {
  if (b->ndim() == 1) return call_op(op_of<Mv>(), {a.value(), b.value()});
  return matmul2d(a, b);
}

// (..., n, k) @ (k, m) or (k): the leading dimensions join the rows.
Tensor folded(const Tensor& a, const Tensor& b) {
  int64_t k = a->sizes()[a->ndim() - 1];
  int64_t rows = 1;
  for (int d = 0; d + 1 < a->ndim(); ++d) rows *= a->sizes()[d];
  Dims sizes = a->shape();
  --sizes.n;
  if (b->ndim() == 2) sizes.push(b->sizes()[1]);
  return unsafe_view(product_of(reshape(a, Dims::of({rows, k})), b), sizes);
}

// Whether one product over joined rows is taken: always where the smaller factor needs a gradient,
// which would be summed over the batch; else only where no copy is made and the result lies row by
// row. `b` is the smaller factor, `on_left` where it stands on the left of transposed `a`.
bool folds(const Tensor& a, const Tensor& b, bool on_left) {
  if (b->requires_grad()) return true;
  if (on_left && b->ndim() == 2) return false;
  if (a->numel() == 0) return true;
  for (int d = 0; d + 2 < a->ndim(); ++d)
    if (a->strides()[d] != a->strides()[d + 1] * a->sizes()[d + 1]) return false;
  return true;
}

bool is_recorded(const Tensor& t) {
  bool requires_grad = t->requires_grad() || (t->is_view() && t->base()->requires_grad());
  return requires_grad && (thread_state.key_mask & kRequiresGrad);
}

// Whether batches may be multiplied where they lie. What is refused is so by bmm().
bool multiplies_in_place(const Tensor& a, const Tensor& b) {
  return !is_recorded(a) && !is_recorded(b) && a->dtype() == b->dtype() &&
         a->dtype() != DType::kBool && a->sizes()[a->ndim() - 1] == b->sizes()[b->ndim() - 2];
}

// The matrices of t broadcast to `batch`, as one batch of three dimensions.
Tensor spread_over(const Tensor& t, const Dims& batch) {
  int64_t rows = t->sizes()[t->ndim() - 2], columns = t->sizes()[t->ndim() - 1], count = 1;
  for (int64_t size : batch) count *= size;
  Dims sizes = batch;
  sizes.push(rows);
  sizes.push(columns);
  return reshape(expand(t, sizes), Dims::of({count, rows, columns}));
}

// drop: a dimension of the result, -1 or -2, that a vector was given and that goes again.
Tensor batched(const Tensor& a, const Tensor& b, int64_t drop = 0) {
  Dims batch;
  broadcast_sizes(a->sizes(), a->ndim() - 2, b->sizes(), b->ndim() - 2, batch);
  Tensor product;
  if (multiplies_in_place(a, b)) {
    product = call_op(op_of<BroadcastBmm>(), {a.value(), b.value()});
    if (!drop) return product;
  } else {
    product = call_op(op_of<Bmm>(), {spread_over(a, batch).value(), spread_over(b, batch).value()});
    if (drop) product = call_op(op_of<SqueezeDim>(), {product.value(), Value::of_int(drop)});
  }
  Dims sizes = batch;
  if (drop != -2) sizes.push(a->sizes()[a->ndim() - 2]);
  if (drop != -1) sizes.push(b->sizes()[b->ndim() - 1]);
  return unsafe_view(product, sizes);
}

// (k) @ (k, m): a row of a matrix, which stops being one in place, as PyTorch records it.
Tensor row_times(const Tensor& a, const Tensor& b) {
  Tensor row = matmul2d(unsqueeze(a, 0), b);
  Call squeeze(op_of<SqueezeDimInplace>());
  squeeze.args[0] = row.value();
  squeeze.args[1] = Value::of_int(0);
  squeeze.target = row.get();
  dispatch(squeeze);
  return row;
}

}  // namespace

void Matmul::forward(Call& call) {
  Tensor a(TensorRef::borrow(call.tensor(0))), b(TensorRef::borrow(call.tensor(1)));
  int m = a->ndim(), n = b->ndim();
  check(m && n, ErrorKind::kRuntime,
        "both arguments to matmul need to be at least 1D, but they are ", m, "D and ", n, "D");
  if (m == 1 && n == 1) {
    call.output = call_op(op_of<Dot>(), {a.value(), b.value()}).ref();
  } else if (m <= 2 && n <= 2) {
    call.output = (m == 2 ? product_of(a, b) : row_times(a, b)).ref();
  } else if (n <= 2 && folds(a, b, false)) {
    call.output = folded(a, b).ref();
  } else if (n == 1) {
    call.output = batched(a, unsqueeze(b, 1), -1).ref();
  } else if (m <= 2) {
    Tensor turned = transpose(b, n - 2, n - 1);
    if (m == 1 && folds(turned, a, true)) {
      call.output = folded(turned, a).ref();
    } else if (m == 2 && folds(turned, a, true)) {
      Tensor product = transpose(folded(turned, matrix_transpose(a)), n - 2, n - 1);
      call.output = call_op(op_of<Contiguous>(), {product.value()}).ref();
    } else if (m == 1) {
      call.output = batched(unsqueeze(a, 0), b, -2).ref();
    } else {
      call.output = batched(a, b).ref();
    }
  } else {
    call.output = batched(a, b).ref();
  }
}

void Linear::forward(Call& call) {
  Tensor input(TensorRef::borrow(call.tensor(0))), weight(TensorRef::borrow(call.tensor(1)));
  int m = input->ndim();
  check(m && weight->ndim(), ErrorKind::kRuntime,
        "both arguments to linear need to be at least 1D, but they are ", m, "D and ",
        weight->ndim(), "D");
  Tensor factor = matrix_transpose(weight);
  if (call.args[2].is_none()) {
    call.output = call_op(op_of<Matmul>(), {input.value(), factor.value()}).ref();
    return;
  }
  TensorImpl* bias = call.tensor(2);
  int long_dims = 0;
  for (int d = 0; d < bias->ndim(); ++d) long_dims += bias->sizes()[d] != 1;
  if (m == 2) {
    call.output = call_op(op_of<Addmm>(), {call.args[2], input.value(), factor.value()}).ref();
  } else if (input->is_contiguous() && (bias->ndim() == 1 || long_dims == 1)) {
    Dims sizes = input->shape();
    int64_t rows = 1;
    for (int d = 0; d + 1 < m; ++d) rows *= sizes[d];
    Tensor flat = reshape(input, Dims::of({rows, sizes[m - 1]}));
    Tensor sum = call_op(op_of<Addmm>(), {call.args[2], flat.value(), factor.value()});
    sizes[m - 1] = sum->sizes()[1];
    call.output = view(sum, sizes).ref();
  } else {
    Tensor product = call_op(op_of<Matmul>(), {input.value(), factor.value()});
    Call add(op_of<Add>());
    add.args[0] = product.value();
    add.args[1] = call.args[2];
    add.args[2] = Value::of_int(1);
    add.target = product.get();
    dispatch(add);
    call.output = product.ref();
  }
}

}  // namespace rl::ops

namespace rl {

void add_matmul_ops(std::vector<Op*>& table) { add_ops(ops::MatmulOps{}, table); }

}  // namespace rl

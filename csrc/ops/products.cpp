#include "ops/products.h"

#include "graph/grad_mode.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/dims.h"
#include "ops/elementwise_list.h"
#include "ops/matmul.h"
#include "ops/matmul_math.h"
#include "ops/places.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor scaled(const Tensor& t, const Value& factor) {
  return factor.as_double() == 1 ? t : t * Tensor::number(factor);
}

Value number_in(OpNode& node, int slot) { return Value::of_double(node.slot(slot).as_double()); }

Tensor bmm(const Tensor& a, const Tensor& b) {
  return call_op(op_of<Bmm>(), {a.value(), b.value()});
}
Tensor mv(const Tensor& a, const Tensor& v) { return call_op(op_of<Mv>(), {a.value(), v.value()}); }

// Each element of a vector times each of another: one product of a column and a row.
Tensor outer_product(const Tensor& a, const Tensor& b) {
  return reshape(a, Dims::of({a->numel(), 1})) * b;
}

// t.size(d), with its complaint.
int64_t size_at(TensorImpl* t, int d) { return t->sizes()[wrap_dim(d, t->ndim())]; }

void check_inplace_size(Call& call, const Dims& shape) {
  if (!call.target) return;
  TensorImpl* input = call.target;
  check(input->shape() == shape, ErrorKind::kRuntime, "Bad in-place call: input tensor size ",
        shown(input->sizes(), input->ndim()), " and output tensor size ", shown(shape),
        " should match");
}

}  // namespace

void Vdot::forward(Call& call) { Dot::forward(call); }

void Vdot::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Dot::backward(node, grad_out, grad_in);
}

void Outer::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  check(a->ndim() == 1, ErrorKind::kRuntime, "outer: Expected 1-D argument self, but got ",
        a->ndim(), "-D");
  check(b->ndim() == 1, ErrorKind::kRuntime, "outer: Expected 1-D argument vec2, but got ",
        b->ndim(), "-D");
  call.output = outer_product(borrowed(a), borrowed(b)).ref();
}

namespace {

// One factor of a contraction: its dimensions as rows and columns of a matrix.
struct Factor {
  Tensor t;
  Dims order;  // the kept dimensions and the contracted ones, these last on the left
  Dims kept_sizes;
  int64_t kept = 1;  // product of the kept sizes

  Factor(const Tensor& tensor, const Dims& contracted, bool contracted_last) : t(tensor) {
    bool gone[kMaxDims] = {};
    for (int64_t d : contracted) {
      int at = wrap_dim(d, t->ndim());
      check(!gone[at], ErrorKind::kRuntime, "dim ", at,
            " appears multiple times in the list of dims");
      gone[at] = true;
    }
    if (!contracted_last)
      for (int64_t d : contracted) order.push(wrap_dim(d, t->ndim()));
    for (int d = 0; d < t->ndim(); ++d) {
      if (gone[d]) continue;
      order.push(d);
      kept_sizes.push(t->sizes()[d]);
      kept *= t->sizes()[d];
    }
    if (contracted_last)
      for (int64_t d : contracted) order.push(wrap_dim(d, t->ndim()));
  }
  Tensor permuted() const { return permute(t, order); }
};

// A tensor as a vector; a vector is one already.
Tensor flattened(const Tensor& t) { return t->ndim() == 1 ? t : reshape(t, Dims::of({-1})); }

Tensor contracted(Tensor a, Tensor b, const Dims& dims_a, const Dims& dims_b) {
  check(dims_a.n == dims_b.n, ErrorKind::kRuntime, "both dimension lists should have same length");
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime, "both inputs should have same dtype");
  int64_t inner = 1;
  for (int i = 0; i < dims_a.n; ++i) {
    int at = wrap_dim(dims_a[i], a->ndim()), bt = wrap_dim(dims_b[i], b->ndim());
    int64_t m = a->sizes()[at], n = b->sizes()[bt];
    // A size of 1 is broadcast: the other side's is summed first.
    if (n == 1 && m != 1) {
      a = sum(a, Dims::of({at}), true);
    } else if (m == 1 && n != 1) {
      b = sum(b, Dims::of({bt}), true);
    } else {
      check(m == n, ErrorKind::kRuntime, "contracted dimensions need to match, but first has size ",
            m, " in dim ", dims_a[i], " and second has size ", n, " in dim ", dims_b[i]);
      inner *= m;
    }
  }
  Factor left(a, dims_a, true), right(b, dims_b, false);
  Dims sizes = left.kept_sizes;
  for (int64_t size : right.kept_sizes) sizes.push(size);
  if (left.kept == 1 && right.kept == 1)
    return reshape(call_op(op_of<Dot>(), {flattened(left.permuted()).value(),
                                          flattened(right.permuted()).value()}),
                   sizes);
  return reshape(matmul2d(reshape(left.permuted(), Dims::of({left.kept, inner})),
                          reshape(right.permuted(), Dims::of({inner, right.kept}))),
                 sizes);
}

}  // namespace

void Inner::forward(Call& call) {
  Tensor a = borrowed(call.tensor(0)), b = borrowed(call.tensor(1));
  if (a->ndim() == 0 || b->ndim() == 0) {
    call.output = (a * b).ref();
    return;
  }
  check(a->sizes()[a->ndim() - 1] == b->sizes()[b->ndim() - 1], ErrorKind::kRuntime,
        "inner() the last dimension must match on both input tensors but got shapes ",
        shown(a->sizes(), a->ndim()), " and ", shown(b->sizes(), b->ndim()));
  call.output = contracted(a, b, Dims::of({-1}), Dims::of({-1})).ref();
}

void Tensordot::forward(Call& call) {
  call.output = contracted(borrowed(call.tensor(0)), borrowed(call.tensor(1)), *call.args[2].dims,
                           *call.args[3].dims)
                    .ref();
}

namespace {

// t expanded to `shape`, in memory of its own.
Tensor filled(const Tensor& t, const Dims& shape) { return contiguous_clone(expand(t, shape)); }

// The product of kron's factors under their shapes, whose last four dimensions are (rows of a, rows
// of b, columns of a, columns of b), but for the last two joined: long rows that the
// multiplication runs through, where rows of b's width would cost more to start than to run.
Tensor product_by_rows(Tensor a, Tensor b, Dims left, Dims right) {
  int last = left.n - 1;
  left[last] = right[last];
  right[last - 1] = left[last - 1];
  a = filled(a, left);
  b = filled(b, right);
  for (Dims* sizes : {&left, &right}) {
    (*sizes)[last - 1] *= (*sizes)[last];
    --sizes->n;
  }
  return view(a, left) * view(b, right);
}

}  // namespace

void Kron::forward(Call& call) {
  Tensor a = borrowed(call.tensor(0)), b = borrowed(call.tensor(1));
  int n = std::max(a->ndim(), b->ndim());
  Dims left, right, sizes;
  for (int d = 0; d < n; ++d) {
    int at = d - (n - a->ndim()), bt = d - (n - b->ndim());
    int64_t rows = at < 0 ? 1 : a->sizes()[at], columns = bt < 0 ? 1 : b->sizes()[bt];
    left.push(rows);
    left.push(1);
    right.push(1);
    right.push(columns);
    sizes.push(rows * columns);
  }
  auto spread = [](const Tensor& t, const Dims& shape) {
    return call_op(op_of<UnsafeView>(), {t.value(), Value::of(shape)});
  };
  // Nodes are PyTorch's: what is recorded multiplies the factors as they are.
  constexpr int64_t kShortRow = 128, kFewRows = 4;
  bool recorded = grad_enabled() && (a->requires_grad() || b->requires_grad());
  bool by_rows = !recorded && n > 1 && a->is_contiguous() && b->is_contiguous() &&
                 right[right.n - 1] < kShortRow && a->numel() >= kFewRows * left[left.n - 2] &&
                 b->numel() >= kFewRows * right[right.n - 1];
  Tensor product = spread(a, left), other = spread(b, right);
  product = by_rows ? product_by_rows(product, other, left, right) : product * other;
  int64_t strides[kMaxDims];
  // Operands of different layouts may leave a product that does not join in place.
  bool joins = view_strides(product->sizes(), product->strides(), product->ndim(), sizes, strides);
  call.output = (joins ? spread(product, sizes) : reshape(product, sizes)).ref();
}

void Addmv::forward(Call& call) {
  TensorImpl *input = call.tensor(0), *a = call.tensor(1), *v = call.tensor(2);
  check(a->ndim() == 2 && v->ndim() == 1 && input->ndim() <= 1, ErrorKind::kRuntime,
        "vector + matrix @ vector expected, got ", input->ndim(), ", ", a->ndim(), ", ", v->ndim());
  int64_t m = a->sizes()[0], k = a->sizes()[1];
  check(k == v->sizes()[0] && (input->numel() == m || input->numel() == 1), ErrorKind::kRuntime,
        "size mismatch, got input (", input->numel(), "), mat (", m, "x", k, "), vec (",
        v->sizes()[0], ")");
  check(input->dtype() == a->dtype() && a->dtype() == v->dtype(), ErrorKind::kRuntime,
        "addmv input tensors must have the same dtype, but got ", dtype_title(input->dtype()), ", ",
        dtype_title(a->dtype()), ", and ", dtype_title(v->dtype()));
  Dims shape = Dims::of({m});
  check_inplace_size(call, shape);
  if (m) refuse_bool(a, "addmv_impl_cpu");
  call.output = add_product(input, a, v, call.args[3], call.args[4], shape, call.target);
}

void Addmv::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Value beta = number_in(node, 2), alpha = number_in(node, 3);
  if (node.wants(0)) grad_in[0] = sum_to(scaled(g, beta), node.slot(4).as_dims()).ref();
  if (node.wants(1)) grad_in[1] = scaled(outer_product(g, Tensor(node.saved(1))), alpha).ref();
  if (node.wants(2))
    grad_in[2] = scaled(mv(transpose(Tensor(node.saved(0)), 0, 1), g), alpha).ref();
}

namespace {

void check_addr_number(const Value& v, const char* name, DType result) {
  check(v.kind != Kind::kBool || result == DType::kBool, ErrorKind::kRuntime, "Boolean ", name,
        " only supported for Boolean results.");
  check(v.kind != Kind::kDouble || is_float(result), ErrorKind::kRuntime,
        "For integral input tensors, argument ", name, " must not be a floating point number.");
}

// `out` may be `in`.
void add_outer(bool* out, const bool* a, const bool* b, int64_t n, int64_t m, const bool* in,
               const int64_t* strides, const Value& beta, const Value& alpha) {
  bool adds = beta.i != 0, multiplies = alpha.i != 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < m; ++j)
      *out++ = (adds && in[i * strides[0] + j * strides[1]]) || (multiplies && a[i] && b[j]);
}

template <class T>
void add_outer(T* out, const T* a, const T* b, int64_t n, int64_t m, const T* in,
               const int64_t* strides, const Value& beta, const Value& alpha) {
  T scale =
      std::is_integral_v<T> ? static_cast<T>(alpha.as_int()) : static_cast<T>(alpha.as_double());
  T keep = std::is_integral_v<T> ? static_cast<T>(beta.as_int()) : static_cast<T>(beta.as_double());
  for (int64_t i = 0; i < n; ++i, out += m) {
    T left = scale * a[i];
    const T* row = in + i * strides[0];
    if (keep == T(0))
      for (int64_t j = 0; j < m; ++j) out[j] = left * b[j];
    else if (strides[1] == 1)
#pragma GCC ivdep  // each element of `in` is read before it is written
      for (int64_t j = 0; j < m; ++j) out[j] = keep * row[j] + left * b[j];
    else
      for (int64_t j = 0; j < m; ++j) out[j] = keep * row[j * strides[1]] + left * b[j];
  }
}

}  // namespace

void Addr::forward(Call& call) {
  TensorImpl *input = call.tensor(0), *a = call.tensor(1), *b = call.tensor(2);
  check(a->ndim() == 1, ErrorKind::kRuntime, "addr: Expected 1-D argument vec1, but got ",
        a->ndim(), "-D");
  check(b->ndim() == 1, ErrorKind::kRuntime, "addr: Expected 1-D argument vec2, but got ",
        b->ndim(), "-D");
  int64_t n = a->sizes()[0], m = b->sizes()[0];
  Dims shape = Dims::of({n, m});
  if (call.target) {
    check(input->ndim() == 2, ErrorKind::kRuntime, "2D tensor expected, got ", input->ndim(),
          "D tensor for input");
    check(input->shape() == shape, ErrorKind::kRuntime,
          "size mismatch, input: ", shown(input->sizes(), 2), ", v1: [", n, "], v2: [", m, "]");
  }
  ResultType type;  // input counts with the shape that it is expanded to
  for (TensorImpl* t : {input, a, b}) type.add_tensor(t->dtype(), 1);
  DType dtype = type.get(), compute = compute_dtype(dtype);
  const Value &beta = call.args[3], &alpha = call.args[4];
  check_addr_number(beta, "beta", dtype);
  check_addr_number(alpha, "alpha", dtype);
  check(!call.target || category(dtype) <= category(input->dtype()), ErrorKind::kRuntime,
        "result type ", dtype_title(dtype), " can't be cast to the desired output type ",
        dtype_title(input->dtype()));
  TensorRef added = row_major_as(input, compute), left = row_major_as(a, compute),
            right = row_major_as(b, compute), out;
  auto apart = [&](const TensorRef& t) {
    return t->storage().get() != call.target->storage().get();
  };
  if (call.target && added.get() == call.target && apart(left) && apart(right))
    out = added;
  else
    out = TensorImpl::empty(compute, shape);
  Dims strides = expand_strides(added.get(), shape);
  dispatch_compute(compute, [&](auto x) {
    using T = decltype(x);
    auto data = [](const TensorRef& t) { return reinterpret_cast<const T*>(t->data()); };
    add_outer(reinterpret_cast<T*>(out->mut_data()), data(left), data(right), n, m, data(added),
              strides.v, beta, alpha);
  });
  call.output = call.target        ? TensorRef::borrow(call.target)
                : compute == dtype ? out
                                   : TensorImpl::empty(dtype, shape);
  if (call.output.get() != out.get())
    run_copy(call.output->mut_data(), call.output->strides(), call.output->dtype(), out->data(),
             out->strides(), compute, shape.v, 2);
}

void Addr::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Value beta = number_in(node, 2), alpha = number_in(node, 3);
  if (node.wants(0)) grad_in[0] = sum_to(scaled(g, beta), node.slot(4).as_dims()).ref();
  auto vector = [&](int slot) { return to_dtype_of(Tensor(node.saved(slot)), g); };
  if (node.wants(1)) grad_in[1] = scaled(mv(g, vector(1)), alpha).ref();
  if (node.wants(2)) grad_in[2] = scaled(mv(transpose(g, 0, 1), vector(0)), alpha).ref();
}

void Baddbmm::forward(Call& call) {
  TensorImpl *input = call.tensor(0), *a = call.tensor(1), *b = call.tensor(2);
  Dims shape = Dims::of({size_at(a, 0), size_at(a, 1), size_at(b, 2)});
  check_inplace_size(call, shape);
  expand_strides(input, shape);
  check(a->ndim() == 3, ErrorKind::kRuntime, "batch1 must be a 3D tensor");
  check(b->ndim() == 3, ErrorKind::kRuntime, "batch2 must be a 3D tensor");
  const int64_t *x = a->sizes(), *y = b->sizes();
  check(x[0] == y[0] && x[2] == y[1], ErrorKind::kRuntime,
        "Expected size for first two dimensions of batch2 tensor to be: [", x[0], ", ", x[2],
        "] but got: [", y[0], ", ", y[1], "].");
  check(input->dtype() == a->dtype(), ErrorKind::kRuntime,
        "Input dtypes must be the same, got: input ", dtype_cpp_name(input->dtype()),
        ", batch1: ", dtype_cpp_name(a->dtype()), ", batch2: ", dtype_cpp_name(b->dtype()));
  check(a->dtype() == b->dtype(), ErrorKind::kRuntime, "expected scalar type ",
        dtype_title(a->dtype()), " but found ", dtype_title(b->dtype()));
  refuse_bool(a, "baddbmm");
  call.output = add_product(input, a, b, call.args[3], call.args[4], shape, call.target);
}

void Baddbmm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Value beta = number_in(node, 2), alpha = number_in(node, 3);
  if (node.wants(0)) grad_in[0] = sum_to(scaled(g, beta), node.slot(4).as_dims()).ref();
  if (node.wants(1))
    grad_in[1] = scaled(bmm(g, transpose(Tensor(node.saved(1)), 1, 2)), alpha).ref();
  if (node.wants(2))
    grad_in[2] = scaled(bmm(transpose(Tensor(node.saved(0)), 1, 2), g), alpha).ref();
}

void Addbmm::forward(Call& call) {
  TensorImpl *input = call.tensor(0), *a = call.tensor(1), *b = call.tensor(2);
  Dims shape = Dims::of({size_at(a, 1), size_at(b, 2)});
  check_inplace_size(call, shape);
  expand_strides(input, shape);
  check(a->ndim() == 3, ErrorKind::kRuntime, "batch1 must be a 3D tensor");
  check(b->ndim() == 3, ErrorKind::kRuntime, "batch2 must be a 3D tensor");
  const int64_t *x = a->sizes(), *y = b->sizes();
  check(x[0] == y[0], ErrorKind::kRuntime,
        "batch1 and batch2 must have same number of batches, got ", x[0], " and ", y[0]);
  check(x[2] == y[1], ErrorKind::kRuntime, "Incompatible matrix sizes for bmm (", x[1], "x", x[2],
        " and ", y[1], "x", y[2], ")");
  for (TensorImpl* t : {a, b})
    check(input->dtype() == t->dtype(), ErrorKind::kRuntime,
          "self and mat2 must have the same dtype, but got ", dtype_title(input->dtype()), " and ",
          dtype_title(t->dtype()));
  refuse_bool(a, "addmm_impl_cpu_");
  call.output = add_product(input, a, b, call.args[3], call.args[4], shape, call.target);
}

void Addbmm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor g(grad_out[0]);
  Value beta = number_in(node, 2), alpha = number_in(node, 3);
  if (node.wants(0)) grad_in[0] = sum_to(scaled(g, beta), node.slot(4).as_dims()).ref();
  if (!node.wants(1) && !node.wants(2)) return;
  Tensor each = expand(unsqueeze(g, 0), Dims::of({node.slot(5).as_dims()[0], -1, -1}));
  if (node.wants(1))
    grad_in[1] = scaled(bmm(each, transpose(Tensor(node.saved(1)), 1, 2)), alpha).ref();
  if (node.wants(2))
    grad_in[2] = scaled(bmm(transpose(Tensor(node.saved(0)), 1, 2), each), alpha).ref();
}

}  // namespace rl::ops

namespace rl {

void add_product_ops(std::vector<Op*>& table) { add_ops(ops::ProductOps{}, table); }

}  // namespace rl

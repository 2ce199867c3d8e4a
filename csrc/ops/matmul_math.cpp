#include "ops/matmul_math.h"

#include <algorithm>

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/shape.h"

namespace rl {

void refuse_bool(TensorImpl* t, const char* kernel) {
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented, "\"", kernel,
        "\" not implemented for 'Bool'");
}

namespace {

// A row-major copy unless the rows are contiguous already.
TensorRef with_contiguous_rows(TensorImpl* t) {
  int last = t->ndim() - 1;
  if (t->strides()[last] == 1 || t->sizes()[last] == 1) return TensorRef::borrow(t);
  TensorRef copy = TensorImpl::empty(t->dtype(), t->sizes(), t->ndim());
  run_copy(copy->mut_data(), copy->strides(), t->dtype(), t->data(), t->strides(), t->dtype(),
           t->sizes(), t->ndim());
  return copy;
}

// c = a @ b in a compute type. One column needs no tiles.
void product_into(DType compute, char* c, const char* a, const char* b, int64_t m, int64_t n,
                  int64_t k, const int64_t* a_stride, int64_t b_row, int64_t c_row) {
  size_t type = compute_index(compute);
  if (n == 1 && c_row == 1 && b_row == 1 && (a_stride[1] == 1 || a_stride[0] == 1))
    kernel_set->matvec[type](c, a, b, m, k, a_stride[0], a_stride[1]);
  else
    kernel_set->matmul[type](c, a, b, m, n, k, a_stride[0], a_stride[1], b_row, c_row);
}

// Small integers and 16-bit floats: the operands widened, the result rounded or cut once.
void multiply_converted(char* to, const char* a, const char* b, DType dtype, DType compute,
                        int64_t m, int64_t n, int64_t k, const int64_t* a_stride, int64_t b_row) {
  const int64_t left[] = {m, k}, right[] = {k, n}, result[] = {m, n};
  const int64_t b_stride[] = {b_row, 1};
  TensorRef wide_a = TensorImpl::empty(compute, left, 2);
  TensorRef wide_b = TensorImpl::empty(compute, right, 2);
  TensorRef wide = TensorImpl::empty(compute, result, 2);
  run_copy(wide_a->mut_data(), wide_a->strides(), compute, a, a_stride, dtype, left, 2);
  run_copy(wide_b->mut_data(), wide_b->strides(), compute, b, b_stride, dtype, right, 2);
  const int64_t rows[] = {k, 1};
  product_into(compute, wide->mut_data(), wide_a->data(), wide_b->data(), m, n, k, rows, n, n);
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
  if (compute == dtype)
    product_into(compute, to, left, right, m, n, k, a_stride, b_row, n);
  else
    multiply_converted(to, left, right, dtype, compute, m, n, k, a_stride, b_row);
}

void fill_empty_sum(TensorImpl* out, int64_t k) {
  if (k == 0) fill(out, Value::of_int(0));
}

template <class T>
T number_as(const Value& v) {
  return std::is_integral_v<T> ? static_cast<T>(v.as_int()) : static_cast<T>(v.as_double());
}

// out = alpha out + beta in, row-major; strides 0 where `in` is broadcast.
template <class T>
void add_scaled(T* out, int64_t rows, int64_t columns, T alpha, const T* in, int64_t row_stride,
                int64_t step, T beta) {
  for (int64_t i = 0; i < rows; ++i, out += columns, in += row_stride) {
    if (alpha != T(1))
      for (int64_t j = 0; j < columns; ++j) out[j] *= alpha;
    if (beta == T(0)) continue;
    if (beta != T(1))
      for (int64_t j = 0; j < columns; ++j) out[j] += beta * in[j * step];
    else if (step == 1)
      for (int64_t j = 0; j < columns; ++j) out[j] += in[j];
    else
      for (int64_t j = 0; j < columns; ++j) out[j] += in[j * step];
  }
}

// Products of one shape, a step apart from each other.
struct Products {
  TensorImpl *a, *b;
  int64_t m, n, k, a_stride[2], b_row;
  int64_t count, a_step, b_step;

  Products(TensorImpl* left, TensorImpl* right) : a(left), b(right) {
    const int64_t *x = a->sizes(), *xs = a->strides(), *ys = b->strides();
    bool batched = a->ndim() == 3;
    int at = batched ? 1 : 0;
    m = x[at];
    k = x[at + 1];
    n = b->ndim() == 1 ? 1 : b->sizes()[at + 1];
    a_stride[0] = xs[at];
    a_stride[1] = xs[at + 1];
    b_row = ys[at];
    count = batched ? x[0] : 1;
    a_step = batched ? xs[0] : 0;
    b_step = batched ? ys[0] : 0;
  }
  // Rows i.. and columns j.. of product number `batch`.
  template <class T>
  void block(T* c, int64_t batch, int64_t i, int64_t j, int64_t rows, int64_t columns) const {
    const T* left = reinterpret_cast<const T*>(a->data()) + batch * a_step + i * a_stride[0];
    const T* right = reinterpret_cast<const T*>(b->data()) + batch * b_step + j;
    product_into(a->dtype(), reinterpret_cast<char*>(c), reinterpret_cast<const char*>(left),
                 reinterpret_cast<const char*>(right), rows, columns, k, a_stride, b_row, columns);
  }
};

// target = beta target + alpha (the products first .. last - 1, added up), block by block on the
// stack: the same bits as from the whole product.
template <class T>
void add_blocks(T* target, int64_t row, int64_t column, const Products& p, int64_t first,
                int64_t last, T alpha, T beta) {
  constexpr int64_t kSide = 64;
  T sum[kSide * kSide], part[kSide * kSide];
  const int64_t height = p.n == 1 ? kSide * kSide : kSide;
  for (int64_t j = 0; j < p.n; j += kSide)
    for (int64_t i = 0; i < p.m; i += height) {
      int64_t rows = std::min(height, p.m - i), columns = std::min(kSide, p.n - j);
      int64_t size = rows * columns;
      if (p.k == 0 || first == last) std::fill_n(sum, size, T(0));
      for (int64_t batch = first; batch < last && p.k; ++batch) {
        p.block(batch == first ? sum : part, batch, i, j, rows, columns);
        for (int64_t q = 0; q < size && batch > first; ++q) sum[q] += part[q];
      }
      for (int64_t r = 0; r < rows; ++r) {
        T* to = target + (i + r) * row + j * column;
        T* from = sum + r * columns;
        if (alpha != T(1))
          for (int64_t q = 0; q < columns; ++q) from[q] *= alpha;
        if (beta != T(0))
          for (int64_t q = 0; q < columns; ++q) from[q] += beta * to[q * column];
        for (int64_t q = 0; q < columns; ++q) to[q * column] = from[q];
      }
    }
}

}  // namespace

bool add_product_inplace(TensorImpl* target, TensorImpl* a, TensorImpl* b, const Value& alpha,
                         const Value& beta) {
  DType dtype = target->dtype();
  if (dtype != compute_dtype(dtype) || dtype == DType::kBool) return false;
  if (target->storage().get() == a->storage().get() ||
      target->storage().get() == b->storage().get())
    return false;
  TensorRef right = b->ndim() == 1 ? TensorRef::borrow(b) : with_contiguous_rows(b);
  Products products(a, right.get());
  dispatch_compute(dtype, [&](auto x) {
    using T = decltype(x);
    if constexpr (!std::is_same_v<T, bool>) {
      auto* to = reinterpret_cast<T*>(target->mut_data());
      const int64_t* strides = target->strides();
      auto factor = number_as<T>(alpha), keep = number_as<T>(beta);
      if (target->ndim() == 3)
        for (int64_t i = 0; i < products.count; ++i)
          add_blocks(to + i * strides[0], strides[1], strides[2], products, i, i + 1, factor, keep);
      else
        add_blocks(to, strides[0], target->ndim() == 2 ? strides[1] : 1, products, 0,
                   products.count, factor, keep);
    }
  });
  return true;
}

TensorRef widened(TensorImpl* t) {
  DType compute = compute_dtype(t->dtype());
  if (compute == t->dtype()) return TensorRef::borrow(t);
  TensorRef wide = TensorImpl::empty(compute, t->sizes(), t->ndim());
  run_copy(wide->mut_data(), wide->strides(), compute, t->data(), t->strides(), t->dtype(),
           t->sizes(), t->ndim());
  return wide;
}

TensorRef matrix_product(TensorImpl* a, TensorImpl* b) {
  int64_t m = a->sizes()[0], k = a->sizes()[1], n = b->sizes()[1];
  const int64_t sizes[] = {m, n};
  TensorRef out = TensorImpl::empty(a->dtype(), sizes, 2);
  TensorRef right = with_contiguous_rows(b);
  if (k && m && n)
    multiply(out.get(), 0, a, 0, right.get(), 0, m, n, k, a->strides(), right->strides()[0]);
  fill_empty_sum(out.get(), k);
  return out;
}

TensorRef batch_product(TensorImpl* a, TensorImpl* b) {
  const int64_t *x = a->sizes(), *y = b->sizes();
  const int64_t sizes[] = {x[0], x[1], y[2]};
  TensorRef out = TensorImpl::empty(a->dtype(), sizes, 3);
  TensorRef right = with_contiguous_rows(b);
  if (out->numel() && x[2])
    for (int64_t i = 0; i < x[0]; ++i)
      multiply(out.get(), i * x[1] * y[2], a, i * a->strides()[0], right.get(),
               i * right->strides()[0], x[1], y[2], x[2], a->strides() + 1, right->strides()[1]);
  fill_empty_sum(out.get(), x[2]);
  return out;
}

TensorRef vector_product(TensorImpl* a, TensorImpl* v) {
  int64_t m = a->sizes()[0], k = a->sizes()[1];
  TensorRef out = TensorImpl::empty(a->dtype(), &m, 1);
  // A vector is a matrix with one column, which lies row by row whatever its stride.
  if (m && k) multiply(out.get(), 0, a, 0, v, 0, m, 1, k, a->strides(), v->strides()[0]);
  fill_empty_sum(out.get(), k);
  return out;
}

TensorRef inner_product(TensorImpl* a, TensorImpl* b) {
  TensorRef out = TensorImpl::empty(a->dtype(), nullptr, 0);
  const int64_t stride[] = {0, a->strides()[0]};
  if (a->numel()) multiply(out.get(), 0, a, 0, b, 0, 1, 1, a->numel(), stride, b->strides()[0]);
  fill_empty_sum(out.get(), a->numel());
  return out;
}

TensorRef add_to_product(TensorRef product, const Value& alpha, TensorImpl* input,
                         const Value& beta, DType dtype, TensorImpl* target) {
  DType compute = product->dtype();
  int n = product->ndim();
  const int64_t* sizes = product->sizes();
  TensorRef added = widened(input);
  Dims shape = product->shape();
  Dims strides = expand_strides(added.get(), shape);
  int64_t columns = n ? sizes[n - 1] : 1, step = n ? strides[n - 1] : 0;
  int64_t rows = n > 1 ? sizes[n - 2] : 1, row_stride = n > 1 ? strides[n - 2] : 0;
  int64_t batches = n > 2 ? sizes[0] : 1, batch_stride = n > 2 ? strides[0] : 0;
  dispatch_compute(compute, [&](auto x) {
    using T = decltype(x);
    if constexpr (!std::is_same_v<T, bool>) {
      auto* out = reinterpret_cast<T*>(product->mut_data());
      auto* in = reinterpret_cast<const T*>(added->data());
      for (int64_t i = 0; i < batches; ++i)
        add_scaled(out + i * rows * columns, rows, columns, number_as<T>(alpha),
                   in + i * batch_stride, row_stride, step, number_as<T>(beta));
    }
  });
  if (!target && compute == dtype) return product;
  TensorRef result = target ? TensorRef::borrow(target) : TensorImpl::empty(dtype, sizes, n);
  run_copy(result->mut_data(), result->strides(), dtype, product->data(), product->strides(),
           compute, sizes, n);
  return result;
}

}  // namespace rl

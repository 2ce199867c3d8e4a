#include "ops/matmul_math.h"

#include <algorithm>

#include "core/unlocked.h"
#include "kernels/gemm.h"
#include "kernels/iterator.h"
#include "kernels/pool.h"
#include "ops/copy.h"
#include "ops/shape.h"

namespace rl {

void refuse_bool(TensorImpl* t, const char* kernel) {
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented, "\"", kernel,
        "\" not implemented for 'Bool'");
}

namespace {

template <class T>
T number_as(const Value& v) {
  return std::is_integral_v<T> ? static_cast<T>(v.as_int()) : static_cast<T>(v.as_double());
}

// Where the elements of a factor or a result lie: of one matrix, or of a batch of them, which may
// have several dimensions (`space`, where this is the stride number `which`).
struct Layout {
  char* data;
  int64_t batch, row, column;
  const Space* space = nullptr;
  int which = 0;

  Layout(const char* memory, const int64_t* strides, int n, bool row_vector = false)
      : data(const_cast<char*>(memory)), batch(0), row(0), column(0) {
    if (n == 3) batch = *strides++;
    if (n >= 2) {
      row = strides[0];
      column = strides[1];
    } else if (n == 1) {
      (row_vector ? column : row) = strides[0];
    }
  }
  char* at(int64_t index, int64_t i, int64_t item) const {
    return data + (index * batch + i * row) * item;
  }
  // Of the matrices in line with number `index` on, which becomes the first.
  void move_to_line(int64_t index, int64_t item) {
    batch = space->stride[which][0];
    for (int d = 0; d < space->n; index /= space->size[d++])
      data += index % space->size[d] * space->stride[which][d] * item;
    space = nullptr;
  }
};

// c = alpha a @ b + beta added for each matrix of a batch, or with the products of a batch added
// up.
struct Products {
  DType dtype;
  int64_t m, n, k, count;
  Layout c, added, a, b;
  bool adds_up;

  // f(products) for each line of the matrices from `begin` on.
  template <class F>
  void for_lines(int64_t begin, int64_t end, const F& f) const {
    auto item = static_cast<int64_t>(item_size(dtype));
    for (int64_t length = a.space->size[0]; begin < end;) {
      Products line = *this;
      line.count = std::min(length - begin % length, end - begin);
      for (Layout* t : {&line.c, &line.added, &line.a, &line.b}) t->move_to_line(begin, item);
      f(line);
      begin += line.count;
    }
  }

  template <class T>
  static Strided<T> seen(const Layout& t, char* data) {
    return {reinterpret_cast<T*>(data), t.row, t.column};
  }

  // The matrices from `begin` on.
  template <class T>
  void run_some(int64_t begin, int64_t end, T factor, T keep) const {
    if (a.space)
      return for_lines(begin, end,
                       [&](const Products& line) { line.run_some(0, line.count, factor, keep); });
    constexpr int64_t item = sizeof(T);
    for (int64_t i = begin; i < end; ++i) {
      bool first = !adds_up || i == 0;
      char* to = c.at(adds_up ? 0 : i, 0, item);
      multiply<T>(m, n, k, factor, seen<const T>(a, a.at(i, 0, item)),
                  seen<const T>(b, b.at(i, 0, item)), first ? keep : T(1),
                  first ? seen<const T>(added, added.at(i, 0, item)) : seen<const T>(c, to),
                  seen<T>(c, to));
    }
  }

  template <class T>
  void run(const Value& alpha, const Value& beta) const {
    auto factor = number_as<T>(alpha), keep = number_as<T>(beta);
    auto some = [&](int64_t begin, int64_t end) { run_some(begin, end, factor, keep); };
    // A multiplication takes less than a tenth of what an elementwise loop takes for an element.
    int64_t each = 16 * parallel_grain() / std::max(m * n * k, int64_t{1}) + 1;
    bool apart = !adds_up && count > each &&
                 multiplies_in_place<T>(m, n, k, seen<const T>(a, a.data), seen<const T>(b, b.data),
                                        seen<T>(c, c.data));
    if (!apart) return some(0, count);
    Unlocked unlocked(unlocked_work(static_cast<double>(count) * static_cast<double>(m * n * k)));
    parallel_for(count, each, some);
  }

  // Small integers and 16-bit floats: panels of the operands are widened, and the result rounded or
  // cut once.
  template <class T>
  void run_converted(const Value& alpha, const Value& beta) const {
    if (a.space)
      return for_lines(0, count, [&](const Products& line) { line.run_converted<T>(alpha, beta); });
    constexpr DType compute = dtype_of<T>();
    auto factor = number_as<T>(alpha), keep = number_as<T>(beta);
    int64_t item = static_cast<int64_t>(item_size(dtype));
    constexpr int64_t kRows = 256;
    int64_t height = adds_up ? m : std::min(m, kRows);
    auto wide = [](int64_t rows, int64_t columns) {
      return TensorImpl::empty(compute, Dims::of({rows, columns}));
    };
    auto as_strided = [](const TensorRef& t, int64_t columns) {
      return Strided<T>{reinterpret_cast<T*>(t->mut_data()), columns, 1};
    };
    TensorRef wide_a = wide(height, k), wide_b = wide(k, n), wide_c = wide(height, n);
    Strided<T> left = as_strided(wide_a, k), right = as_strided(wide_b, n),
               out = as_strided(wide_c, n);
    auto widen = [&](const Strided<T>& to, const Layout& t, const char* from, int64_t rows,
                     int64_t columns) {
      const int64_t sizes[] = {rows, columns}, in[] = {t.row, t.column}, step[] = {to.row, 1};
      run_copy(to.data, step, compute, from, in, dtype, sizes, 2);
    };
    for (int64_t i = 0; i < count; ++i) {
      widen(right, b, b.at(i, 0, item), k, n);
      for (int64_t row = 0; row < m; row += height) {
        int64_t rows = std::min(height, m - row);
        char* to = c.at(adds_up ? 0 : i, row, item);
        widen(left, a, a.at(i, row, item), rows, k);
        if (keep != T(0) && !(adds_up && i)) widen(out, added, added.at(i, row, item), rows, n);
        multiply<T>(rows, n, k, factor, {left.data, k, 1}, {right.data, n, 1},
                    adds_up && i ? T(1) : keep, {out.data, n, 1}, out);
        if (adds_up && i + 1 < count) continue;
        const int64_t sizes[] = {rows, n}, step[] = {c.row, c.column}, in[] = {n, 1};
        run_copy(to, step, dtype, out.data, in, compute, sizes, 2);
      }
    }
  }

  void run_any(const Value& alpha, const Value& beta) const {
    if (!m || !n) return;
    dispatch_compute(dtype, [&](auto zero) {
      using T = decltype(zero);
      if constexpr (!std::is_same_v<T, bool>) {
        if (dtype == compute_dtype(dtype))
          run<T>(alpha, beta);
        else
          run_converted<T>(alpha, beta);
      }
    });
  }
};

// out = alpha a @ b + beta added; k: how many of the inner elements count.
void multiply_tensors(TensorImpl* out, TensorImpl* a, TensorImpl* b, int64_t k, const Value& alpha,
                      const Value& beta, const Layout* added = nullptr) {
  bool batched = a->ndim() == 3;
  const int64_t *x = a->sizes() + batched, *y = b->sizes() + batched;
  Layout to(out->mut_data(), out->strides(), out->ndim());
  Products p{.dtype = out->dtype(),
             .m = a->ndim() == 1 ? 1 : x[0],
             .n = b->ndim() == 1 ? 1 : y[1],
             .k = k,
             .count = batched ? a->sizes()[0] : 1,
             .c = to,
             .added = added ? *added : to,
             .a = Layout(a->data(), a->strides(), a->ndim(), true),
             .b = Layout(b->data(), b->strides(), b->ndim()),
             .adds_up = batched && out->ndim() == 2};
  if (!p.count && p.adds_up) {  // an empty sum
    p.count = 1;
    p.k = 0;
  }
  p.run_any(alpha, beta);
}

TensorRef product_of(TensorImpl* a, TensorImpl* b, const int64_t* sizes, int ndim) {
  TensorRef out = TensorImpl::empty(a->dtype(), sizes, ndim);
  multiply_tensors(out.get(), a, b, a->sizes()[a->ndim() - 1], Value::of_int(1), Value::of_int(0));
  return out;
}

}  // namespace

TensorRef matrix_product(TensorImpl* a, TensorImpl* b) {
  const int64_t sizes[] = {a->sizes()[0], b->sizes()[1]};
  return product_of(a, b, sizes, 2);
}

TensorRef batch_product(TensorImpl* a, TensorImpl* b) {
  const int64_t sizes[] = {a->sizes()[0], a->sizes()[1], b->sizes()[2]};
  return product_of(a, b, sizes, 3);
}

TensorRef broadcast_product(TensorImpl* a, TensorImpl* b, const Dims& batch) {
  const int64_t *x = a->sizes() + a->ndim() - 2, *y = b->sizes() + b->ndim() - 2;
  Dims sizes = batch;
  sizes.push(x[0]);
  sizes.push(y[1]);
  TensorRef out = TensorImpl::empty(a->dtype(), sizes);
  if (!out->numel()) return out;
  auto spread = [&](TensorImpl* t) {  // the batch's strides; 0 where it is broadcast
    Dims strides;
    int missing = batch.n - (t->ndim() - 2);
    for (int d = 0; d < batch.n; ++d)
      strides.push(d < missing || t->sizes()[d - missing] == 1 ? 0 : t->strides()[d - missing]);
    return strides;
  };
  Dims left = spread(a), right = spread(b);
  const Operand factors[] = {{nullptr, left.v, a->dtype()}, {nullptr, right.v, b->dtype()}};
  Space space;
  collapse(space, batch.v, batch.n, out->strides(), factors, 2);
  auto layout = [&](TensorImpl* t, const char* data, int which) {
    Layout of(data, t->strides() + t->ndim() - 2, 2);
    of.space = &space;
    of.which = which;
    return of;
  };
  Layout to = layout(out.get(), out->mut_data(), 0);
  Products{.dtype = out->dtype(),
           .m = x[0],
           .n = y[1],
           .k = x[1],
           .count = out->numel() / (x[0] * y[1]),
           .c = to,
           .added = to,
           .a = layout(a, a->data(), 1),
           .b = layout(b, b->data(), 2),
           .adds_up = false}
      .run_any(Value::of_int(1), Value::of_int(0));
  return out;
}

TensorRef vector_product(TensorImpl* a, TensorImpl* v) { return product_of(a, v, a->sizes(), 1); }

TensorRef inner_product(TensorImpl* a, TensorImpl* b) { return product_of(a, b, nullptr, 0); }

TensorRef add_product(TensorImpl* input, TensorImpl* a, TensorImpl* b, const Value& beta,
                      const Value& alpha, Dims shape, TensorImpl* target) {
  auto shares = [&](TensorImpl* t) { return t->storage().get() == target->storage().get(); };
  bool in_place = target && !shares(a) && !shares(b);
  TensorRef out = in_place ? TensorRef::borrow(target) : TensorImpl::empty(a->dtype(), shape);
  Layout added(input->data(), expand_strides(input, shape).v, shape.n);
  // A factor alpha of 0 stands for the product: nan and inf in the factors do not count, but in
  // batches of results they do.
  bool counts = alpha.as_double() != 0 || shape.n == 3;
  multiply_tensors(out.get(), a, b, counts ? a->sizes()[a->ndim() - 1] : 0, alpha, beta, &added);
  if (!target || in_place) return out;
  run_copy(target->mut_data(), target->strides(), target->dtype(), out->data(), out->strides(),
           out->dtype(), shape.v, shape.n);
  return TensorRef::borrow(target);
}

}  // namespace rl

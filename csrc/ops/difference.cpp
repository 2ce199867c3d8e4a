#include "ops/difference.h"

#include "graph/grad_mode.h"
#include "ops/arithmetic.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/join.h"
#include "ops/scan.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor times(const Tensor& t, double factor) {
  return call_op(op_of<TimesNumber>(), {t.value(), Value::of_double(factor)});
}

Tensor over(const Tensor& t, double divisor) {
  return call_op(op_of<OverNumber>(), {t.value(), Value::of_double(divisor)});
}

template <class Main>
void unrecorded(Call& call) {
  GradModeGuard off(false);
  call.output = call_op(op_of<Main>(), {call.args[0], call.args[1]}).ref();
}

// --- diff

// The input between what is put before and behind it.
Tensor extended(const Tensor& t, int dim, TensorImpl* before, TensorImpl* behind) {
  TensorImpl* parts[3];
  TensorList list{parts, 0};
  for (TensorImpl* part : {before, t.get(), behind}) {
    if (!part) continue;
    parts[list.n++] = part;
    check(part->ndim() == t->ndim(), ErrorKind::kRuntime,
          "diff expects prepend or append to be the same dimension as input");
    for (int d = 0; d < t->ndim(); ++d)
      check(d == dim || part->sizes()[d] == t->sizes()[d], ErrorKind::kRuntime,
            "diff expects the shape of tensor to prepend or append to match that of input except "
            "along the differencing dimension; input.size(",
            d, ") = ", t->sizes()[d], ", but got tensor.size(", d, ") = ", part->sizes()[d]);
  }
  return call_op(op_of<Cat>(), {Value::of(list), Value::of_int(dim)});
}

Tensor copied(const Tensor& t) {
  Tensor out = full(t->shape(), t->dtype(), 0);
  if (!t->is_contiguous() && dense_non_overlapping(t->sizes(), t->strides(), t->ndim()))
    out->set_geometry(t->shape(), t->strides(), 0);
  Call call(op_of<Copy>());
  call.args[0] = out.value();
  call.args[1] = t.value();
  call.args[2] = Value::of_bool(false);
  call.target = out.get();
  dispatch(call);
  return out;
}

// --- integrals

int sample_dim(const Tensor& y, int64_t dim, int64_t told) {
  check(y->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", told,
        " but tensor has no dimensions");
  return wrap_dim(dim, y->ndim());
}

Tensor all_but_last(const Tensor& t, int64_t dim) { return slice(t, dim, 0, -1, 1); }
Tensor all_but_first(const Tensor& t, int64_t dim) { return slice(t, dim, 1, INT64_MAX, 1); }

Tensor neighbours(const Tensor& t, int64_t dim) {
  return all_but_last(t, dim) + all_but_first(t, dim);
}

// Of no samples the integral is 0.
bool integrates_nothing(Call& call, const Tensor& y, int dim) {
  if (y->sizes()[dim] != 0) return false;
  Dims sizes;
  for (int d = 0; d < y->ndim(); ++d)
    if (d != dim) sizes.push(y->sizes()[d]);
  call.output = full(sizes, y->dtype(), 0).ref();
  return true;
}

// The distances between the points x, in a shape that broadcasts with y.
Tensor distances(const char* name, const Tensor& y, const Tensor& x, int dim) {
  check(y->dtype() != DType::kBool && x->dtype() != DType::kBool, ErrorKind::kRuntime, name,
        ": received a bool input for `x` or `y`, but bool is not supported");
  Tensor points = x;
  Dims sizes;
  if (x->ndim() == 1) {
    check(x->sizes()[0] == y->sizes()[dim], ErrorKind::kRuntime, name,
          ": There must be one `x` value for each sample point");
    for (int d = 0; d < y->ndim(); ++d) sizes.push(d == dim ? x->sizes()[0] : 1);
    points = view(x, sizes);
  } else if (x->ndim() < y->ndim()) {
    for (int d = x->ndim(); d < y->ndim(); ++d) sizes.push(1);
    for (int64_t size : x->shape()) sizes.push(size);
    points = view(x, sizes);
  }
  return all_but_first(points, dim) - all_but_last(points, dim);
}

void check_step(const char* name, const Tensor& y, const Value& dx) {
  check(y->dtype() != DType::kBool, ErrorKind::kRuntime, name,
        ": received a bool input for `y`, but bool is not supported");
  check(dx.kind != Kind::kBool, ErrorKind::kRuntime, name,
        ": Currently, we only support dx as a real number.");
}

void trapezoid_at(Call& call) {
  Tensor y(TensorRef::borrow(call.tensor(0))), x(TensorRef::borrow(call.tensor(1)));
  int dim = sample_dim(y, call.args[2].i, 0);
  if (integrates_nothing(call, y, dim)) return;
  Tensor steps = distances("trapezoid", y, x, dim);
  Tensor total = sum(neighbours(y, dim) * steps, Dims::of({dim}), false);
  call.output = over(total, 2).ref();
}

// The sum but for half of the ends.
void trapezoid_by(Call& call) {
  Tensor y(TensorRef::borrow(call.tensor(0)));
  int dim = sample_dim(y, call.args[2].i, call.args[2].i);
  if (integrates_nothing(call, y, dim)) return;
  check_step("trapezoid", y, call.args[1]);
  Tensor ends = times(select(y, dim, 0) + select(y, dim, -1), 0.5);
  Tensor total = sum(y, Dims::of({dim}), false) - ends;
  call.output = times(total, call.args[1].as_double()).ref();
}

}  // namespace

void Diff::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  int64_t n = call.args[1].i;
  check(t->ndim() >= 1, ErrorKind::kRuntime, "diff expects input to be at least one-dimensional");
  check(n >= 0, ErrorKind::kRuntime, "order must be non-negative but got ", n);
  int dim = wrap_dim(call.args[2].i, t->ndim());
  Tensor given = t;
  if (!call.args[3].is_none() || !call.args[4].is_none())
    t = extended(t, dim, call.args[3].is_none() ? nullptr : call.tensor(3),
                 call.args[4].is_none() ? nullptr : call.tensor(4));
  if (n == 0) {  // what is put before and behind only counts in differences
    call.output = copied(given).ref();
    return;
  }
  // Beyond the last difference there is nothing, however often it is taken.
  for (int64_t length = t->sizes()[dim]; n > 0 && length > 0; --n) {
    --length;
    Tensor right = slice(t, dim, 1, length + 1, 1), left = slice(t, dim, 0, length, 1);
    t = t->dtype() == DType::kBool ? call_op(op_of<Ne>(), {right.value(), left.value()})
                                   : right - left;
  }
  call.output = t.ref();
}

void TimesNumber::forward(Call& call) { unrecorded<Mul>(call); }
void TimesNumber::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = times(Tensor(grad_out[0]), node.slot(0).as_double()).ref();
}
void OverNumber::forward(Call& call) { unrecorded<Div>(call); }
void OverNumber::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) grad_in[0] = over(Tensor(grad_out[0]), node.slot(0).as_double()).ref();
}

void TrapezoidAt::forward(Call& call) { trapezoid_at(call); }
void Trapezoid::forward(Call& call) { trapezoid_by(call); }
void TrapzAt::forward(Call& call) { trapezoid_at(call); }
void Trapz::forward(Call& call) { trapezoid_by(call); }

namespace {
void refuse_scalar(const Tensor& y) {
  check(y->ndim() > 0, ErrorKind::kIndex, "slice() cannot be applied to a 0-dim tensor.");
}
}  // namespace

void CumulativeTrapezoidAt::forward(Call& call) {
  Tensor y(TensorRef::borrow(call.tensor(0))), x(TensorRef::borrow(call.tensor(1)));
  int64_t dim = call.args[2].i;
  refuse_scalar(y);
  Tensor steps = distances("cumulative_trapezoid", y, x, wrap_dim(dim, y->ndim()));
  Tensor parts = neighbours(y, dim) * steps;
  call.output = over(call_op(op_of<Cumsum>(), {parts.value(), Value::of_int(dim)}), 2).ref();
}

void CumulativeTrapezoid::forward(Call& call) {
  Tensor y(TensorRef::borrow(call.tensor(0)));
  check_step("cumulative_trapezoid", y, call.args[1]);
  refuse_scalar(y);
  Tensor parts = times(neighbours(y, call.args[2].i), call.args[1].as_double() / 2);
  call.output = call_op(op_of<Cumsum>(), {parts.value(), call.args[2]}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_difference_ops(std::vector<Op*>& table) { add_ops(ops::DifferenceOps{}, table); }

}  // namespace rl

#include "ops/norm.h"

#include <cmath>
#include <cstring>

#include "graph/grad_mode.h"
#include "ops/elementwise.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

Tensor power(const Tensor& x, double p) {
  return call_op(op_of<ops::Pow>(), {x.value(), Value::of_double(p)});
}
Tensor magnitude(const Tensor& x) { return call_op(op_of<ops::Abs>(), {x.value()}); }
// 0 where the condition holds.
Tensor zero_where(const Tensor& condition, const Tensor& x) {
  return ops::math::select(condition, Num(0), x);
}

std::string order_text(double ord) {
  return std::isinf(ord) ? (ord > 0 ? "inf" : "-inf") : concat(ord);
}

// In a compute type.
TensorRef norm_of(TensorImpl* t, const Reduction& r, bool keepdim, double ord, DType compute) {
  auto reduced = [&](Reducer reducer) { return reduce_over(t, r, keepdim, reducer, compute); };
  if (ord == INFINITY) return reduced(Reducer::kMaxAbs);
  if (ord == -INFINITY) return reduced(Reducer::kMinAbs);
  if (ord == 1) return reduced(Reducer::kSumAbs);
  GradModeGuard unrecorded(false);
  if (ord == 2)
    return call_op(op_of<ops::Sqrt>(), {Tensor(reduced(Reducer::kSumSquares)).value()}).ref();
  Tensor x(TensorRef::borrow(t));
  if (ord == 0) {
    Tensor nonzero = call_op(op_of<ops::Ne>(), {x.value(), Value::of_int(0)});
    return reduce_over(nonzero.get(), r, keepdim, Reducer::kSum, compute);
  }
  Tensor powers = power(magnitude(to_dtype(x, compute)), ord);
  return power(Tensor(reduce_over(powers.get(), r, keepdim, Reducer::kSum, compute)), 1 / ord)
      .ref();
}

// PyTorch's choice at ties and zeros. The number of elements (ord 0) has no gradient at all.
Tensor norm_gradient(const Tensor& x, const Tensor& y, const Tensor& g, double ord,
                     const Dims& dims) {
  if (ord == 1) return ops::math::sign(x) * g;
  if (ord == 2) return g * zero_where(y == Num(0), x / y);
  if (std::isinf(ord)) {
    // Ties share the gradient; a nan result is shared by the nans.
    Tensor size = magnitude(x);
    Tensor reached = to_dtype(ops::math::select(y != y, x != x, size == y), x->dtype());
    Tensor count = sum(reached, dims, true);
    return ops::math::sign(x) * (g / count) * reached;
  }
  Tensor direction = ops::math::sign(x) * power(magnitude(x), ord - 1);
  if (ord < 1) return zero_where(x == Num(0), direction) * (g * power(y, 1 - ord));
  return direction * zero_where(y == Num(0), g * power(y, 1 - ord));
}

}  // namespace

namespace ops {

void VectorNorm::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const Value& asked = call.args[4];
  DType dtype = asked.kind == Kind::kDType ? asked.dtype : t->dtype();
  check(is_float(t->dtype()), ErrorKind::kRuntime,
        "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
        dtype_title(t->dtype()), "\n  fix: convert first, as in x.float().norm().");
  check(is_float(dtype), ErrorKind::kRuntime,
        "linalg.vector_norm: dtype should be floating point or complex, but got ",
        dtype_title(dtype));
  check(promote(t->dtype(), dtype) == dtype, ErrorKind::kRuntime,
        "linalg.vector_norm: the dtype of the input (", dtype_title(t->dtype()),
        ") should be convertible without narrowing to the specified dtype (", dtype_title(dtype),
        ")");
  Reduction r(t, call.args[2]);
  double ord = call.args[1].as_double();
  bool keepdim = call.args[3].i != 0;
  if (r.count == 0 && (ord < 0 || ord == INFINITY)) {
    bool whole = call.args[2].is_none() || call.args[2].dims->n == 0;
    check(!whole, ErrorKind::kRuntime, "linalg.vector_norm cannot compute the ", order_text(ord),
          " norm on an empty tensor because the operation does not have an identity");
    bool outputs = checked_numel(r.kept.v, r.kept.n) > 0;
    check(!outputs, ErrorKind::kRuntime, "linalg.vector_norm cannot compute the ", order_text(ord),
          " norm on the dimension ", (*call.args[2].dims)[0],
          "because this dimension is empty and the operation does not have an identity");
  }
  DType compute = compute_dtype(dtype);
  TensorRef out = norm_of(t, r, keepdim, ord, compute);
  call.output = compute == dtype ? out : to_dtype(Tensor(std::move(out)), dtype).ref();
}

void VectorNorm::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0] || node.slot(2).as_double() == 0) return;
  Tensor x(node.saved(0)), y(node.saved(1)), g(grad_out[0]);
  Dims dims;
  bool some = node.slot(3).is_dims();
  if (some) dims = node.slot(3).as_dims();
  bool keepdim = node.slot(4).as_bool();
  // With keepdim's shape they broadcast against x.
  auto kept = [&](const Tensor& t) {
    return spread_shape(t, x->shape(), some ? &dims : nullptr, keepdim);
  };
  Tensor slope = norm_gradient(to_dtype_of(x, y), kept(y), kept(g), node.slot(2).as_double(), dims);
  grad_in[0] = to_dtype_of(slope, x).ref();
}

void NormNamed::forward(Call& call) {
  const char* p = call.args[1].s;
  check(std::strcmp(p, "nuc") != 0, ErrorKind::kNotImplemented,
        "norm(p='nuc') is not implemented\n  fix: p='fro', or a number.");
  check(std::strcmp(p, "fro") == 0, ErrorKind::kRuntime, "linalg.matrix_norm: Order ", p,
        " not supported.\n  fix: p='fro', or a number.");
  call.output = call_op(op_of<VectorNorm>(),
                        {call.args[0], Value::of_int(2), call.args[2], call.args[3], call.args[5]})
                    .ref();
}

void Norm::forward(Call& call) {
  Value ord = call.args[1].is_none() ? Value::of_double(2) : call.args[1];
  call.output =
      call_op(op_of<VectorNorm>(), {call.args[0], ord, call.args[2], call.args[3], call.args[5]})
          .ref();
}

void Dist::forward(Call& call) {
  GradModeGuard unrecorded(false);
  Tensor a(TensorRef::borrow(call.tensor(0))), b(TensorRef::borrow(call.tensor(1)));
  Tensor difference = a - b;
  check(is_float(difference->dtype()), ErrorKind::kRuntime,
        "norm(): input dtype should be either floating point or complex. Got ",
        dtype_title(difference->dtype()), " instead.\n  fix: convert first, as in x.float().");
  call.output = call_op(op_of<VectorNorm>(), {difference.value(), call.args[2]}).ref();
}

void Dist::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  double p = node.slot(1).as_double();
  if (!grad_out[0] || p == 0) return;
  Tensor other(node.saved(0)), y(node.saved(2)), self(node.saved(3));
  Tensor slope = norm_gradient(self - other, y, Tensor(grad_out[0]), p, Dims());
  if (node.wants(0)) grad_in[0] = sum_to(slope, self->shape()).ref();
  if (node.wants(1)) grad_in[1] = sum_to(-slope, other->shape()).ref();
}

}  // namespace ops

void add_norm_ops(std::vector<Op*>& table) { add_ops(ops::NormOps{}, table); }

}  // namespace rl

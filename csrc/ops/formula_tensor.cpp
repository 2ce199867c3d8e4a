// Formulas over tensors: the operators and functions that derivatives are written in, each a call
// of the op of that name, recorded when grad mode is on.
#include "ops/elementary.h"
#include "ops/elementwise.h"
#include "ops/table.h"

namespace rl {

namespace {

double number_of(const Tensor& t) { return t.value().as_double(); }
Tensor number(double x) { return Tensor::number(Value::of_double(x)); }

}  // namespace

Tensor operator+(const Tensor& a, const Tensor& b) {
  if (a.is_number()) return b.is_number() ? number(number_of(a) + number_of(b)) : b + a;
  return call_op(op_of<ops::Add>(), {a.value(), b.value()});
}

Tensor operator-(const Tensor& a, const Tensor& b) {
  if (!a.is_number()) return call_op(op_of<ops::Sub>(), {a.value(), b.value()});
  if (b.is_number()) return number(number_of(a) - number_of(b));
  return call_op(op_of<ops::Rsub>(), {b.value(), a.value()});
}

Tensor operator*(const Tensor& a, const Tensor& b) {
  if (a.is_number()) return b.is_number() ? number(number_of(a) * number_of(b)) : b * a;
  // What alpha = 1 leaves of a formula: no node, the same bits.
  if (b.is_number() && number_of(b) == 1 && is_float(a->dtype())) return a;
  return call_op(op_of<ops::Mul>(), {a.value(), b.value()});
}

Tensor operator/(const Tensor& a, const Tensor& b) {
  if (!a.is_number()) return call_op(op_of<ops::Div>(), {a.value(), b.value()});
  if (b.is_number()) return number(number_of(a) / number_of(b));
  if (number_of(a) == 1) return call_op(op_of<ops::Reciprocal>(), {b.value()});
  // Rounded once, as a formula over numbers does it.
  return call_op(op_of<ops::Div>(), {full(Dims(), b->dtype(), number_of(a)).value(), b.value()});
}

Tensor operator-(const Tensor& a) {
  return a.is_number() ? number(-number_of(a)) : call_op(op_of<ops::Neg>(), {a.value()});
}

namespace {

// a (op) b; `mirrored` is b (op') a, for a number on the left.
template <class Forward, class Mirrored>
Tensor compare(const Tensor& a, const Tensor& b) {
  if (a.is_number()) return call_op(op_of<Mirrored>(), {b.value(), a.value()});
  return call_op(op_of<Forward>(), {a.value(), b.value()});
}

}  // namespace

Tensor operator<(const Tensor& a, const Tensor& b) { return compare<ops::Lt, ops::Gt>(a, b); }
Tensor operator<=(const Tensor& a, const Tensor& b) { return compare<ops::Le, ops::Ge>(a, b); }
Tensor operator>(const Tensor& a, const Tensor& b) { return compare<ops::Gt, ops::Lt>(a, b); }
Tensor operator>=(const Tensor& a, const Tensor& b) { return compare<ops::Ge, ops::Le>(a, b); }
Tensor operator==(const Tensor& a, const Tensor& b) { return compare<ops::Eq, ops::Eq>(a, b); }
Tensor operator!=(const Tensor& a, const Tensor& b) { return compare<ops::Ne, ops::Ne>(a, b); }
// Of bools the product is "and", the sum "or".
Tensor operator&(const Tensor& a, const Tensor& b) {
  return call_op(op_of<ops::Mul>(), {a.value(), b.value()});
}
Tensor operator|(const Tensor& a, const Tensor& b) {
  return call_op(op_of<ops::Add>(), {a.value(), b.value()});
}

namespace ops::math {

namespace {
template <class Op>
Tensor unary(const Tensor& x) {
  return call_op(op_of<Op>(), {x.value()});
}
template <class Op>
Tensor binary(const Tensor& x, const Tensor& y) {
  return call_op(op_of<Op>(), {x.value(), y.value()});
}
}  // namespace

Tensor abs(const Tensor& x) { return unary<Abs>(x); }
Tensor sign(const Tensor& x) { return unary<Sgn>(x); }
Tensor sqrt(const Tensor& x) { return unary<Sqrt>(x); }
Tensor exp(const Tensor& x) { return unary<Exp>(x); }
Tensor expm1(const Tensor& x) { return unary<Expm1>(x); }
Tensor log(const Tensor& x) { return unary<Log>(x); }
Tensor log1p(const Tensor& x) { return unary<Log1p>(x); }
Tensor sin(const Tensor& x) { return unary<Sin>(x); }
Tensor cos(const Tensor& x) { return unary<Cos>(x); }
Tensor tanh(const Tensor& x) { return unary<Tanh>(x); }
Tensor sigmoid(const Tensor& x) { return unary<Sigmoid>(x); }
Tensor erf(const Tensor& x) { return unary<Erf>(x); }
Tensor exp2(const Tensor& x) { return unary<Exp2>(x); }
Tensor log2(const Tensor& x) { return unary<Log2>(x); }
Tensor log10(const Tensor& x) { return unary<Log10>(x); }
Tensor rsqrt(const Tensor& x) { return unary<Rsqrt>(x); }
Tensor tan(const Tensor& x) { return unary<Tan>(x); }
Tensor asin(const Tensor& x) { return unary<Asin>(x); }
Tensor acos(const Tensor& x) { return unary<Acos>(x); }
Tensor atan(const Tensor& x) { return unary<Atan>(x); }
Tensor sinh(const Tensor& x) { return unary<Sinh>(x); }
Tensor cosh(const Tensor& x) { return unary<Cosh>(x); }
Tensor asinh(const Tensor& x) { return unary<Asinh>(x); }
Tensor acosh(const Tensor& x) { return unary<Acosh>(x); }
Tensor atanh(const Tensor& x) { return unary<Atanh>(x); }
Tensor erfc(const Tensor& x) { return unary<Erfc>(x); }
Tensor erfinv(const Tensor& x) { return unary<Erfinv>(x); }
Tensor lgamma(const Tensor& x) { return unary<Lgamma>(x); }
Tensor digamma(const Tensor& x) { return unary<Digamma>(x); }
Tensor floor(const Tensor& x) { return unary<Floor>(x); }
Tensor ceil(const Tensor& x) { return unary<Ceil>(x); }
Tensor round(const Tensor& x) { return unary<Round>(x); }
Tensor trunc(const Tensor& x) { return unary<Trunc>(x); }
Tensor trigamma(const Tensor& x) { return polygamma(Num(1), x); }
Tensor zeros_like(const Tensor& x) { return full(x->shape(), x->dtype(), 0); }
Tensor atan2(const Tensor& x, const Tensor& y) { return binary<Atan2>(x, y); }
Tensor hypot(const Tensor& x, const Tensor& y) { return binary<Hypot>(x, y); }
Tensor logaddexp(const Tensor& x, const Tensor& y) { return binary<LogAddExp>(x, y); }

Tensor polygamma(const Tensor& n, const Tensor& x) {
  return call_op(op_of<Polygamma>(), {Value::of_int(n.value().as_int()), x.value()});
}

namespace {
// Where x = 0 and y <= end the product is 0 whatever the logarithm.
template <class Op, class OfNumber>
Tensor log_product_slope(const Tensor& g, const Tensor& x, const Tensor& y, double end) {
  if (!y.is_number()) return select((x == Num(0)) & (y <= Num(end)), Num(0), binary<Op>(g, y));
  Tensor slope = binary<OfNumber>(g, y);
  return number_of(y) <= end ? select(x == Num(0), Num(0), slope) : slope;
}
}  // namespace

Tensor xlogy_slope(const Tensor& g, const Tensor& x, const Tensor& y) {
  return log_product_slope<XLogY, XLogYNumber>(g, x, y, 0);
}

Tensor xlog1py_slope(const Tensor& g, const Tensor& x, const Tensor& y) {
  return log_product_slope<XLog1PY, XLog1PYNumber>(g, x, y, -1);
}

Tensor logit_slope(const Tensor& g, const Tensor& x, const Tensor& eps) {
  double low = number_of(eps);
  bool clamped = low >= 0;
  Tensor ends[] = {clamped ? Tensor(Num(low)) : Tensor(Num(0)), Num(1)};
  // 1 - eps is rounded in the gradient's dtype.
  if (clamped) ends[1] = x->dtype() == DType::kFloat64 ? Num(1 - low) : Num(1.0f - float(low));
  Tensor outside = (x < ends[0]) | (x > ends[1]);
  return select(outside, Num(clamped ? 0 : __builtin_nan("")), g / (x * (Num(1) - x)));
}

Tensor softplus(const Tensor& x) {
  return call_op(op_of<Softplus>(),
                 {x.value(), Value::of_int(1), Value::of_double(__builtin_inf())});
}

Tensor select(const Tensor& condition, const Tensor& a, const Tensor& b) {
  return call_op(op_of<Where>(), {condition.value(), a.value(), b.value()});
}

Tensor fixed_at_zero(const Tensor& x, const Tensor& v) {
  return select(x == Num(0), Tensor(make_detached(v.get())), v);
}

namespace {
Tensor power(const Tensor& x, const Tensor& p) {
  if (p.is_number()) return call_op(op_of<Pow>(), {x.value(), p.value()});
  return call_op(op_of<PowTensor>(), {x.value(), p.value()});
}
}  // namespace

Tensor pow_grad(const Tensor& g, const Tensor& x, const Tensor& p) {
  if (!p.is_number()) {
    Tensor zero_power = call_op(op_of<Eq>(), {p.value(), Value::of_int(0)});
    return select(zero_power, Num(0), g * (p * power(x, p - Num(1))));
  }
  if (number_of(p) == 0) return full(g->shape(), g->dtype(), 0);
  return g * (power(x, p - Num(1)) * p);
}

Tensor threshold_backward(const Tensor& g, const Tensor& y) {
  return call_op(op_of<ThresholdBackward>(), {g.value(), y.value()});
}

Tensor tanh_backward(const Tensor& g, const Tensor& y) {
  return call_op(op_of<TanhBackward>(), {g.value(), y.value()});
}

Tensor sigmoid_backward(const Tensor& g, const Tensor& y) {
  return call_op(op_of<SigmoidBackward>(), {g.value(), y.value()});
}

Tensor pow_exponent_slope(const Tensor& x, const Tensor& p, const Tensor& y) {
  Tensor at_least_zero = call_op(op_of<Ge>(), {p.value(), Value::of_int(0)});
  if (x.is_number()) {
    double base = number_of(x);
    if (base == 0) return select(at_least_zero, Num(0), y * Num(-__builtin_inf()));
    return y * Num(__builtin_log(base));
  }
  Tensor zero_base = call_op(op_of<Eq>(), {x.value(), Value::of_int(0)});
  Tensor flat = call_op(op_of<Mul>(), {zero_base.value(), at_least_zero.value()});
  return select(flat, Num(0), y * call_op(op_of<Log>(), {x.value()}));
}

Tensor smooth_l1_backward(const Tensor& g, const Tensor& x, const Tensor& y, const Tensor& norm,
                          const Tensor& beta) {
  return call_op(op_of<SmoothL1LossBackward>(),
                 {g.value(), x.value(), y.value(), norm.value(), beta.value()});
}

Tensor huber_backward(const Tensor& g, const Tensor& x, const Tensor& y, const Tensor& norm,
                      const Tensor& delta) {
  return call_op(op_of<HuberLossBackward>(),
                 {g.value(), x.value(), y.value(), norm.value(), delta.value()});
}

Tensor share_of_larger(const Tensor& g, const Tensor& x, const Tensor& y) {
  Tensor less = call_op(op_of<Lt>(), {x.value(), y.value()});
  Tensor equal = call_op(op_of<Eq>(), {x.value(), y.value()});
  return select(equal, g / Num(2), select(less, Num(0), g));
}

bool flag(const Tensor& x) { return number_of(x) != 0; }

Tensor gelu_backward(const Tensor& g, const Tensor& x, const Tensor& approximate) {
  const Op& op = flag(approximate) ? op_of<GeluTanhBackward>() : op_of<GeluBackward>();
  return call_op(op, {g.value(), x.value()});
}

Tensor where_near(const Tensor& d, const Tensor& width, const Tensor& value) {
  Tensor size = call_op(op_of<Abs>(), {d.value()});
  return select(call_op(op_of<Lt>(), {size.value(), width.value()}), value, Num(0));
}

}  // namespace ops::math

}  // namespace rl

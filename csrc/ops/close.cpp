#include "ops/close.h"

#include "graph/grad_mode.h"
#include "ops/elementwise.h"
#include "ops/statistics.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

template <class Op>
Tensor apply(const Tensor& x) {
  return call_op(op_of<Op>(), {x.value()});
}
template <class Op>
Tensor apply(const Tensor& x, const Tensor& y) {
  return call_op(op_of<Op>(), {x.value(), y.value()});
}
Tensor flag(bool on) { return Tensor::number(Value::of_bool(on)); }

Tensor close(Call& call) {
  GradModeGuard unrecorded(false);
  Tensor x(TensorRef::borrow(call.tensor(0))), y(TensorRef::borrow(call.tensor(1)));
  double rtol = call.args[2].as_double(), atol = call.args[3].as_double();
  check(x->dtype() == y->dtype(), ErrorKind::kRuntime, dtype_title(x->dtype()), " did not match ",
        dtype_title(y->dtype()), "\n  fix: convert one of them, as in y.to(x.dtype).");
  check(rtol >= 0, ErrorKind::kRuntime, "rtol must be greater than or equal to zero, but got ",
        rtol);
  check(atol >= 0, ErrorKind::kRuntime, "atol must be greater than or equal to zero, but got ",
        atol);
  Tensor same = apply<Eq>(x, y);
  if (call.args[4].i) same = math::select(apply<IsNan>(x), apply<IsNan>(y), same);
  if (rtol == 0 && atol == 0) return same;
  if (!is_float(x->dtype())) {  // int64 differences wrap around, floats' do not
    x = to_dtype(x, DType::kFloat64);
    y = to_dtype(y, DType::kFloat64);
  }
  Tensor distance = apply<Abs>(x - y), allowed = apply<Abs>(y) * Num(rtol) + Num(atol);
  // An infinite distance is within no tolerance, not even an infinite one.
  Tensor near = math::select(apply<IsFinite>(distance), distance <= allowed, flag(false));
  return math::select(same, flag(true), near);
}

}  // namespace

void IsClose::forward(Call& call) { call.output = close(call).ref(); }

void AllClose::forward(Call& call) { call.output = apply<All>(close(call)).ref(); }

void Equal::forward(Call& call) {
  GradModeGuard unrecorded(false);
  TensorImpl *x = call.tensor(0), *y = call.tensor(1);
  if (same_sizes(x->sizes(), x->ndim(), y->sizes(), y->ndim()))
    call.output =
        apply<All>(apply<Eq>(Tensor(TensorRef::borrow(x)), Tensor(TensorRef::borrow(y)))).ref();
  else
    call.output = full(Dims(), DType::kBool, 0).ref();
}

}  // namespace rl::ops

namespace rl {
void add_close_ops(std::vector<Op*>& table) { add_ops(ops::CloseOps{}, table); }
}  // namespace rl

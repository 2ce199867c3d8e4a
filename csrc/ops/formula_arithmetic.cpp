// The functions of the arithmetic families' formulas over tensors.
#include "ops/elementwise.h"
#include "ops/table.h"

namespace rl::ops::math {

namespace {

Tensor divide_rounded(const Tensor& x, const Tensor& y, const char* mode) {
  return call_op(op_of<DivMode>(), {x.value(), y.value(), Value::of(mode)});
}

}  // namespace

Tensor floor_divide(const Tensor& x, const Tensor& y) { return divide_rounded(x, y, "floor"); }
Tensor trunc_divide(const Tensor& x, const Tensor& y) { return divide_rounded(x, y, "trunc"); }

// A number is rounded as the loop sees it: to float, unless the gradient is double.
Tensor lerp_start_grad(const Tensor& g, const Tensor& weight) {
  if (!weight.is_number()) return g * conj(Num(1) - weight);
  double w = weight.value().as_double();
  double rest = g->dtype() == DType::kFloat64 ? 1 - w : 1 - static_cast<float>(w);
  return g * Tensor::number(Value::of_double(rest));
}

Tensor unless_rounded(const Tensor& mode, const Tensor& value) {
  return mode.value().as_double() < 0 ? value : zeros_like(value);
}

}  // namespace rl::ops::math

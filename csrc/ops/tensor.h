// Tensor: a counted handle with arithmetic, or a plain number beside one. What formulas are written
// in when the backward pass is recorded, and what composite code of the core uses. Every operation
// goes through the door.
#pragma once

#include "core/tensor.h"
#include "ops/op.h"

namespace rl {

namespace ops {
struct Num;
}

class Tensor {
 public:
  Tensor() = default;
  Tensor(TensorRef impl) : impl_(std::move(impl)) {}
  Tensor(const ops::Num& number);
  static Tensor number(Value value) {
    Tensor t;
    t.number_ = value;
    return t;
  }

  bool is_number() const { return !impl_ && !number_.is_none(); }
  bool defined() const { return static_cast<bool>(impl_); }
  Value value() const { return impl_ ? Value::of(impl_.get()) : number_; }
  TensorImpl* get() const { return impl_.get(); }
  TensorImpl* operator->() const { return impl_.get(); }
  const TensorRef& ref() const { return impl_; }

 private:
  TensorRef impl_;
  Value number_;
};

inline Tensor borrowed(TensorImpl* t) { return Tensor(TensorRef::borrow(t)); }

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a);
// Comparisons and their combinations give bool tensors; one side of a comparison may be a number.
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator&(const Tensor& a, const Tensor& b);
Tensor operator|(const Tensor& a, const Tensor& b);
inline Tensor conj(const Tensor& a) { return a; }

// The functions of formulas, each the op of that name: formula_tensor.cpp.
namespace ops::math {
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor exp2(const Tensor& x);
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor asinh(const Tensor& x);
Tensor acosh(const Tensor& x);
Tensor atanh(const Tensor& x);
Tensor erfc(const Tensor& x);
Tensor erfinv(const Tensor& x);
Tensor lgamma(const Tensor& x);
Tensor digamma(const Tensor& x);
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor round(const Tensor& x);
Tensor trunc(const Tensor& x);
Tensor trigamma(const Tensor& x);
Tensor polygamma(const Tensor& n, const Tensor& x);
Tensor zeros_like(const Tensor& x);
Tensor atan2(const Tensor& x, const Tensor& y);
Tensor hypot(const Tensor& x, const Tensor& y);
Tensor logaddexp(const Tensor& x, const Tensor& y);
Tensor xlogy_slope(const Tensor& g, const Tensor& x, const Tensor& y);
Tensor xlog1py_slope(const Tensor& g, const Tensor& x, const Tensor& y);
Tensor logit_slope(const Tensor& g, const Tensor& x, const Tensor& eps);
Tensor softplus(const Tensor& x);
// One of a and b is a tensor, whose dtype the result has.
Tensor select(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor pow_grad(const Tensor& g, const Tensor& x, const Tensor& p);
Tensor fixed_at_zero(const Tensor& x, const Tensor& v);
Tensor threshold_backward(const Tensor& g, const Tensor& y);
Tensor tanh_backward(const Tensor& g, const Tensor& y);
Tensor sigmoid_backward(const Tensor& g, const Tensor& y);
Tensor pow_exponent_slope(const Tensor& x, const Tensor& p, const Tensor& y);
Tensor smooth_l1_backward(const Tensor& g, const Tensor& x, const Tensor& y, const Tensor& norm,
                          const Tensor& beta);
Tensor huber_backward(const Tensor& g, const Tensor& x, const Tensor& y, const Tensor& norm,
                      const Tensor& delta);
Tensor share_of_larger(const Tensor& g, const Tensor& x, const Tensor& y);
Tensor where_near(const Tensor& d, const Tensor& width, const Tensor& value);
bool flag(const Tensor& number);
Tensor gelu_backward(const Tensor& g, const Tensor& x, const Tensor& approximate);
}  // namespace ops::math

// Calls by name, for the core's own use.
Tensor clone(const Tensor& t);
Tensor expand(const Tensor& t, const Dims& sizes);
Tensor view(const Tensor& t, const Dims& sizes);
Tensor transpose(const Tensor& t, int64_t a, int64_t b);
Tensor permute(const Tensor& t, const Dims& order);
Tensor reshape(const Tensor& t, const Dims& sizes);
Tensor select(const Tensor& t, int64_t dim, int64_t index);
Tensor slice(const Tensor& t, int64_t dim, int64_t start, int64_t end, int64_t step);
Tensor unsqueeze(const Tensor& t, int64_t dim);
Tensor sum(const Tensor& t, const Dims& dims, bool keepdim);
// Sums over the dimensions that broadcasting to t's shape added or stretched.
Tensor sum_to(const Tensor& t, const Dims& sizes);
Tensor to_dtype(const Tensor& t, DType dtype);
// The same, but t itself where that is its dtype; and in the dtype of another.
Tensor as_dtype(const Tensor& t, DType dtype);
Tensor to_dtype_of(const Tensor& t, const Tensor& other);
Tensor matmul2d(const Tensor& a, const Tensor& b);
Tensor full(const Dims& sizes, DType dtype, double value);

// The table entry of op struct T.
template <class T>
const Op& op_of();

// Gives graph and engine their arithmetic. Called once, before any op.
void fill_tensor_math();

Tensor call_op(const Op& op, std::initializer_list<Value> args);

}  // namespace rl

#include "ops/types.h"

#include "kernels/convert.h"
#include "ops/copy.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

TensorRef answer(bool yes) {
  TensorRef out = TensorImpl::empty(DType::kBool, nullptr, 0);
  fill(out.get(), Value::of_bool(yes));
  return out;
}

}  // namespace

void TypeAs::forward(Call& call) {
  Tensor x(TensorRef::borrow(call.tensor(0)));
  call.output = to_dtype_of(x, Tensor(TensorRef::borrow(call.tensor(1)))).ref();
}

void IsFloatingPoint::forward(Call& call) {
  call.output = answer(is_float(call.tensor(0)->dtype()));
}
void IsComplex::forward(Call& call) { call.output = answer(false); }
void IsSigned::forward(Call& call) {
  DType dtype = call.tensor(0)->dtype();
  call.output = answer(dtype != DType::kBool && dtype != DType::kUInt8);
}
void IsConj::forward(Call& call) { call.output = answer(false); }
void IsNeg::forward(Call& call) { call.output = answer(false); }
void IsInference::forward(Call& call) { call.output = answer(call.tensor(0)->is_inference()); }

void IsNonzero::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t n = t->numel();
  check(n != 0, ErrorKind::kRuntime, "Boolean value of Tensor with no values is ambiguous");
  check(n == 1, ErrorKind::kRuntime,
        "Boolean value of Tensor with more than one value is ambiguous");
  call.output = TensorImpl::empty(DType::kBool, nullptr, 0);
  convert_strided(call.output->mut_data(), 1, DType::kBool, t->data(), 1, t->dtype(), 1);
}

void Numel::forward(Call& call) {
  call.output = TensorImpl::empty(DType::kInt64, nullptr, 0);
  fill(call.output.get(), Value::of_int(call.tensor(0)->numel()));
}

void IsSameSize::forward(Call& call) {
  call.output = answer(call.tensor(0)->shape() == call.tensor(1)->shape());
}

void CanCast::forward(Call& call) {
  call.output = answer(category(call.args[0].dtype) <= category(call.args[1].dtype));
}

}  // namespace rl::ops

namespace rl {

void add_type_ops(std::vector<Op*>& table) { add_ops(ops::TypeOps{}, table); }

}  // namespace rl

#include "ops/logsumexp.h"

#include "graph/grad_mode.h"
#include "ops/exponential.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// 0 in the place of infinite maxima, which e^(x - m) could not be taken relative to.
void clear_infinities(TensorImpl* maxima) {
  dispatch_compute(maxima->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* m = reinterpret_cast<T*>(maxima->mut_data());
    if constexpr (kIsFloat<T>)
      for (int64_t i = 0, n = maxima->numel(); i < n; ++i) m[i] = m[i] - m[i] == 0 ? m[i] : T(0);
  });
}

}  // namespace

void Logsumexp::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  bool keepdim = call.args[2].i != 0;
  Reduction r(t, call.args[1]);
  check(call.args[1].dims->n > 0 || keepdim || t->ndim() == 0 || t->numel() == 0,
        ErrorKind::kRuntime, "output with shape [] doesn't match the broadcast shape ",
        shown(r.kept), "\n  fix: name the dimensions, or keepdim=True.");
  DType dtype = is_float(t->dtype()) ? t->dtype() : default_dtype();
  DType compute = compute_dtype(dtype);
  GradModeGuard unrecorded(false);
  Tensor from(TensorRef::borrow(t));
  if (t->dtype() != compute) from = to_dtype(from, compute);
  Tensor maxima;
  if (r.count > 0) {
    maxima = Tensor(reduce_over(from.get(), r, keepdim, Reducer::kMax, compute));
    clear_infinities(maxima.get());
  }
  Tensor total(reduce_over(from.get(), r, keepdim, Reducer::kSumExp, compute, maxima.get()));
  Tensor result = call_op(op_of<Log>(), {total.value()});
  if (maxima.defined()) result = result + maxima;
  call.output = (compute == dtype ? result : to_dtype(result, dtype)).ref();
}

void Logsumexp::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Dims dims = node.slot(0).as_dims();
  bool keepdim = node.slot(1).as_bool();
  Tensor y(node.saved(2)), x(node.saved(3));
  auto kept = [&](const Tensor& t) { return spread_shape(t, x->shape(), &dims, keepdim); };
  Tensor slope = call_op(op_of<Exp>(), {(x - kept(y)).value()});
  grad_in[0] = (kept(Tensor(grad_out[0])) * slope).ref();
}

}  // namespace rl::ops

namespace rl {

void add_logsumexp_ops(std::vector<Op*>& table) { add_ops(ops::LogsumexpOps{}, table); }

}  // namespace rl

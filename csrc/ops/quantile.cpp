#include "ops/quantile.h"

#include <cstring>

#include "graph/grad_mode.h"
#include "ops/arithmetic.h"
#include "ops/blend.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/dims.h"
#include "ops/gather.h"
#include "ops/order.h"
#include "ops/shape.h"
#include "ops/statistics.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// Which elements a quantile is made of, and how.
enum class Between { kLinear, kLower, kHigher, kMidpoint, kNearest };

Between between(const char* name) {
  constexpr const char* kNames[] = {"linear", "lower", "higher", "midpoint", "nearest"};
  for (int i = 0; i < 5; ++i)
    if (std::strcmp(name, kNames[i]) == 0) return static_cast<Between>(i);
  fail(ErrorKind::kRuntime,
       "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but "
       "got ",
       name);
}

// One in-place view op: `t` takes the geometry and the node.
template <class View>
void reshape_inplace(const Tensor& t, int64_t a, int64_t b) {
  Call call(op_of<View>());
  call.args[0] = t.value();
  call.args[1] = Value::of_int(a);
  if (call.op->signature.params.size() > 2) call.args[2] = Value::of_int(b);
  call.target = t.get();
  dispatch(call);
}

// Ranks as indices: the nearest, that above, else that below.
Tensor rounded(const Tensor& ranks, Between mode) {
  Tensor source = contiguous_clone(ranks);
  TensorRef out = TensorImpl::empty(DType::kInt64, ranks->shape());
  auto* to = reinterpret_cast<int64_t*>(out->mut_data());
  dispatch_compute(ranks->dtype(), [&](auto zero) {
    const auto* from = reinterpret_cast<const decltype(zero)*>(source->data());
    for (int64_t i = 0, n = out->numel(); i < n; ++i) {
      auto rank = static_cast<double>(from[i]);
      to[i] = static_cast<int64_t>(mode == Between::kNearest  ? __builtin_rint(rank)
                                   : mode == Between::kHigher ? __builtin_ceil(rank)
                                                              : __builtin_floor(rank));
    }
  });
  return Tensor(std::move(out));
}

void check_range(const Tensor& q) {
  GradModeGuard unrecorded(false);
  Tensor low = call_op(op_of<Ge>(), {q.value(), Value::of_int(0)});
  Tensor high = call_op(op_of<Le>(), {q.value(), Value::of_int(1)});
  Tensor inside =
      call_op(op_of<All>(), {call_op(op_of<Mul>(), {low.value(), high.value()}).value()});
  check(*inside->data() != 0, ErrorKind::kRuntime,
        "quantile() q values must be in the range [0, 1]");
}

// The input with the dimension sorted and last, every other as in the result.
Tensor sorted_lines(const Tensor& t, const Value& dim, bool keepdim) {
  Dims sizes;
  Tensor lines;
  if (dim.is_none()) {
    lines = call_op(op_of<Sort>(), {call_op(op_of<Flatten>(), {t.value()}).value()});
    for (int d = 0; d < t->ndim() && keepdim; ++d) sizes.push(1);
  } else {
    int last = wrap_dim(dim.i, t->ndim());
    for (int d = 0; d < t->ndim(); ++d)
      if (d != last || keepdim) sizes.push(d == last ? 1 : t->sizes()[d]);
    lines = last == t->ndim() - 1 ? t : transpose(unsqueeze(t, -1), last, -1);
    lines = call_op(op_of<Sort>(), {lines.value()});
  }
  sizes.push(lines->sizes()[lines->ndim() - 1]);
  return view(lines, sizes);
}

// q along the last dimension, scaled to ranks of the lines. nan stands last: without `skip_nan` it
// is what a line that has one answers.
Tensor ranks_of(const Tensor& lines, const Tensor& q, bool skip_nan) {
  const int64_t last = lines->sizes()[lines->ndim() - 1] - 1;
  Dims line = Dims::of({-1});
  Tensor nan = call_op(op_of<IsNan>(), {lines.value()});
  if (skip_nan) {
    Tensor number = call_op(op_of<Eq>(), {lines.value(), lines.value()});
    Tensor count = call_op(op_of<Sub>(), {sum(number, line, true).value(), Value::of_int(1)});
    Tensor ranks = call_op(op_of<Mul>(), {q.value(), count.value()});
    Tensor none = call_op(op_of<Lt>(), {ranks.value(), Value::of_int(0)});
    return call_op(op_of<MaskedFill>(), {ranks.value(), none.value(), Value::of_int(0)});
  }
  Tensor any = call_op(op_of<AnyDims>(), {nan.value(), Value::of(line), Value::of_bool(true)});
  Tensor ranks = call_op(op_of<Mul>(), {q.value(), Value::of_int(last)});
  Dims wide;
  broadcast_sizes(ranks->sizes(), ranks->ndim(), any->sizes(), any->ndim(), wide);
  return call_op(op_of<MaskedFill>(),
                 {expand(ranks, wide).value(), any.value(), Value::of_int(last)});
}

Tensor take_ranks(const Tensor& lines, const Tensor& index) {
  return call_op(op_of<Gather>(), {lines.value(), Value::of_int(-1), index.value()});
}

void quantiles(Call& call, const Tensor& q, bool skip_nan) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  Between mode = between(call.args[4].s);
  check(t->numel() > 0, ErrorKind::kRuntime, "quantile() input tensor must be non-empty");
  check(q->ndim() <= 1, ErrorKind::kRuntime, "quantile() q must be a scalar or 1D tensor");
  check(t->dtype() == DType::kFloat32 || t->dtype() == DType::kFloat64, ErrorKind::kRuntime,
        "quantile() input tensor must be either float or double dtype\n  fix: convert first, as "
        "in x.float().");
  check(t->dtype() == q->dtype(), ErrorKind::kRuntime,
        "quantile() q tensor must be same dtype as the input tensor");
  if (!call.args[2].is_none()) wrap_dim(call.args[2].i, t->ndim());
  check_range(q);
  Tensor lines = sorted_lines(t, call.args[2], call.args[3].i != 0);
  Tensor ranks = ranks_of(lines, q, skip_nan);
  Tensor below = rounded(ranks, mode);
  Tensor result = take_ranks(lines, below);
  if (mode == Between::kLinear || mode == Between::kMidpoint) {
    Tensor weight =
        mode == Between::kMidpoint ? full(ranks->shape(), ranks->dtype(), 0.5) : ranks - below;
    Tensor end = take_ranks(lines, rounded(ranks, Between::kHigher));
    result = call_op(op_of<LerpTensor>(), {result.value(), end.value(), weight.value()});
  }
  if (q->ndim() > 0) {  // the quantiles become the first dimension
    reshape_inplace<UnsqueezeInplace>(result, 0, 0);
    reshape_inplace<TransposeInplace>(result, 0, -1);
  }
  reshape_inplace<SqueezeDimInplace>(result, -1, 0);
  call.output = result.ref();
}

void one_quantile(Call& call, bool skip_nan) {
  double q = call.args[1].d;
  check(q >= 0 && q <= 1, ErrorKind::kRuntime, "quantile() q must be in the range [0, 1] but got ",
        q);
  quantiles(call, full(Dims(), call.tensor(0)->dtype(), q), skip_nan);
}

}  // namespace

void Quantile::forward(Call& call) {
  quantiles(call, Tensor(TensorRef::borrow(call.tensor(1))), false);
}
void QuantileNumber::forward(Call& call) { one_quantile(call, false); }
void NanQuantile::forward(Call& call) {
  quantiles(call, Tensor(TensorRef::borrow(call.tensor(1))), true);
}
void NanQuantileNumber::forward(Call& call) { one_quantile(call, true); }

}  // namespace rl::ops

namespace rl {

void add_quantile_ops(std::vector<Op*>& table) { add_ops(ops::QuantileOps{}, table); }

}  // namespace rl

#include "ops/dropout.h"

#include <cmath>

#include "ops/copy.h"
#include "ops/create.h"
#include "ops/elementwise_list.h"
#include "ops/sample.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

template <class Op>
Tensor apply(const Tensor& t, const Value& by, bool inplace) {
  Call call(op_of<Op>());
  call.args[0] = t.value();
  call.args[1] = by;
  if constexpr (std::is_same_v<Op, Add>) call.args[2] = Value::of_int(1);
  if (inplace) call.target = t.get();
  dispatch(call);
  return Tensor(inplace ? t.ref() : std::move(call.output));
}

// A tensor in t's dtype that is 1 with probability `kept`: of t's shape and layout, or one number
// for each of its channels.
Tensor noise_like(const Tensor& t, double kept, bool channels) {
  TensorRef noise;
  if (channels) {
    check(t->ndim() >= 2, ErrorKind::kRuntime,
          "Feature dropout requires at least 2 dimensions in the input");
    Dims sizes = t->shape();
    for (int d = 2; d < sizes.n; ++d) sizes[d] = 1;
    noise = TensorImpl::empty(t->dtype(), sizes);
  } else {
    noise = factory_like(t.get(), Value::none(), Value::none());
  }
  Call draw(op_of<BernoulliInplace>());
  draw.args[0] = Value::of(noise.get());
  draw.args[1] = Value::of_double(kept);
  draw.target = noise.get();
  dispatch(draw);
  return Tensor(std::move(noise));
}

void drop(Call& call, bool channels, bool alpha) {
  Tensor x(TensorRef::borrow(call.tensor(0)));
  double p = call.args[1].as_double();
  bool inplace = call.target != nullptr;
  check(p >= 0 && p <= 1, ErrorKind::kRuntime,
        "dropout probability has to be between 0 and 1, but got ", p);
  call.output = x.ref();
  if (p == 0 || !call.args[2].i || x->numel() == 0) return;
  if (p == 1) {
    call.output = apply<Mul>(x, full(Dims(), x->dtype(), 0).value(), inplace).ref();
    return;
  }
  Tensor noise = noise_like(x, 1 - p, channels);
  auto scale = [](const Tensor& t, double by) { return apply<Mul>(t, Value::of_double(by), true); };
  if (!alpha) {
    apply<Div>(noise, Value::of_double(1 - p), true);
    call.output = apply<Mul>(x, noise.value(), inplace).ref();
    return;
  }
  // selu's scale times its alpha; a keeps the variance, the shift the mean.
  constexpr double kAlpha = 1.7580993408473766;
  double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  Tensor shift = scale(apply<Add>(noise, Value::of_int(-1), false), kAlpha * a);
  apply<Add>(shift, Value::of_double(kAlpha * a * p), true);
  scale(noise, a);
  call.output = apply<Add>(apply<Mul>(x, noise.value(), inplace), shift.value(), inplace).ref();
}

}  // namespace

void PlainDropout::forward(Call& call) { drop(call, false, false); }
void ChannelDropout::forward(Call& call) { drop(call, true, false); }
void PlainAlphaDropout::forward(Call& call) { drop(call, false, true); }
void ChannelAlphaDropout::forward(Call& call) { drop(call, true, true); }

}  // namespace rl::ops

namespace rl {

void add_dropout_ops(std::vector<Op*>& table) { add_ops(ops::DropoutOps{}, table); }

}  // namespace rl

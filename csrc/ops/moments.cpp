#include "ops/moments.h"

#include <limits>
#include <utility>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "ops/elementwise.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

struct Spread {
  Reduction r;
  double divisor;

  Spread(TensorImpl* t, const Value& dims, const Value& correction)
      : r(t, dims),
        divisor(static_cast<double>(r.count) -
                (correction.is_number() ? correction.as_double() : 1)) {}
};

// The rounded mean of equal elements may differ from them, and leaves squares where there are none:
// their mean is set to what they are. Looks at the elements again only where squares are that
// small.
void settle_equals(TensorImpl* t, const Reduction& r, bool keepdim, TensorImpl* mean,
                   TensorImpl* squares) {
  dispatch_compute(mean->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      auto* m = reinterpret_cast<T*>(mean->mut_data());
      auto* s = reinterpret_cast<T*>(squares->mut_data());
      const auto count = static_cast<T>(r.count);
      const T epsilon = 128 * std::numeric_limits<T>::epsilon();
      bool suspect = false;
      for (int64_t i = 0, n = mean->numel(); i < n; ++i)
        suspect |= s[i] > 0 && s[i] <= count * (epsilon * m[i]) * (epsilon * m[i]);
      if (!suspect) return;
      TensorRef low = reduce_over(t, r, keepdim, Reducer::kMin, mean->dtype());
      TensorRef high = reduce_over(t, r, keepdim, Reducer::kMax, mean->dtype());
      const auto* a = reinterpret_cast<const T*>(low->data());
      const auto* b = reinterpret_cast<const T*>(high->data());
      for (int64_t i = 0, n = mean->numel(); i < n; ++i)
        if (a[i] == b[i]) {
          m[i] = a[i];
          s[i] = 0;
        }
    }
  });
}

// `with_mean`: the mean is the second output.
void variance(Call& call, const char* name, bool root, bool with_mean) {
  TensorImpl* t = call.tensor(0);
  check(is_float(t->dtype()), ErrorKind::kRuntime, with_mean ? name : "std and var",
        " only support floating point and complex dtypes\n  fix: convert first, as in x.float().");
  Spread s(t, call.args[1], call.args[2]);
  if (s.divisor <= 0)
    host().warn(
        "UserWarning",
        concat(name,
               "(): degrees of freedom is <= 0. Correction should be strictly less than the "
               "reduction factor (input numel divided by output numel)."));
  GradModeGuard unrecorded(false);
  DType dtype = t->dtype(), compute = compute_dtype(dtype);
  bool keepdim = call.args[3].i != 0;
  Tensor total(reduce_over(t, s.r, keepdim, Reducer::kSum, compute));
  Tensor mean = total / Num(static_cast<double>(s.r.count));
  Tensor squares(reduce_over(t, s.r, keepdim, Reducer::kSumSquares, compute, mean.get()));
  settle_equals(t, s.r, keepdim, mean.get(), squares.get());
  Tensor result = squares / Num(s.divisor > 0 ? s.divisor : 0);
  if (root) result = call_op(op_of<ops::Sqrt>(), {result.value()});
  call.output = as_dtype(result, dtype).ref();
  if (with_mean) call.more.push_back(as_dtype(mean, dtype).ref());
}

// The slots that var and std share, and x with g in keepdim's shape.
struct SpreadSlots {
  Tensor x;
  Dims dims;
  bool whole, keepdim;  // whole: no dimension was named
  double correction;

  explicit SpreadSlots(OpNode& node)
      : x(node.saved(0)),
        whole(!node.slot(1).is_dims()),
        keepdim(node.slot(3).as_bool()),
        correction(node.slot(2).kind() == SavedKind::kNone ? 1 : node.slot(2).as_double()) {
    if (node.slot(1).is_dims()) dims = node.slot(1).as_dims();
  }
  Tensor kept(const Tensor& t) const {
    return spread_shape(t, x->shape(), dims.n ? &dims : nullptr, keepdim);
  }
  // g d(var)/dx.
  Tensor slope(const Tensor& g) const {
    double n = reduced_count(x->shape(), dims.n ? &dims : nullptr);
    Dims all;
    for (int d = 0; d < x->ndim() && !dims.n; ++d) all.push(d);
    Tensor mean = sum(x, dims.n ? dims : all, true) / Num(n);
    // Of all elements, and no more than the correction: infinite, and nan where it would be 0.
    if (n <= correction && (whole || x->ndim() == 0)) {
      Tensor infinite = full(x->shape(), x->dtype(), __builtin_inf());
      Tensor equal = call_op(op_of<ops::Eq>(), {x.value(), mean.value()});
      return g * ops::math::select(equal, Num(__builtin_nan("")), infinite);
    }
    return Num(2 / (n - correction)) * g * (x - mean);
  }
  // What the gradient of std is for var.
  Tensor halved(const Tensor& g, const Tensor& y) const {
    return ops::math::select(y == Num(0), Num(0), g / (y * Num(2)));
  }
  // The sum of the gradients by way of the variance and of the mean; either may be missing.
  Tensor both(const TensorRef& by_variance, const TensorRef& by_mean, const Tensor* root) const {
    Tensor result;
    if (by_variance) {
      Tensor g(by_variance);
      result = slope(kept(root ? halved(g, *root) : g));
    }
    if (!by_mean) return result;
    double n = reduced_count(x->shape(), dims.n ? &dims : nullptr);
    Tensor share = expand(kept(Tensor(by_mean)), x->shape()) / Num(n);
    return by_variance ? result + share : share;
  }
};

template <class Main>
void unbiased(Call& call, const Value& dims, const Value& flag, const Value& keepdim) {
  Call main(op_of<Main>());
  main.args[0] = call.args[0];
  main.args[1] = dims;
  main.args[2] = Value::of_int(flag.i != 0);
  main.args[3] = keepdim;
  dispatch(main);
  call.output = std::move(main.output);
  call.more = std::move(main.more);
}

}  // namespace

namespace ops {

void Var::forward(Call& call) { variance(call, "var", false, false); }
void Var::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  SpreadSlots s(node);
  grad_in[0] = s.slope(s.kept(Tensor(grad_out[0]))).ref();
}

void Std::forward(Call& call) { variance(call, "std", true, false); }
void Std::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  SpreadSlots s(node);
  grad_in[0] = s.slope(s.kept(s.halved(Tensor(grad_out[0]), Tensor(node.saved(4))))).ref();
}

void VarMean::forward(Call& call) { variance(call, "var_mean", false, true); }
void VarMean::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0] && !grad_out[1]) return;
  grad_in[0] = SpreadSlots(node).both(grad_out[0], grad_out[1], nullptr).ref();
}

void StdMean::forward(Call& call) { variance(call, "std_mean", true, true); }
void StdMean::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0] && !grad_out[1]) return;
  Tensor root(node.saved(4));
  grad_in[0] = SpreadSlots(node).both(grad_out[0], grad_out[1], &root).ref();
}

void VarUnbiasedDim::forward(Call& call) {
  unbiased<Var>(call, call.args[1], call.args[2], call.args[3]);
}
void VarUnbiased::forward(Call& call) {
  unbiased<Var>(call, Value::none(), call.args[1], Value::of_bool(false));
}
void StdUnbiasedDim::forward(Call& call) {
  unbiased<Std>(call, call.args[1], call.args[2], call.args[3]);
}
void StdUnbiased::forward(Call& call) {
  unbiased<Std>(call, Value::none(), call.args[1], Value::of_bool(false));
}

void VarMeanUnbiasedDim::forward(Call& call) {
  unbiased<VarMean>(call, call.args[1], call.args[2], call.args[3]);
}
void VarMeanUnbiased::forward(Call& call) {
  unbiased<VarMean>(call, Value::none(), call.args[1], Value::of_bool(false));
}
void StdMeanUnbiasedDim::forward(Call& call) {
  unbiased<StdMean>(call, call.args[1], call.args[2], call.args[3]);
}
void StdMeanUnbiased::forward(Call& call) {
  unbiased<StdMean>(call, Value::none(), call.args[1], Value::of_bool(false));
}

}  // namespace ops

void add_moment_ops(std::vector<Op*>& table) { add_ops(ops::MomentOps{}, table); }

}  // namespace rl

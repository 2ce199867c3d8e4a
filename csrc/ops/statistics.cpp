#include "ops/statistics.h"

#include <utility>

#include "graph/grad_mode.h"
#include "ops/copy.h"
#include "ops/elementwise.h"
#include "ops/join.h"
#include "ops/reduction.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

// --- products

TensorRef product_over(TensorImpl* t, const Value& dims, bool keepdim, const Value& asked) {
  DType dtype = total_dtype(t, asked);
  Reducer reducer = dtype == DType::kBool ? Reducer::kMin : Reducer::kProduct;
  return as_dtype(reduce_over(t, Reduction(t, dims), keepdim, reducer, compute_dtype(dtype)), dtype)
      .ref();
}

// In one pass from each end, in the compute type.
Tensor product_of_others_unrecorded(const Tensor& given) {
  DType compute = compute_dtype(given->dtype());
  Tensor x = contiguous_clone(as_dtype(given, compute));
  TensorRef out = TensorImpl::empty(compute, x->shape());
  int64_t lines = x->sizes()[0], n = x->sizes()[1];
  dispatch_compute(compute, [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(x->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    for (int64_t line = 0; line < lines; ++line, from += n, to += n) {
      T before = 1, after = 1;
      for (int64_t i = 0; i < n; ++i) {
        to[i] = before;
        before = static_cast<T>(before * from[i]);
      }
      for (int64_t i = n; i-- > 0;) {
        to[i] = static_cast<T>(to[i] * after);
        after = static_cast<T>(after * from[i]);
      }
    }
  });
  return as_dtype(out, given->dtype());
}

// The product of the other elements of each line of x (lines, n). Where one element is 0 only its
// own place is not, where two are all are: by products from both ends, which need no division.
Tensor product_of_others(const Tensor& x) {
  int64_t n = x->sizes()[1];
  if (n == 1) return full(x->shape(), x->dtype(), 1);
  if (!grad_enabled()) return product_of_others_unrecorded(x);
  std::vector<Tensor> before(static_cast<size_t>(n)), after(static_cast<size_t>(n));
  std::vector<TensorImpl*> columns;
  auto at = [](std::vector<Tensor>& v, int64_t i) -> Tensor& { return v[static_cast<size_t>(i)]; };
  for (int64_t i = 1; i < n; ++i) {
    Tensor left = select(x, 1, i - 1), right = select(x, 1, n - i);
    at(before, i) = i == 1 ? left : at(before, i - 1) * left;
    at(after, n - 1 - i) = i == 1 ? right : at(after, n - i) * right;
  }
  std::vector<Tensor> others;
  for (int64_t i = 0; i < n; ++i)
    others.push_back(i == 0       ? at(after, 0)
                     : i == n - 1 ? at(before, n - 1)
                                  : at(before, i) * at(after, i));
  for (const Tensor& t : others) columns.push_back(t.get());
  TensorList list{columns.data(), static_cast<int>(columns.size())};
  return call_op(op_of<ops::Stack>(), {Value::of(list), Value::of_int(1)});
}

bool has_zero(TensorImpl* t) {
  GradModeGuard unrecorded(false);
  Tensor zeros = borrowed(t) == Num(0);
  TensorRef any = reduce_over(zeros.get(), Reduction(zeros.get(), Value::none()), false,
                              Reducer::kMax, DType::kBool);
  return *any->data() != 0;
}

// g times the product of the others, along `dim` of x; g and y as with keepdim. PyTorch divides
// where no element is 0, too.
Tensor product_gradient(const Tensor& x, const Tensor& y, const Tensor& g, int dim) {
  if (x->numel() == 0) return full(x->shape(), x->dtype(), 0);
  if (!has_zero(x.get())) return g * (y / x);
  int64_t n = x->sizes()[dim];
  Tensor last = transpose(x, dim, x->ndim() - 1);
  Tensor lines = reshape(last, Dims::of({x->numel() / n, n}));
  Tensor others = transpose(reshape(product_of_others(lines), last->shape()), dim, x->ndim() - 1);
  return g * others;
}

}  // namespace

namespace ops {

void Prod::forward(Call& call) {
  call.output = product_over(call.tensor(0), Value::none(), false, call.args[1]);
}

void Prod::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(0)), y(node.saved(1)), g(grad_out[0]);
  Tensor flat = reshape(to_dtype_of(x, y), Dims::of({x->numel()}));
  Tensor slope = reshape(product_gradient(flat, y, g, 0), x->shape());
  grad_in[0] = to_dtype_of(slope, x).ref();
}

void ProdDim::forward(Call& call) {
  call.output = product_over(call.tensor(0), call.args[1], call.args[2].i != 0, call.args[3]);
}

void ProdDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(0)), y(node.saved(1)), g(grad_out[0]);
  Dims dims = Dims::of({node.slot(2).as_int()});
  bool keepdim = node.slot(3).as_bool();
  Tensor wide = to_dtype_of(x, y);
  if (x->ndim() == 0) {
    grad_in[0] = to_dtype_of(g, x).ref();
    return;
  }
  Tensor slope =
      product_gradient(wide, spread_shape(y, x->shape(), &dims, keepdim),
                       spread_shape(g, x->shape(), &dims, keepdim), wrap_dim(dims[0], x->ndim()));
  grad_in[0] = to_dtype_of(slope, x).ref();
}

void NanSum::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  DType dtype = total_dtype(t, call.args[3]);
  DType compute = compute_dtype(dtype);
  // nan is looked for where it can be: in the input.
  Reducer reducer = is_float(compute)       ? Reducer::kSumNoNan
                    : dtype == DType::kBool ? Reducer::kMax
                                            : Reducer::kSum;
  TensorRef from = TensorRef::borrow(t);
  if (is_float(t->dtype()) && !is_float(compute)) {
    GradModeGuard unrecorded(false);
    Tensor x(from);
    Tensor nan = call_op(op_of<Ne>(), {x.value(), x.value()});
    from = math::select(nan, Num(0), x).ref();
  }
  call.output = as_dtype(reduce_over(from.get(), Reduction(t, call.args[1]), call.args[2].i != 0,
                                     reducer, compute),
                         dtype)
                    .ref();
}

void NanSum::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor x(node.saved(2)), g(grad_out[0]);
  Dims dims;
  bool some = node.slot(0).is_dims();
  if (some) dims = node.slot(0).as_dims();
  Tensor wide = spread(g, x->shape(), some ? &dims : nullptr, node.slot(1).as_bool());
  Tensor nan = call_op(op_of<Ne>(), {x.value(), x.value()});
  grad_in[0] = to_dtype_of(math::select(nan, Num(0), wide), x).ref();
}

namespace {
// uint8 stays uint8, as in PyTorch; everything else answers in bool.
void quantify(Call& call, Reducer reducer, const Value& dims, bool keepdim) {
  TensorImpl* t = call.tensor(0);
  TensorRef out = reduce_over(t, Reduction(t, dims), keepdim, reducer, DType::kBool);
  call.output = t->dtype() == DType::kUInt8 ? as_dtype(out, DType::kUInt8).ref() : out;
}

// An empty list of dimensions reduces nothing here: every element answers for itself.
void quantify_dims(Call& call, Reducer reducer) {
  const Value& dims = call.args[1];
  if (dims.is_none() || dims.dims->n > 0) return quantify(call, reducer, dims, call.args[2].i != 0);
  Tensor nonzero = call_op(op_of<Ne>(), {call.args[0], Value::of_int(0)});
  call.output = call.tensor(0)->dtype() == DType::kUInt8 ? as_dtype(nonzero, DType::kUInt8).ref()
                                                         : nonzero.ref();
}
}  // namespace

namespace {
void count_nonzero(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = reduce_over(t, Reduction(t, call.args[1]), false, Reducer::kSum, DType::kInt64,
                            nullptr, true);
}
}  // namespace

void Any::forward(Call& call) { quantify(call, Reducer::kMax, Value::none(), false); }
void AnyDims::forward(Call& call) { quantify_dims(call, Reducer::kMax); }
void All::forward(Call& call) { quantify(call, Reducer::kMin, Value::none(), false); }
void AllDims::forward(Call& call) { quantify_dims(call, Reducer::kMin); }

void CountNonzero::forward(Call& call) { count_nonzero(call); }
void CountNonzeroDims::forward(Call& call) { count_nonzero(call); }

void NanMean::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check(is_float(t->dtype()), ErrorKind::kRuntime,
        "nanmean(): expected input to have floating point or complex dtype but got ",
        dtype_title(t->dtype()), "\n  fix: convert first, as in x.float().nanmean().");
  check(call.args[3].kind != Kind::kDType || is_float(call.args[3].dtype), ErrorKind::kRuntime,
        "nanmean(): could not infer output dtype. Optional dtype must be either a floating point "
        "or complex dtype. Got: ",
        dtype_title(call.args[3].dtype));
  TensorRef count;
  {
    GradModeGuard unrecorded(false);
    Tensor x(TensorRef::borrow(t));
    Tensor numbers = call_op(op_of<Eq>(), {x.value(), x.value()});
    count = reduce_over(numbers.get(), Reduction(t, call.args[1]), call.args[2].i != 0,
                        Reducer::kSum, DType::kInt64);
  }
  Tensor total = call_op(op_of<NanSum>(), {call.args[0], call.args[1], call.args[2], call.args[3]});
  call.output = (total / Tensor(count)).ref();
}

}  // namespace ops

void add_statistics_ops(std::vector<Op*>& table) { add_ops(ops::StatisticsOps{}, table); }

}  // namespace rl

#include "ops/cross_entropy.h"

#include <cmath>
#include <cstring>

#include "ops/binary_criterion.h"
#include "ops/copy.h"
#include "ops/create.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/reduce.h"
#include "ops/softmax.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

// An input seen as (lines, classes, columns), and the targets as (lines, columns).
struct Layout {
  int64_t lines = 1, classes, columns = 1;
  explicit Layout(const Dims& sizes) {
    int dim = sizes.n == 1 ? 0 : 1;
    classes = sizes[dim];
    if (dim) lines = sizes[0];
    for (int d = dim + 1; d < sizes.n; ++d) columns *= sizes[d];
  }
  int64_t places() const { return lines * columns; }
};

// The targets as row-major int64.
TensorRef classes_of(TensorImpl* target) {
  DType dtype = target->dtype();
  check(dtype == DType::kInt64 || dtype == DType::kUInt8, ErrorKind::kRuntime,
        "expected target dtype to be Long or Byte, but got ", dtype_title(dtype),
        "\n  fix: convert the classes first, as in target.long().");
  return row_major_as(target, DType::kInt64);
}

double sum_of(TensorImpl* t) {
  if (t->numel() == 0) return 0;
  return dispatch_compute(t->dtype(), [&](auto zero) -> double {
    using T = decltype(zero);
    T total;
    kernel_set->reduce[static_cast<int>(Reducer::kSum)][compute_index(t->dtype())].line(
        &total, t->data(), t->numel(), nullptr);
    return static_cast<double>(total);
  });
}

TensorRef number_as(double x, DType dtype) { return full(Dims(), dtype, x).ref(); }

// Calls visit(place, class or -1 where it is ignored). Throws for a class that there is not.
template <class Visit>
void each_target(TensorImpl* classes, const Layout& at, int64_t ignored, const Visit& visit) {
  const auto* c = reinterpret_cast<const int64_t*>(classes->data());
  for (int64_t i = 0, n = at.places(); i < n; ++i) {
    if (c[i] == ignored) {
      visit(i, -1);
      continue;
    }
    check(c[i] >= 0 && c[i] < at.classes, ErrorKind::kIndex, "Target ", c[i],
          " is out of bounds.\n  the input has ", at.classes, " classes");
    visit(i, c[i]);
  }
}

void nll_forward(Call& call, const Dims& out_sizes, const char* kernel) {
  TensorImpl *t = call.tensor(0), *weight = call.args[2].is_none() ? nullptr : call.tensor(2);
  check_constant(call, 2, call.op->record->name);
  check_reduction(call.args[3].i);
  check(is_float(t->dtype()), ErrorKind::kNotImplemented, "\"", kernel, "\" not implemented for '",
        dtype_title(t->dtype()), "'");
  TensorRef classes = classes_of(call.tensor(1));
  check(!weight || weight->dtype() == t->dtype(), ErrorKind::kRuntime, "expected scalar type ",
        dtype_title(t->dtype()), " but found ", dtype_title(weight ? weight->dtype() : t->dtype()));
  DType dtype = t->dtype(), compute = compute_dtype(dtype);
  Layout at(t->shape());
  int64_t n = at.places();
  TensorRef x = row_major_as(t, compute), w, terms = TensorImpl::empty(compute, &n, 1),
            weights = TensorImpl::empty(compute, &n, 1);
  if (weight) w = row_major_as(weight, compute);
  dispatch_compute(compute, [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(x->data());
    const auto* factor = w ? reinterpret_cast<const T*>(w->data()) : nullptr;
    auto* term = reinterpret_cast<T*>(terms->mut_data());
    auto* part = reinterpret_cast<T*>(weights->mut_data());
    each_target(classes.get(), at, call.args[4].i, [&](int64_t i, int64_t c) {
      T f = c < 0 ? T(0) : factor ? factor[c] : T(1);
      int64_t line = i / at.columns, column = i % at.columns;
      part[i] = f;
      term[i] = c < 0 ? T(0) : -from[(line * at.classes + c) * at.columns + column] * f;
    });
  });
  int64_t reduction = call.args[3].i;
  if (reduction == kEach) {
    TensorRef out = converted(std::move(terms), dtype);
    int64_t strides[kMaxDims];
    contiguous_strides(out_sizes.v, out_sizes.n, strides);
    out->set_geometry(out_sizes, strides, 0);
    call.output = std::move(out);
    call.more.push_back(number_as(0, dtype));
    return;
  }
  double total = sum_of(weights.get()), sum = sum_of(terms.get());
  call.output = number_as(reduction == kMean ? sum / total : sum, dtype);
  call.more.push_back(number_as(total, dtype));
}

void nll_backward(OpNode& node, const Op& gradient, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor input(node.saved(0)), target(node.saved(1)), weight(node.saved(2)), total(node.saved(5));
  grad_in[0] = call_op(gradient,
                       {Value::of(grad_out[0].get()), input.value(), target.value(),
                        Value::of(weight.get()), total.value(),
                        Value::of_int(node.slot(3).as_int()), Value::of_int(node.slot(4).as_int())})
                   .ref();
}

}  // namespace

namespace ops {

void NllLossForward::forward(Call& call) {
  TensorImpl *t = call.tensor(0), *target = call.tensor(1);
  check(t->ndim() > 0 && t->ndim() <= 2, ErrorKind::kRuntime, "input tensor should be 1D or 2D");
  check(target->ndim() <= 1, ErrorKind::kRuntime,
        "0D or 1D target tensor expected, multi-target not supported");
  check(t->ndim() == 1 || target->ndim() == 1, ErrorKind::kRuntime,
        "size mismatch (got input: ", shown(t->shape()), ", target: ", shown(target->shape()), ")");
  check(t->ndim() == 2 || target->numel() == 1, ErrorKind::kValue,
        "For 1D input, 1D target must have size 1, but got target size: ", target->numel());
  check(t->ndim() == 1 || t->sizes()[0] == target->sizes()[0], ErrorKind::kRuntime,
        "size mismatch (got input: ", shown(t->shape()), ", target: ", shown(target->shape()), ")");
  if (!call.args[2].is_none()) {
    int64_t classes = t->sizes()[t->ndim() - 1];
    check(
        call.tensor(2)->ndim() == 1 && call.tensor(2)->numel() == classes, ErrorKind::kRuntime,
        "weight tensor should be defined either for all ", classes,
        " classes or no classes but got weight tensor of shape: ", shown(call.tensor(2)->shape()));
  }
  Dims sizes;
  if (t->ndim() == 2) sizes.push(t->sizes()[0]);
  nll_forward(call, sizes, "nll_loss_out_frame");
}
void NllLossForward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  nll_backward(node, op_of<NllLossGradient>(), grad_out, grad_in);
}

void NllLoss2dForward::forward(Call& call) {
  TensorImpl *t = call.tensor(0), *target = call.tensor(1);
  check(target->ndim() == 3, ErrorKind::kRuntime,
        "only batches of spatial targets supported (3D tensors) but got targets of dimension: ",
        target->ndim());
  check(t->ndim() == 4, ErrorKind::kRuntime,
        "only batches of spatial inputs supported (4D tensors), but got input of dimension: ",
        t->ndim());
  check(call.args[2].is_none() || call.tensor(2)->numel() == t->sizes()[1], ErrorKind::kRuntime,
        "weight tensor should be defined either for all or no classes");
  const int64_t *a = t->sizes(), *b = target->sizes();
  check(a[0] == b[0] && a[2] == b[1] && a[3] == b[2], ErrorKind::kRuntime,
        "size mismatch (got input: ", shown(t->shape()), " , target: ", shown(target->shape()));
  nll_forward(call, target->shape(), "nll_loss2d_forward_out_frame");
}
void NllLoss2dForward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  nll_backward(node, op_of<NllLoss2dGradient>(), grad_out, grad_in);
}

void NllLossGradient::forward(Call& call) {
  TensorImpl* g = call.tensor(0);
  Dims sizes = call.tensor(1)->shape();
  int64_t reduction = call.args[5].i;
  DType dtype = g->dtype(), compute = compute_dtype(dtype);
  TensorRef classes = classes_of(call.tensor(2));
  TensorRef given = row_major_as(g, compute), total = row_major_as(call.tensor(4), compute), w;
  if (!call.args[3].is_none()) w = row_major_as(call.tensor(3), compute);
  TensorRef out = TensorImpl::empty(compute, sizes);
  Layout at(sizes);
  int64_t step = g->ndim() ? 1 : 0;  // one gradient for all places, or one for each
  dispatch_compute(compute, [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(given->data());
    const auto* factor = w ? reinterpret_cast<const T*>(w->data()) : nullptr;
    T divisor = reduction == kMean ? *reinterpret_cast<const T*>(total->data()) : T(1);
    auto* to = reinterpret_cast<T*>(out->mut_data());
    if (out->numel()) std::memset(to, 0, static_cast<size_t>(out->numel()) * sizeof(T));
    each_target(classes.get(), at, call.args[6].i, [&](int64_t i, int64_t c) {
      if (c < 0) return;
      T f = factor ? factor[c] : T(1);
      int64_t line = i / at.columns, column = i % at.columns;
      to[(line * at.classes + c) * at.columns + column] = -f * from[i * step] / divisor;
    });
  });
  call.output = converted(std::move(out), dtype);
}

void NllLossGradient::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  TensorImpl* g = grad_out[0].get();
  if (!g) return;
  if (node.wants(1)) grad_in[1] = call_op(op_of<ZerosLike>(), {Value::of(g)}).ref();
  if (!node.wants(0)) return;
  Tensor target(node.saved(0)), weight(node.saved(1));
  const Op& loss = g->ndim() > 2 ? op_of<NllLoss2dForward>() : op_of<NllLossForward>();
  grad_in[0] =
      call_op(loss, {Value::of(g), target.value(), Value::of(weight.get()),
                     Value::of_int(node.slot(2).as_int()), Value::of_int(node.slot(3).as_int())})
          .ref();
}

void NllLoss::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0))), target(TensorRef::borrow(call.tensor(1)));
  check(t->ndim() > 0, ErrorKind::kValue, "Expected 1 or more dimensions (got ", t->ndim(), ")");
  int64_t targets = target->ndim() ? target->sizes()[0] : 0;
  check(t->ndim() == 1 || t->sizes()[0] == targets, ErrorKind::kValue,
        "Expected input batch_size (", t->sizes()[0], ") to match target batch_size (", targets,
        ").");
  auto loss = [&](const Op& op, const Tensor& x, const Tensor& y) {
    return call_op(op, {x.value(), y.value(), call.args[2], call.args[3], call.args[4]});
  };
  if (t->ndim() <= 2) {
    call.output = loss(op_of<NllLossForward>(), t, target).ref();
    return;
  }
  if (t->ndim() == 4) {
    call.output = loss(op_of<NllLoss2dForward>(), t, target).ref();
    return;
  }
  Dims out_sizes = target->shape(), wanted;
  for (int d = 0; d < t->ndim(); ++d)
    if (d != 1) wanted.push(t->sizes()[d]);
  check(wanted == out_sizes, ErrorKind::kRuntime, "Expected target size ", shown(wanted), ", got ",
        shown(out_sizes));
  int64_t n = t->sizes()[0], c = t->sizes()[1];
  bool empty = t->numel() == 0;
  Tensor x = call_op(op_of<Contiguous>(), {t.value()});
  Tensor y = call_op(op_of<Contiguous>(), {target.value()});
  int64_t places = 1;
  for (int d = 2; d < t->ndim(); ++d) places *= t->sizes()[d];
  if (empty) {
    x = view(x, Dims::of({n, c, 0, 0}));
    y = view(y, Dims::of({n, 0, 0}));
  } else {
    x = view(x, Dims::of({n, c, 1, places}));
    y = view(y, Dims::of({n, 1, places}));
  }
  Tensor result = loss(op_of<NllLoss2dForward>(), x, y);
  call.output = (call.args[3].i == kEach ? view(result, out_sizes) : result).ref();
}

namespace {

Tensor total_of(const Tensor& t) { return call_op(op_of<Sum>(), {t.value()}); }
Tensor times_number(const Tensor& t, double x) {
  return call_op(op_of<MulNumber>(), {t.value(), Value::of_double(x)});
}

// The weights of the classes in a shape that broadcasts against the input.
Tensor class_weights(TensorImpl* weight, int ndim) {
  Tensor w(TensorRef::borrow(weight));
  if (ndim <= 1) return w;
  Dims sizes;
  for (int d = 0; d < ndim; ++d) sizes.push(d == 1 ? weight->sizes()[0] : 1);
  return view(w, sizes);
}

Tensor over_classes(const Tensor& t, int dim) {
  Dims dims;
  dims.push(dim);
  return sum(t, dims, false);
}

// Targets that are probabilities.
Tensor soft_cross_entropy(const Call& call, const Tensor& logs, int dim, double smoothing) {
  Tensor target(TensorRef::borrow(call.tensor(1)));
  int64_t classes = logs->sizes()[dim], reduction = call.args[3].i;
  check(
      call.args[2].is_none() || (call.tensor(2)->ndim() == 1 && call.tensor(2)->numel() == classes),
      ErrorKind::kRuntime, "cross_entropy: weight tensor should be defined either for all ",
      classes, " classes or no classes but got weight tensor of shape: ",
      call.args[2].is_none() ? shown(Dims()) : shown(call.tensor(2)->shape()));
  if (smoothing > 0)
    target = call_op(op_of<Add>(), {times_number(target, 1 - smoothing).value(),
                                    Value::of_double(smoothing / static_cast<double>(classes))});
  Tensor terms = logs * target;
  if (!call.args[2].is_none()) terms = terms * class_weights(call.tensor(2), logs->ndim());
  if (reduction == kEach) return -over_classes(terms, dim);
  Tensor total = total_of(terms);
  if (reduction == kMean && logs->numel() == 0) {
    Call fill(op_of<Fill>());
    fill.args[0] = total.value();
    fill.args[1] = Value::of_double(NAN);
    fill.target = total.get();
    dispatch(fill);
    return -total;
  }
  Tensor loss = -total;
  if (reduction == kSum) return loss;
  return call_op(op_of<DivNumber>(), {loss.value(), Value::of_int(logs->numel() / classes)});
}

// Classes, of which a part of the likelihood is spread over all.
Tensor smoothed_cross_entropy(const Call& call, const Tensor& logs, int dim, double smoothing) {
  Tensor target(TensorRef::borrow(call.tensor(1)));
  int64_t reduction = call.args[3].i;
  Tensor hard = call_op(op_of<NllLoss>(),
                        {logs.value(), call.args[1], call.args[2], call.args[3], call.args[4]});
  bool weighted = !call.args[2].is_none();
  Tensor spread =
      -over_classes(weighted ? logs * class_weights(call.tensor(2), logs->ndim()) : logs, dim);
  Tensor ignored = call_op(op_of<Eq>(), {target.value(), call.args[4]});
  Call clear(op_of<MaskedFill>());
  clear.args[0] = spread.value();
  clear.args[1] = ignored.value();
  clear.args[2] = Value::of_double(0);
  clear.target = spread.get();
  dispatch(clear);
  Tensor part = spread;
  if (reduction != kEach) part = total_of(spread);
  if (reduction == kMean) {
    Tensor counted = call_op(op_of<Ne>(), {target.value(), call.args[4]});
    if (weighted) {
      Tensor chosen = call_op(op_of<MaskedSelect>(), {target.value(), counted.value()});
      counted = call_op(op_of<Gather>(), {call.args[2], Value::of_int(0), chosen.value()});
    }
    part = part / total_of(counted);
  }
  return times_number(hard, 1 - smoothing) +
         times_number(part, smoothing / static_cast<double>(logs->sizes()[dim]));
}

}  // namespace

void CrossEntropyLoss::forward(Call& call) {
  TensorImpl *t = call.tensor(0), *target = call.tensor(1);
  int dim = t->ndim() == 1 ? 0 : 1;
  double smoothing = call.args[5].as_double();
  bool soft = t->shape() == target->shape();
  check_reduction(call.args[3].i);
  check(!soft || is_float(target->dtype()), ErrorKind::kRuntime,
        "Expected floating point type for target with class probabilities, got ",
        dtype_title(target->dtype()));
  check(!soft || call.args[4].i < 0, ErrorKind::kRuntime,
        "ignore_index is not supported for floating point target");
  check(smoothing >= 0 && smoothing <= 1, ErrorKind::kRuntime,
        "label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
  Tensor logs = call_op(op_of<LogSoftmaxKernelOp>(), {call.args[0], Value::of_int(dim)});
  if (soft)
    call.output = soft_cross_entropy(call, logs, dim, smoothing).ref();
  else if (smoothing > 0)
    call.output = smoothed_cross_entropy(call, logs, dim, smoothing).ref();
  else
    call.output = call_op(op_of<NllLoss>(),
                          {logs.value(), call.args[1], call.args[2], call.args[3], call.args[4]})
                      .ref();
}

}  // namespace ops

void add_cross_entropy_ops(std::vector<Op*>& table) { add_ops(ops::CrossEntropyOps{}, table); }

}  // namespace rl

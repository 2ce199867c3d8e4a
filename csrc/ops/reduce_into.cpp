#include "ops/reduce_into.h"

#include <limits>
#include <vector>

#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/scatter.h"
#include "ops/statistics.h"
#include "ops/table.h"
#include "ops/wide_part.h"

namespace rl {

namespace {

// What the first element that arrives leaves unchanged.
template <class T>
T neutral(Reduction reduction) {
  using Limits = std::numeric_limits<std::conditional_t<kIsFloat<T>, float, T>>;
  switch (reduction) {
    case Reduction::kProd:
      return static_cast<T>(1);
    case Reduction::kAmax:
      return static_cast<T>(kIsFloat<T> ? -Limits::infinity() : Limits::lowest());
    case Reduction::kAmin:
      return static_cast<T>(kIsFloat<T> ? Limits::infinity() : Limits::max());
    default:
      return static_cast<T>(0);
  }
}

// How often each place is met, in a tensor of the target's shape.
TensorRef counts(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                 bool include_self) {
  TensorRef n = full(target->shape(), DType::kInt64, include_self ? 1 : 0).ref();
  TensorRef one = full(Dims(), DType::kInt64, 1).ref();
  Dims still;
  for (int d = 0; d < index.shape.n; ++d) still.push(0);
  scatter_into(n.get(), IndexedDim(n.get(), lines.dim), index, one.get(), still, Combine::kAdd);
  return n;
}

// Integers are divided towards minus infinity.
template <class T>
T quotient(T sum, int64_t n) {
  if constexpr (kIsFloat<T>) return static_cast<T>(sum / static_cast<T>(n));
  auto wide = static_cast<int64_t>(sum);
  return static_cast<T>(wide / n - (wide % n != 0 && wide < 0));
}

template <class T>
void divide(T* sum, const int64_t* n, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if (n[i] > 1) sum[i] = quotient(sum[i], n[i]);
}

// The same where whole slices are met: one count for each.
template <class T>
void divide_slices(T* sum, const int64_t* n, const Dims& sizes, int dim) {
  int64_t before = 1, after = 1;
  for (int d = 0; d < dim; ++d) before *= sizes[d];
  for (int d = dim + 1; d < sizes.n; ++d) after *= sizes[d];
  for (int64_t i = 0; i < before; ++i)
    for (int64_t k = 0; k < sizes[dim]; ++k, sum += after)
      if (n[k] > 1)
        for (int64_t j = 0; j < after; ++j) sum[j] = quotient(sum[j], n[k]);
}

std::vector<int64_t> slice_counts(const IndexedDim& lines, const IndexView& index,
                                  bool include_self) {
  std::vector<int64_t> n(static_cast<size_t>(lines.length()), include_self ? 1 : 0);
  const auto* places = reinterpret_cast<const int64_t*>(index.memory->data());
  for (int64_t i = 0; i < index.shape[lines.dim]; ++i)
    ++n[static_cast<size_t>(places[i * index.strides[lines.dim]])];
  return n;
}

template <class T>
void mean_of_lines(TensorImpl* sum, const IndexedDim& lines, const IndexView& index,
                   TensorImpl* source, bool include_self) {
  scatter_into(sum, lines, index, source, strides_under(source), Combine::kAdd);
  auto* data = reinterpret_cast<T*>(sum->mut_data());
  if (chooses_slices(lines, index)) {
    divide_slices(data, slice_counts(lines, index, include_self).data(), lines.sizes, lines.dim);
  } else {
    TensorRef n = counts(sum, lines, index, include_self);
    divide(data, reinterpret_cast<const int64_t*>(n->data()), sum->numel());
  }
}

// Sums in the target itself where it can hold them; float for 16-bit floats until it is divided.
void mean_into(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
               TensorImpl* source, bool include_self) {
  const DType type = target->dtype();
  const DType wide = is_float(type) && type != DType::kFloat64 ? DType::kFloat32 : type;
  dispatch_dtype(wide, [&](auto zero) {
    using T = decltype(zero);
    if (wide == type && target->is_contiguous())
      return mean_of_lines<T>(target, lines, index, source, include_self);
    WidePart sum(target, lines, index, wide);
    TensorRef values = wide != type ? converted_copy(source, wide) : TensorRef::borrow(source);
    mean_of_lines<T>(sum.part(), sum.lines(), sum.index(), values.get(), include_self);
    sum.write_back();
  });
}

}  // namespace

void reduce_into(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                 TensorImpl* source, Reduction reduction, bool include_self) {
  if (!include_self) {
    TensorRef first = TensorImpl::empty(target->dtype(), nullptr, 0);
    dispatch_dtype(target->dtype(), [&](auto zero) {
      using T = decltype(zero);
      *reinterpret_cast<T*>(first->mut_data()) = neutral<T>(reduction);
    });
    Dims still;
    for (int d = 0; d < index.shape.n; ++d) still.push(0);
    scatter_into(target, lines, index, first.get(), still, Combine::kWrite);
  }
  if (reduction == Reduction::kMean) return mean_into(target, lines, index, source, include_self);
  constexpr Combine kHow[] = {Combine::kAdd, Combine::kMultiply, Combine::kAdd, Combine::kLargest,
                              Combine::kSmallest};
  scatter_into(target, lines, index, source, strides_under(source),
               kHow[static_cast<int>(reduction)]);
}

namespace {

using ops::Num;

Tensor fill_where(const Tensor& t, const Tensor& mask, double value) {
  return call_op(op_of<ops::MaskedFill>(), {t.value(), mask.value(), Value::of_double(value)});
}
Tensor filled_like(const Tensor& t, double value) { return full(t->shape(), t->dtype(), value); }

void product_gradients(OpNode& node, const Tensor& grad, const Tensor& self, const Tensor& source,
                       const Tensor& result, const Reach& reach, TensorRef* grad_in) {
  if (node.wants(0)) {
    Tensor nonzero = fill_where(self, self == Num(0), 1);
    grad_in[0] = (grad * reach.reduce(nonzero, source) / nonzero).ref();
  }
  if (!node.wants(1)) return;
  Tensor zero = source == Num(0);
  Tensor zeros = reach.read(reach.add(filled_like(self, 0), to_dtype(zero, self->dtype())));
  Tensor alone = zero & (zeros == Num(1));
  // The product of the others, where this one is the only zero.
  Tensor others = reach.reduce(self, fill_where(source, alone, 1));
  Tensor share = ops::math::select(alone, reach.read(grad * others),
                                   reach.read(grad * result) / fill_where(source, zero, 1));
  Tensor several = call_op(op_of<ops::Any>(), {(zeros > Num(1)).value()});
  if (*several->data())
    share = call_op(op_of<ops::OnceDifferentiable>(),
                    {share.value(), Value::of(reach.op()), Value::of(reach.source())});
  grad_in[1] = share.ref();
}

void mean_gradients(OpNode& node, const Tensor& grad, const Tensor& source, bool include_self,
                    const Reach& reach, TensorRef* grad_in) {
  Tensor n =
      reach.add(filled_like(grad, include_self ? 1 : 0), full(source->shape(), grad->dtype(), 1));
  n = fill_where(n, n == Num(0), 1);
  if (node.wants(0)) grad_in[0] = (grad / n).ref();
  if (node.wants(1)) grad_in[1] = (reach.read(grad) / reach.read(n)).ref();
}

// Those that equal the result share its gradient.
void extreme_gradients(OpNode& node, const Tensor& grad, const Tensor& self, const Tensor& source,
                       const Tensor& result, const Reach& reach, TensorRef* grad_in) {
  Tensor mine = to_dtype(self == result, self->dtype());
  Tensor theirs = to_dtype(source == reach.read(result), self->dtype());
  Tensor share = grad / reach.add(mine, theirs);
  if (node.wants(0)) grad_in[0] = (mine * share).ref();
  if (node.wants(1)) grad_in[1] = (theirs * reach.read(share)).ref();
}

}  // namespace

void reduction_gradients(OpNode& node, const Tensor& grad, const Tensor& self, const Tensor& source,
                         const Tensor& result, Reduction reduction, bool include_self,
                         const Reach& reach, TensorRef* grad_in) {
  switch (reduction) {
    case Reduction::kSum:
      if (node.wants(0)) grad_in[0] = grad.ref();
      if (node.wants(1)) grad_in[1] = reach.read(grad).ref();
      break;
    case Reduction::kProd:
      product_gradients(node, grad, self, source, result, reach, grad_in);
      break;
    case Reduction::kMean:
      mean_gradients(node, grad, source, include_self, reach, grad_in);
      break;
    default:
      extreme_gradients(node, grad, self, source, result, reach, grad_in);
  }
  if (!include_self && grad_in[0]) grad_in[0] = reach.clear(Tensor(grad_in[0])).ref();
}

}  // namespace rl

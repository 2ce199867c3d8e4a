#include "ops/launch.h"

#include <algorithm>

#include "core/error.h"

namespace rl {

namespace {

[[gnu::cold]] int64_t wrapped(int64_t x, DType dtype) {
  return dispatch_dtype(dtype, [&](auto zero) {
    if constexpr (kIsInt<decltype(zero)>) x = static_cast<decltype(zero)>(x);
    return x;
  });
}

[[gnu::cold, gnu::noinline]] void fail_output_shape(const TensorImpl* out, const Dims& shape) {
  fail(ErrorKind::kRuntime, "output with shape ", shown(out->sizes(), out->ndim()),
       " doesn't match the broadcast shape ", shown(shape));
}

}  // namespace

void store_scalar(ScalarSlot& slot, const Value& v, DType dtype, bool rounded) {
  switch (compute_dtype(dtype)) {
    case DType::kFloat32: {
      auto x = static_cast<float>(v.as_double());
      if (rounded && dtype != DType::kFloat32)
        x = dtype == DType::kFloat16 ? float(Half(x)) : float(BFloat16(x));
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    case DType::kFloat64: {
      double x = v.as_double();
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    case DType::kInt64: {
      int64_t x = v.as_int();
      if (dtype != DType::kInt64) [[unlikely]]
        x = wrapped(x, dtype);
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
    default: {
      bool x = v.kind == Kind::kDouble ? v.d != 0 : v.i != 0;
      __builtin_memcpy(slot.bytes, &x, sizeof x);
      break;
    }
  }
}

void store_absent(ScalarSlot& slot, int absent, DType compute) {
  if (compute == DType::kInt64) {
    int64_t x = absent < 0 ? INT64_MIN : absent > 0 ? INT64_MAX : 0;
    __builtin_memcpy(slot.bytes, &x, sizeof x);
  } else if (compute == DType::kBool) {
    slot.bytes[0] = absent > 0;
  } else {
    double x = absent ? absent * __builtin_inf() : __builtin_nan("");
    store_scalar(slot, Value::of_double(x), compute, false);
  }
}

Dims broadcast_shape(const Launch& l) {
  Dims shape;
  bool first = true;
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    if (!t) continue;
    if (first) {
      shape = t->shape();
      first = false;
    } else {
      Dims both;
      broadcast_sizes(shape.v, shape.n, t->sizes(), t->ndim(), both);
      shape = both;
    }
  }
  return shape;
}

void describe_operands(const Launch& l, const Dims& shape, Operand* operands,
                       int64_t (*strides)[kMaxDims]) {
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    for (int d = 0; d < shape.n; ++d) {
      int at = t ? d - (shape.n - t->ndim()) : -1;
      strides[k][d] = at < 0 || (t->sizes()[at] == 1) ? 0 : t->strides()[at];
    }
    operands[k] = {t ? static_cast<const void*>(t->data()) : l.scalars[k], strides[k],
                   t ? t->dtype() : l.kernel.compute};
  }
}

namespace {

// Which of two dimensions of the output is the faster one: 1 where b is, -1 where a is, 0 where no
// operand says. PyTorch's rule, operand by operand (TensorIterator::reorder_dimensions).
int compare_dims(const Launch& l, const Dims& shape, const int64_t (*strides)[kMaxDims], int a,
                 int b) {
  for (int k = 0; k < l.n; ++k) {
    if (!l.tensors[k]) continue;
    int64_t x = strides[k][a], y = strides[k][b];
    if (x == 0 || y == 0) continue;
    if (x != y) return x < y ? -1 : 1;
    if (shape[a] > shape[b]) return 1;
  }
  return 0;
}

}  // namespace

bool output_strides(const Launch& l, const Dims& shape, const int64_t (*strides)[kMaxDims],
                    int64_t* out) {
  int order[kMaxDims];  // the fastest dimension first
  for (int i = 0; i < shape.n; ++i) order[i] = shape.n - 1 - i;
  bool moved = false;
  for (int i = 1; i < shape.n; ++i) {
    int at = i;
    for (int before = i - 1; before >= 0; --before) {
      int c = compare_dims(l, shape, strides, order[before], order[at]);
      if (c < 0) break;
      if (c == 0) continue;
      std::swap(order[before], order[at]);
      at = before;
      moved = true;
    }
  }
  if (!moved) return false;
  int64_t step = 1;
  for (int i = 0; i < shape.n; ++i) {
    out[order[i]] = step;
    step *= std::max<int64_t>(shape[order[i]], 1);
  }
  return true;
}

TensorRef launch(const Launch& l, TensorImpl* target) {
  // The straight path: equal contiguous shapes and single elements.
  TensorImpl* model = nullptr;
  for (int k = 0; k < l.n; ++k)
    if (l.tensors[k] && (!model || l.tensors[k]->ndim() > model->ndim() ||
                         (l.tensors[k]->ndim() == model->ndim() && model->numel() == 1)))
      model = l.tensors[k];
  bool straight = true;
  const void* in[kMaxOperands];
  uint8_t step[kMaxOperands];
  const int64_t* sizes = model->sizes();
  int ndim = model->ndim();
  for (int k = 0; k < l.n; ++k) {
    TensorImpl* t = l.tensors[k];
    if (!t && (l.kernel.repeats >> k & 1)) {
      in[k] = l.scalars[k];
      step[k] = 0;
    } else if (!t) {
      straight = false;
      break;
    } else if (t->dtype() == l.kernel.compute && t->is_contiguous() &&
               same_sizes(t->sizes(), t->ndim(), sizes, ndim)) {
      in[k] = t->data();
      step[k] = 1;
    } else if (t->dtype() == l.kernel.compute && t->numel() == 1 && t->ndim() <= ndim &&
               (l.kernel.repeats >> k & 1)) {
      in[k] = t->data();
      step[k] = 0;
    } else {
      straight = false;
      break;
    }
  }
  if (straight) {
    if (!target && l.stored == l.kernel.result) {
      TensorRef out = TensorImpl::empty(l.kernel.result, sizes, ndim);
      int64_t n = model->numel();
      run_straight(l.kernel, out->mut_data(), in, step, l.n, n);
      return out;
    }
    if (target && target->is_contiguous() && target->dtype() == l.kernel.result &&
        same_sizes(target->sizes(), target->ndim(), sizes, ndim)) {
      int64_t n = model->numel();
      run_straight(l.kernel, target->mut_data(), in, step, l.n, n);
      return TensorRef::borrow(target);
    }
  }
  Dims shape = broadcast_shape(l);
  Operand operands[kMaxOperands];
  int64_t strides[kMaxOperands][kMaxDims];
  describe_operands(l, shape, operands, strides);
  TensorRef out;
  if (target) {
    if (!same_sizes(target->sizes(), target->ndim(), shape.v, shape.n))
      fail_output_shape(target, shape);
    out = TensorRef::borrow(target);
  } else {
    out = TensorImpl::empty(l.stored, shape);
    int64_t layout[kMaxDims];
    if (output_strides(l, shape, strides, layout)) out->set_geometry(shape, layout, 0);
  }
  run_elementwise(l.kernel, shape.v, shape.n, out->mut_data(), out->strides(), out->dtype(),
                  operands, l.n);
  return out;
}

}  // namespace rl

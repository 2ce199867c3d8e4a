#include "ops/optimize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "graph/grad_mode.h"
#include "kernels/pool.h"
#include "ops/elementwise.h"
#include "ops/table.h"

namespace rl {

namespace {

template <class Op, class T>
TileFn forward_tile() {
  return kernel_set->ops[op_of<Op>().elementwise->kernel].fn[0][compute_index(dtype_of<T>())];
}

bool is_writable(TensorImpl* t) {
  return !t->is_inference() && t->storage()->writable() &&
         (t->is_contiguous() || dense_non_overlapping(t->sizes(), t->strides(), t->ndim()));
}

bool same_layout(TensorImpl* a, TensorImpl* b) {
  return a->dtype() == b->dtype() && same_sizes(a->sizes(), a->ndim(), b->sizes(), b->ndim()) &&
         ((a->is_contiguous() && b->is_contiguous()) ||
          same_sizes(a->strides(), a->ndim(), b->strides(), b->ndim()));
}

// Dense ones of the same number of bytes.
bool apart(TensorImpl* a, TensorImpl* b, int64_t bytes) {
  return a->data() + bytes <= b->data() || b->data() + bytes <= a->data();
}

// The ops' loops one after another over pieces that stay in the nearest cache.
template <class T>
class Sgd {
 public:
  Sgd(const SgdStep& step, T* p, const T* g, T* buffer)
      : step_(step),
        change_(static_cast<T>(-step.lr)),
        momentum_(static_cast<T>(step.momentum)),
        fresh_(static_cast<T>(1 - step.dampening)),
        decay_(static_cast<T>(step.weight_decay)),
        p_(p),
        g_(g),
        buffer_(buffer) {}

  void run(int64_t n) const {
    parallel_for(n, (parallel_grain() / kPiece + 1) * kPiece, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kPiece) piece(i, std::min(kPiece, end - i));
    });
  }

 private:
  static constexpr int64_t kPiece = 8192 / sizeof(T);

  void piece(int64_t at, int64_t n) const {
    T changed[kPiece];
    T* p = p_ + at;
    const T* g = g_ + at;
    if (step_.maximize) {
      const void* in[] = {g};
      const uint8_t moves[] = {1};
      negate_(changed, in, moves, n);
      g = changed;
    }
    if (step_.weight_decay != 0) g = plus(changed, g, p, decay_, n);
    if (buffer_) {
      T* buffer = buffer_ + at;
      const void* in[] = {buffer, &momentum_};
      const uint8_t moves[] = {1, 0};
      times_(buffer, in, moves, n);
      plus(buffer, buffer, g, fresh_, n);
      g = step_.nesterov ? plus(changed, g, buffer, momentum_, n) : buffer;
    }
    plus(p, p, g, change_, n);
  }

  const T* plus(T* out, const T* x, const T* y, const T& alpha, int64_t n) const {
    const void* in[] = {x, y, &alpha};
    const uint8_t moves[] = {1, 1, 0};
    plus_(out, in, moves, n);
    return out;
  }

  const SgdStep& step_;
  const T change_, momentum_, fresh_, decay_;
  T* const p_;
  const T* const g_;
  T* const buffer_;
  const TileFn plus_ = forward_tile<ops::Add, T>(), times_ = forward_tile<ops::Mul, T>(),
               negate_ = forward_tile<ops::Neg, T>();
};

template <class T>
bool in_range(const SgdStep& step) {
  for (double x : {step.lr, step.momentum, 1 - step.dampening, step.weight_decay})
    if (!(std::abs(x) <= static_cast<double>(std::numeric_limits<T>::max()))) return false;
  return true;
}

template <class T>
bool sgd_step_as(TensorImpl* param, TensorImpl* grad, TensorImpl* buffer, const SgdStep& step) {
  int64_t n = param->numel(), bytes = n * static_cast<int64_t>(sizeof(T));
  if (!in_range<T>(step) || !apart(param, grad, bytes)) return false;
  if (buffer && !(apart(param, buffer, bytes) && apart(grad, buffer, bytes))) return false;
  auto memory = [](TensorImpl* t) { return reinterpret_cast<T*>(t->mut_data()); };
  Sgd<T>(step, memory(param), reinterpret_cast<const T*>(grad->data()),
         buffer ? memory(buffer) : nullptr)
      .run(n);
  for (int i = 0; buffer && i < 2; ++i) buffer->bump_version();  // it was written twice
  param->bump_version();
  return true;
}

}  // namespace

bool sgd_step(TensorImpl* param, TensorImpl* grad, TensorImpl* buffer, const SgdStep& step) {
  if (thread_state.inference || thread_state.write_hook) return false;
  if (!is_writable(param) || !same_layout(param, grad)) return false;
  if (buffer && !(is_writable(buffer) && same_layout(param, buffer))) return false;
  if (param->dtype() == DType::kFloat32) return sgd_step_as<float>(param, grad, buffer, step);
  return param->dtype() == DType::kFloat64 && sgd_step_as<double>(param, grad, buffer, step);
}

bool zero_in_place(TensorImpl* grad) {
  if (thread_state.inference || thread_state.write_hook) return false;
  if (grad->requires_grad() || grad->is_view() || !is_writable(grad)) return false;
  size_t bytes = static_cast<size_t>(grad->numel()) * item_size(grad->dtype());
  if (bytes > static_cast<size_t>(parallel_grain())) return false;
  std::memset(grad->mut_data(), 0, bytes);
  grad->bump_version();
  return true;
}

}  // namespace rl

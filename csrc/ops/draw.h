// How random numbers get into a tensor: in the order of its memory, rounded to its dtype.
#pragma once

#include <algorithm>
#include <numeric>

#include "kernels/convert.h"
#include "kernels/iterator.h"
#include "kernels/random.h"
#include "ops/tensor.h"

namespace rl {

inline Generator& generator_from(const Value& v) {
  return v.kind == Kind::kPointer ? *static_cast<Generator*>(v.p) : default_generator();
}

inline void require_float(TensorImpl* t, const char* op) {
  check(is_float(t->dtype()), ErrorKind::kNotImplemented, "\"", op, "\" not implemented for '",
        dtype_title(t->dtype()), "'");
}

// The dimensions from the one with the longest stride to that with the shortest.
inline Dims memory_order(TensorImpl* t) {
  Dims order;
  for (int d = 0; d < t->ndim(); ++d) order.push(d);
  std::stable_sort(order.v, order.v + order.n,
                   [&](int64_t a, int64_t b) { return t->strides()[a] > t->strides()[b]; });
  return order;
}

inline Dims permuted(const int64_t* v, const Dims& order) {
  Dims out;
  for (int64_t d : order) out.push(v[d]);
  return out;
}

// Draws in the order of the memory, as PyTorch does, then copies where that has gaps.
template <class Draw>
void draw(TensorImpl* t, Draw&& into) {
  if (t->is_contiguous()) return into(t->mut_data());
  Dims order = memory_order(t);
  Dims sizes = permuted(t->sizes(), order), strides = permuted(t->strides(), order);
  TensorRef rows = TensorImpl::empty(t->dtype(), sizes);
  into(rows->mut_data());
  run_copy(t->mut_data(), strides.v, t->dtype(), rows->data(), rows->strides(), t->dtype(), sizes.v,
           sizes.n);
}

// A 16-bit tensor rounds the floats that it draws.
template <class Draw>
void draw_floats(DType dtype, char* out, int64_t n, Draw&& into) {
  if (dtype == DType::kFloat32) return into(reinterpret_cast<float*>(out));
  TensorRef wide = TensorImpl::empty(DType::kFloat32, &n, 1);
  into(reinterpret_cast<float*>(wide->mut_data()));
  convert_strided(out, 1, dtype, wide->data(), 1, DType::kFloat32, n);
}

// Calls into(data, n) with floats or doubles, whichever the dtype is rounded from.
template <class Draw>
void draw_real(TensorImpl* t, Draw&& into) {
  int64_t n = t->numel();
  draw(t, [&](char* out) {
    if (t->dtype() == DType::kFloat64)
      into(reinterpret_cast<double*>(out), n);
    else
      draw_floats(t->dtype(), out, n, [&](float* wide) { into(wide, n); });
  });
}

void draw_uniform(TensorImpl* t, double from, double to, Generator& generator);
void draw_normal(TensorImpl* t, double mean, double std, Generator& generator);

}  // namespace rl

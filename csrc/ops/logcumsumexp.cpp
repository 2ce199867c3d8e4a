// Scans of exponentials. Carried in double, whatever the dtype.
#include <algorithm>

#include "kernels/scan.h"
#include "kernels/tile.h"
#include "ops/exponential.h"
#include "ops/places.h"
#include "ops/scan.h"
#include "ops/scan_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

template <class T>
void exponentials_block(const T* x, T* out, const ScanBlock<2>& b) {
  x += b.base[0];
  out += b.base[1];
  double buffer[kScanColumns], carry[kScanColumns];
  // Dense lines one by one. Not by the number of columns, which depends on where work is split.
  if (b.step[1] == 1) {
    for (int64_t j = 0; j < b.columns; ++j, x += b.column[0], out += b.column[1]) {
      double last = -__builtin_inf();
      for (int64_t from = 0; from < b.length; from += kScanColumns) {
        int64_t n = std::min(b.length - from, kScanColumns);
        const T* part = x + from * b.step[0];
        T* results = out + from * b.step[1];
        for (int64_t k = 0; k < n; ++k) buffer[k] = static_cast<double>(part[k * b.step[0]]);
        last = scan_kernels->scan_exponentials(last, buffer, n);
        for (int64_t k = 0; k < n; ++k) results[k * b.step[1]] = static_cast<T>(buffer[k]);
      }
    }
    return;
  }
  std::fill(carry, carry + b.columns, -__builtin_inf());
  for (int64_t k = 0; k < b.length; ++k, x += b.step[0], out += b.step[1]) {
    for (int64_t j = 0; j < b.columns; ++j) buffer[j] = static_cast<double>(x[j * b.column[0]]);
    scan_kernels->add_exponentials(carry, buffer, b.columns);
    for (int64_t j = 0; j < b.columns; ++j) out[j * b.column[1]] = static_cast<T>(carry[j]);
  }
}

// a - b for two results of logcumsumexp; equal ones, infinities too, leave the sum as it is.
double distance(double a, double b) { return a == b ? 0 : a - b; }

void exponentials_of(double* x, int64_t n) {
  const uint8_t step = 1;
  const void* in = x;
  kernel_set->ops[op_of<Exp>().elementwise->kernel].fn[0][compute_index(DType::kFloat64)](x, &in,
                                                                                          &step, n);
}

// A line of LogcumsumexpSlope: element k at offset k * step of each, step < 0 where backwards.
template <class T>
void slope_line(const T* g, const T* x, const T* y, T* out, int64_t length, int64_t step,
                bool backwards) {
  double slope[kScanColumns], decay[kScanColumns], carry = 0;
  for (int64_t from = 0; from < length; from += kScanColumns) {
    int64_t n = std::min(length - from, kScanColumns);
    for (int64_t k = 0; k < n; ++k) {
      int64_t at = (from + k) * step, before = from + k ? at - step : at;
      auto here = static_cast<double>(y[at]), there = static_cast<double>(y[before]);
      slope[k] = static_cast<double>(x[at]) - here;
      decay[k] = backwards ? distance(here, there) : distance(there, here);
    }
    exponentials_of(slope, n);
    exponentials_of(decay, n);
    for (int64_t k = 0; k < n; ++k) {
      int64_t at = (from + k) * step;
      auto grad = static_cast<double>(g[at]);
      carry = carry * decay[k] + (backwards ? grad : grad * slope[k]);
      out[at] = static_cast<T>(backwards ? carry * slope[k] : carry);
    }
  }
}

Tensor slope_scan(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim, bool backwards) {
  return call_op(op_of<LogcumsumexpSlope>(),
                 {g.value(), x.value(), y.value(), Value::of_int(dim), Value::of_bool(backwards)});
}

}  // namespace

void Logcumsumexp::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(is_float(t->dtype()), ErrorKind::kNotImplemented,
        "\"logcumsumexp_out_cpu\" not implemented for '", dtype_title(t->dtype()),
        "'\n  fix: convert first, as in x.float().");
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      const auto* x = reinterpret_cast<const T*>(t->data());
      auto* out = reinterpret_cast<T*>(call.output->mut_data());
      scan_blocks<2>(t->shape(), {strides_of(t), strides_of(call.output.get())}, dim, false,
                     [&](const ScanBlock<2>& b) { exponentials_block(x, out, b); });
    }
  });
}
void Logcumsumexp::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor y(node.saved(1)), x(node.saved(2));
  grad_in[0] = slope_scan(Tensor(grad_out[0]), x, y, node.slot(0).as_int(), true).ref();
}

void LogcumsumexpSlope::forward(Call& call) {
  TensorRef grad = row_major(call.tensor(0));
  TensorRef self = row_major(call.tensor(1)), result = row_major(call.tensor(2));
  int dim = wrap_dim(call.args[3].i, grad->ndim());
  bool backwards = call.args[4].i != 0;
  call.output = TensorImpl::empty(grad->dtype(), grad->shape());
  dispatch_dtype(grad->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      const auto* g = reinterpret_cast<const T*>(grad->data());
      const auto* x = reinterpret_cast<const T*>(self->data());
      const auto* y = reinterpret_cast<const T*>(result->data());
      auto* out = reinterpret_cast<T*>(call.output->mut_data());
      scan_blocks<1>(
          grad->shape(), {strides_of(grad.get())}, dim, backwards, [&](const ScanBlock<1>& b) {
            for (int64_t j = 0; j < b.columns; ++j) {
              int64_t at = b.base[0] + j * b.column[0];
              slope_line(g + at, x + at, y + at, out + at, b.length, b.step[0], backwards);
            }
          });
    }
  });
}

void LogcumsumexpSlope::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor v(grad_out[0]), g(node.saved(0)), x(node.saved(1)), y(node.saved(2)), out(node.saved(5));
  bool backwards = node.slot(4).as_bool();
  Tensor other = slope_scan(v, x, y, node.slot(3).as_int(), !backwards);
  grad_in[0] = other.ref();
  if (node.wants(1)) grad_in[1] = (backwards ? v * out : g * other).ref();
  if (node.wants(2)) grad_in[2] = (-(backwards ? g * other : v * out)).ref();
}

}  // namespace rl::ops

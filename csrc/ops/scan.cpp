#include "ops/scan.h"

#include <type_traits>

#include "graph/grad_mode.h"
#include "kernels/scan.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/join.h"
#include "ops/lines.h"
#include "ops/places.h"
#include "ops/reduction.h"
#include "ops/scan_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// What a scan of T is carried in.
template <class T>
using Carried = std::conditional_t<std::is_same_v<T, float> || std::is_same_v<T, double>, double,
                                   std::conditional_t<kIsFloat<T>, float, int64_t>>;

// How elements join.
struct Adds {
  static constexpr int start = 0;
  template <class A>
  static A join(A a, A x) {
    return a + x;
  }
};

struct Multiplies {
  static constexpr int start = 1;
  template <class A>
  static A join(A a, A x) {
    return a * x;
  }
};

// `out` may be `x`. Both are T, carried in A.
template <class R, class T>
void scan_block(const T* x, T* out, const ScanBlock<2>& b) {
  using A = Carried<T>;
  x += b.base[0];
  out += b.base[1];
  if (scans_lines(b)) {
    for (int64_t j = 0; j < b.columns; ++j, x += b.column[0], out += b.column[1]) {
      A carry = static_cast<A>(R::start);
      for (int64_t k = 0; k < b.length; ++k) {
        carry = R::join(carry, static_cast<A>(x[k * b.step[0]]));
        out[k * b.step[1]] = static_cast<T>(carry);
      }
    }
    return;
  }
  A carry[kScanColumns];
  for (int64_t j = 0; j < b.columns; ++j) carry[j] = static_cast<A>(R::start);
  bool dense = b.column[0] == 1 && b.column[1] == 1;
  for (int64_t k = 0; k < b.length; ++k, x += b.step[0], out += b.step[1]) {
    if (dense)
      for (int64_t j = 0; j < b.columns; ++j)
        out[j] = static_cast<T>(carry[j] = R::join(carry[j], static_cast<A>(x[j])));
    else
      for (int64_t j = 0; j < b.columns; ++j)
        out[j * b.column[1]] =
            static_cast<T>(carry[j] = R::join(carry[j], static_cast<A>(x[j * b.column[0]])));
  }
}

template <class R>
void scan(TensorImpl* t, TensorImpl* out, int dim, bool backwards) {
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>) {
      const auto* x = reinterpret_cast<const T*>(t->data());
      auto* y = reinterpret_cast<T*>(out->mut_data());
      scan_blocks<2>(t->shape(), {strides_of(t), strides_of(out)}, dim, backwards,
                     [&](const ScanBlock<2>& b) { scan_block<R>(x, y, b); });
    }
  });
}

// cumsum and cumprod: the dtype, then the scan into a new tensor or over the target.
template <class R>
void scan_numbers(Call& call, const char* kernel) {
  TensorImpl* t = call.tensor(0);
  const Value& asked = call.args[2];
  int dim = wrap_dim(call.args[1].i, t->ndim());
  DType dtype = is_float(t->dtype()) || call.target ? t->dtype() : DType::kInt64;
  if (asked.kind == Kind::kDType) {
    check(!call.target || asked.dtype == t->dtype(), ErrorKind::kRuntime,
          "Bad in-place call: input tensor dtype ", dtype_cpp_name(t->dtype()),
          " and output tensor dtype ", dtype_cpp_name(asked.dtype), " should match");
    dtype = asked.dtype;
  }
  bool alone = t->ndim() == 0 || t->numel() == 0;
  check(dtype != DType::kBool || alone, ErrorKind::kNotImplemented, '"', kernel,
        "\" not implemented for 'Bool'\n  fix: dtype=int64.");
  if (asked.kind == Kind::kDType) check_recordable(t, dtype);
  Tensor from(TensorRef::borrow(t));
  {
    GradModeGuard unrecorded(false);
    if (t->dtype() != dtype) from = to_dtype(from, dtype);
  }
  TensorRef out =
      call.target ? TensorRef::borrow(call.target) : TensorImpl::empty(dtype, t->shape());
  if (dtype != DType::kBool)
    scan<R>(from.get(), out.get(), dim, false);
  else if (!call.target && t->numel())
    *out->mut_data() = *from->data() != 0;
  call.output = std::move(out);
}

// --- cummax, cummin

template <bool largest, class T>
void extreme_block(const T* x, T* value, int64_t* index, const ScanBlock<3>& b) {
  x += b.base[0];
  index += b.base[1];
  value += b.base[2];
  auto goes_on = [](T carry, T next) {
    if (is_nan(next)) return false;
    if (is_nan(carry)) return true;
    return largest ? sort_key(next) < sort_key(carry) : sort_key(carry) < sort_key(next);
  };
  if (scans_lines(b)) {
    for (int64_t j = 0; j < b.columns; ++j) {
      T carry = x[j * b.column[0]];
      int64_t place = 0;
      for (int64_t k = 0; k < b.length; ++k) {
        T next = x[j * b.column[0] + k * b.step[0]];
        if (!goes_on(carry, next)) {
          carry = next;
          place = k;
        }
        value[j * b.column[2] + k * b.step[2]] = carry;
        index[j * b.column[1] + k * b.step[1]] = place;
      }
    }
    return;
  }
  T carry[kScanColumns];
  int64_t place[kScanColumns];
  for (int64_t j = 0; j < b.columns; ++j) carry[j] = x[j * b.column[0]];
  for (int64_t k = 0; k < b.length; ++k) {
    for (int64_t j = 0; j < b.columns; ++j) {
      T next = x[j * b.column[0] + k * b.step[0]];
      bool same = goes_on(carry[j], next);
      carry[j] = same ? carry[j] : next;
      place[j] = same ? place[j] : k;
      value[j * b.column[2] + k * b.step[2]] = carry[j];
      index[j * b.column[1] + k * b.step[1]] = place[j];
    }
  }
}

template <bool largest>
void scan_extremes(Call& call, const char* name) {
  TensorImpl* t = call.tensor(0);
  check(t->ndim() > 0 || call.args[1].i == 0 || call.args[1].i == -1, ErrorKind::kIndex, name,
        "(): Expected reduction dim -1 or 0 for scalar but got ", call.args[1].i);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  TensorRef from = t->dtype() == DType::kBool ? clean_bools(t) : TensorRef::borrow(t);
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  call.more.push_back(TensorImpl::empty(DType::kInt64, t->shape()));
  TensorImpl *values = call.output.get(), *indices = call.more[0].get();
  auto* index = reinterpret_cast<int64_t*>(indices->mut_data());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* x = reinterpret_cast<const T*>(from->data());
    auto* value = reinterpret_cast<T*>(values->mut_data());
    scan_blocks<3>(t->shape(), {strides_of(from.get()), strides_of(indices), strides_of(values)},
                   dim, false,
                   [&](const ScanBlock<3>& b) { extreme_block<largest>(x, value, index, b); });
  });
}

// --- the derivative of cumprod, over row-major operands of one dtype

Tensor linear_scan(const Tensor& x, const Tensor& factor, int64_t dim, bool backwards) {
  return call_op(op_of<LinearScan>(),
                 {x.value(), factor.value(), Value::of_int(dim), Value::of_bool(backwards)});
}

// Each element moved one place on (`by` 1) or back (-1) along dim, the free end filled.
Tensor shifted(const Tensor& t, int dim, int by, double filler) {
  int64_t n = t->sizes()[dim];
  Dims one = t->shape();
  one[dim] = 1;
  Tensor end = full(one, t->dtype(), filler);
  Tensor rest = by > 0 ? slice(t, dim, 0, n - 1, 1) : slice(t, dim, 1, n, 1);
  TensorImpl* parts[2] = {by > 0 ? end.get() : rest.get(), by > 0 ? rest.get() : end.get()};
  TensorList list{parts, 2};
  return call_op(op_of<Cat>(), {Value::of(list), Value::of_int(dim)});
}

// The columns of `grad` go to where their indices point.
void extreme_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (!grad) return;
  TensorRef t = node.saved(2);
  scatter_gradient(grad, node.slot(0).as_int(), node.saved(1), true, t->shape(), grad_in);
}

}  // namespace

void Cumsum::forward(Call& call) { scan_numbers<Adds>(call, "cumsum_out_cpu"); }
void Cumsum::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0] || !node.wants(0)) return;
  // Summed in the input's dtype, whatever the result's.
  const Edge& edge = node.edges()[0];
  DType dtype = edge.node->output_meta(edge.nr).dtype;
  Tensor g = as_dtype(grad_out[0], dtype);
  grad_in[0] =
      call_op(op_of<CumsumFromEnd>(), {g.value(), Value::of_int(node.slot(0).as_int())}).ref();
}

void CumsumFromEnd::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  scan<Adds>(t, call.output.get(), wrap_dim(call.args[1].i, t->ndim()), true);
}
void CumsumFromEnd::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] =
      call_op(op_of<Cumsum>(), {Value::of(grad_out[0].get()), Value::of_int(node.slot(0).as_int())})
          .ref();
}

void Cumprod::forward(Call& call) { scan_numbers<Multiplies>(call, "cumprod_out_cpu"); }

// The product before an element, times what comes after: s[k] = g[k] + x[k + 1] s[k + 1].
void Cumprod::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  // In the input's dtype, whatever the result's.
  Tensor x(node.saved(2)), y = to_dtype_of(Tensor(node.saved(1)), x);
  Tensor g = to_dtype_of(Tensor(grad_out[0]), x);
  if (x->ndim() == 0 || x->numel() == 0) {
    grad_in[0] = g.ref();
    return;
  }
  int dim = wrap_dim(node.slot(0).as_int(), x->ndim());
  grad_in[0] = (shifted(y, dim, 1, 1) * linear_scan(g, x, dim, true)).ref();
}

void Cummax::forward(Call& call) { scan_extremes<true>(call, "cummax"); }
void Cummax::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  extreme_gradient(node, grad_out[0], grad_in);
}
void Cummin::forward(Call& call) { scan_extremes<false>(call, "cummin"); }
void Cummin::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  extreme_gradient(node, grad_out[0], grad_in);
}

void LinearScan::forward(Call& call) {
  TensorRef t = row_major(call.tensor(0)), factors = row_major(call.tensor(1));
  int dim = wrap_dim(call.args[2].i, t->ndim());
  bool backwards = call.args[3].i != 0;
  call.output = TensorImpl::empty(t->dtype(), t->shape());
  Dims strides = strides_of(t.get());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloat<T>) {
      using A = Carried<T>;
      const auto* x = reinterpret_cast<const T*>(t->data());
      const auto* f = reinterpret_cast<const T*>(factors->data());
      auto* out = reinterpret_cast<T*>(call.output->mut_data());
      scan_blocks<1>(t->shape(), {strides}, dim, backwards, [&](const ScanBlock<1>& b) {
        // The factor of a step stands at its place, or backwards at the place before it.
        const int64_t behind = backwards ? -b.step[0] : 0;
        auto step = [&](A carry, int64_t at) {
          return static_cast<A>(x[at]) + static_cast<A>(f[at + behind]) * carry;
        };
        if (scans_lines(b)) {
          for (int64_t j = 0; j < b.columns; ++j) {
            int64_t at = b.base[0] + j * b.column[0];
            A carry = static_cast<A>(x[at]);
            out[at] = static_cast<T>(carry);
            for (int64_t k = 1; k < b.length; ++k) {
              at += b.step[0];
              carry = step(carry, at);
              out[at] = static_cast<T>(carry);
            }
          }
          return;
        }
        A carry[kScanColumns];
        for (int64_t k = 0; k < b.length; ++k)
          for (int64_t j = 0; j < b.columns; ++j) {
            int64_t at = b.base[0] + k * b.step[0] + j * b.column[0];
            carry[j] = k ? step(carry[j], at) : static_cast<A>(x[at]);
            out[at] = static_cast<T>(carry[j]);
          }
      });
    }
  });
}

// Forwards a factor multiplies the result before it, backwards the result at its own place into
// that before it; the scan of the gradient stands at the other end.
void LinearScan::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  int64_t dim = node.slot(1).as_int();
  bool backwards = node.slot(2).as_bool();
  Tensor f(node.saved(0)), y(node.saved(3));
  Tensor t = linear_scan(Tensor(grad_out[0]), f, dim, !backwards);
  grad_in[0] = t.ref();
  if (!node.wants(1)) return;
  grad_in[1] = (backwards ? shifted(t, wrap_dim(dim, t->ndim()), 1, 0) * y
                          : t * shifted(y, wrap_dim(dim, t->ndim()), 1, 0))
                   .ref();
}

}  // namespace rl::ops

namespace rl {

void add_scan_ops(std::vector<Op*>& table) { add_ops(ops::ScanOps{}, table); }

}  // namespace rl

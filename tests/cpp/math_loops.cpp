// Built four times: RL_ISA = ops, v2, v3, v4, each with the compiler options of that kernel set.
#include "kernels/math.h"
#include "kernels/math_product.h"
#include "kernels/math_zeta.h"

#include "math_loops.h"

namespace rl::RL_ISA {
namespace {

#define UNARY(name)                                         \
  template <class T>                                        \
  void name(const T* x, const T*, T* out, long n) {         \
    for (long i = 0; i < n; ++i) out[i] = math::name(x[i]); \
  }
#define BINARY(name)                                              \
  template <class T>                                              \
  void name(const T* x, const T* y, T* out, long n) {             \
    for (long i = 0; i < n; ++i) out[i] = math::name(x[i], y[i]); \
  }
UNARY(exp)
UNARY(exp2)
UNARY(expm1)
UNARY(log)
UNARY(log2)
UNARY(log10)
UNARY(log1p)
UNARY(tanh)
UNARY(sigmoid)
UNARY(sin_any)
UNARY(cos_any)
UNARY(tan)
UNARY(sinc)
UNARY(asin)
UNARY(acos)
UNARY(atan)
UNARY(sinh)
UNARY(cosh)
UNARY(asinh)
UNARY(acosh)
UNARY(atanh)
UNARY(softplus)
UNARY(log_sigmoid)
UNARY(erf)
UNARY(erfc)
UNARY(erfinv)
UNARY(normal_cdf)
UNARY(gelu)
UNARY(lgamma)
UNARY(digamma)
UNARY(trigamma)
UNARY(logit)
UNARY(rsqrt)
UNARY(floor)
UNARY(ceil)
UNARY(round)
UNARY(trunc)
UNARY(sqrt)
BINARY(pow)
BINARY(min)
BINARY(max)
BINARY(atan2)
BINARY(hypot)
BINARY(fmod)
BINARY(remainder)
BINARY(logaddexp)
BINARY(logaddexp2)
BINARY(xlogy)
BINARY(xlog1py)
BINARY(ldexp)

// NaN where a kernel would not call them.
template <class T>
void sin(const T* x, const T*, T* out, long n) {
  for (long i = 0; i < n; ++i) out[i] = math::sin_in_range(x[i]) ? math::sin(x[i]) : math::nan<T>();
}
template <class T>
void cos(const T* x, const T*, T* out, long n) {
  for (long i = 0; i < n; ++i) out[i] = math::sin_in_range(x[i]) ? math::cos(x[i]) : math::nan<T>();
}

}  // namespace

#define ROW(name, arguments) {#name, arguments, name<float>, name<double>}
extern const MathLoop math_loops[kMathLoops] = {
    ROW(exp, 1),     ROW(exp2, 1),       ROW(expm1, 1),       ROW(log, 1),       ROW(log2, 1),
    ROW(log10, 1),   ROW(log1p, 1),      ROW(tanh, 1),        ROW(sigmoid, 1),   ROW(sin, 1),
    ROW(cos, 1),     ROW(tan, 1),        ROW(sinc, 1),        ROW(asin, 1),      ROW(acos, 1),
    ROW(atan, 1),    ROW(sinh, 1),       ROW(cosh, 1),        ROW(asinh, 1),     ROW(acosh, 1),
    ROW(atanh, 1),   ROW(softplus, 1),   ROW(log_sigmoid, 1), ROW(erf, 1),       ROW(erfc, 1),
    ROW(erfinv, 1),  ROW(normal_cdf, 1), ROW(gelu, 1),        ROW(lgamma, 1),    ROW(digamma, 1),
    ROW(rsqrt, 1),   ROW(floor, 1),      ROW(ceil, 1),        ROW(round, 1),     ROW(trunc, 1),
    ROW(sqrt, 1),    ROW(pow, 2),        ROW(min, 2),         ROW(max, 2),       ROW(atan2, 2),
    ROW(hypot, 2),   ROW(fmod, 2),       ROW(remainder, 2),   ROW(logaddexp, 2), ROW(trigamma, 1),
    ROW(logit, 1),   ROW(logaddexp2, 2), ROW(xlogy, 2),       ROW(xlog1py, 2),   ROW(ldexp, 2),
    ROW(sin_any, 1), ROW(cos_any, 1)};

}  // namespace rl::RL_ISA

// Built four times: RL_ISA = ops, v2, v3, v4, each with the compiler options of that kernel set.
#include "kernels/math.h"

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
UNARY(log1p)
UNARY(tanh)
UNARY(sigmoid)
UNARY(sin)
UNARY(cos)
BINARY(pow)
BINARY(min)
BINARY(max)

}  // namespace

#define ROW(name, arguments) {#name, arguments, name<float>, name<double>}
extern const MathLoop math_loops[kMathLoops] = {
    ROW(exp, 1),   ROW(exp2, 1), ROW(expm1, 1),   ROW(log, 1), ROW(log2, 1),
    ROW(log1p, 1), ROW(tanh, 1), ROW(sigmoid, 1), ROW(sin, 1), ROW(cos, 1),
    ROW(pow, 2),   ROW(min, 2),  ROW(max, 2)};

}  // namespace rl::RL_ISA

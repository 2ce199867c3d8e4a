// Scans for one instruction set; local functions only.
#include "kernels/scan.h"

#include "isa/sets.h"
#include "kernels/math.h"

namespace rl::RL_ISA {
namespace {

// Equal infinities stay what they are; nan stays nan.
RL_FN double add_exponentials(double a, double x) {
  double high = math::max(a, x), low = math::min(a, x);
  double sum = math::log1p(math::exp(low - high)) + high;
  return math::select((low == high) & (low - low != 0), x, sum);
}

static void columns(double* carry, const double* x, int64_t n) {
  for (int64_t j = 0; j < n; ++j) carry[j] = add_exponentials(carry[j], x[j]);
}

static double line(double carry, double* x, int64_t n) {
  for (int64_t k = 0; k < n; ++k) x[k] = carry = add_exponentials(carry, x[k]);
  return carry;
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
extern const ScanKernels RL_JOIN(kernels, scan, RL_ISA);
const ScanKernels RL_JOIN(kernels, scan, RL_ISA) = {&RL_ISA::columns, &RL_ISA::line};
}  // namespace rl

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

// Once the carry exceeds a block's elements, their exponentials under it are added up: each element
// waits for an addition, not for a logarithm.
static double line(double carry, double* x, int64_t n) {
  constexpr int64_t kBlock = 64;
  for (int64_t at = 0; at < n; at += kBlock, x += kBlock) {
    const int64_t m = n - at < kBlock ? n - at : kBlock;
    bool below = carry - carry == 0;
    for (int64_t k = 0; k < m; ++k) below &= x[k] <= carry;
    if (!below) {
      for (int64_t k = 0; k < m; ++k) x[k] = carry = add_exponentials(carry, x[k]);
      continue;
    }
    double sums[kBlock], total = 0;
    for (int64_t k = 0; k < m; ++k) sums[k] = math::exp(x[k] - carry);
    for (int64_t k = 0; k < m; ++k) sums[k] = total += sums[k];
    for (int64_t k = 0; k < m; ++k) x[k] = math::log1p(sums[k]) + carry;
    carry = x[m - 1];
  }
  return carry;
}

}  // namespace
}  // namespace rl::RL_ISA

namespace rl {
extern const ScanKernels RL_JOIN(kernels, scan, RL_ISA);
const ScanKernels RL_JOIN(kernels, scan, RL_ISA) = {&RL_ISA::columns, &RL_ISA::line};
}  // namespace rl

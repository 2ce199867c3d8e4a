// Puts the families of one instruction set together and chooses the set, once.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "isa/sets.h"
#include "isa_families.h"
#include "kernels/convert.h"
#include "kernels/distance.h"
#include "kernels/finite.h"
#include "kernels/scan.h"
#include "ops/elementwise_list.h"

namespace rl {

// RL_FAMILIES(X, set) is X(family, set) for each family of CMakeLists.txt's list.
#define RL_DECLARE(family, set) extern const FamilyKernels kernels_##family##_##set;
#define RL_ADDRESS(family, set) &kernels_##family##_##set,
#define RL_DECLARE_SET(set)                              \
  RL_FAMILIES(RL_DECLARE, set)                           \
  extern const ReductionKernels kernels_reduction_##set; \
  extern const LineKernels kernels_lines_##set;          \
  extern const ScanKernels kernels_scan_##set;           \
  extern const DistanceKernels kernels_distance_##set;   \
  extern const ConvertKernels kernels_convert_##set;     \
  extern const FiniteKernels kernels_finite_##set;
#define RL_SET(set)                \
  {#set,                           \
   {RL_FAMILIES(RL_ADDRESS, set)}, \
   &kernels_reduction_##set,       \
   &kernels_lines_##set,           \
   &kernels_scan_##set,            \
   &kernels_distance_##set,        \
   &kernels_convert_##set,         \
   &kernels_finite_##set}

#if defined(RL_KERNEL_SETS_X86)
RL_DECLARE_SET(v2)
RL_DECLARE_SET(v3)
RL_DECLARE_SET(v4)
#else
RL_DECLARE_SET(neon)
#endif

namespace {

struct Parts {
  const char* name;
  std::vector<const FamilyKernels*> families;
  const ReductionKernels* reduction;
  const LineKernels* lines;
  const ScanKernels* scan;
  const DistanceKernels* distance;
  const ConvertKernels* convert;
  const FiniteKernels* finite;
};

const char* g_available = "";
const char* g_problem = nullptr;

Parts choose() {
#if defined(RL_KERNEL_SETS_X86)
  __builtin_cpu_init();
  const Parts sets[] = {RL_SET(v2), RL_SET(v3), RL_SET(v4)};
  int best = __builtin_cpu_supports("x86-64-v4") ? 2 : __builtin_cpu_supports("x86-64-v3") ? 1 : 0;
  static const char* const kAvailable[] = {"v2", "v2 v3", "v2 v3 v4"};
  g_available = kAvailable[best];
  const char* wanted = std::getenv("RUSHLIGHT_CPU");
  if (wanted && *wanted) {
    for (int i = 0; i <= best; ++i)
      if (std::strcmp(wanted, sets[i].name) == 0) return sets[i];
    g_problem = "RUSHLIGHT_CPU names a kernel set that this machine cannot run";
  }
  return sets[best];
#else
  g_available = "neon";
  return RL_SET(neon);
#endif
}

template <class... Ops>
constexpr size_t count_ops(ops::OpList<Ops...>) {
  return sizeof...(Ops);
}

const KernelSet* assemble(const Parts& parts) {
  static std::vector<OpKernels> all;
  for (const FamilyKernels* family : parts.families)
    all.insert(all.end(), family->ops, family->ops + family->n);
  if (all.size() != count_ops(ops::ElementwiseOps{}))
    g_problem = "the build's list of families differs from ops/elementwise_list.h";
  static KernelSet set;
  set.name = parts.name;
  set.ops = all.data();
  std::memcpy(set.reduce, parts.reduction->reduce, sizeof set.reduce);
  std::memcpy(set.matmul, parts.reduction->matmul, sizeof set.matmul);
  std::memcpy(set.matvec, parts.reduction->matvec, sizeof set.matvec);
  std::memcpy(set.softmax, parts.lines->softmax, sizeof set.softmax);
  std::memcpy(set.layer_norm, parts.lines->layer_norm, sizeof set.layer_norm);
  std::memcpy(set.layer_norm_slope, parts.lines->layer_norm_slope, sizeof set.layer_norm_slope);
  std::memcpy(set.layer_norm_sums, parts.lines->layer_norm_sums, sizeof set.layer_norm_sums);
  return &set;
}

}  // namespace

static const Parts chosen = choose();
const KernelSet* kernel_set = assemble(chosen);
const NarrowKernels* narrow_kernels = &chosen.reduction->narrow;
const ScanKernels* scan_kernels = chosen.scan;
const DistanceKernels* distance_kernels = chosen.distance;
const ConvertKernels* convert_kernels = chosen.convert;
const FiniteKernels* finite_kernels = chosen.finite;
const char* available_kernel_sets() { return g_available; }
const char* kernel_set_problem() { return g_problem; }

}  // namespace rl

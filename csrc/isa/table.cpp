// Chooses the kernel set, once.
#include <cstdlib>
#include <cstring>

#include "kernels/tile.h"

namespace rl {

#if defined(RL_KERNEL_SETS_X86)
extern const KernelSet* const kernel_set_v2;
extern const KernelSet* const kernel_set_v3;
extern const KernelSet* const kernel_set_v4;
#else
extern const KernelSet* const kernel_set_neon;
#endif

namespace {

const char* g_available = "";
const char* g_problem = nullptr;

const KernelSet* choose() {
#if defined(RL_KERNEL_SETS_X86)
  __builtin_cpu_init();
  const KernelSet* sets[] = {kernel_set_v2, kernel_set_v3, kernel_set_v4};
  int best = __builtin_cpu_supports("x86-64-v4") ? 2 : __builtin_cpu_supports("x86-64-v3") ? 1 : 0;
  static const char* const kAvailable[] = {"v2", "v2 v3", "v2 v3 v4"};
  g_available = kAvailable[best];
  const char* wanted = std::getenv("RUSHLIGHT_CPU");
  if (wanted && *wanted) {
    for (int i = 0; i <= best; ++i)
      if (std::strcmp(wanted, sets[i]->name) == 0) return sets[i];
    g_problem = "RUSHLIGHT_CPU names a kernel set that this machine cannot run";
  }
  return sets[best];
#else
  g_available = "neon";
  return kernel_set_neon;
#endif
}

}  // namespace

const KernelSet* kernel_set = choose();
const char* available_kernel_sets() { return g_available; }
const char* kernel_set_problem() { return g_problem; }

}  // namespace rl

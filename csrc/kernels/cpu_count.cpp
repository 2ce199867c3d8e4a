#include "kernels/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "core/control_group.h"

namespace rl {

namespace {

constexpr int kMost = 1024;

int from_environment() {
  for (const char* name : {"RUSHLIGHT_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = std::getenv(name);
    if (!text || !*text) continue;
    char* end;
    long n = std::strtol(text, &end, 10);
    // OMP_NUM_THREADS may list a number for each level of nesting.
    if (end != text && (*end == 0 || *end == ',') && n > 0) return std::min<int>(n, kMost);
  }
  return 0;
}

int from_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

// Processors' worth of time in the group at `folder`, or infinity where it has no limit. The second
// version of control groups has "quota period" or "max period" in one file, the first has two
// files.
double quota_of(const std::string& folder) {
  std::string quota;
  double period = 0;
  if (std::ifstream both(folder + "/cpu.max"); both >> quota >> period) {
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  double time = std::strtod(quota.c_str(), nullptr);
  return time > 0 && period > 0 ? time / period : INFINITY;
}

// The least of the limits of this process's groups and of those around them.
double from_control_groups() {
  double least = INFINITY;
  for_each_control_group(
      "cpu", [&](const std::string& folder) { least = std::min(least, quota_of(folder)); });
  return least;
}

}  // namespace

int usable_cpus() {
  if (int n = from_environment()) return n;
  int cpus = from_affinity();
  double share = from_control_groups();
  if (share < cpus) cpus = static_cast<int>(std::ceil(share));
  return std::clamp(cpus, 1, kMost);
}

}  // namespace rl

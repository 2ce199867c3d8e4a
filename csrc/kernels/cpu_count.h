// How many processors this process may keep busy.
#pragma once

namespace rl {

// RUSHLIGHT_NUM_THREADS or OMP_NUM_THREADS where one holds a number; else the processors of the
// affinity mask, or the control group's share of them rounded up where that is less. At least 1.
int usable_cpus();

}  // namespace rl

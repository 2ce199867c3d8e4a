#include "graph/grad_mode.h"

#include "graph/current_run.h"

namespace rl {

constinit thread_local CurrentRun current_run;

constinit thread_local ThreadState thread_state;

}  // namespace rl

#include "graph/grad_mode.h"

namespace rl {

constinit thread_local ThreadState thread_state;

}  // namespace rl

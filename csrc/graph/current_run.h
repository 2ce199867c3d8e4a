// The backward pass that a thread is in.
#pragma once

#include <cstdint>

namespace rl {

class Node;
class RunView;

// The innermost run of this thread. `id` is 0 outside; `restricted`: it, or one around it, was
// asked for certain inputs; `depth`: it and those around it, also of threads that wait for this
// one; `root`: the last made of the nodes that it starts from; `view`: what may be asked of it.
struct CurrentRun {
  uint32_t id = 0;
  bool restricted = false;
  uint32_t depth = 0;
  Node* root = nullptr;
  RunView* view = nullptr;
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local CurrentRun current_run;

}  // namespace rl

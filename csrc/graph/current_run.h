// The backward pass that a thread is in.
#pragma once

#include <cstdint>

namespace rl {

class Node;

// The innermost run of this thread. `id` is 0 outside; `restricted`: it, or one around it, was
// asked for certain inputs; `root`: the last made of the nodes that it starts from.
struct CurrentRun {
  uint32_t id = 0;
  bool restricted = false;
  Node* root = nullptr;
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local CurrentRun current_run;

}  // namespace rl

// Plays the graph backwards. Knows no op.
#pragma once

#include <vector>

#include "graph/node.h"

namespace rl {

// A gradient and where it enters the graph. Both counted.
struct Root {
  Edge edge;
  TensorRef grad;
};

struct BackwardRequest {
  std::vector<Root> roots;
  // Restricts the run to the paths that lead to these edges; empty: everything.
  std::vector<Edge> inputs;
  // With inputs: false captures the gradients (autograd.grad), true accumulates them into leaves
  // (backward(inputs=)).
  bool accumulate = true;
  bool keep_graph = false;
  bool create_graph = false;

  BackwardRequest() = default;
  BackwardRequest(const BackwardRequest&) = delete;
  BackwardRequest& operator=(const BackwardRequest&) = delete;
  ~BackwardRequest();
};

// Runs on the calling thread; re-entrant; no recursion. Returns the captured gradient of each input
// (null where the graph does not reach it), nothing when accumulating. An exception leaves the
// graph as it was at that node.
std::vector<TensorRef> run_backward(BackwardRequest& request);

}  // namespace rl

// Plays the graph backwards. Knows no op.
#pragma once

#include <memory>
#include <vector>

#include "graph/node.h"

namespace rl {

// A gradient and where it enters the graph. Both counted.
struct Root {
  Edge edge;
  TensorRef grad;
  TensorImpl* value = nullptr;  // what is differentiated: for observers, while the run begins
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

// The innermost run of this thread. `id` is 0 outside; `restricted`: it, or one around it, was
// asked for certain inputs.
struct CurrentRun {
  uint32_t id = 0;
  bool restricted = false;
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local CurrentRun current_run;

// Runs on the calling thread; re-entrant; no recursion. Returns the captured gradient of each input
// (null where the graph does not reach it), nothing when accumulating. An exception leaves the
// graph as it was at that node.
std::vector<TensorRef> run_backward(BackwardRequest& request);

class Run;

// A run that stops after each node; a leaf's AccumulateGrad plays with the node that leads to it.
// Ends early, as after an exception, where it is destroyed before next() was false.
class BackwardSteps {
 public:
  explicit BackwardSteps(std::unique_ptr<BackwardRequest> request);
  ~BackwardSteps();
  bool next();

 private:
  std::unique_ptr<BackwardRequest> request_;
  std::unique_ptr<Run> run_;
};

}  // namespace rl

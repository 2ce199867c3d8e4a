// Plays the graph backwards. Knows no op.
#pragma once

#include <memory>
#include <vector>

#include "graph/current_run.h"
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
  // The statement that asked, where it is not the one that calls run_backward().
  Site site;

  BackwardRequest() = default;
  BackwardRequest(const BackwardRequest&) = delete;
  BackwardRequest& operator=(const BackwardRequest&) = delete;
  ~BackwardRequest();
};

// What Python code that a run calls can ask of it.
class RunView {
 public:
  virtual bool creates_graph() const = 0;
  virtual Node* running() const = 0;  // null once all nodes have run
  // Whether the node runs, or gives what autograd.grad asked for.
  virtual bool executes(Node* node) const = 0;
  // All the nodes that it executes, in its order.
  virtual std::vector<Node*> order() const = 0;

  // Both made by the host, counted, and gone with the run.
  void* callbacks = nullptr;  // a list, called at the end
  void* local = nullptr;      // what hooks keep from one call to the next

 protected:
  ~RunView() = default;
};

// Runs on the calling thread, every 60th of nested passes on one of its own; no recursion. Returns
// the captured gradient of each input (null where the graph does not reach it), nothing when
// accumulating. An exception leaves the graph as it was at that node.
std::vector<TensorRef> run_backward(BackwardRequest& request);

class Run;

// A run that stops after each node; a leaf's AccumulateGrad plays with the node that leads to it.
// Ends early, as after an exception, where it is destroyed before next() was false.
class BackwardSteps {
 public:
  explicit BackwardSteps(std::unique_ptr<BackwardRequest> request);
  ~BackwardSteps();
  uint32_t id() const { return id_; }
  bool next();

 private:
  std::unique_ptr<BackwardRequest> request_;
  std::unique_ptr<Run> run_;
  uint32_t id_;
};

}  // namespace rl

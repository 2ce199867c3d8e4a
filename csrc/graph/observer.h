// Who looks on while threads record and run graphs: the profiler, anomaly mode, rushlight.debug.
#pragma once

#include <functional>

#include "graph/node.h"

namespace rl {

struct Call;

// A backward pass as its observers see it.
class Pass {
 public:
  virtual ~Pass() = default;
  virtual uint32_t id() const = 0;
  // The roots' edges, values (null where not known) and the gradients that they start with: while
  // the pass begins.
  using RootFn = std::function<void(const Edge&, TensorImpl* value, TensorImpl* grad)>;
  virtual void for_each_root(const RootFn& f) const = 0;
  // The gradients that autograd.grad() asked for, with the edges they belong to: when it has ended.
  virtual void for_each_captured(const std::function<void(const Edge&, TensorImpl*)>& f) const = 0;
  // Nodes that have run, in no order of time: for (size_t at = 0; Node* n = next_executed(at);).
  virtual Node* next_executed(size_t& at) const = 0;
  // What the nodes saved stays until pass_ended() has returned, in a pass that frees it, too.
  void keep_until_end() { keep_ = true; }
  // The pass frees what its nodes saved.
  virtual bool frees() const = 0;

 protected:
  bool keep_ = false;
};

// What an observer looks at, or makes others do.
enum Observed : uint8_t {
  kObservesOps = 1,
  kObservesNodes = 2,     // recorded, and as they run
  kObservesUserCode = 4,  // of the nodes that run those with hooks and custom Functions only
  kObservesPasses = 8,
  kKeepsArguments = 16,  // nodes keep what is needed to compute their operation again
  kGivesOutputs = 32,    // may have the outputs of operations that then need not be computed
  kObservesAll = 15,
};

// All observers see all threads; the GIL is held at every call. A call may throw, which ends what
// it watches; op_failed(), node_failed(), turn_failed() and pass_ended(failed) may not. Never
// destroyed: a thread may be in a call of one that another thread takes off the list.
class Observer {
 public:
  // Calls for other things may come, too. Does not change.
  virtual uint8_t observes() const { return kObservesAll; }
  // An operation, composite ones around those they consist of. `call.output` is the result, or null
  // where `call.target` was written.
  virtual void op_begins(Call&) {}
  virtual void op_ended(Call&) {}
  // After op_begins(), for an operation that is not composite, in place or a view: whether `output`
  // and `more` hold its outputs now, tensors of their own without history, which are then recorded.
  virtual bool gives_outputs(Call&) { return false; }
  virtual void op_failed(Call&) {}
  // Around the forward of an autograd.Function of this name, which lives as long as the call.
  virtual void function_begins(const char* name) { (void)name; }
  virtual void function_ended(const char* name) { (void)name; }
  // A node of any kind has its edges, saved inputs and Site; no output leads to it yet.
  virtual void recorded(Node&) {}
  // The AccumulateGrad of a leaf, which belongs to no statement.
  virtual void accumulator_made(Node&) {}
  virtual void pass_begins(Pass&) {}
  // Of a pass in steps, before each.
  virtual void pass_goes_on() {}
  virtual void pass_ended(Pass&, bool failed) { (void)failed; }
  // Around each node that runs, between its pre- and post-hooks: grad_outputs[n_outputs], then
  // grad_inputs[n_edges] (null for AccumulateGrad), entries may be null.
  virtual void node_begins(Node&, TensorRef* grad_outputs) { (void)grad_outputs; }
  virtual void node_ended(Node&, TensorRef* grad_inputs) { (void)grad_inputs; }
  virtual void node_failed(Node&) {}
  // Of a node whose hooks have run after node_ended(): what they made of grad_inputs, null for
  // AccumulateGrad.
  virtual void hooks_ended(Node&, TensorRef* grad_inputs) { (void)grad_inputs; }
  // Around all that a pass does for a node: its hooks, the node, and the checks and sums of the
  // gradients that it sends on. A leaf's AccumulateGrad has its turn inside that of a node.
  virtual void turn_begins(Node&) {}
  virtual void turn_ended(Node&) {}
  virtual void turn_failed(Node&) {}

 protected:
  ~Observer() = default;

 private:
  friend void add_observer(Observer&);
  friend void remove_observer(Observer&);
  friend Observer* next_observer(Observer*);
  Observer* next_ = nullptr;
};

// The first of the list, in the order of arrival; null nearly always.
extern Observer* observers;
// What any of them observes.
extern uint8_t observed;
void add_observer(Observer& observer);
void remove_observer(Observer& observer);
inline Observer* next_observer(Observer* observer) { return observer->next_; }

// f(observer) for each. An observer may leave the list in its own call.
template <class F>
void for_each_observer(F&& f) {
  for (Observer* at = observers; at;) {
    Observer* next = next_observer(at);
    f(*at);
    at = next;
  }
}

// The same for what has an end: where one throws, failed(observer) for those before it.
template <class F, class Failed>
void begin_for_each_observer(F&& f, Failed&& failed) {
  Observer* at = observers;
  try {
    for (; at; at = next_observer(at)) f(*at);
  } catch (...) {
    for (Observer* told = observers; told && told != at; told = next_observer(told)) failed(*told);
    throw;
  }
}

}  // namespace rl

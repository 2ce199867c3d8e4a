// rushlight.record(): what a thread computes and differentiates, as far as its last backward pass.
#pragma once

#include <memory>
#include <unordered_map>

#include "graph/observer.h"
#include "ops/op.h"
#include "python/graph_data.h"
#include "python/scope_table.h"
#include "python/tensor_summary.h"

namespace rl::python {

// A tensor as it was, summed up when somebody asks: until then its memory is held, not its history.
class Seen {
 public:
  Seen() = default;
  // `now`: sum it up at once, for memory that will be written to or that is too large to hold.
  Seen(TensorImpl* t, bool now);
  // Null where the memory was written to since.
  const std::shared_ptr<const Summary>& summary();
  int64_t held() const { return held_; }
  const Storage* memory() const { return alias_ ? alias_->storage().get() : nullptr; }

 private:
  TensorRef alias_;
  uint32_t version_ = 0;
  int64_t held_ = 0;  // bytes
  std::shared_ptr<const Summary> known_;
};

// The numbers of a node beside its graph.
struct NodeTimes {
  uint64_t sequence = UINT64_MAX;
  float forward = -1, backward = -1;  // microseconds; below 0: not known
  uint32_t scope = kUnknown;
  double alive = -1;  // bytes of tensors that existed when it was recorded
};

// By sequence number, of the newest nodes only.
class TimesRing {
 public:
  NodeTimes& add(uint64_t sequence, uint64_t needed_from);
  NodeTimes* find(uint64_t sequence);

 private:
  static constexpr size_t kMost = size_t{1} << 20;
  std::vector<NodeTimes> ring_ = std::vector<NodeTimes>(1024);
};

// The last pass, by the numbers of its graph's nodes.
struct PassRecord {
  GraphData graph;
  std::vector<NodeTimes> times;
  std::vector<std::pair<uint64_t, Seen>> values, grads;  // by number << 8 | output
  std::vector<double> edge_grads;  // by row of an edge: the gradient where it is one number
  std::vector<uint32_t> order;
  uint32_t turn = 0;
  bool failed = false;
};

struct LineTimes {
  Site site;
  double us = 0, bytes = 0;
  uint64_t calls = 0;
};

class Tape {
 public:
  // alone: others of the thread are blind meanwhile, for what is no part of the program.
  Tape(bool values, int64_t limit, PyRef name_leaves, bool alone)
      : alone_(alone), values_(values), limit_(limit), name_leaves_(std::move(name_leaves)) {}

  void begin(PyFrameObject* outside) { scopes_.begin(outside); }
  // Nothing is recorded from then on; what it held for that is let go of.
  void end();
  // Ends, and sums up what the last pass holds in place of its tensors.
  void settle();
  bool is_over() const { return over_; }
  bool is_alone() const { return alone_; }
  // Whether the pass is the one that it records, wherever that ends.
  bool records(const Pass& pass) const { return pass_ == &pass; }
  // A dict, None where no pass has run.
  PyObject* result();
  // What could lead back here, and letting go of it.
  int visit(visitproc visit, void* arg) const;
  void forget_objects();

  void op_begins(Call& call);
  void op_ended(Call& call);
  void op_failed(Call& call);
  void function_begins();
  void function_ended();
  void recorded(Node& node);
  void pass_begins(Pass& pass);
  void pass_ended(Pass& pass, bool failed);
  void node_begins(Node& node, TensorRef* grads);
  void node_ended(Node& node, TensorRef* gradients);

 private:
  class Apart;
  struct Open {
    const void* subject;
    int64_t start;
    std::vector<uint64_t> nodes;
  };
  struct Kept {
    Seen seen;
    uint32_t pass;
  };
  struct Step {
    uint32_t step, leaf;
    double norm;
  };

  void see(TensorImpl* t, bool now = false);
  void see_arguments(const Call& call);
  void see_cuts(OpNode& node, const Call& call);
  Seen look_at(TensorImpl* t, bool now);
  void close(const void* subject, int64_t now, bool failed);
  void add_to_line(const Site& site, int64_t ns, double bytes, bool call);
  void find_values(PassRecord& pass);
  void name_new_leaves(PassRecord& pass);
  void add_step(uint32_t leaf, double norm);
  void add_leaf_gradient(uint32_t number, const TensorImpl* leaf, TensorImpl* grad);
  void thin_steps();

  bool over_ = false;
  const bool alone_;
  const bool values_;
  const int64_t limit_;
  PyRef name_leaves_;
  ScopeTable scopes_;
  TimesRing times_;
  std::vector<Open> open_;
  float last_function_ = -1;
  std::unordered_map<uint64_t, Kept> kept_;  // by sequence << 8 | output
  int64_t held_ = 0;
  std::unordered_map<uint64_t, std::vector<CutSeen>> cuts_;  // by sequence
  uint64_t needed_from_ = 0;  // of nodes below, times are of earlier passes
  uint64_t swept_from_ = 0;   // and of these, of passes before the last

  std::unique_ptr<PassRecord> now_;
  std::shared_ptr<PassRecord> last_;
  const Pass* pass_ = nullptr;
  uint32_t n_passes_ = 0;
  int64_t node_start_ = 0;
  int64_t apart_ = 0;

  std::vector<TensorRef> leaves_;  // so that no other gets its address
  std::vector<std::string> leaf_names_;
  std::unordered_map<const void*, uint32_t> leaf_at_;
  std::vector<Step> steps_;
  uint32_t step_stride_ = 1;
  std::unordered_map<uint64_t, std::vector<LineTimes>> lines_;
};

bool init_graph_tape(PyObject* module);

}  // namespace rl::python

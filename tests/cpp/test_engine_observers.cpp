// What observers see of operations, nodes and passes, and passes that are run in steps.
#include "check.h"
#include "engine_helpers.h"
#include "graph/observer.h"
#include "ops/recompute.h"

namespace rl {

namespace {

using namespace test;

// Writes down what it is told.
struct Diary final : Observer {
  std::vector<std::string> lines;
  bool keep = false;

  Diary() { add_observer(*this); }
  ~Diary() { remove_observer(*this); }
  void op_begins(Call& call) override { lines.push_back(concat("op ", call.op->record->name)); }
  void op_failed(Call&) override { lines.push_back("op failed"); }
  void recorded(Node& node) override { lines.push_back(concat("recorded ", node.name())); }
  void pass_begins(Pass& pass) override {
    if (keep) pass.keep_until_end();
    pass.for_each_root([&](const Edge& edge, TensorImpl*, TensorImpl* grad) {
      lines.push_back(concat("root ", edge.node->name(), " ", value(grad)));
    });
  }
  void pass_ended(Pass& pass, bool failed) override {
    int n = 0;
    for (size_t at = 0; pass.next_executed(at);) ++n;
    lines.push_back(concat(failed ? "pass failed after " : "pass of ", n));
  }
  void node_begins(Node& node, TensorRef* grads) override {
    lines.push_back(concat("run ", node.name(), " ", value(grads[0].get())));
  }
  void node_ended(Node& node, TensorRef* grads) override {
    if (grads) lines.push_back(concat("ran ", node.name(), " ", value(grads[0].get())));
  }
  void node_failed(Node& node) override { lines.push_back(concat("failed ", node.name())); }
};

TEST(an_observer_sees_operations_nodes_and_passes) {
  start();
  Tensor x = leaf(3);
  Diary diary;
  backward(x * x);
  CHECK(diary.lines ==
        (std::vector<std::string>{"op mul", "recorded MulBackward0", "root MulBackward0 1",
                                  "run MulBackward0 1", "ran MulBackward0 3", "op add",
                                  "run torch::autograd::AccumulateGrad 6", "pass of 2"}));
}

TEST(an_observer_is_called_for_what_it_observes) {
  start();
  struct Passes final : Observer {
    int ops = 0, nodes = 0, passes = 0;
    uint8_t observes() const override { return kObservesPasses; }
    void op_begins(Call&) override { ++ops; }
    void recorded(Node&) override { ++nodes; }
    void node_begins(Node&, TensorRef*) override { ++nodes; }
    void pass_begins(Pass&) override { ++passes; }
  } passes;
  add_observer(passes);
  Tensor x = leaf(3);
  backward(x * x);
  remove_observer(passes);
  CHECK(passes.ops == 0 && passes.nodes == 0 && passes.passes == 1);
  CHECK_EQ(int{observed}, 0);
}

TEST(a_node_keeps_what_computes_it_again_while_somebody_asks) {
  start();
  struct Keeps final : Observer {
    uint8_t observes() const override { return kKeepsArguments; }
  } keeps;
  Tensor x = leaf(3), c = leaf(5);
  c->set_requires_grad(false);
  Tensor before = x - c;
  add_observer(keeps);
  Tensor y = x - c;
  remove_observer(keeps);
  OpNode* node = as_op_node(y->grad_fn());
  NodeArguments arguments(*node);
  CHECK(arguments[0].state == NodeArgument::State::kEdge);
  CHECK(arguments[1].state == NodeArgument::State::kKnown);
  CHECK_EQ(value(arguments[1].value.t), 5.0);
  Value values[kMaxArgs] = {Value::of(x.get()), arguments[1].value, arguments[2].value};
  CHECK_EQ(value(recompute(*node, values)[0].get()), -2.0);
  NodeArguments unknown(*as_op_node(before->grad_fn()));
  CHECK(unknown[1].state == NodeArgument::State::kGone);
  c->bump_version();
  CHECK(NodeArguments(*node)[1].state == NodeArgument::State::kGone);
}

TEST(an_observer_sees_failures) {
  start();
  Tensor x = leaf(3);
  Tensor y = x * x;
  backward(y);
  Diary diary;
  CHECK_THROWS(Error, backward(y));
  CHECK(diary.lines == (std::vector<std::string>{"root MulBackward0 1", "run MulBackward0 1",
                                                 "failed MulBackward0", "pass failed after 1"}));
}

TEST(an_observer_sees_turns_around_hooks_and_what_is_sent_on) {
  start();
  Tensor x = leaf(3);
  Tensor y = x * x;
  struct Turns final : Observer {
    std::vector<std::string> lines;
    void turn_begins(Node& node) override { lines.push_back(concat("turn ", node.name())); }
    void turn_ended(Node& node) override { lines.push_back(concat("end ", node.name())); }
    void turn_failed(Node& node) override { lines.push_back(concat("failed ", node.name())); }
    void node_begins(Node&, TensorRef*) override { lines.push_back("node"); }
  } turns;
  add_observer(turns);
  backward(y);
  CHECK(turns.lines == (std::vector<std::string>{
                           "turn MulBackward0", "node", "turn torch::autograd::AccumulateGrad",
                           "node", "end torch::autograd::AccumulateGrad", "end MulBackward0"}));
  turns.lines.clear();
  CHECK_THROWS(Error, backward(y));
  remove_observer(turns);
  CHECK(turns.lines ==
        (std::vector<std::string>{"turn MulBackward0", "node", "failed MulBackward0"}));
}

TEST(an_observer_keeps_the_graph_until_the_end_of_a_pass) {
  start();
  Tensor x = leaf(3);
  Tensor y = x * x;
  {
    struct Looks final : Observer {
      double seen = 0;
      void pass_begins(Pass& pass) override { pass.keep_until_end(); }
      void pass_ended(Pass& pass, bool) override {
        for (size_t at = 0; Node* node = pass.next_executed(at);)
          if (OpNode* op = as_op_node(node)) seen = value(op->saved(0).get());
      }
    } looks;
    add_observer(looks);
    backward(y);
    remove_observer(looks);
    CHECK_EQ(looks.seen, 3.0);
  }
  CHECK_THROWS(Error, backward(y));
}

TEST(a_pass_in_steps_gives_what_a_whole_one_does) {
  start();
  Tensor x = leaf(3);
  Tensor y = x * x, z = y * x;
  auto request = std::make_unique<BackwardRequest>();
  add_root(*request, z);
  BackwardSteps steps(std::move(request));
  CHECK(!x->grad());
  CHECK(steps.next());
  CHECK(!x->grad());
  backward(y * y);  // another pass over a node that waits in this one, which it frees
  CHECK_EQ(value(x->grad().get()), 108.0);
  CHECK_THROWS(Error, steps.next());
}

TEST(a_pass_in_steps_may_end_early) {
  start();
  Tensor x = leaf(3);
  Tensor y = x * x, z = y * x;
  for (bool whole : {false, true}) {
    auto request = std::make_unique<BackwardRequest>();
    request->keep_graph = true;
    add_root(*request, z);
    struct Counts final : Observer {
      int steps = 0;
      void pass_goes_on() override { ++steps; }
    } counts;
    add_observer(counts);
    BackwardSteps steps(std::move(request));
    int n = 0;
    while (steps.next())
      if (++n && !whole) break;
    remove_observer(counts);
    CHECK_EQ(n, whole ? 2 : 1);
    CHECK_EQ(counts.steps, whole ? 3 : 1);
  }
  CHECK_EQ(value(x->grad().get()), 27.0);
}

}  // namespace

}  // namespace rl

TEST_MAIN

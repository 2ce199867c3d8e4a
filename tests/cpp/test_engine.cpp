// Recording and playing the graph without Python: order, release, hooks, errors, re-entrance.
#include "engine/engine.h"

#include <cmath>

#include "check.h"
#include "fake_host.h"
#include "graph/accumulate_grad.h"
#include "graph/cycles.h"
#include "graph/grad_mode.h"
#include "graph/observer.h"
#include "graph/saved.h"
#include "ops/op_node.h"
#include "ops/recompute.h"
#include "ops/reduce.h"
#include "ops/table.h"

namespace rl {

namespace {

using test::FakeHost;
using test::Object;

void start() {
  FakeHost::install();
  static bool once = [] {
    op_table();
    fill_tensor_math();
    return true;
  }();
  (void)once;
}

Tensor leaf(double value) {
  TensorRef t = TensorImpl::empty(DType::kFloat64, nullptr, 0);
  *reinterpret_cast<double*>(t->mut_data()) = value;
  t->set_requires_grad(true);
  return Tensor(t);
}

double value(TensorImpl* t) { return *reinterpret_cast<const double*>(t->data()); }

void add_root(BackwardRequest& request, const Tensor& y) {
  TensorRef one = TensorImpl::empty(DType::kFloat64, y->sizes(), y->ndim());
  *reinterpret_cast<double*>(one->mut_data()) = 1;
  request.roots.push_back({gradient_edge(y.get()), one});
}

void backward(const Tensor& y, bool keep = false, bool create = false) {
  BackwardRequest request;
  request.keep_graph = keep;
  request.create_graph = create;
  add_root(request, y);
  run_backward(request);
}

Tensor gradient(const Tensor& y, const Tensor& x, bool create) {
  BackwardRequest request;
  request.accumulate = false;
  request.keep_graph = request.create_graph = create;
  add_root(request, y);
  request.inputs.push_back(gradient_edge(x.get()));
  return Tensor(run_backward(request)[0]);
}

template <class F>
std::string message_of(F&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

TEST(derivatives_of_any_order) {
  start();
  Tensor x = leaf(0.3);
  Tensor y = call_op(op_of<ops::Tanh>(), {x.value()});
  double t = std::tanh(0.3), d1 = 1 - t * t;
  Tensor first = gradient(y, x, true);
  Tensor second = gradient(first, x, true);
  Tensor third = gradient(second, x, false);
  CHECK(std::fabs(value(first.get()) - d1) < 1e-15);
  CHECK(std::fabs(value(second.get()) + 2 * t * d1) < 1e-15);
  CHECK(std::fabs(value(third.get()) - d1 * (6 * t * t - 2)) < 1e-14);
}

TEST(gradients_add_up_in_a_leaf) {
  start();
  Tensor x = leaf(3);
  backward(x * x);
  CHECK_EQ(value(x->grad().get()), 6.0);
  TensorImpl* kept = x->grad().get();
  backward(x * x);
  CHECK_EQ(value(x->grad().get()), 12.0);
  CHECK(x->grad().get() == kept);
}

TEST(a_million_nodes_run_and_are_released_without_recursion) {
  start();
  Tensor x = leaf(1);
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = y * ops::Num(1);
  backward(y);
  CHECK_EQ(value(x->grad().get()), 1.0);
}

TEST(every_node_runs_once_whatever_the_order_of_roots) {
  start();
  Tensor x = leaf(2);
  Tensor a = x * x, b = a + x;
  BackwardRequest request;
  add_root(request, a);
  add_root(request, b);
  add_root(request, b);
  run_backward(request);
  // d(a + 2b)/dx = 4 + 2 (4 + 1)
  CHECK_EQ(value(x->grad().get()), 14.0);
}

// Records when leaves and nodes are reached.
struct Recorder {
  std::vector<std::string> order;
  std::vector<Object*> objects;
  void watch(const Tensor& t, const std::string& name) {
    auto* object = new Object;
    object->hook = [this, name](TensorImpl*) -> TensorImpl* {
      order.push_back(name);
      return nullptr;
    };
    objects.push_back(object);
    if (t->is_leaf()) {
      Extension& extension = t->make_extension();
      if (!extension.hooks) extension.hooks = new HookList;
      extension.hooks->hooks.push_back({0, object});
    } else {
      NodeSide& side = t->grad_fn()->make_side();
      side.output_hooks.resize(1);
      side.output_hooks[0].hooks.push_back({0, object});
    }
  }
};

TEST(an_old_accumulator_still_runs_as_soon_as_its_gradient_is_whole) {
  start();
  Tensor w1 = leaf(2), w2 = leaf(3), x = leaf(1);
  Recorder recorder;
  recorder.watch(w1, "w1");
  recorder.watch(w2, "w2");
  Tensor previous;  // keeps the accumulators of a step alive for the next, as `loss` does in a loop
  for (int step = 0; step < 3; ++step) {
    Tensor h = x * w1;
    Tensor y = h * w2;
    recorder.watch(h, "h");
    recorder.watch(y, "y");
    recorder.order.clear();
    backward(y);
    // The second layer's weight is done before the first layer's node runs.
    CHECK(recorder.order == (std::vector<std::string>{"y", "w2", "h", "w1"}));
    previous = y;
  }
}

TEST(a_hook_replaces_the_gradient) {
  start();
  Tensor x = leaf(2);
  Tensor y = x * x;
  Object doubling;
  doubling.hook = [](TensorImpl* grad) -> TensorImpl* {
    TensorRef twice = (Tensor(TensorRef::borrow(grad)) * ops::Num(2)).ref();
    return twice.detach();
  };
  NodeSide& side = y->grad_fn()->make_side();
  side.output_hooks.resize(1);
  side.output_hooks[0].hooks.push_back({0, &doubling});
  backward(y);
  CHECK_EQ(value(x->grad().get()), 8.0);
}

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

TEST(hooks_of_a_node_run_before_and_after_it) {
  start();
  Tensor x = leaf(2);
  Tensor y = x * x;
  Object before, after;
  before.node_hook = [](TensorRef* grads, size_t n, const std::vector<TensorRef>* seen) {
    CHECK(n == 1 && !seen);
    grads[0] = (Tensor(grads[0]) + Tensor(grads[0])).ref();
  };
  after.node_hook = [](TensorRef* grads, size_t n, const std::vector<TensorRef>* seen) {
    CHECK(n == 2 && seen && seen->size() == 1);
    CHECK(value((*seen)[0].get()) == 2 && value(grads[0].get()) == 4);
    grads[1] = TensorRef();
  };
  NodeSide& side = y->grad_fn()->make_side();
  side.pre_hooks = &before;
  side.post_hooks = &after;
  backward(y);
  CHECK(value(x->grad().get()) == 4);
  y = Tensor();
  CHECK(before.refs == 0 && after.refs == 0);
}

TEST(a_hook_may_not_change_the_dtype_behind_the_hosts_back) {
  start();
  Tensor x = leaf(2);
  Tensor y = x * x;
  Object wrong;
  wrong.node_hook = [](TensorRef* grads, size_t, const std::vector<TensorRef>*) {
    grads[0] = TensorImpl::empty(DType::kFloat32, nullptr, 0);
  };
  y->grad_fn()->make_side().pre_hooks = &wrong;
  CHECK_THROWS(Error, backward(y, true));
}

TEST(a_run_says_what_it_executes_and_calls_back_at_its_end) {
  start();
  Tensor x = leaf(2), w = leaf(3);
  Tensor y = x * x;
  Tensor z = y * w;
  Object hook, callbacks;
  int called = 0;
  callbacks.hook = [&](TensorImpl*) -> TensorImpl* {
    CHECK(!current_run.view->running() && x->grad());
    ++called;
    return nullptr;
  };
  hook.hook = [&](TensorImpl*) -> TensorImpl* {
    RunView& run = *current_run.view;
    CHECK(run.running() == y->grad_fn());
    CHECK(run.executes(z->grad_fn()) && run.executes(x->accumulator()));
    CHECK(!run.executes(w->accumulator()));
    std::vector<Node*> order = run.order();
    CHECK(order.size() == 3 && order[0] == z->grad_fn() && order[2] == x->accumulator());
    run.callbacks = &callbacks;
    return nullptr;
  };
  NodeSide& side = y->grad_fn()->make_side();
  side.output_hooks.resize(1);
  side.output_hooks[0].hooks.push_back({0, &hook});
  BackwardRequest request;
  add_root(request, z);
  request.inputs.push_back(gradient_edge(x.get()));
  run_backward(request);
  CHECK(called == 1 && callbacks.refs == 0 && !current_run.view);
}

TEST(nodes_off_the_path_to_the_inputs_do_not_run) {
  start();
  Tensor x = leaf(2);
  Tensor y = x * x;
  Recorder recorder;
  Tensor side_branch = x * ops::Num(5);
  recorder.watch(side_branch, "side");
  Tensor z = y + side_branch;
  BackwardRequest request;
  request.accumulate = false;
  add_root(request, z);
  request.inputs.push_back(gradient_edge(y.get()));
  CHECK_EQ(value(run_backward(request)[0].get()), 1.0);
  CHECK(recorder.order.empty());
}

TEST(second_backward_tells_where_the_first_one_ran) {
  start();
  Object forward, first;
  forward.text = "y = x * x          train.py:3";
  first.text = "y.backward()          train.py:4";
  Tensor x = leaf(2);
  FakeHost::site = &forward;
  Tensor y = x * x;
  FakeHost::site = &first;
  backward(y);
  std::string text = message_of([&] { backward(y); });
  CHECK(text.starts_with("Trying to backward through the graph a second time"));
  CHECK(text.find("needed by     y = x * x          train.py:3") != std::string::npos);
  CHECK(text.find("freed by      y.backward()          train.py:4") != std::string::npos);
  FakeHost::site = nullptr;
}

TEST(sites_are_released_with_their_nodes) {
  start();
  Object place;
  FakeHost::site = &place;
  {
    Tensor x = leaf(2);
    Tensor y = x * x;
    CHECK(place.refs > 1);
    backward(y);
  }
  FakeHost::site = nullptr;
  CHECK_EQ(place.refs, 1);
}

TEST(a_changed_input_is_found_by_its_version) {
  start();
  Tensor x = leaf(2), c = leaf(3);
  c->set_requires_grad(false);
  Tensor y = x * c;
  c->bump_version();
  std::string text = message_of([&] { backward(y); });
  CHECK(text.find("is at version 1; expected version 0 instead.") != std::string::npos);
}

TEST(a_saved_output_outlives_its_tensor_without_a_cycle) {
  start();
  Tensor x = leaf(0.5);
  Tensor z;
  {
    Tensor y = call_op(op_of<ops::Exp>(), {x.value()});
    z = y * ops::Num(3);
  }
  backward(z);
  CHECK(std::fabs(value(x->grad().get()) - 3 * std::exp(0.5)) < 1e-14);
  NodeRef node;
  {
    Tensor y = call_op(op_of<ops::Exp>(), {x.value()});
    node = NodeRef::borrow(y->grad_fn());
  }
  CHECK_EQ(node->refs(), 1u);  // nothing but our own reference keeps it
  TensorRef result = as_op_node(node.get())->slot(0).unpack(node.get(), true);
  CHECK(result->grad_fn() == node.get());
  CHECK(std::fabs(value(result.get()) - std::exp(0.5)) < 1e-15);
}

TEST(an_interrupt_between_nodes_leaves_a_usable_engine) {
  start();
  Tensor x = leaf(1);
  Tensor y = x;
  for (int i = 0; i < 1000; ++i) y = y * ops::Num(-1);  // a product with 1 records nothing
  FakeHost::poll_fails_at = 3;
  CHECK_EQ(message_of([&] { backward(y); }), std::string("interrupted"));
  FakeHost::poll_fails_at = 0;
  Tensor z = x * x;
  backward(z);
  CHECK_EQ(value(x->grad().get()), 2.0);
}

TEST(a_backward_inside_a_hook_is_a_run_of_its_own) {
  start();
  Tensor x = leaf(2), inner = leaf(5);
  Tensor y = x * x;
  Object nested;
  nested.hook = [&](TensorImpl*) -> TensorImpl* {
    GradModeGuard on(true);
    backward(inner * inner);
    backward(x * ops::Num(100));  // shares x's accumulator with the outer run
    return nullptr;
  };
  NodeSide& side = y->grad_fn()->make_side();
  side.output_hooks.resize(1);
  side.output_hooks[0].hooks.push_back({0, &nested});
  backward(y);
  CHECK_EQ(value(inner->grad().get()), 10.0);
  CHECK_EQ(value(x->grad().get()), 104.0);
}

TEST(no_grad_records_nothing_and_says_why) {
  start();
  Tensor x = leaf(2);
  GradModeGuard off(false);
  Tensor y = x * x;
  CHECK(!y->requires_grad());
  CHECK(y->grad_fn() == nullptr);
  CHECK(y->cut() == Cut::kNoGrad);
}

TEST(broadcast_gradients_return_in_the_input_shape) {
  start();
  TensorRef column = TensorImpl::empty(DType::kFloat64, Dims::of({3, 1}));
  TensorRef row = TensorImpl::empty(DType::kFloat64, Dims::of({2}));
  for (int i = 0; i < 3; ++i) reinterpret_cast<double*>(column->mut_data())[i] = i + 1;
  for (int i = 0; i < 2; ++i) reinterpret_cast<double*>(row->mut_data())[i] = 10 * (i + 1);
  column->set_requires_grad(true);
  row->set_requires_grad(true);
  Tensor y = call_op(op_of<ops::Sum>(), {(Tensor(column) * Tensor(row)).value(), Value::none()});
  backward(y);
  CHECK(column->grad()->shape() == Dims::of({3, 1}));
  CHECK_EQ(reinterpret_cast<const double*>(column->grad()->data())[0], 30.0);
  CHECK(row->grad()->shape() == Dims::of({2}));
  CHECK_EQ(reinterpret_cast<const double*>(row->grad()->data())[1], 6.0);
}

// A callable on the leaf, which dies with it.
void hold(const Tensor& x, Object& witness) {
  ++witness.refs;
  x->make_extension().hooks = new HookList{{{1, &witness}}};
}

TEST(a_recorded_gradient_and_its_leaf_go_when_the_last_reference_from_outside_does) {
  start();
  Object witness;
  witness.hook = [](TensorImpl*) { return nullptr; };
  Tensor x = leaf(2), w = leaf(3);
  hold(x, witness);
  Tensor y = x * x * w;
  backward(y, true, true);
  suspect_cycle(x.get());
  x = Tensor();
  break_cycles();
  CHECK_EQ(witness.refs, 2);  // y leads to x
  Tensor grad(w->grad());
  y = Tensor();
  break_cycles();
  CHECK_EQ(witness.refs, 2);  // so do both gradients of w
  w = Tensor();
  break_cycles();
  CHECK_EQ(value(grad.get()), 4.0);
  grad = Tensor();
  CHECK(cycles_due);
  break_cycles();
  CHECK_EQ(witness.refs, 1);
  CHECK(!cycles_due);
}

TEST(a_suspect_that_goes_by_itself_or_loses_its_gradient_is_forgotten) {
  start();
  Object witness;
  witness.hook = [](TensorImpl*) { return nullptr; };
  Tensor x = leaf(2), y = x * x;
  hold(x, witness);
  backward(y, true, true);
  suspect_cycle(x.get());
  break_cycles();  // waits for us
  x->set_grad(TensorRef());
  y = x = Tensor();
  CHECK_EQ(witness.refs, 1);
  break_cycles();
}

TEST(what_is_owned_reaches_through_shared_objects_and_cycles) {
  start();
  Tensor x = leaf(2), y = x * x;
  Tensor z = y * y;
  Owned owned;
  find_owned(z.get(), owned);
  CHECK_EQ(owned.tensors.size(), size_t{1});  // x and y are held here too
  CHECK_EQ(owned.nodes.size(), size_t{1});
  backward(z, true, true);
  suspect_cycle(x.get());
  x = y = Tensor();
  break_cycles();  // z leads to x, whose nodes are watched from now on
  find_owned(z.get(), owned);
  // z, y, x, its gradient; two products of the first pass, those of the second, the accumulator.
  CHECK(owned.tensors.size() >= 4);
  CHECK(owned.nodes.size() >= 6);
  CHECK_EQ(owned.tensors[0], z.get());
  z = Tensor();
  break_cycles();
}

}  // namespace

}  // namespace rl

TEST_MAIN

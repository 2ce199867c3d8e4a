// Threads that share tensors and graphs under one lock, which long loops and the engine let go:
// what ThreadSanitizer looks at (`make tsan`).
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "check.h"
#include "core/unlocked.h"
#include "engine/engine.h"
#include "fake_host.h"
#include "graph/grad_mode.h"
#include "ops/op_node.h"
#include "ops/table.h"
#include "ops/tensor.h"

namespace rl {

namespace {

// The interpreter's lock.
std::mutex g_lock;
std::atomic<int> g_released{0};

void start() {
  test::FakeHost::install();
  Host host = host_table;
  host.poll = [] {
    g_lock.unlock();
    std::this_thread::yield();
    g_lock.lock();
  };
  host.has_threads = [] { return true; };
  host.release_gil = []() -> void* {
    ++g_released;
    g_lock.unlock();
    return &g_lock;
  };
  host.take_gil = [](void*) { g_lock.lock(); };
  host.run_on_helper = [](void (*body)(void*), void* context) {
    g_lock.unlock();
    std::thread([&] {
      std::lock_guard<std::mutex> lock(g_lock);
      body(context);
    }).join();
    g_lock.lock();
    return true;
  };
  set_host(host);
  op_table();
  fill_tensor_math();
}

template <class F>
void in_threads(int n, const F& work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i)
    threads.emplace_back([&work, i] {
      std::lock_guard<std::mutex> lock(g_lock);
      work(i);
    });
  for (std::thread& thread : threads) thread.join();
}

Tensor filled(int64_t n, float value, bool requires_grad) {
  TensorRef t = TensorImpl::empty(DType::kFloat32, &n, 1);
  auto* p = reinterpret_cast<float*>(t->mut_data());
  for (int64_t i = 0; i < n; ++i) p[i] = value;
  t->set_requires_grad(requires_grad);
  return Tensor(t);
}

float first(const Tensor& t) { return *reinterpret_cast<const float*>(t->data()); }
float last(const Tensor& t) { return reinterpret_cast<const float*>(t->data())[t->numel() - 1]; }

void backward(const Tensor& y, bool keep) {
  BackwardRequest request;
  request.keep_graph = keep;
  request.roots.push_back({gradient_edge(y.get()), filled(y->numel(), 1, false).ref()});
  run_backward(request);
}

constexpr int kThreads = 4, kTurns = 40;

}  // namespace

TEST(threads_add_to_one_leaf) {
  start();
  Tensor x = filled(100, 1, true);
  in_threads(kThreads, [&](int) {
    for (int turn = 0; turn < kTurns; ++turn) {
      Tensor y = x;
      for (int i = 0; i < 40; ++i) y = y * filled(1, 1, false);
      backward(y, false);
    }
  });
  CHECK_EQ(first(Tensor(x->grad())), float(kThreads * kTurns));
}

TEST(threads_play_one_graph) {
  start();
  Tensor x = filled(10, 1, true);
  Tensor y = x;
  for (int i = 0; i < 60; ++i) y = y * y * filled(1, 1, false);
  in_threads(kThreads, [&](int) {
    for (int turn = 0; turn < kTurns; ++turn) backward(y * filled(1, 0, false), true);
  });
  CHECK_EQ(first(Tensor(x->grad())), 0.F);
}

TEST(long_loops_run_side_by_side) {
  start();
  constexpr int64_t kLong = 400'000;
  Tensor x = filled(kLong, 2, false), sum = filled(kLong, 0, false);
  const int before = g_released;
  in_threads(kThreads, [&](int i) {
    for (int turn = 0; turn < 10; ++turn) {
      Tensor y = x * x + Tensor::number(Value::of_double(i));
      CHECK_EQ(last(y), 4.F + float(i));
      sum = sum + y;  // the tensor that others add to is another one each time
    }
  });
  CHECK(g_released > before);
  CHECK_EQ(sum->numel(), kLong);
}

TEST(modes_belong_to_their_thread) {
  start();
  Tensor x = filled(10, 1, true);
  in_threads(kThreads, [&](int i) {
    for (int turn = 0; turn < kTurns; ++turn) {
      GradModeGuard mode(i % 2 == 0);
      CHECK_EQ((x * x)->requires_grad(), i % 2 == 0);
      host().poll();
      CHECK_EQ(grad_enabled(), i % 2 == 0);
    }
  });
}

TEST(a_graph_dies_in_another_thread_than_it_was_made_in) {
  start();
  std::vector<Tensor> made(kThreads);
  in_threads(kThreads, [&](int i) {
    Tensor y = filled(10, 1, true);
    for (int k = 0; k < 500; ++k) y = y * y;
    made[static_cast<size_t>(i)] = y;
  });
  in_threads(kThreads, [&](int i) { made[static_cast<size_t>(kThreads - 1 - i)] = Tensor(); });
  for (const Tensor& t : made) CHECK(!t.defined());
}

TEST(nested_passes_move_to_other_threads) {
  start();
  in_threads(2, [](int) {
    test::Object hook;
    int depth = 0;
    std::vector<std::thread::id> seen;
    Tensor x = filled(1, 1, true);
    hook.hook = [&](TensorImpl*) -> TensorImpl* {
      seen.push_back(std::this_thread::get_id());
      if (++depth == 150) return nullptr;
      GradModeGuard mode(true);
      Tensor y = x * x;
      NodeSide& side = y->grad_fn()->make_side();
      side.output_hooks.resize(1);
      ++hook.refs;
      side.output_hooks[0].hooks.push_back({0, &hook});
      backward(y, false);
      return nullptr;
    };
    hook.hook(nullptr);
    CHECK_EQ(first(Tensor(x->grad())), 2.F * 149);
    CHECK(seen[0] == seen[60] && seen[60] != seen[61] && seen[61] == seen[120]);
    CHECK(seen[120] != seen[121]);
    CHECK_EQ(hook.refs, 1);
  });
}

}  // namespace rl

TEST_MAIN

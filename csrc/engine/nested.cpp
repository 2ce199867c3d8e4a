// Starting passes: on this thread, on one of their own where they are nested deep, and in steps.
#include <pthread.h>

#include <algorithm>

#include "core/unlocked.h"
#include "engine/run.h"
#include "graph/grad_mode.h"

namespace rl {

namespace {

// What the thread knows of the run while it plays.
class Playing {
 public:
  explicit Playing(Run& run)
      : mode_(run.request().create_graph), filter_(edge_filter), run_(current_run) {
    bool restricted = !run.request().inputs.empty();
    edge_filter = restricted ? &run : nullptr;
    current_run = {run.id(), run_.restricted || restricted, run_.depth + 1, run.last_root(), &run};
  }
  ~Playing() {
    edge_filter = filter_;
    current_run = run_;
  }
  Playing(const Playing&) = delete;
  Playing& operator=(const Playing&) = delete;

 private:
  GradModeGuard mode_;
  const EdgeFilter* const filter_;
  const CurrentRun run_;
};

}  // namespace

BackwardRequest::~BackwardRequest() {
  for (Root& root : roots)
    if (root.edge.node) root.edge.node->release();
  for (Edge& edge : inputs)
    if (edge.node) edge.node->release();
}

namespace {

// The lowest address that a run may start at on this thread: below it what a hook calls would
// overflow.
char* stack_floor() {
  constexpr size_t kReserve = 1 << 20;
  pthread_attr_t attributes;
  void* lowest = nullptr;
  size_t size = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    pthread_attr_getstack(&attributes, &lowest, &size);
    pthread_attr_destroy(&attributes);
  }
  return static_cast<char*>(lowest) + std::min(kReserve, size / 4);
}

// A backward pass inside a hook inside a backward pass ... takes C stack at every level, and a
// thread at every 60th.
void check_stack() {
  constexpr size_t kHarmless = 32;  // this many levels fit into the smallest stack
  constexpr size_t kMost = 10'000;
  size_t levels = current_run.depth;
  if (levels < kHarmless) [[likely]]
    return;
  static thread_local char* const floor = stack_floor();
  check(static_cast<char*>(__builtin_frame_address(0)) > floor && levels < kMost,
        ErrorKind::kRuntime, "maximum recursion depth exceeded: backward() runs inside itself, ",
        levels, " levels deep\n  fix: do not call backward() in a hook of the graph that it runs.");
}

std::vector<TensorRef> run_here(BackwardRequest& request) {
  check_stack();
  Holder locked(nullptr);  // nodes and gradients have one thread at a time
  Run run(request);
  Playing playing(run);
  return run.play();
}

// A pass with the modes of the thread that asks for it.
struct Elsewhere {
  BackwardRequest& request;
  ThreadState modes;
  CurrentRun around;
  std::vector<TensorRef> found;

  static void run(void* self) {
    auto* pass = static_cast<Elsewhere*>(self);
    thread_state = pass->modes;
    current_run = pass->around;
    pass->found = run_here(pass->request);
  }
};

}  // namespace

std::vector<TensorRef> run_backward(BackwardRequest& request) {
  // PyTorch's number. Each level takes stack, and some of what Python allows in recursion.
  constexpr uint32_t kLevels = 60;
  if (current_run.depth && current_run.depth % kLevels == 0) [[unlikely]] {
    request.site = Site::capture();
    Elsewhere pass{request, thread_state, current_run, {}};
    if (host().run_on_helper(Elsewhere::run, &pass)) return std::move(pass.found);
  }
  return run_here(request);
}

BackwardSteps::BackwardSteps(std::unique_ptr<BackwardRequest> request)
    : request_(std::move(request)), run_(std::make_unique<Run>(*request_)), id_(run_->id()) {
  Playing playing(*run_);
  run_->begin();
}

BackwardSteps::~BackwardSteps() = default;

bool BackwardSteps::next() {
  if (!run_) return false;
  check_stack();
  Holder locked(nullptr);
  Playing playing(*run_);
  if (observed & kObservesPasses) [[unlikely]]
    for_each_observer([](Observer& o) { o.pass_goes_on(); });
  if (run_->step()) return true;
  run_->end();
  run_.reset();
  return false;
}

}  // namespace rl

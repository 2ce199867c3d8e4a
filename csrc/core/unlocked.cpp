#include "core/unlocked.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "core/host.h"

namespace rl {

namespace {
int g_unlocked = 0;               // threads; counted with the GIL held
std::atomic<int> g_in_loops = 0;  // those that do not wait for the GIL again

// Daemon threads may be in their loops when the process ends, which takes OpenBLAS's memory away.
void wait_for_loops() {
  while (g_in_loops.load()) usleep(100);
}

bool prepare() {
  // Of the threads that run unlocked none is left in the child of a fork.
  auto forget = [] {
    g_unlocked = 0;
    g_in_loops = 0;
  };
  return pthread_atfork(nullptr, nullptr, forget) == 0 && std::atexit(wait_for_loops) == 0;
}
}  // namespace

constinit thread_local Holder* Holder::current = nullptr;

bool Unlocked::is_worth(double sums) {
  if (sums < kWorth || !Holder::current || g_unlocked >= kMost) return false;
  for (Holder* h = Holder::current; h; h = h->outer_)
    if (!h->hold_) return false;
  return host().has_threads();
}

void* Unlocked::release() {
  static const bool prepared = prepare();
  if (!prepared) return nullptr;
  for (Holder* h = Holder::current; h; h = h->outer_) h->hold_(*h);
  outer_ = Holder::current;
  Holder::current = nullptr;
  ++g_unlocked;
  ++g_in_loops;
  return host().release_gil();
}

void Unlocked::take() {
  --g_in_loops;
  host().take_gil(token_);
  --g_unlocked;
  Holder::current = outer_;
}

}  // namespace rl

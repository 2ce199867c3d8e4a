#include "core/unlocked.h"

#include <pthread.h>

#include "core/host.h"

namespace rl {

namespace {
int g_unlocked = 0;  // threads; counted with the GIL held
}

constinit thread_local Holder* Holder::current = nullptr;

bool Unlocked::is_worth(double sums) {
  if (sums < kWorth || !Holder::current || g_unlocked >= kMost) return false;
  for (Holder* h = Holder::current; h; h = h->outer_)
    if (!h->hold_) return false;
  return host().has_threads();
}

void* Unlocked::release() {
  // Of the threads that run unlocked none is left in the child of a fork.
  static const int registered = pthread_atfork(nullptr, nullptr, [] { g_unlocked = 0; });
  if (registered != 0) return nullptr;
  for (Holder* h = Holder::current; h; h = h->outer_) h->hold_(*h);
  outer_ = Holder::current;
  Holder::current = nullptr;
  ++g_unlocked;
  return host().release_gil();
}

void Unlocked::take() {
  host().take_gil(token_);
  --g_unlocked;
  Holder::current = outer_;
}

}  // namespace rl

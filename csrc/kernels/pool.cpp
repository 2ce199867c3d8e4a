// One job at a time. Its parts are handed out through one 64-bit ticket {job number, next part}: a
// claim of an old job fails by itself, so a worker that comes late can do no harm and nobody waits
// for it.
#include "kernels/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <mutex>
#include <thread>

#include "kernels/cpu_count.h"

namespace rl {

namespace {

constexpr int64_t kDefaultGrain = 32 * 1024;
constexpr uint32_t kClosed = UINT32_MAX;  // as the next part: there is none
constexpr size_t kStack = size_t{2} << 20;
constexpr auto kSpin = std::chrono::microseconds(20);

struct Pool {
  std::atomic<uint64_t> ticket{kClosed};
  // Of the open job. They change only while the ticket is closed and nothing is pending.
  std::atomic<detail::PartFn> fn{nullptr};
  std::atomic<const void*> context{nullptr};
  std::atomic<uint32_t> parts{0};
  std::atomic<uint32_t> pending{0};        // parts not finished yet; the caller sleeps on it
  std::atomic<bool> caller_sleeps{false};  // so a wake-up is needed when pending becomes 0
  std::atomic<uint32_t> signal{0};         // workers sleep on it
  std::atomic<int> sleepers{0};
  std::atomic<uint32_t> generation{0};       // workers of another one end
  std::atomic_flag busy = ATOMIC_FLAG_INIT;  // somebody's job is running
  int workers = 0;                           // started; guarded by `busy`
  std::atomic<int> threads{0};               // 0: not asked yet
};

Pool pool;                         // trivially destructible: workers may outlive static destructors
thread_local bool inside = false;  // this thread runs a part: what it calls stays on it

void futex_wait(std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>& word, int threads) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True once `done()` holds; false after kSpin without it.
template <class Done>
bool spin_until(const Done& done) {
  auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

bool has_parts(uint64_t ticket) {
  return static_cast<uint32_t>(ticket) < pool.parts.load(std::memory_order_acquire);
}

// Runs parts of the open job until none is left to claim.
void run_available() {
  uint64_t ticket = pool.ticket.load(std::memory_order_acquire);
  for (;;) {
    // A claim succeeds only where these belonged to its ticket: what is written after the ticket
    // was closed cannot be read before a claim that finds it open.
    detail::PartFn fn = pool.fn.load(std::memory_order_acquire);
    const void* context = pool.context.load(std::memory_order_acquire);
    if (!has_parts(ticket)) return;
    if (!pool.ticket.compare_exchange_weak(ticket, ticket + 1)) continue;
    fn(context, static_cast<uint32_t>(ticket));
    if (pool.pending.fetch_sub(1) == 1 && pool.caller_sleeps.load()) futex_wake(pool.pending, 1);
    ticket = pool.ticket.load(std::memory_order_acquire);
  }
}

// pthread_create's form: the generation is the pointer's value.
void* work(void* number) {
  auto generation = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(number));
  inside = true;
  auto current = [&] { return pool.generation.load(std::memory_order_relaxed) == generation; };
  auto offered = [&] { return has_parts(pool.ticket.load()) || !current(); };
  while (current()) {
    run_available();
    if (spin_until(offered)) continue;
    uint32_t signal = pool.signal.load();
    pool.sleepers.fetch_add(1);
    if (!offered()) futex_wait(pool.signal, signal);
    pool.sleepers.fetch_sub(1);
  }
  return nullptr;
}

// Only the calling thread is left in the child.
void forget_workers() {
  pool.generation.fetch_add(1);
  pool.workers = 0;
  pool.sleepers = 0;
  pool.pending = 0;
  pool.ticket = kClosed;
  pool.busy.clear();
}

// A machine that gives no more threads is used as far as it goes.
void start_workers(int wanted) {
  if (pool.workers >= wanted) return;
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, forget_workers); });
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the program's
  // The default stack, often 8 MB, would take address space that a limit may count.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, kStack);
  auto* number = reinterpret_cast<void*>(uintptr_t{pool.generation.load()});
  pthread_t thread;
  while (pool.workers < wanted && pthread_create(&thread, &attributes, work, number) == 0)
    ++pool.workers;
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void wake_workers(uint32_t useful) {
  int awake = pool.workers - pool.sleepers.load();
  int missing = std::min<int>(pool.workers, static_cast<int>(useful)) - awake;
  if (missing <= 0) return;
  pool.signal.fetch_add(1);
  futex_wake(pool.signal, missing);
}

void wait_for_parts() {
  auto done = [] { return pool.pending.load(std::memory_order_acquire) == 0; };
  if (spin_until(done)) return;
  pool.caller_sleeps.store(true);
  while (uint32_t left = pool.pending.load()) futex_wait(pool.pending, left);
  pool.caller_sleeps.store(false);
}

}  // namespace

int num_threads() {
  int n = pool.threads.load(std::memory_order_relaxed);
  if (n == 0) {
    n = usable_cpus();
    pool.threads.store(n, std::memory_order_relaxed);
  }
  return n;
}

void set_num_threads(int n) {
  if (n == num_threads()) return;
  while (pool.busy.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  pool.threads.store(n, std::memory_order_relaxed);
  pool.generation.fetch_add(1);
  pool.signal.fetch_add(1);
  futex_wake(pool.signal, INT_MAX);
  pool.workers = 0;
  pool.busy.clear(std::memory_order_release);
}

void set_parallel_grain(int64_t elements) {
  detail::grain.store(elements > 0 ? elements : kDefaultGrain, std::memory_order_relaxed);
}

int64_t parallel_jobs() { return static_cast<int64_t>(pool.ticket.load() >> 32); }

namespace detail {

std::atomic<int64_t> grain{kDefaultGrain};

void run_parts(PartFn fn, const void* context, int64_t parts) {
  int threads = num_threads();
  bool alone = threads == 1 || inside || parts >= kClosed ||
               pool.busy.test_and_set(std::memory_order_acquire);
  if (alone) {
    for (int64_t part = 0; part < parts; ++part) fn(context, part);
    return;
  }
  start_workers(static_cast<int>(std::min<int64_t>(threads, parts)) - 1);
  uint64_t job = (pool.ticket.load() >> 32) + 1;
  pool.ticket.store(job << 32 | kClosed);
  pool.fn.store(fn, std::memory_order_release);
  pool.context.store(context, std::memory_order_release);
  pool.parts.store(static_cast<uint32_t>(parts), std::memory_order_release);
  pool.pending.store(static_cast<uint32_t>(parts));
  pool.ticket.store(job << 32);
  wake_workers(static_cast<uint32_t>(parts) - 1);
  inside = true;
  run_available();
  inside = false;
  wait_for_parts();
  pool.busy.clear(std::memory_order_release);
}

}  // namespace detail

}  // namespace rl

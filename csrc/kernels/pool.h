// The process's threads for kernels. The calling thread takes part and never waits for a worker
// that has claimed nothing, so a busy machine costs speed but no stalls.
#pragma once

#include <atomic>
#include <cstdint>

namespace rl {

// What the affinity mask, the control group and RUSHLIGHT_NUM_THREADS or OMP_NUM_THREADS allow,
// until a program says otherwise. n > 0.
int num_threads();
void set_num_threads(int n);

namespace detail {
extern std::atomic<int64_t> grain;
using PartFn = void (*)(const void* context, int64_t part);
// Calls fn(context, part) once for each part < parts, on any thread, in any order.
void run_parts(PartFn fn, const void* context, int64_t parts);
}  // namespace detail

// Elements, weighed by their cost, that one part should have at least: 32 Ki, some microseconds.
inline int64_t parallel_grain() { return detail::grain.load(std::memory_order_relaxed); }
// For tests: where work is split never changes what it gives. 0: the default.
void set_parallel_grain(int64_t elements);

// For tests: how often work was split among threads so far.
int64_t parallel_jobs();

// f(part) for each part < parts. Parts are claimed one by one: make them of about parallel_grain().
// `f` must neither throw nor touch reference counts, Python or the allocator.
template <class F>
void parallel_parts(int64_t parts, const F& f) {
  if (parts == 1) return f(int64_t{0});
  detail::run_parts(
      [](const void* context, int64_t part) { (*static_cast<const F*>(context))(part); }, &f,
      parts);
}

// f(begin, end) over [0, n) in pieces of `grain`, whatever the number of threads.
template <class F>
void parallel_for(int64_t n, int64_t grain, const F& f) {
  if (n <= grain) {
    if (n > 0) f(int64_t{0}, n);
    return;
  }
  parallel_parts((n + grain - 1) / grain, [&](int64_t part) {
    int64_t begin = part * grain;
    f(begin, begin + grain < n ? begin + grain : n);
  });
}

}  // namespace rl

// Other Python threads run while a long loop works on raw memory. What the loop uses stays where it
// is, whatever they do: the calls in progress hold their tensors and memory first.
#pragma once

#include <cstdint>

namespace rl {

// What a call in progress on this thread uses. Calls nest.
class Holder {
 public:
  // `hold` takes counts that last as long as the call; null: nothing runs unlocked within this one.
  explicit Holder(void (*hold)(Holder&)) : hold_(hold), outer_(current) { current = this; }
  ~Holder() { current = outer_; }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  friend class Unlocked;
  [[gnu::tls_model("initial-exec")]] static constinit thread_local Holder* current;
  void (*hold_)(Holder&);
  Holder* outer_;
};

// Releases the GIL for its life where that is allowed and worth it. Until then neither counts nor
// the allocator nor a tensor may be touched, and nothing may throw. What the loop reads must not
// decide where it writes, nor divide integers: others may change it meanwhile.
class Unlocked {
 public:
  static constexpr int kMost = 16;                // threads at once
  static constexpr double kWorth = 1 << 18;       // sums: some 100 us; taking the GIL again may
                                                  // last until a busy thread gives it up
  static constexpr double kMultiplications = 16;  // that take the time of a sum
  // Whether that would do anything.
  static bool is_worth(double sums);
  explicit Unlocked(double sums) : token_(is_worth(sums) ? release() : nullptr) {}
  ~Unlocked() {
    if (token_) [[unlikely]]
      take();
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  void* release();
  void take();

  Holder* outer_ = nullptr;  // set by release(), so initialised before
  void* token_;
};

}  // namespace rl

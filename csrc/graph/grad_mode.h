// Thread-local modes of recording.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace rl {

// A pair of saved_tensors_hooks() that is set; the callables are counted.
struct SavedHooks {
  void* pack;
  void* unpack;
  SavedHooks* outer;
};

struct ThreadState {
  bool grad_enabled = true;
  bool inference = false;
  bool replay_views = false;  // views keep how they were made (ops/replay.h)
  // Which key bits of the inputs the door looks at: without requires_grad under no_grad.
  uint8_t key_mask = 0xff;
  SavedHooks* saved_hooks = nullptr;  // the innermost pair, which alone counts
  void* write_hook = nullptr;         // called with the target before each in-place write; counted
};

[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState thread_state;

inline bool grad_enabled() { return thread_state.grad_enabled; }
inline bool inference_enabled() { return thread_state.inference; }

inline void set_grad_enabled(bool on) {
  thread_state.grad_enabled = on;
  bool records = on && !thread_state.inference;
  thread_state.key_mask = static_cast<uint8_t>(records ? thread_state.key_mask | kRequiresGrad
                                                       : thread_state.key_mask & ~kRequiresGrad);
}
// Inference mode records nothing, whatever grad mode says.
inline void set_inference(bool on) {
  thread_state.inference = on;
  set_grad_enabled(thread_state.grad_enabled);
}

// Sets grad mode for a scope.
class GradModeGuard {
 public:
  explicit GradModeGuard(bool on) : before_(grad_enabled()) { set_grad_enabled(on); }
  ~GradModeGuard() { set_grad_enabled(before_); }
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  bool before_;
};

}  // namespace rl

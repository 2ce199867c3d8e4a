// The second door, at the Python border: classes that define __torch_function__ take over a call.
#pragma once

#include "python/python.h"

namespace rl::python {

// What a thread has switched off. Read only once an argument is known to override.
struct TorchFunctionState {
  bool subclasses_disabled = false;
};
[[gnu::tls_model(
    "initial-exec")]] extern constinit thread_local TorchFunctionState torch_function_state;

// Types do not take part within a scope.
class SubclassesDisabled {
 public:
  SubclassesDisabled() : before_(torch_function_state.subclasses_disabled) {
    torch_function_state.subclasses_disabled = true;
  }
  ~SubclassesDisabled() { torch_function_state.subclasses_disabled = before_; }
  SubclassesDisabled(const SubclassesDisabled&) = delete;
  SubclassesDisabled& operator=(const SubclassesDisabled&) = delete;

 private:
  bool before_;
};

// A class whose __torch_function__ is this function is treated like Tensor itself: nn.Parameter.
extern PyObject* disabled_torch_function;

bool init_torch_function(PyObject* module);

}  // namespace rl::python

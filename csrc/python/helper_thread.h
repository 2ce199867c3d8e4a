// Inside csrc/python: running something on another thread while this one waits.
#pragma once

namespace rl::python {

// Calls body(context) on a thread of its own, with a fresh stack and Python's count of recursion at
// zero. Whatever it throws is thrown here, Python exceptions included. False where there is no
// thread to be had; nothing was called then.
bool run_on_helper(void (*body)(void*), void* context);

// Throws KeyboardInterrupt on a helper whose waiting thread was interrupted.
void poll_helper();

}  // namespace rl::python

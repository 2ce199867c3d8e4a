// The one window of the Python-free layers onto Python. csrc/python fills the table; C++ tests fake
// it.
#pragma once

#include <cstdint>
#include <string>

namespace rl {

class TensorImpl;

struct Host {
  void (*incref)(void* object);
  void (*decref)(void* object);
  // New reference to the code object of the user's frame, or null when there is none.
  void* (*capture_site)(int32_t* offset);
  // "y = torch.exp(x)          train.py:12", or "" when the code object has no source.
  std::string (*describe_site)(void* code, int32_t offset);
  // The expression alone: "b -= lr * b.grad", or "..." when there is no source.
  std::string (*site_expression)(void* code, int32_t offset);
  // The object's wrapper is kept by the impl, which is about to die: hand ownership back and drop
  // it.
  void (*release_wrapper)(TensorImpl* impl);
  // Honours pending signals; throws Error(kPython). May run finalizers.
  void (*poll)();
  // Calls a tensor hook with the gradient. Returns a new count of the replacement, or null for
  // None.
  TensorImpl* (*call_tensor_hook)(void* hook, TensorImpl* grad);
  // pack(t): a new count of what it returned, or null where that is `t` itself.
  void* (*call_pack_hook)(void* hook, TensorImpl* t);
  // unpack(packed), or unpack(t) where `packed` is null: a new count of the tensor.
  TensorImpl* (*call_unpack_hook)(void* hook, void* packed, TensorImpl* t);
  void (*call_write_hook)(void* hook, TensorImpl* target);
  void (*warn)(const char* category, const std::string& message);
  // Whether there are other Python threads; lets them run; waits until this one may go on.
  bool (*has_threads)() = [] { return false; };
  void* (*release_gil)() = nullptr;
  void (*take_gil)(void* token) = nullptr;
  // Somebody but its impl refers to a wrapper that the impl keeps.
  bool (*wrapper_in_use)(const void* wrapper) = [](const void*) { return false; };
  // Calls break_later_cycles() as soon as the interpreter is between two steps.
  void (*break_cycles_soon)() = [] {};
};

// A table that knows no Python stands here until csrc/python or a test installs another.
extern Host host_table;
inline const Host& host() { return host_table; }
void set_host(const Host& table);

}  // namespace rl

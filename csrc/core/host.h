// The one window of the Python-free layers onto Python. csrc/python fills the table; C++ tests fake
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rl {

class TensorImpl;
template <class T>
class Ref;

struct Host {
  void (*incref)(void* object);
  void (*decref)(void* object);
  // New reference to the code object of the user's frame, or null when there is none.
  void* (*capture_site)(int32_t* offset);
  // "y = torch.exp(x)          train.py:12", or "" when the code object has no source.
  std::string (*describe_site)(void* code, int32_t offset);
  // The way out that fits the statement: "use `y = y + 1`, ..."; "" where none is known. `form`:
  // a function of rushlight/_stories.py.
  std::string (*advise)(const char* form, void* code, int32_t offset);
  // The object's wrapper is kept by the impl, which is about to die: hand ownership back and drop
  // it.
  void (*release_wrapper)(TensorImpl* impl);
  // Honours pending signals; throws Error(kPython). May run finalizers.
  void (*poll)();
  // Calls a tensor hook with the gradient. Returns a new count of the replacement, or null for
  // None.
  TensorImpl* (*call_tensor_hook)(void* hook, TensorImpl* grad);
  // Calls the hooks of a node with grads[n], and with `seen` where it is not null. What they return
  // takes the place of grads.
  void (*call_node_hooks)(void* hooks, Ref<TensorImpl>* grads, size_t n,
                          const std::vector<Ref<TensorImpl>>* seen);
  // Calls what a list holds, also what is added meanwhile.
  void (*call_all)(void* list);
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
  // Calls body(context) on another thread, waits and throws what it threw; false where it can't.
  bool (*run_on_helper)(void (*body)(void*), void* context) = [](void (*)(void*), void*) {
    return false;
  };
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

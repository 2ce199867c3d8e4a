// A host without Python: objects are counted integers, a Site is the statement that the test says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/host.h"
#include "core/tensor.h"

namespace rl::test {

// Something that the core may hold a reference to.
struct Object {
  int refs = 1;
  std::string text;                                        // of a Site
  std::function<TensorImpl*(TensorImpl*)> hook = nullptr;  // of a callable
  // Of the hooks of a node: what a post-hook is shown is null for a pre-hook.
  std::function<void(TensorRef* grads, size_t n, const std::vector<TensorRef>* seen)> node_hook =
      nullptr;
};

struct FakeHost {
  static inline Object* site = nullptr;  // what capture_site returns
  static inline int polls = 0;
  static inline int poll_fails_at = 0;  // this poll throws; 0: none does
  static inline std::vector<std::string> warnings;

  static void install() {
    site = nullptr;
    polls = poll_fails_at = 0;
    warnings.clear();
    set_host({
        .incref = [](void* object) { ++static_cast<Object*>(object)->refs; },
        .decref = [](void* object) { --static_cast<Object*>(object)->refs; },
        .capture_site = [](int32_t* offset) -> void* {
          *offset = 0;
          if (site) ++site->refs;
          return site;
        },
        .describe_site = [](void* code, int32_t) { return static_cast<Object*>(code)->text; },
        .advise = [](const char*, void*, int32_t) { return std::string(); },
        .release_wrapper = [](TensorImpl*) {},
        .poll =
            [] {
              if (++polls == poll_fails_at) throw Error(ErrorKind::kPython, "interrupted");
            },
        .call_tensor_hook = [](void* hook, TensorImpl* grad) -> TensorImpl* {
          return static_cast<Object*>(hook)->hook(grad);
        },
        .call_node_hooks =
            [](void* hooks, TensorRef* grads, size_t n, const std::vector<TensorRef>* seen) {
              static_cast<Object*>(hooks)->node_hook(grads, n, seen);
            },
        .call_all = [](void* list) { static_cast<Object*>(list)->hook(nullptr); },
        .call_pack_hook = [](void*, TensorImpl*) -> void* { return nullptr; },
        .call_unpack_hook = [](void*, void*, TensorImpl*) -> TensorImpl* { return nullptr; },
        .call_write_hook = [](void*, TensorImpl*) {},
        .warn = [](const char*, const std::string& message) { warnings.push_back(message); },
    });
  }
};

}  // namespace rl::test

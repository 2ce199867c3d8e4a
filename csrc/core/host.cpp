#include "core/host.h"

#include <cstdio>

namespace rl {

namespace {
// Without Python: objects are not counted, frames have no source, hooks cannot exist.
const Host kBare = {
    .incref = [](void*) {},
    .decref = [](void*) {},
    .capture_site = [](int32_t*) -> void* { return nullptr; },
    .describe_site = [](void*, int32_t) { return std::string(); },
    .advise = [](const char*, void*, int32_t) { return std::string(); },
    .release_wrapper = [](TensorImpl*) {},
    .poll = [] {},
    .call_tensor_hook = [](void*, TensorImpl*) -> TensorImpl* { return nullptr; },
    .call_node_hooks = [](void*, Ref<TensorImpl>*, size_t, const std::vector<Ref<TensorImpl>>*) {},
    .call_all = [](void*) {},
    .call_pack_hook = [](void*, TensorImpl*) -> void* { return nullptr; },
    .call_unpack_hook = [](void*, void*, TensorImpl*) -> TensorImpl* { return nullptr; },
    .call_write_hook = [](void*, TensorImpl*) {},
    .warn =
        [](const char* category, const std::string& message) {
          std::fprintf(stderr, "%s: %s\n", category, message.c_str());
        },
};
}  // namespace

Host host_table = kBare;
void set_host(const Host& table) { host_table = table; }

}  // namespace rl

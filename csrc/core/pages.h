// Blocks from the system: from malloc, or mapped with huge pages where they are large.
#pragma once

#include <cstddef>

namespace rl {

// 64-byte aligned, contents undefined. Null where the system refuses.
void* system_alloc(size_t bytes);
// `bytes` as they were asked for.
void system_free(void* ptr, size_t bytes);

// RUSHLIGHT_ALLOC=debug: blocks between guards, filled with 0xff, which is nan in every floating
// type.
void* guarded_alloc(size_t bytes);
// Ends the process where a guard was written over or the size is another one.
void guarded_free(void* ptr, size_t bytes);

}  // namespace rl

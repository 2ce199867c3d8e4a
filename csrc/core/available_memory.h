// How much memory this process may still take.
#pragma once

#include <cstdint>

namespace rl {

// Bytes that can be had without swapping: what the machine has free or can drop, or what the
// control groups leave where that is less; INT64_MAX where neither says. Reads a few small files.
int64_t available_memory();

}  // namespace rl

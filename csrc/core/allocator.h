// Memory for small fixed-size objects and for tensor data. Both are called with the GIL held.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rl {

// Objects of the core (tensors, storages, nodes), aligned to 8 bytes. One free list per 8 bytes of
// size.
void* small_alloc_slow(size_t size_class);
constexpr size_t kSmallClasses = 129;  // up to 1024 bytes; larger objects are blocks of data
struct FreeBlock {
  FreeBlock* next;
};
extern FreeBlock* small_free_lists[kSmallClasses];

inline size_t small_class(size_t bytes) { return (bytes + 7) / 8; }

inline void* small_alloc(size_t bytes) {
#ifndef RL_SANITIZE
  size_t c = small_class(bytes);
  if (c < kSmallClasses) {
    if (FreeBlock* block = small_free_lists[c]) [[likely]] {
      small_free_lists[c] = block->next;
      return block;
    }
  }
  return small_alloc_slow(c);
#else
  return ::operator new(bytes);
#endif
}

void small_free_large(void* ptr, size_t size_class);

inline void small_free(void* ptr, size_t bytes) {
#ifndef RL_SANITIZE
  size_t c = small_class(bytes);
  if (c < kSmallClasses) [[likely]] {
    auto* block = static_cast<FreeBlock*>(ptr);
    block->next = small_free_lists[c];
    small_free_lists[c] = block;
    return;
  }
  small_free_large(ptr, c);
#else
  (void)bytes;
  ::operator delete(ptr);
#endif
}

// A figure that rises and falls.
struct Stat {
  int64_t current = 0;
  int64_t peak = 0;  // highest since reset
  int64_t increased = 0;
  int64_t decreased = 0;

  void increase(int64_t by) {
    current += by;
    increased += by;
    if (current > peak) peak = current;
  }
  void decrease(int64_t by) {
    current -= by;
    decreased += by;
  }
};

struct AllocatorStats {
  Stat allocated;            // bytes handed out, rounded up to the sizes of their classes
  Stat blocks;               // handed out
  Stat reserved;             // bytes held from the system: handed out or cached
  Stat segments;             // blocks held from the system
  int64_t retries = 0;       // the system refused until the cache was given back
  int64_t failures = 0;      // and refused for good
  int64_t object_bytes = 0;  // slabs of small objects; they are never given back
  int64_t slabs = 0;

  // Calls for memory so far, of either kind.
  int64_t system_calls() const { return segments.increased + slabs; }
};

// Tensor data, 64-byte aligned. Freed blocks are kept per class of sizes; those unused for longest
// go back to the system where they would be more than a quarter of the memory that is to be had, or
// where a new block needs the room.

// Returns at least `bytes` and sets `capacity` to the size of the block. Throws Error(kMemory).
void* data_alloc(size_t bytes, size_t* capacity);
void data_free(void* ptr, size_t capacity);
// Gives all cached blocks back to the system.
void data_empty_cache();
AllocatorStats& data_stats();

}  // namespace rl

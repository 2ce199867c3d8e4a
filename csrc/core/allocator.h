// Memory for small fixed-size objects and for tensor data. Both are called with the GIL held.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rl {

// Objects of the core (tensors, storages, nodes). One free list per 16 bytes of size.
void* small_alloc_slow(size_t size_class);
constexpr size_t kSmallClasses = 65;  // up to 1024 bytes; larger objects go to malloc
struct FreeBlock {
  FreeBlock* next;
};
extern FreeBlock* small_free_lists[kSmallClasses];

inline size_t small_class(size_t bytes) { return (bytes + 15) / 16; }

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

void small_free_large(void* ptr);

inline void small_free(void* ptr, size_t bytes) {
#ifndef RL_SANITIZE
  size_t c = small_class(bytes);
  if (c < kSmallClasses) [[likely]] {
    auto* block = static_cast<FreeBlock*>(ptr);
    block->next = small_free_lists[c];
    small_free_lists[c] = block;
    return;
  }
  small_free_large(ptr);
#else
  (void)bytes;
  ::operator delete(ptr);
#endif
}

// Tensor data, 64-byte aligned. Freed blocks are kept per size class and given back under pressure.
struct AllocatorStats {
  int64_t allocated = 0;       // bytes handed out now
  int64_t allocated_peak = 0;  // highest since reset
  int64_t reserved = 0;        // allocated + cached
  int64_t system_calls = 0;    // calls of the system allocator so far

  void add(size_t bytes) {
    allocated += static_cast<int64_t>(bytes);
    if (allocated > allocated_peak) allocated_peak = allocated;
  }
};

// Returns at least `bytes` and sets `capacity` to the class size. Throws Error(kMemory).
void* data_alloc(size_t bytes, size_t* capacity);
void data_free(void* ptr, size_t capacity);
// Gives all cached blocks back to the system.
void data_empty_cache();
AllocatorStats& data_stats();

}  // namespace rl

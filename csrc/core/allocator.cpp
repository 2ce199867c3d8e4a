// Slabs for small objects; size classes with quarter steps for data. Large blocks ask for huge
// pages.
#include "core/allocator.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <new>
#include <vector>

#include "core/error.h"

namespace rl {

FreeBlock* small_free_lists[kSmallClasses];

void* small_alloc_slow(size_t size_class) {
  size_t bytes = size_class * 16;
  if (size_class >= kSmallClasses) {
    void* ptr = std::malloc(bytes);
    if (!ptr) fail(ErrorKind::kMemory, "out of memory: ", bytes, " bytes for a graph object");
    return ptr;
  }
  // A slab is never given back: its blocks go round the free list.
  constexpr size_t kSlab = 64 * 1024;
  size_t count = kSlab / bytes;
  auto* slab = static_cast<char*>(std::aligned_alloc(64, kSlab));
  if (!slab) fail(ErrorKind::kMemory, "out of memory: ", kSlab, " bytes for graph objects");
  FreeBlock* head = nullptr;
  for (size_t k = count; k-- > 1;) {
    auto* block = reinterpret_cast<FreeBlock*>(slab + k * bytes);
    block->next = head;
    head = block;
  }
  small_free_lists[size_class] = head;
  return slab;
}

void small_free_large(void* ptr) { std::free(ptr); }

namespace {

constexpr size_t kSmallest = 64;
constexpr size_t kHugePage = 2 << 20;
// Cached bytes beyond which a freed large block goes straight back.
constexpr int64_t kCacheLimit = int64_t{2} << 30;

struct Class {
  size_t index;
  size_t bytes;
};

// Powers of two with quarter steps: at most 25 % is lost to rounding.
Class class_of(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;  // so that every class size maps to itself
  if (bytes <= kSmallest) return {0, kSmallest};
  int log2 = std::bit_width(bytes - 1) - 1;  // 2^log2 < bytes <= 2^(log2+1)
  size_t base = size_t{1} << log2;
  size_t step = base / 4;
  size_t quarter = (bytes - base + step - 1) / step;  // 1..4
  return {static_cast<size_t>((log2 - 6) * 4) + quarter, base + quarter * step};
}

struct Cache {
  std::vector<void*> free[64 * 4 + 1];
  int64_t cached = 0;
  AllocatorStats stats;
};

Cache& cache() {
  static Cache* instance = new Cache;  // never destroyed: tensors may outlive static destructors
  return *instance;
}

void* system_alloc(size_t bytes) {
  size_t alignment = bytes >= kHugePage ? kHugePage : 64;
  void* ptr = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#ifdef MADV_HUGEPAGE
  if (ptr && bytes >= kHugePage) madvise(ptr, bytes, MADV_HUGEPAGE);
#endif
  return ptr;
}

[[noreturn, gnu::cold]] void fail_memory(size_t bytes) {
  fail(ErrorKind::kMemory, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ",
       bytes, " bytes. Error code 12 (Cannot allocate memory)\n  ", cache().stats.allocated,
       " bytes are held by live tensors\n  fix: use a smaller shape, or let go of tensors (a graph "
       "that is kept alive holds its saved values).");
}

}  // namespace

AllocatorStats& data_stats() { return cache().stats; }

void* data_alloc(size_t bytes, size_t* capacity) {
  if (bytes > (size_t{1} << 47)) fail_memory(bytes);  // more than an address can say
  Class c = class_of(bytes);
  Cache& state = cache();
  *capacity = c.bytes;
  auto& list = state.free[c.index];
  if (!list.empty()) {
    void* ptr = list.back();
    list.pop_back();
    state.cached -= static_cast<int64_t>(c.bytes);
    state.stats.add(c.bytes);
    return ptr;
  }
  void* ptr = system_alloc(c.bytes);
  if (!ptr) {
    data_empty_cache();
    ptr = system_alloc(c.bytes);
  }
  if (!ptr) fail_memory(bytes);
  state.stats.add(c.bytes);
  ++state.stats.system_calls;
  state.stats.reserved += static_cast<int64_t>(c.bytes);
  return ptr;
}

void data_free(void* ptr, size_t capacity) {
  Cache& state = cache();
  state.stats.allocated -= static_cast<int64_t>(capacity);
#ifdef RL_SANITIZE
  constexpr bool keep = false;  // let AddressSanitizer see every use after free
#else
  bool keep = state.cached + static_cast<int64_t>(capacity) <= kCacheLimit;
#endif
  if (!keep) {
    std::free(ptr);
    state.stats.reserved -= static_cast<int64_t>(capacity);
    return;
  }
  state.free[class_of(capacity).index].push_back(ptr);
  state.cached += static_cast<int64_t>(capacity);
}

void data_empty_cache() {
  Cache& state = cache();
  for (auto& list : state.free) {
    for (void* ptr : list) std::free(ptr);
    list.clear();
    list.shrink_to_fit();
  }
  state.stats.reserved -= state.cached;
  state.cached = 0;
}

}  // namespace rl

// Slabs for small objects; size classes with quarter steps for data, and when to give it back.
#include "core/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "core/available_memory.h"
#include "core/error.h"
#include "core/pages.h"

namespace rl {

namespace {

constexpr size_t kSmallest = 64;
constexpr size_t kLargest = size_t{1} << 47;  // more than an address can say
// This much may be cached on every machine; beyond it, a quarter of what is to be had.
constexpr int64_t kFloor = 256 << 20;

struct Class {
  size_t index;
  size_t bytes;
};

// Powers of two with quarter steps: at most 25 % is lost to rounding.
[[gnu::always_inline]] inline Class class_of(size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;  // so that every class size maps to itself
  if (bytes <= kSmallest) return {0, kSmallest};
  int log2 = std::bit_width(bytes - 1) - 1;  // 2^log2 < bytes <= 2^(log2+1)
  size_t base = size_t{1} << log2;
  size_t quarter = ((bytes - base - 1) >> (log2 - 2)) + 1;  // 1..4
  return {static_cast<size_t>((log2 - 6) * 4) + quarter, base + (quarter << (log2 - 2))};
}

struct Cached {
  void* ptr;
  uint64_t freed_at;
};

// Free blocks of one class, the longest unused first.
struct FreeList {
  Cached* blocks;
  size_t head, end, room;

  bool empty() const { return head == end; }
  void* take_newest() { return blocks[--end].ptr; }
  void* take_oldest() { return blocks[head++].ptr; }
  bool put(Cached block) {
    if (end == room && !make_room()) return false;
    blocks[end++] = block;
    return true;
  }
  bool make_room() {
    if (head > room / 2) {
      std::memmove(blocks, blocks + head, (end - head) * sizeof(Cached));
      end -= head;
      head = 0;
      return true;
    }
    size_t more = std::max<size_t>(2 * room, 16);
    auto* moved = static_cast<Cached*>(std::realloc(blocks, more * sizeof(Cached)));
    if (!moved) return false;
    blocks = moved;
    room = more;
    return true;
  }
};

enum class Mode : uint8_t { kUnknown, kCaching, kExact, kGuarded };

struct Cache {
  FreeList free[64 * 4 + 1] = {};  // per class
  int64_t cached = 0;
  int64_t limit = kFloor;  // of `cached`; below 0 where nothing is kept
  int64_t unseen = 0;      // bytes that changed hands since the machine was asked
  uint64_t clock = 0;      // counts blocks that were freed
  Mode mode = Mode::kUnknown;
  AllocatorStats stats;
};

constinit Cache state;

// What every block passes on its way out and back.
inline void* hand_out(void* ptr, size_t bytes) {
  state.stats.allocated.increase(static_cast<int64_t>(bytes));
  state.stats.blocks.increase(1);
  return ptr;
}

void* from_system(size_t bytes) {
  void* ptr = state.mode == Mode::kGuarded ? guarded_alloc(bytes) : system_alloc(bytes);
  if (ptr) {
    state.stats.reserved.increase(static_cast<int64_t>(bytes));
    state.stats.segments.increase(1);
  }
  return ptr;
}

void to_system(void* ptr, size_t bytes) {
  if (state.mode == Mode::kGuarded)
    guarded_free(ptr, bytes);
  else
    system_free(ptr, bytes);
  state.stats.reserved.decrease(static_cast<int64_t>(bytes));
  state.stats.segments.decrease(1);
}

// The size of the blocks in list `index`.
size_t class_bytes(size_t index) {
  if (index == 0) return kSmallest;
  size_t base = size_t{1} << (6 + (index - 1) / 4);
  return base + base / 4 * ((index - 1) % 4 + 1);
}

// Gives back the blocks that were unused for longest until at most `target` bytes are cached.
void trim(int64_t target) {
  while (state.cached > std::max<int64_t>(target, 0)) {
    FreeList* oldest = nullptr;
    uint64_t first = UINT64_MAX, second = UINT64_MAX;  // when the oldest of two lists were freed
    for (FreeList& list : state.free) {
      if (list.empty()) continue;
      uint64_t freed_at = list.blocks[list.head].freed_at;
      if (freed_at < first) {
        second = first;
        first = freed_at;
        oldest = &list;
      } else if (freed_at < second) {
        second = freed_at;
      }
    }
    size_t bytes = class_bytes(static_cast<size_t>(oldest - state.free));
    while (state.cached > std::max<int64_t>(target, 0) && !oldest->empty() &&
           oldest->blocks[oldest->head].freed_at < second) {
      to_system(oldest->take_oldest(), bytes);
      state.cached -= static_cast<int64_t>(bytes);
    }
  }
}

// Asking takes some 0.3 ms; taking fresh memory as often, 15 ms and more.
bool time_to_look() { return state.unseen >= std::max(kFloor, state.limit / 4); }

// Asks the machine what it has left, sets the limit by it, and makes room for `wanted` bytes more.
void look(int64_t wanted) {
  state.unseen = 0;
  int64_t left = available_memory();
  int64_t whole = left > INT64_MAX - state.cached ? INT64_MAX : left + state.cached;
  state.limit = std::max(kFloor, whole / 4);
  trim(std::min(state.limit, whole - wanted));
}

[[noreturn, gnu::cold]] void fail_memory(size_t bytes) {
  AllocatorStats& stats = state.stats;
  ++stats.failures;
  int64_t left = available_memory();
  fail(ErrorKind::kMemory, "DefaultCPUAllocator: can't allocate memory: you tried to allocate ",
       bytes, " bytes. Error code 12 (Cannot allocate memory)\n  held        ",
       stats.allocated.current, " bytes by ", stats.blocks.current, " tensors, at most ",
       stats.allocated.peak, " at one time\n  cached      ", state.cached,
       " bytes for reuse\n  available   ", left == INT64_MAX ? "unknown" : std::to_string(left),
       left == INT64_MAX ? "" : " bytes on this machine or in its control group",
       "\n  fix: use a smaller shape, or let go of tensors (a graph that is kept alive holds its "
       "saved values).");
}

void choose_mode() {
  const char* wish = std::getenv("RUSHLIGHT_ALLOC");
  state.mode = Mode::kCaching;
#ifdef RL_SANITIZE
  state.mode = Mode::kExact;  // let AddressSanitizer see every access behind a block or after it
#endif
  if (wish && std::strcmp(wish, "debug") == 0) state.mode = Mode::kGuarded;
  if (state.mode != Mode::kCaching) state.limit = -1;
}

// No cached block fits.
[[gnu::noinline]] void* alloc_slow(size_t bytes, size_t* capacity) {
  if (bytes > kLargest) fail_memory(bytes);
  if (state.mode == Mode::kUnknown) choose_mode();
  size_t exact = state.mode == Mode::kGuarded ? bytes : (bytes + 63) / 64 * 64;
  size_t size = state.mode == Mode::kCaching ? class_of(bytes).bytes : exact;
  state.unseen += static_cast<int64_t>(size);
  if (state.cached && time_to_look()) look(static_cast<int64_t>(size));
  void* ptr = from_system(size);
  if (!ptr && state.cached) {
    ++state.stats.retries;
    trim(0);
    ptr = from_system(size);
  }
  if (!ptr && exact != size) ptr = from_system(size = exact);  // it may be the rounding that fails
  if (!ptr) fail_memory(bytes);
  *capacity = size;
  return hand_out(ptr, size);
}

inline void keep(void* ptr, Class c) {
  if (!state.free[c.index].put({ptr, ++state.clock})) return to_system(ptr, c.bytes);
  state.cached += static_cast<int64_t>(c.bytes);
}

// The cache is full, or the block is of no class.
[[gnu::noinline]] void free_slow(void* ptr, size_t capacity, Class c) {
  auto bytes = static_cast<int64_t>(capacity);
  if (state.mode != Mode::kCaching || c.bytes != capacity) return to_system(ptr, capacity);
  state.unseen += bytes;
  if (time_to_look()) look(0);
  if (bytes > state.limit) return to_system(ptr, capacity);
  trim(state.limit - bytes);
  keep(ptr, c);
}

}  // namespace

AllocatorStats& data_stats() { return state.stats; }

void* data_alloc(size_t bytes, size_t* capacity) {
  if (bytes <= kLargest) [[likely]] {
    Class c = class_of(bytes);
    FreeList& list = state.free[c.index];
    if (!list.empty()) [[likely]] {
      state.cached -= static_cast<int64_t>(c.bytes);
      *capacity = c.bytes;
      return hand_out(list.take_newest(), c.bytes);
    }
  }
  return alloc_slow(bytes, capacity);
}

void data_free(void* ptr, size_t capacity) {
  auto bytes = static_cast<int64_t>(capacity);
  state.stats.allocated.decrease(bytes);
  state.stats.blocks.decrease(1);
  Class c = class_of(capacity);
  if (state.cached + bytes > state.limit || c.bytes != capacity) [[unlikely]]
    return free_slow(ptr, capacity, c);
  keep(ptr, c);
}

void data_empty_cache() {
  trim(0);
  for (FreeList& list : state.free) {
    std::free(list.blocks);
    list = {};
  }
}

FreeBlock* small_free_lists[kSmallClasses];

// Of its class's own size, so that the size at its end is known.
static size_t large_object(size_t size_class) { return class_of(size_class * 8).bytes; }

void* small_alloc_slow(size_t size_class) {
  size_t bytes = size_class * 8;
  if (size_class >= kSmallClasses) return data_alloc(large_object(size_class), &bytes);
  // A slab is never given back: its blocks go round the free list.
  constexpr size_t kSlab = 64 * 1024;
  size_t count = kSlab / bytes;
  auto* slab = static_cast<char*>(system_alloc(kSlab));
  if (!slab) fail(ErrorKind::kMemory, "out of memory: ", kSlab, " bytes for graph objects");
  state.stats.object_bytes += kSlab;
  ++state.stats.slabs;
  FreeBlock* head = nullptr;
  for (size_t k = count; k-- > 1;) {
    auto* block = reinterpret_cast<FreeBlock*>(slab + k * bytes);
    block->next = head;
    head = block;
  }
  small_free_lists[size_class] = head;
  return slab;
}

void small_free_large(void* ptr, size_t size_class) { data_free(ptr, large_object(size_class)); }

}  // namespace rl

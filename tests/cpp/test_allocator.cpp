// The allocator: size classes, reuse, what is given back when, and memory that is tight.
#include "core/allocator.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <vector>

#include "check.h"
#include "core/available_memory.h"
#include "core/error.h"

namespace rl {

namespace {

struct Block {
  void* ptr;
  size_t capacity;
};

Block take(size_t bytes) {
  Block block{};
  block.ptr = data_alloc(bytes, &block.capacity);
  return block;
}

void give(const Block& block) { data_free(block.ptr, block.capacity); }

int64_t cached() { return data_stats().reserved.current - data_stats().allocated.current; }

TEST(blocks_hold_what_was_asked_for_and_at_most_a_quarter_more) {
  for (size_t bytes = 33; bytes < 100 << 20; bytes += bytes / 7 + 1) {
    Block block = take(bytes);
    CHECK(block.capacity >= bytes);
    CHECK(block.capacity <= std::max<size_t>(64, (bytes + 63) / 64 * 64 * 5 / 4));
    CHECK_EQ(reinterpret_cast<uintptr_t>(block.ptr) % 64, 0u);
    static_cast<char*>(block.ptr)[0] = static_cast<char*>(block.ptr)[bytes - 1] = 1;
    give(block);
  }
  data_empty_cache();
  CHECK_EQ(data_stats().reserved.current, data_stats().allocated.current);
  CHECK_EQ(data_stats().segments.current, data_stats().blocks.current);
}

TEST(stats_count_blocks_and_bytes) {
  AllocatorStats before = data_stats();
  data_stats().allocated.peak = before.allocated.current;
  Block one = take(1000), two = take(5000);
  int64_t bytes = static_cast<int64_t>(one.capacity + two.capacity);
  CHECK_EQ(data_stats().allocated.current - before.allocated.current, bytes);
  CHECK_EQ(data_stats().blocks.current - before.blocks.current, 2);
  give(one);
  give(two);
  CHECK_EQ(data_stats().allocated.current, before.allocated.current);
  CHECK_EQ(data_stats().allocated.peak - before.allocated.current, bytes);
  CHECK_EQ(data_stats().allocated.increased - before.allocated.increased, bytes);
  CHECK_EQ(data_stats().blocks.decreased - before.blocks.decreased, 2);
}

TEST(large_objects_are_blocks_and_small_ones_come_from_slabs) {
#ifndef RL_SANITIZE
  int64_t blocks = data_stats().blocks.current, slabs = data_stats().slabs;
  void* large = small_alloc(2000);
  CHECK_EQ(data_stats().blocks.current, blocks + 1);
  small_free(large, 2000);
  CHECK_EQ(data_stats().blocks.current, blocks);
  std::vector<void*> objects;
  for (int i = 0; i < 100; ++i) objects.push_back(small_alloc(1000));
  CHECK(data_stats().slabs > slabs);
  slabs = data_stats().slabs;
  for (void* object : objects) small_free(object, 1000);
  for (void*& object : objects) object = small_alloc(1000);
  CHECK_EQ(data_stats().slabs, slabs);
  for (void* object : objects) small_free(object, 1000);
#endif
}

#ifndef RL_SANITIZE  // which keeps nothing

TEST(freed_blocks_are_used_again) {
  for (size_t bytes : {100u, 4096u, 400'000u, 8'000'000u}) {
    Block first = take(bytes);
    give(first);
    int64_t calls = data_stats().system_calls();
    Block second = take(bytes);
    CHECK(second.ptr == first.ptr);
    CHECK_EQ(data_stats().system_calls(), calls);
    give(second);
  }
}

// A quarter of the machine's memory is kept. Nothing is written into the blocks, so they cost none.
TEST(blocks_that_were_unused_for_longest_go_first) {
  data_empty_cache();
  int64_t available = available_memory();
  CHECK(available > 0);
  auto bytes = static_cast<size_t>(std::min<int64_t>(available, int64_t{1} << 40) / 32);
  if (bytes < 64 << 20) return;  // the first 256 MiB are kept whatever there is
  std::vector<Block> blocks;
  for (int i = 0; i < 14; ++i) blocks.push_back(take(bytes));
  for (const Block& block : blocks) give(block);
  auto size = static_cast<int64_t>(blocks[0].capacity);
  CHECK(cached() >= 2 * size);
  CHECK(cached() < available / 5 * 2);
  int64_t calls = data_stats().system_calls();
  std::vector<Block> again;
  for (int64_t i = 0, n = cached() / size; i < n; ++i) {
    again.push_back(take(bytes));
    CHECK(again.back().ptr == blocks[13 - i].ptr);
  }
  CHECK_EQ(data_stats().system_calls(), calls);
  for (const Block& block : again) give(block);
  // Small blocks that are used in between stay, the large ones make way.
  Block small = take(1 << 20);
  give(small);
  for (int i = 0; i < 40; ++i) {
    Block other = take(bytes + bytes / 2 + static_cast<size_t>(i % 2) * bytes);
    small = take(1 << 20);
    give(small);
    give(other);
  }
  calls = data_stats().system_calls();
  give(take(1 << 20));
  CHECK_EQ(data_stats().system_calls(), calls);
  data_empty_cache();
}

// Runs `body` in a process that may map `more` bytes beyond what it has.
template <class Body>
bool holds_within(size_t more, Body body) {
  pid_t child = fork();
  if (child == 0) {
    size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit{pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + more, RLIM_INFINITY};
    if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(3);
    bool held = false;
    try {
      held = body();
    } catch (const Error&) {
    }
    _exit(held ? 0 : 1);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

constexpr size_t kGiB = size_t{1} << 30;

TEST(rounding_up_never_refuses_what_would_fit) {
  CHECK(holds_within(kGiB + (16 << 20), [] {
    data_empty_cache();
    int64_t reserved = data_stats().reserved.current;
    Block block = take(kGiB + 4096);  // its class has 1.25 GiB
    bool exact = block.capacity == kGiB + 4096;
    static_cast<char*>(block.ptr)[kGiB + 4095] = 1;
    give(block);
    return exact && data_stats().reserved.current == reserved;
  }));
}

TEST(cache_is_emptied_before_an_allocation_fails) {
  CHECK(holds_within(kGiB, [] {
    data_empty_cache();
    for (int i = 0; i < 2; ++i) give(take(300 << 20));
    Block kept = take(200 << 20);
    Block block = take(700 << 20);
    bool retried = data_stats().retries == 1 && data_stats().failures == 0;
    give(block);
    give(kept);
    return retried;
  }));
}

#endif

TEST(what_cannot_be_had_says_so_and_changes_nothing) {
  AllocatorStats before = data_stats();
  for (size_t bytes : {size_t{1} << 46, (size_t{1} << 47) + 1, SIZE_MAX}) {
    std::string message;
    try {
      take(bytes);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::kMemory);
      message = error.message();
    }
    CHECK(message.find("you tried to allocate " + std::to_string(bytes)) != std::string::npos);
    CHECK(message.find("\n  held ") != std::string::npos);
  }
  CHECK_EQ(data_stats().allocated.peak, before.allocated.peak);
  CHECK_EQ(data_stats().reserved.current - cached(), before.allocated.current);
  CHECK_EQ(data_stats().failures, before.failures + 3);
}

}  // namespace

}  // namespace rl

TEST_MAIN

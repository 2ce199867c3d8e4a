// What a profile keeps of each operation, node and labelled block, in memory that is made in chunks
// and read when the profile is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "core/site.h"
#include "python/python.h"

namespace rl::python {

enum class EventKind : uint8_t { kOp, kTurn, kNode, kFunction, kLabel };

constexpr uint32_t kNoEvent = UINT32_MAX;

// One line of the cache.
struct alignas(64) Event {
  const char* name = nullptr;
  uint64_t start = 0, end = 0;  // ticks
  uint64_t node_end = 0;        // of a turn: its node ran from the turn's start to here
  int64_t sequence = -1;
  void* code = nullptr;  // of the Site, counted
  int32_t offset = 0;
  uint32_t parent = kNoEvent;
  uint32_t details = kNoEvent;
  EventKind kind = EventKind::kOp;
  bool in_place = false;
  bool outermost = false;  // no operation or node around it: it has a Site of its own

  void set_site(Site site) {
    offset = site.offset();
    code = site.release_code();
  }
};
static_assert(sizeof(Event) == 64);

// What only some profiles ask for.
struct EventDetails {
  std::vector<std::vector<int64_t>> shapes;
  int64_t memory = 0;  // bytes: at the beginning, then what the event added
  std::string text;    // what a label was given beside its name
  PyRef stack;         // a tuple of (code, line number), the innermost first
};

// The events of one thread, in the order in which they began; their addresses stay.
class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog() {
    for (uint32_t i = 0; i < size_; ++i)
      if (void* code = at(i).code) host().decref(code);
    auto& kept = spare();
    while (kept.size() < kSpare && !chunks_.empty()) {
      kept.push_back(std::move(chunks_.back()));
      chunks_.pop_back();
    }
  }
  // Makes sure that the first events find memory that the system has given already.
  static void prepare() {
    auto& kept = spare();
    while (kept.size() < kPrepared) {
      kept.push_back(std::make_unique_for_overwrite<Chunk>());
      std::memset(kept.back()->bytes, 0, sizeof kept.back()->bytes);
    }
  }
  uint32_t size() const { return size_; }
  Event& at(uint32_t i) { return *std::launder(reinterpret_cast<Event*>(place(i))); }
  Event& append() {
    if (size_ / kChunk == chunks_.size()) [[unlikely]]
      grow();
    return *new (place(size_++)) Event;
  }
  EventDetails& details_of(Event& event) {
    if (event.details == kNoEvent) {
      event.details = static_cast<uint32_t>(details.size());
      details.emplace_back();
    }
    return details[event.details];
  }
  // The name by an address that lives as long as the log.
  const char* intern(const char* name) { return names_.insert(name).first->c_str(); }

  std::deque<EventDetails> details;

 private:
  std::unordered_set<std::string> names_;
  static constexpr uint32_t kChunk = 512;
  static constexpr size_t kPrepared = 32, kSpare = 128;  // 1 and 4 MB
  // Written by append() only: a profile pays for each line of the cache.
  struct Chunk {
    alignas(Event) std::byte bytes[kChunk * sizeof(Event)];
  };
  static_assert(std::is_trivially_destructible_v<Event>);
  std::byte* place(uint32_t i) { return chunks_[i / kChunk]->bytes + i % kChunk * sizeof(Event); }
  // Chunks of profiles that are gone.
  static std::vector<std::unique_ptr<Chunk>>& spare() {
    static auto* chunks = new std::vector<std::unique_ptr<Chunk>>;
    return *chunks;
  }
  void grow() {
    auto& kept = spare();
    if (kept.empty()) return chunks_.push_back(std::make_unique_for_overwrite<Chunk>());
    chunks_.push_back(std::move(kept.back()));
    kept.pop_back();
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  uint32_t size_ = 0;
};

}  // namespace rl::python

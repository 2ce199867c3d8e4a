// The bytes behind tensors. All reads go through data(), all writes through mut_data(); nobody
// keeps the pointer across an op.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "core/allocator.h"
#include "core/ref.h"

namespace rl {

// Memory that can outlive a resize of the storage that uses it.
struct DataBlock {
  uint32_t refs;
  void* ptr;
  size_t capacity;
  // Memory that somebody else owns (NumPy, a buffer): released through this function.
  void (*release_owner)(void* owner);
  void* owner;
};

class Storage {
 public:
  static constexpr size_t kInline = 32;

  // Uninitialised bytes.
  static Ref<Storage> allocate(size_t bytes) {
    void* memory = small_alloc(sizeof(Storage));
    return Ref<Storage>::steal(new (memory) Storage(bytes));
  }
  // Bytes of another owner; `release_owner(owner)` runs when the last tensor goes.
  static Ref<Storage> adopt(void* ptr, size_t bytes, void* owner, void (*release_owner)(void*),
                            bool writable);

  const void* data() const { return data_; }
  void* mut_data() { return data_; }
  size_t bytes() const { return bytes_; }
  bool writable() const { return writable_; }
  // False for memory of another owner, or that another library looks at: it cannot move.
  bool resizable() const {
    return !shared_outside_ && !pinned_ && !(block() && block_->release_owner);
  }
  // Somebody outside holds the pointer (a NumPy array): the memory must stay where it is.
  void share_outside() { shared_outside_ = true; }
  // The same for as long as somebody outside says so.
  void set_pinned(bool on) { pinned_ = on; }
  // Keeps the first min(old, new) bytes.
  void resize(size_t bytes);

  // Keeps the memory where it is and alive, even where the storage goes or takes other memory.
  class Pin {
   public:
    explicit Pin(Storage& storage) : storage_(Ref<Storage>::borrow(&storage)) {
      if ((block_ = storage.block())) ++block_->refs;
    }
    Pin(Pin&& other) noexcept
        : storage_(std::move(other.storage_)), block_(std::exchange(other.block_, nullptr)) {}
    Pin& operator=(Pin&&) = delete;
    ~Pin() {
      if (block_) drop_block(block_);
    }

   private:
    Ref<Storage> storage_;
    DataBlock* block_;
  };

  uint32_t refs() const { return refs_; }
  void retain() { ++refs_; }
  void release() {
    if (--refs_ == 0) {
      if (DataBlock* held = block()) drop_block(held);
      small_free(this, sizeof(Storage));
    }
  }

 private:
  explicit Storage(size_t bytes) : bytes_(bytes) {
    if (bytes <= kInline) [[likely]] {
      data_ = payload_;
    } else {
      allocate_block(bytes);
    }
  }
  void allocate_block(size_t bytes);
  static void drop_block(DataBlock* block);
  DataBlock* block() const { return data_ == payload_ ? nullptr : block_; }

  uint32_t refs_ = 1;
  bool writable_ = true;
  bool shared_outside_ = false;
  bool pinned_ = false;
  char* data_;
  size_t bytes_;
  union {
    DataBlock* block_;
    char payload_[kInline];  // where data_ points here
  };
};

}  // namespace rl

#include "core/storage.h"

#include <cstring>
#include <new>

namespace rl {

Ref<Storage> Storage::adopt(void* ptr, size_t bytes, void* owner, void (*release_owner)(void*),
                            bool writable) {
  Ref<Storage> storage = allocate(0);
  auto* block = static_cast<DataBlock*>(small_alloc(sizeof(DataBlock)));
  *block = {1, ptr, 0, release_owner, owner};
  storage->block_ = block;
  storage->data_ = static_cast<char*>(ptr);
  storage->bytes_ = bytes;
  storage->writable_ = writable;
  return storage;
}

void Storage::allocate_block(size_t bytes) {
  size_t capacity = 0;
  void* ptr;
  try {
    ptr = data_alloc(bytes, &capacity);
  } catch (...) {
    // The constructor throws: give the object's own memory back.
    small_free(this, sizeof(Storage));
    throw;
  }
  block_ = static_cast<DataBlock*>(small_alloc(sizeof(DataBlock)));
  *block_ = {1, ptr, capacity, nullptr, nullptr};
  data_ = static_cast<char*>(ptr);
}

void Storage::drop_block(DataBlock* block) {
  if (--block->refs) return;
  if (block->release_owner)
    block->release_owner(block->owner);
  else
    data_free(block->ptr, block->capacity);
  small_free(block, sizeof(DataBlock));
}

void Storage::resize(size_t bytes) {
  DataBlock* old = block();
  if (bytes > bytes_ && !(old && bytes <= old->capacity) && bytes > kInline) {
    size_t capacity = 0;
    void* ptr = data_alloc(bytes, &capacity);
    std::memcpy(ptr, data_, bytes_);
    auto* block = static_cast<DataBlock*>(small_alloc(sizeof(DataBlock)));
    *block = {1, ptr, capacity, nullptr, nullptr};
    if (old) drop_block(old);
    block_ = block;
    data_ = static_cast<char*>(ptr);
  }
  bytes_ = bytes;
}

}  // namespace rl

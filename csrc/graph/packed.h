// SavedPack: what a pair of hooks keeps in the place of a saved tensor.
#pragma once

#include "graph/saved.h"

namespace rl {

// What pack() made of a tensor, and what that tensor was.
struct SavedPack {
  SavedPack() = default;
  SavedPack(const SavedPack&) = delete;
  SavedPack& operator=(const SavedPack&) = delete;
  ~SavedPack();

  void* packed = nullptr;  // counted
  void* unpack = nullptr;  // counted
  // Where pack() returned the node's own output itself: in `packed` that would be a cycle.
  SavedSlot kept;
  TensorRef held;        // while the node runs: what unpack() returned
  uint32_t holders = 0;  // runs of the node, inside each other or on several threads
  bool own_output = false;
  uint16_t output_nr = 0;
  DType dtype{};
  Dims sizes;
  Edge edge;  // counted: the history of an input, none of one that does not require grad
};

template <class F>
int SavedSlot::visit_packed(F&& f) const {
  if (kind_ == SavedKind::kList) {
    for (const SavedSlot& slot : word_.list->slots)
      if (int stop = slot.visit_packed(f)) return stop;
  } else if (kind_ == SavedKind::kPacked) {
    for (void* object : {word_.pack->packed, word_.pack->unpack})
      if (int stop = object ? f(object) : 0) return stop;
  }
  return 0;
}

// Calls unpack(); the tensor it returned, with the history of the one that was saved.
TensorRef unpack_packed(Node* node, const SavedPack& pack);

}  // namespace rl

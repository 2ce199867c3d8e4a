// SavedSlot: one value that a node keeps for its derivative. 16 bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "graph/node.h"

namespace rl {

enum class SavedKind : uint8_t {
  kNone,
  kInput,        // an input tensor, counted, with the version it had
  kOutput,       // the node's own output while that tensor lives: not counted, so no cycle exists
  kOwnedOutput,  // the same after the tensor died or moved on: counted, without an edge
  kDouble,
  kInt,
  kBool,
  kDims,
  kFewDims,  // two at most, of 32 bits: in the slot itself, their count in output_nr_
  kString,   // a literal, not owned
  kList,     // several inputs
  kPacked,   // what a hook made of a tensor
  kFreed,    // released by a backward pass, which it names
};

struct SavedList;
struct SavedPack;

// The pass that let go of saved values; one for all that it freed.
struct FreedBy {
  uint32_t refs = 1;
  Site site;
  uint64_t root;       // the sequence number of the last root
  uint64_t last_made;  // and of the newest node when the pass began

  static Ref<FreedBy> make(Site site, uint64_t root);
  void retain() { ++refs; }
  void release();
};

class SavedSlot {
 public:
  SavedKind kind() const { return kind_; }
  bool is_tensor() const {
    return kind_ == SavedKind::kInput || kind_ == SavedKind::kOutput ||
           kind_ == SavedKind::kOwnedOutput;
  }

  void save_input(TensorImpl* input);
  void save_output(TensorImpl* output);
  // An output by its bytes and version, counted, without an edge: the result of a write into a
  // view, or an output that another slot of the node holds already.
  void save_own_alias(TensorImpl* output);
  void save_list(TensorImpl* const* tensors, int n);
  void save_double(double value) {
    kind_ = SavedKind::kDouble;
    word_.d = value;
  }
  void save_int(int64_t value) {
    kind_ = SavedKind::kInt;
    word_.i = value;
  }
  void save_bool(bool value) {
    kind_ = SavedKind::kBool;
    word_.i = value;
  }
  void save_dims(const Dims& dims);
  // Any number of them: read back with as_ints().
  void save_ints(const int64_t* numbers, int64_t n);
  // The shapes of several tensors: {ndim, sizes...} each.
  void save_shapes(TensorImpl* const* tensors, int n);
  std::vector<Dims> as_shapes() const;
  void save_string(const char* text) {
    kind_ = SavedKind::kString;
    word_.s = text;
  }

  // A value that could not be kept.
  void save_gone() { kind_ = SavedKind::kFreed, word_.freed = nullptr; }
  // Of a tensor: nobody has written to it since.
  bool is_current() const { return word_.t->version() == version_; }

  // The saved tensor, its version checked. With `linked`, an output comes with its grad_fn, as
  // create_graph and `_saved_result` need it. Throws when changed in place or freed.
  TensorRef unpack(Node* node, bool linked) const;
  // As unpack() of a tensor, whatever its version.
  TensorRef tensor(Node* node, bool linked) const;
  std::vector<TensorRef> unpack_list(Node* node, bool linked) const;
  TensorImpl* raw_tensor() const { return word_.t; }
  // Of the node's own output: which.
  uint16_t output_nr() const { return output_nr_; }
  // The version that the tensor had.
  uint32_t version() const { return version_; }
  // The pass that let go of the value; null where it is there, or could never be kept.
  const FreedBy* freed_by() const { return kind_ == SavedKind::kFreed ? word_.freed : nullptr; }
  double as_double() const { return kind_ == SavedKind::kDouble ? word_.d : double(word_.i); }
  int64_t as_int() const { return word_.i; }
  bool as_bool() const { return word_.i != 0; }
  const char* as_string() const { return word_.s; }
  Dims as_dims() const;
  std::vector<int64_t> as_ints() const;
  bool is_dims() const { return kind_ == SavedKind::kDims || kind_ == SavedKind::kFewDims; }

  // Hands the tensor, or each of the list, to pack() and keeps what that returns; nothing happens
  // to other values. `detached`: pack() sees it without history. Throws when it is packed already.
  void pack(Node* node, void* pack, void* unpack, bool detached);
  // A packed tensor, or a list with one.
  bool has_pack() const;
  // Of a packed tensor.
  SavedPack& packed() const { return *word_.pack; }
  std::vector<SavedSlot>& list() const;
  // f(object) for each Python object that hooks left here; stops at the first that is not 0.
  template <class F>
  int visit_packed(F&& f) const;
  void visit_held(HeldVisitor& visitor) const;

  // Drops the value. `freed_by`: remembered for the error of a second backward, counted.
  // `tensor_like`: a number in a tensor's place, which is gone after a pass as the tensor would be.
  void release(FreedBy* freed_by, bool tensor_like = false);

  bool adopt_output(TensorImpl* output, bool keep);
  void detach_output(TensorImpl* output);

 private:
  [[noreturn]] void fail_freed(Node* node) const;
  [[noreturn]] void fail_version(Node* node) const;

  union {
    TensorImpl* t;
    double d;
    int64_t i;
    const char* s;
    SavedList* list;
    SavedPack* pack;
    int64_t* dims;  // dims[0] is the count
    FreedBy* freed;
  } word_ = {.i = 0};
  uint32_t version_ = 0;
  SavedKind kind_ = SavedKind::kNone;
  uint16_t output_nr_ = 0;
};

struct SavedList {
  std::vector<SavedSlot> slots;
};

// The same bytes and version, without a history.
TensorRef alias_of(TensorImpl* t);
// Makes `t` what the node computes as this output.
void link_output(TensorImpl* t, Node* node, uint32_t output_nr);
// Throws the sentence with the statement that uses the inference tensor `t`.
[[noreturn, gnu::cold]] void fail_inference(const char* sentence, const char* label, TensorImpl* t);
// Throws "Trying to backward through the graph a second time ...".
[[noreturn, gnu::cold]] void fail_second_backward(Node* node, const FreedBy& freed_by);

}  // namespace rl

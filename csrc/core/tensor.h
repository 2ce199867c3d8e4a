// TensorImpl: geometry, state bits, autograd links. Knows no operation.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "core/ref.h"
#include "core/shape.h"
#include "core/site.h"
#include "core/storage.h"

namespace rl {

class Node;
class TensorImpl;
using TensorRef = Ref<TensorImpl>;

// graph/cycles.cpp: the .grad of a waiting tensor is about to change; it dies.
void cycle_changed(TensorImpl* t);
void cycle_forget(TensorImpl* t) noexcept;
// A tensor that a node holds got a new history, which may lead to that node.
void cycle_moved(TensorImpl* t);
// A watched object lost a reference: true where that was the last, and it must die.
bool cycle_released(TensorImpl* t) noexcept;

// Bits that take a call off the straight path; the door tests the OR over all inputs once.
enum Key : uint8_t {
  kRequiresGrad = 1,
  kInference = 2,
  kView = 8,      // looks at another tensor's memory: may lag behind its base's history
  kCut = 4,       // does not require grad though something it came from does: see Cut
  kCutSite = 16,  // and holds the Site where that happened
};

// What a view remembers of the circumstances it was made in.
enum class Creation : uint8_t {
  kDefault,
  kNoGradMode,
  kInferenceMode,
  kMultiOutput,     // one of several views that one operation made
  kCustomFunction,  // returned by an autograd.Function
};

// Why a tensor made from one that requires grad does not.
enum class Cut : uint8_t {
  kNone,
  kNoGrad,
  kDetach,
  kDtype,
  kMarked,
  kCopied,    // torch.tensor(tensor) took the values
  kBackward,  // a backward pass computed it, without create_graph
};

// Count of in-place writes and the last writer. Shared by views and detach(); `.data` has its own.
struct Version {
  uint32_t refs = 1;
  uint32_t value = 0;
  Site writer;

  void retain() { ++refs; }
  void release();
};

// Python callables in registration order; ids are what RemovableHandle holds.
struct HookList;
// The operations between a base and its view: ops/replay.h.
struct ViewChain;

// What few tensors have.
struct Extension {
  TensorImpl* base = nullptr;  // strong: the root that this view looks at
  Creation creation = Creation::kDefault;
  bool own_grad = false;           // requires_grad_() was called on the view, not on its base
  uint32_t seen_version = 0;       // the view's grad_fn belongs to this version
  ViewChain* chain = nullptr;      // how the view was made, if view replay was on
  HookList* hooks = nullptr;       // tensor hooks of a leaf
  HookList* post_hooks = nullptr;  // of a leaf: run after .grad has changed
  Node* accumulator = nullptr;     // counted; of a leaf handed out in the place of a saved one
  Site cut;                        // of a view, or of what came to require grad later
};

class TensorImpl {
 public:
  // A fresh contiguous tensor with uninitialised elements.
  static TensorRef empty(DType dtype, const int64_t* sizes, int n);
  static TensorRef empty(DType dtype, const Dims& sizes) { return empty(dtype, sizes.v, sizes.n); }
  // Another geometry over the same bytes. Shares neither version nor base: graph/view sets them.
  static TensorRef alias(const Ref<Storage>& storage, DType dtype, const Dims& sizes,
                         const int64_t* strides, int64_t offset);

  DType dtype() const { return dtype_; }
  int ndim() const { return ndim_; }
  const int64_t* sizes() const { return ndim_ <= kInlineDims ? dims_.inline_v : dims_.heap; }
  const int64_t* strides() const {
    return ndim_ <= kInlineDims ? dims_.inline_v + kInlineDims : dims_.heap + ndim_;
  }
  Dims shape() const { return Dims(sizes(), ndim_); }
  int64_t numel() const {
    const int64_t* s = sizes();
    int64_t product = 1;
    for (int i = 0; i < ndim_; ++i) product *= s[i];
    return product;
  }
  bool is_contiguous() const { return contiguous_; }
  int64_t offset() const { return offset_; }
  // Changes sizes and strides in place (resize_, set_data, t_).
  void set_geometry(const Dims& sizes, const int64_t* strides, int64_t offset);

  const Ref<Storage>& storage() const { return storage_; }
  void set_dtype(DType dtype) { dtype_ = dtype; }  // of other bytes: set_storage goes with it
  void set_storage(Ref<Storage> storage) { storage_ = std::move(storage); }
  const char* data() const { return static_cast<const char*>(storage_->data()) + offset_bytes(); }
  char* mut_data() { return static_cast<char*>(storage_->mut_data()) + offset_bytes(); }

  uint8_t key() const { return key_; }
  bool requires_grad() const { return key_ & kRequiresGrad; }
  bool is_inference() const { return key_ & kInference; }
  void set_inference() { key_ |= kInference; }
  Cut cut() const { return cut_; }
  // `where`: the statement, kept in the words that a leaf without grad does not use.
  void set_cut(Cut why, Site where = {}) {
    if (key_ & kCutSite) [[unlikely]]
      drop_cut_site();
    cut_ = why;
    key_ |= kCut;
    if (!where || !leaf_ || node_ || key_ & kRequiresGrad) return;
    output_nr_ = static_cast<uint32_t>(where.offset());
    cut_code_ = where.release_code();
    key_ |= kCutSite;
  }
  void set_cut_as(const TensorImpl& other) {
    if (other.key_ & kCut) set_cut(other.cut_, other.cut_site());
  }
  void clear_cut() {
    if (key_ & kCutSite) [[unlikely]]
      drop_cut_site();
    cut_ = Cut::kNone;
    key_ = static_cast<uint8_t>(key_ & ~kCut);
  }
  // Where it was cut off, also where it has become a leaf that requires grad since.
  Site cut_site() const;

  // The node that computed this tensor, null for leaves, and which of its outputs this is.
  Node* grad_fn() const { return leaf_ ? nullptr : node_; }
  uint32_t output_nr() const { return output_nr_; }
  bool is_leaf() const { return leaf_; }
  // Takes a count of `node`; the tensor stops being a leaf. Null makes it a leaf without grad.
  void set_grad_fn(Node* node, uint32_t output_nr);
  void set_requires_grad(bool on) {  // leaves only
    if (on && key_ & kCut) [[unlikely]]
      begin_anew();
    key_ = static_cast<uint8_t>(on ? key_ | kRequiresGrad : key_ & ~kRequiresGrad);
  }
  // The AccumulateGrad of a leaf while one lives; not counted.
  Node* accumulator() const { return leaf_ && !(key_ & kCutSite) ? node_ : nullptr; }
  void set_accumulator(Node* node) { node_ = node; }

  const TensorRef& grad() const { return grad_; }
  void set_grad(TensorRef grad) {
    if (waiting_) [[unlikely]]
      cycle_changed(this);
    grad_ = std::move(grad);
  }
  TensorRef take_grad() { return std::move(grad_); }
  bool retains_grad() const { return retains_grad_; }
  void set_retains_grad(bool on) { retains_grad_ = on; }

  // The node that made this tensor saves it as its own output (see graph/saved.h).
  bool saved_by_grad_fn() const { return saved_by_grad_fn_; }
  void set_saved_by_grad_fn(bool on) { saved_by_grad_fn_ = on; }

  // Some node has saved this tensor, or a view of it, as an input.
  void set_saved() { saved_ = true; }
  // It got its history after a node had come to hold it: that may be a cycle.
  bool moved() const { return moved_; }

  uint32_t version() const { return version_ ? version_->value : 0; }
  void bump_version();
  Version& shared_version();  // makes the block on first use
  void share_version(TensorImpl& with) { version_ = Ref<Version>::borrow(&with.shared_version()); }
  const Site* last_writer() const { return version_ ? &version_->writer : nullptr; }

  Extension* extension() const { return extension_; }
  Extension& make_extension();
  TensorImpl* base() const { return extension_ ? extension_->base : nullptr; }
  bool is_view() const { return key_ & kView; }
  // Makes this a view of `root`, which is no view itself.
  void set_base(TensorImpl* root);

  // The Python object, if one exists. `owns_wrapper`: Python let go of it and the impl keeps it.
  void* wrapper() const { return wrapper_; }
  void set_wrapper(void* wrapper) { wrapper_ = wrapper; }
  bool owns_wrapper() const { return owns_wrapper_; }
  void set_owns_wrapper(bool on) { owns_wrapper_ = on; }

  // Large where the object is watched, so nobody takes it for unshared; count() is exact.
  uint32_t refs() const { return refs_; }
  uint32_t count() const { return refs_ & ~kWatched; }
  void retain() { ++refs_; }
  void release() {
    if (static_cast<int32_t>(--refs_) <= 0) destroy();
  }
  // Every release() is reported to graph/cycles.
  bool watched() const { return refs_ & kWatched; }
  void set_watched(bool on) { refs_ = on ? refs_ | kWatched : refs_ & ~kWatched; }
  // graph/cycles knows this tensor and hears of its end and of a new .grad.
  bool waiting() const { return waiting_; }
  void set_waiting(bool on) { waiting_ = on; }

 private:
  static constexpr int kInlineDims = 4;

  TensorImpl(DType dtype, int n) : dtype_(dtype), ndim_(static_cast<uint8_t>(n)) {}
  ~TensorImpl();
  void destroy();
  void store_dims(const int64_t* sizes, const int64_t* strides, int n);
  void free_dims();
  void drop_cut_site();
  void begin_anew();
  int64_t offset_bytes() const { return offset_ * static_cast<int64_t>(item_size(dtype_)); }

  uint32_t refs_ = 1;
  DType dtype_;
  uint8_t key_ = 0;
  uint8_t ndim_;
  bool leaf_ : 1 = true;
  bool contiguous_ : 1 = true;
  bool retains_grad_ : 1 = false;
  bool saved_by_grad_fn_ : 1 = false;
  bool owns_wrapper_ : 1 = false;
  bool waiting_ : 1 = false;
  bool saved_ : 1 = false;
  bool moved_ : 1 = false;
  Cut cut_ = Cut::kNone;
  uint32_t output_nr_ = 0;
  Ref<Storage> storage_;
  int64_t offset_ = 0;
  union {
    int64_t inline_v[2 * kInlineDims];
    int64_t* heap;
  } dims_;
  union {
    Node* node_ = nullptr;
    void* cut_code_;  // with kCutSite: counted; output_nr_ is the offset
  };
  Ref<Version> version_;
  Extension* extension_ = nullptr;
  TensorRef grad_;
  void* wrapper_ = nullptr;
};

// Upward calls of the destructor, defined by graph/.
void node_retain(Node* node);
void node_release(Node* node) noexcept;
// The dying tensor is its node's saved output: true when the node took it over.
bool node_adopt_output(Node* node, TensorImpl* impl) noexcept;
// The tensor leaves its node, which must keep the saved output by other means.
void node_detach_output(Node* node, TensorImpl* impl);
// retain_grad() of a non-leaf: its node remembers the tensor, without a count. `impl` null: forget
// it.
void node_set_retained(Node* node, uint32_t output_nr, TensorImpl* impl);
void hooks_free(HookList* hooks) noexcept;
void chain_free(ViewChain* chain) noexcept;

}  // namespace rl

#include "graph/saved.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "graph/anomaly.h"
#include "graph/copy_slices.h"
#include "graph/packed.h"
#include "graph/provenance.h"
#include "graph/view.h"

namespace rl {

TensorRef alias_of(TensorImpl* t) {
  TensorRef copy =
      TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
  copy->share_version(*t);
  return copy;
}

void link_output(TensorImpl* t, Node* node, uint32_t output_nr) {
  NodeSide* side = node->side();
  if (side && side->slices)
    link_to_slices(t, side->slices);
  else
    t->set_grad_fn(node, output_nr);
}

void fail_inference(const char* sentence, const char* label, TensorImpl* t) {
  Provenance story;
  story.line(label, Site::capture());
  story.line("its shape is", concat(shown(t->sizes(), t->ndim())));
  story.fix("make it under torch.no_grad() instead of inference_mode(), or clone() it out here.");
  fail(ErrorKind::kRuntime, sentence, story.text());
}

void SavedSlot::save_input(TensorImpl* input) {
  if (input->is_inference()) [[unlikely]]
    fail_inference(
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
        "inference mode in computation tracked by autograd. To work around this, you can make a "
        "clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` instead of "
        "`torch.inference_mode()`.",
        "used by", input);
  if (input->is_view()) input->base()->set_saved();
  input->set_saved();
  input->retain();
  kind_ = SavedKind::kInput;
  word_.t = input;
  version_ = input->version();
}

void SavedSlot::save_output(TensorImpl* output) {
  kind_ = SavedKind::kOutput;
  word_.t = output;
  version_ = output->version();
  output_nr_ = static_cast<uint16_t>(output->output_nr());
  output->set_saved_by_grad_fn(true);
}

void SavedSlot::save_own_alias(TensorImpl* output) {
  TensorRef copy = alias_of(output);
  version_ = copy->version();
  word_.t = copy.detach();
  kind_ = SavedKind::kOwnedOutput;
  output_nr_ = static_cast<uint16_t>(output->output_nr());
}

void SavedSlot::save_list(TensorImpl* const* tensors, int n) {
  auto list = std::make_unique<SavedList>();
  list->slots.resize(static_cast<size_t>(n));
  // Slots own counts and have no destructor: what was saved so far is let go when one refuses.
  try {
    for (int i = 0; i < n; ++i)
      if (tensors[i]) list->slots[static_cast<size_t>(i)].save_input(tensors[i]);
  } catch (...) {
    for (SavedSlot& slot : list->slots) slot.release(nullptr);
    throw;
  }
  word_.list = list.release();
  kind_ = SavedKind::kList;
}

std::vector<TensorRef> SavedSlot::unpack_list(Node* node, bool linked) const {
  if (kind_ == SavedKind::kFreed) fail_freed(node);
  std::vector<TensorRef> out;
  if (kind_ == SavedKind::kList)
    for (const SavedSlot& slot : word_.list->slots) out.push_back(slot.unpack(node, linked));
  return out;
}

void SavedSlot::save_dims(const Dims& dims) {
  bool few = dims.n <= 2;
  uint64_t packed = 0;
  for (int i = 0; i < dims.n && few; ++i) {
    few = dims[i] == static_cast<int32_t>(dims[i]);
    packed |= uint64_t{static_cast<uint32_t>(dims[i])} << 32 * i;
  }
  if (few) {
    kind_ = SavedKind::kFewDims;
    output_nr_ = static_cast<uint8_t>(dims.n);
    word_.i = static_cast<int64_t>(packed);
    return;
  }
  kind_ = SavedKind::kDims;
  size_t words = static_cast<size_t>(dims.n) + 1;
  word_.dims = static_cast<int64_t*>(small_alloc(words * sizeof(int64_t)));
  word_.dims[0] = dims.n;
  for (int i = 0; i < dims.n; ++i) word_.dims[i + 1] = dims[i];
}

void SavedSlot::save_ints(const int64_t* numbers, int64_t n) {
  kind_ = SavedKind::kDims;
  size_t words = static_cast<size_t>(n) + 1;
  word_.dims = static_cast<int64_t*>(small_alloc(words * sizeof(int64_t)));
  word_.dims[0] = n;
  std::copy_n(numbers, n, word_.dims + 1);
}

std::vector<int64_t> SavedSlot::as_ints() const {
  if (kind_ == SavedKind::kDims) return {word_.dims + 1, word_.dims + 1 + word_.dims[0]};
  Dims few = as_dims();
  return {few.begin(), few.end()};
}

Dims SavedSlot::as_dims() const {
  if (kind_ == SavedKind::kDims) return Dims(word_.dims + 1, static_cast<int>(word_.dims[0]));
  const int64_t few[] = {static_cast<int32_t>(word_.i), static_cast<int32_t>(word_.i >> 32)};
  return Dims(few, output_nr_);
}

void SavedSlot::save_shapes(TensorImpl* const* tensors, int n) {
  int64_t words = 0;
  for (int i = 0; i < n; ++i) words += tensors[i]->ndim() + 1;
  kind_ = SavedKind::kDims;
  word_.dims = static_cast<int64_t*>(small_alloc(static_cast<size_t>(words + 1) * sizeof(int64_t)));
  int64_t* to = word_.dims;
  *to++ = words;
  for (int i = 0; i < n; ++i) {
    *to++ = tensors[i]->ndim();
    to = std::copy_n(tensors[i]->sizes(), tensors[i]->ndim(), to);
  }
}

std::vector<Dims> SavedSlot::as_shapes() const {
  std::vector<Dims> shapes;
  const int64_t *at = word_.dims + 1, *end = at + word_.dims[0];
  for (; at < end; at += at[0] + 1) shapes.emplace_back(at + 1, static_cast<int>(at[0]));
  return shapes;
}

TensorRef SavedSlot::unpack(Node* node, bool linked) const {
  if (is_tensor()) [[likely]] {
    if (word_.t->version() != version_) [[unlikely]]
      fail_version(node);
    return tensor(node, linked);
  }
  if (kind_ == SavedKind::kFreed) fail_freed(node);
  if (kind_ == SavedKind::kPacked) return unpack_packed(node, *word_.pack);
  return {};
}

TensorRef SavedSlot::tensor(Node* node, bool linked) const {
  if (kind_ != SavedKind::kOwnedOutput || !linked) [[likely]]
    return TensorRef::borrow(word_.t);
  // The tensor itself is gone: an equal one, computed by the same node.
  TensorRef copy = alias_of(word_.t);
  link_output(copy.get(), node, output_nr_);
  return copy;
}

void SavedSlot::release(FreedBy* freed_by, bool tensor_like) {
  SavedKind kind = kind_;
  auto word = word_;
  if (kind == SavedKind::kFreed) {
    if (freed_by) return;
    if (word.freed) word.freed->release();
    kind_ = SavedKind::kNone;
    return;
  }
  bool tensor = is_tensor() || kind == SavedKind::kList || kind == SavedKind::kPacked ||
                (tensor_like && kind != SavedKind::kNone);
  kind_ = SavedKind::kNone;
  if (freed_by && tensor) {
    freed_by->retain();
    word_.freed = freed_by;
    kind_ = SavedKind::kFreed;
  } else if (freed_by && kind != SavedKind::kDims) {
    kind_ = kind;  // numbers stay readable, as in PyTorch
  }
  switch (kind) {
    case SavedKind::kInput:
    case SavedKind::kOwnedOutput:
      word.t->release();
      break;
    case SavedKind::kList:
      for (SavedSlot& slot : word.list->slots) slot.release(nullptr);
      delete word.list;
      break;
    case SavedKind::kOutput:
      word.t->set_saved_by_grad_fn(false);
      break;
    case SavedKind::kPacked:
      delete word.pack;
      break;
    case SavedKind::kDims:
      if (freed_by)
        kind_ = kind;
      else
        small_free(word.dims, (static_cast<size_t>(word.dims[0]) + 1) * sizeof(int64_t));
      break;
    default:
      break;
  }
}

void SavedSlot::visit_held(HeldVisitor& visitor) const {
  if (kind_ == SavedKind::kInput || kind_ == SavedKind::kOwnedOutput) {
    visitor.tensor(word_.t);
  } else if (kind_ == SavedKind::kList) {
    for (const SavedSlot& slot : word_.list->slots) slot.visit_held(visitor);
  } else if (kind_ == SavedKind::kPacked) {
    visitor.node(word_.pack->edge.node);
    visitor.tensor(word_.pack->held.get());
    word_.pack->kept.visit_held(visitor);
  }
}

bool SavedSlot::adopt_output(TensorImpl* output, bool keep) {
  if (kind_ == SavedKind::kPacked) [[unlikely]]
    return word_.pack->kept.adopt_output(output, keep);
  if (kind_ != SavedKind::kOutput || word_.t != output) return false;
  kind_ = keep ? SavedKind::kOwnedOutput : SavedKind::kNone;
  return keep;
}

void SavedSlot::detach_output(TensorImpl* output) {
  if (kind_ == SavedKind::kPacked) return word_.pack->kept.detach_output(output);
  if (kind_ != SavedKind::kOutput || word_.t != output) return;
  TensorRef copy = alias_of(output);
  word_.t = copy.detach();
  kind_ = SavedKind::kOwnedOutput;
}

void SavedSlot::fail_freed(Node* node) const { fail_second_backward(node, *word_.freed); }

Ref<FreedBy> FreedBy::make(Site site, uint64_t root) {
  void* memory = small_alloc(sizeof(FreedBy));
  auto* made = new (memory)
      FreedBy{.site = std::move(site), .root = root, .last_made = Node::last_sequence()};
  return Ref<FreedBy>::steal(made);
}

void FreedBy::release() {
  if (--refs == 0) {
    this->~FreedBy();
    small_free(this, sizeof(FreedBy));
  }
}

void SavedSlot::fail_version(Node* node) const {
  TensorImpl* t = word_.t;
  refresh_view(t);  // its history is that of the write
  std::string producer;
  if (kind_ == SavedKind::kInput) {
    if (Node* made_by = t->grad_fn())
      producer = concat(", which is output ", t->output_nr(), " of ", op_title(*made_by), ",");
  } else {
    producer = concat(", which is output ", int{output_nr_}, " of ", op_title(*node), ",");
  }
  Provenance story;
  story.line("saved by", node->site());
  if (const Site* writer = t->last_writer()) story.line("modified by", *writer);
  story.fix(
      "out_of_place", t->last_writer() ? *t->last_writer() : Site(),
      "use the out-of-place form of that operation, or clone() the tensor before changing it.");
  fail(ErrorKind::kRuntime,
       "one of the variables needed for gradient computation has been modified by an inplace "
       "operation: [",
       dtype_tensor_type(t->dtype()), " ", shown(t->sizes(), t->ndim()), "]", producer,
       " is at version ", t->version(), "; expected version ", version_, " instead.",
       anomaly_mode.enabled
           ? " Hint: the backtrace further above shows the operation that failed to compute its "
             "gradient. The variable in question was changed in there or anywhere later. Good luck!"
           : " Hint: enable anomaly detection to find the operation that failed to compute its "
             "gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).",
       story.text());
}

}  // namespace rl

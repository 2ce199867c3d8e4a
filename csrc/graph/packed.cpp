#include "graph/packed.h"

#include <memory>

#include "core/host.h"
#include "graph/accumulate_grad.h"
#include "graph/grad_mode.h"
#include "graph/view.h"

namespace rl {

SavedPack::~SavedPack() {
  kept.release(nullptr);
  if (edge.node) edge.node->release();
  if (packed) host().decref(packed);
  if (unpack) host().decref(unpack);
}

void SavedSlot::pack(Node* node, void* pack, void* unpack, bool detached) {
  if (kind_ == SavedKind::kList)
    for (SavedSlot& slot : word_.list->slots) slot.pack(node, pack, unpack, detached);
  if (!is_tensor()) return;
  auto made = std::make_unique<SavedPack>();
  host().incref(unpack);
  made->unpack = unpack;
  made->own_output = kind_ != SavedKind::kInput;
  made->output_nr = output_nr_;
  made->dtype = word_.t->dtype();
  made->sizes = word_.t->shape();
  if (!made->own_output) made->edge = gradient_edge(word_.t);
  TensorRef t = tensor(node, !detached);
  if (detached) t = make_detached(t.get());
  const SavedKind kind = kind_;
  const uint32_t version = t->version();
  {
    GradModeGuard no_grad(false);
    made->packed = host().call_pack_hook(pack, t.get());
  }
  check(t->version() == version, ErrorKind::kRuntime,
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to "
        "pack hook cannot be modified by in-place operations as this can lead to unexpected "
        "side-effects. Please open an issue if you need to perform in-place operations on the "
        "input to a pack hook.\n  fix: return a changed copy from the hook: lambda t: t + 1.");
  check(kind_ == kind, ErrorKind::kRuntime,
        "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
        "one pair of hooks is allowed at a time.");
  if (made->own_output && made->packed == t->wrapper()) {
    host().decref(std::exchange(made->packed, nullptr));
    made->kept = *this;
  } else {
    release(nullptr);
  }
  word_.pack = made.release();
  kind_ = SavedKind::kPacked;
  node->set_has_packed();
}

bool SavedSlot::has_pack() const {
  if (kind_ != SavedKind::kList) return kind_ == SavedKind::kPacked;
  for (const SavedSlot& slot : word_.list->slots)
    if (slot.kind() == SavedKind::kPacked) return true;
  return false;
}

std::vector<SavedSlot>& SavedSlot::list() const { return word_.list->slots; }

TensorRef unpack_packed(Node* node, const SavedPack& pack) {
  if (pack.held) return pack.held;
  // The hook may free the pack: what is needed after it is counted here.
  Ref<Node> history = Ref<Node>::borrow(pack.own_output ? node : pack.edge.node);
  const bool own_output = pack.own_output;
  const uint32_t nr = own_output ? pack.output_nr : pack.edge.nr;
  TensorRef kept;
  if (!pack.packed) kept = pack.kept.tensor(node, true);
  TensorRef value = TensorRef::steal(host().call_unpack_hook(pack.unpack, pack.packed, kept.get()));
  if (!history && !value->requires_grad()) return value;
  check(!history || is_float(value->dtype()), ErrorKind::kRuntime,
        "Only Tensors of floating point and complex dtype can require gradients\n  fix: return a "
        "tensor of the dtype that the pack hook was given from the unpack hook.");
  TensorRef t = alias_of(value.get());
  if (own_output) {
    link_output(t.get(), node, nr);
  } else if (history && history->is_accumulate_grad()) {
    t->set_requires_grad(true);
    t->make_extension().accumulator = history.detach();
  } else if (history) {
    t->set_grad_fn(history.get(), nr);
  }
  return t;
}

}  // namespace rl

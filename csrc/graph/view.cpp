#include "graph/view.h"

#include "core/error.h"
#include "core/expanded.h"
#include "graph/copy_slices.h"
#include "graph/current_run.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/saved.h"
#include "graph/tensor_math.h"

namespace rl {

TensorRef make_view(TensorImpl* t, const Dims& sizes, const int64_t* strides, int64_t offset,
                    Creation creation) {
  TensorRef view = TensorImpl::alias(t->storage(), t->dtype(), sizes, strides, offset);
  if (t->is_inference()) {  // no version to follow, no history
    view->set_inference();
    return view;
  }
  view->share_version(*t);
  TensorImpl* root = t->base() ? t->base() : t;
  view->set_base(root);
  Extension& extension = *view->extension();
  if (inference_enabled())
    creation = Creation::kInferenceMode;
  else if (!grad_enabled())
    creation = Creation::kNoGradMode;
  if (t->base()) {
    const Creation before = t->extension()->creation;
    if (creation == Creation::kDefault || before == Creation::kInferenceMode) creation = before;
  }
  extension.creation = creation;
  extension.seen_version = view->version();
  view->set_requires_grad(root->requires_grad());
  if (extension.creation == Creation::kNoGradMode && root->requires_grad() && !current_run.id)
    extension.cut = Site::capture();
  return view;
}

TensorRef make_detached(TensorImpl* t) {
  TensorRef copy =
      TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
  if (t->is_inference())
    copy->set_inference();
  else
    copy->share_version(*t);
  if (t->requires_grad())
    copy->set_cut(Cut::kDetach, Site::capture());
  else
    copy->set_cut_as(*t);
  return copy;
}

void mark_view_current(TensorImpl* t) {
  if (t->is_view()) t->extension()->seen_version = t->version();
}

namespace {

// A view that stands for a promise which the write breaks. `indirect`: another alias was written.
void check_creation(TensorImpl* t, bool indirect) {
  Creation creation = t->extension()->creation;
  if (creation == Creation::kDefault) [[likely]]
    return;
  const char* modified = indirect ? "its base or another view of its base has been" : "is being";
  const bool inference = creation == Creation::kInferenceMode;
  const bool of_mode = inference || creation == Creation::kNoGradMode;
  std::string begin;
  if (Node* node = t->grad_fn())
    begin = concat("Output ", t->output_nr(), " of ", op_title(*node), " is a view ",
                   of_mode ? "of a view which was" : "and ");
  else
    begin = "A view was";
  if (of_mode || !t->grad_fn())
    begin += concat(" created in ", inference ? "inference" : "no_grad", " mode and ");
  begin += concat(modified, " modified inplace");
  if (of_mode || !t->grad_fn()) begin += inference ? " in normal mode" : " with grad mode enabled";
  begin += ".";
  Provenance story;
  if (Node* node = t->grad_fn()) story.line("made by", node->site());
  if (indirect && t->last_writer()) story.line("modified by", *t->last_writer());
  Site change = indirect ? (t->last_writer() ? *t->last_writer() : Site()) : Site::capture();
  if (!indirect) story.line("changed by", change);
  switch (creation) {
    case Creation::kMultiOutput:
      story.fix("out_of_place", change,
                "use the out-of-place form, or take this one part with select() or narrow().");
      fail(ErrorKind::kRuntime, begin,
           " This view is the output of a function that returns multiple views. Such functions do "
           "not allow the output views to be modified inplace. You should replace the inplace "
           "operation by an out-of-place one.",
           story.text());
    case Creation::kCustomFunction:
      story.fix("return a clone() of it from the Function.");
      fail(
          ErrorKind::kRuntime, begin,
          " This view was created inside a custom Function (or because an input was returned "
          "as-is) and the autograd logic to handle view+inplace would override the custom backward "
          "associated with the custom Function, leading to incorrect gradients. This behavior is "
          "forbidden. You can fix this by cloning the output of the custom Function.",
          story.text());
    default:
      story.fix("make the view and change it in the same mode.");
      fail(ErrorKind::kRuntime, begin,
           " Given that this use case is ambiguous and error-prone, it is forbidden. You can "
           "clarify your code by moving both the view and the inplace either both inside the ",
           inference ? "inference_mode" : "no_grad",
           " block (if you don't want the inplace to be tracked) or both outside (if you want the "
           "inplace to be tracked).",
           story.text());
  }
}

[[gnu::cold, gnu::noinline]] void fail_leaf(const char* sentence) {
  Provenance story;
  Site here = Site::capture();
  story.line("changed by", here);
  const char* lead = "parameters are updated outside the graph:\n         with torch.no_grad():\n";
  story.fix("under_no_grad", here, concat(lead, "             ..."));
  fail(ErrorKind::kRuntime, sentence, story.text());
}

}  // namespace

void check_inference(TensorImpl* t) {
  if (t->is_inference() && !inference_enabled()) [[unlikely]]
    fail_inference(
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
        "clone to get a normal tensor before doing inplace update.",
        "changed by", t);
}

void check_recorded(TensorImpl* t) {
  if (TensorImpl* base = t->base()) {
    check_creation(t, false);
    if (base->is_leaf() && (base->requires_grad() || t->requires_grad()))
      fail_leaf(
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  } else if (t->is_leaf() && t->requires_grad()) {
    fail_leaf("a leaf Variable that requires grad is being used in an in-place operation.");
  }
}

void check_inplace(TensorImpl* t, bool recorded, bool expanded) {
  check_inference(t);
  if (recorded) check_recorded(t);
  check(expanded || !is_expanded(t), ErrorKind::kRuntime,
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory location. Please clone() the tensor before performing the operation.");
  check(t->storage()->writable(), ErrorKind::kRuntime,
        "this tensor's memory belongs to a read-only buffer and cannot be written\n  fix: clone() "
        "it first.");
}

void refresh_view(TensorImpl* t) {
  TensorImpl* base = t->base();
  if (!base || t->extension()->seen_version == t->version()) return;
  if (!t->grad_fn() && !base->requires_grad()) return;
  check_creation(t, true);
  t->set_grad_fn(tensor_math.as_strided_node(base, t).get(), 0);
  mark_view_current(t);
}

void rebase_history(TensorImpl* target, Ref<Node> node, uint32_t edge) {
  TensorImpl* base = target->base();
  if (!base) return target->set_grad_fn(node.get(), 0);
  base->set_grad_fn(CopySlices::make(target, std::move(node), edge).get(), 0);
  target->set_grad_fn(tensor_math.as_strided_node(base, target).get(), 0);
  mark_view_current(target);
}

}  // namespace rl

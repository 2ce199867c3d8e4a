#include "graph/view.h"

#include "core/error.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"

namespace rl {

TensorRef make_view(TensorImpl* t, const Dims& sizes, const int64_t* strides, int64_t offset) {
  TensorRef view = TensorImpl::alias(t->storage(), t->dtype(), sizes, strides, offset);
  if (t->is_inference()) {
    view->set_inference();
  } else {
    view->share_version(*t);
    ++t->shared_version().views;
  }
  TensorImpl* root = t->base() ? t->base() : t;
  Extension& extension = view->make_extension();
  root->retain();
  extension.base = root;
  extension.creation = inference_enabled() ? Creation::kInferenceMode
                       : grad_enabled()    ? Creation::kDefault
                                           : Creation::kNoGradMode;
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
    copy->set_cut(Cut::kDetach);
  else
    copy->set_cut(t->cut());
  return copy;
}

namespace {

[[gnu::cold, gnu::noinline]] void fail_leaf(const char* sentence) {
  Provenance story;
  Site here = Site::capture();
  story.line("changed by", here);
  std::string code = here ? host().site_expression(here.code(), here.offset()) : "...";
  story.fix(
      "parameters are updated outside the graph:\n         with torch.no_grad():\n             " +
      code);
  fail(ErrorKind::kRuntime, sentence, story.text());
}

}  // namespace

void check_inplace(TensorImpl* t, bool recorded) {
  check(!t->is_inference() || inference_enabled(), ErrorKind::kRuntime,
        "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a "
        "clone to "
        "get a normal tensor before doing inplace update.");
  check(t->is_contiguous() || !may_overlap(t->sizes(), t->strides(), t->ndim()),
        ErrorKind::kRuntime,
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory "
        "location. Please clone() the tensor before performing the operation.");
  check(t->storage()->writable(), ErrorKind::kRuntime,
        "this tensor's memory belongs to a read-only buffer and cannot be written\n  fix: clone() "
        "it first.");
  bool viewed_without_grad = grad_enabled() && t->base() && t->base()->requires_grad() &&
                             t->extension()->creation == Creation::kNoGradMode;
  if (!recorded && !viewed_without_grad) return;
  if (TensorImpl* base = t->base()) {
    Creation creation = t->extension()->creation;
    if (base->is_leaf() && base->requires_grad() && creation == Creation::kDefault)
      fail_leaf(
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    check(creation != Creation::kNoGradMode, ErrorKind::kRuntime,
          "A view was created in no_grad mode and is being modified inplace with grad mode "
          "enabled. Given "
          "that this use case is ambiguous and error-prone, it is forbidden. You can clarify your "
          "code by "
          "moving both the view and the inplace either both inside the no_grad block (if you don't "
          "want "
          "the inplace to be tracked) or both outside (if you want the inplace to be tracked).");
    fail(ErrorKind::kNotImplemented,
         "recorded in-place operations on views are not supported.\n  fix: use the out-of-place "
         "form, or "
         "change the tensor that the view was made from.");
  }
  if (t->is_leaf() && t->requires_grad())
    fail_leaf("a leaf Variable that requires grad is being used in an in-place operation.");
  check(
      !t->has_views(), ErrorKind::kNotImplemented,
      "recorded in-place operations on a tensor that has views are not supported.\n  fix: use the "
      "out-of-place form, or let go of the views first.");
}

}  // namespace rl

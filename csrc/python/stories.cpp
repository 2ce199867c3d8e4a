#include "python/stories.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "graph/accumulate_grad.h"
#include "graph/edges.h"
#include "graph/provenance.h"
#include "python/types.h"

namespace rl::python {

namespace {

std::string torch_size(TensorImpl* t) {
  return "torch.Size(" + to_string(t->sizes(), t->ndim()) + ")";
}

// The last statement that made a number of a tensor with a history, and its thread.
struct LastNumber {
  Site site;
  PyThreadState* thread = nullptr;
};
LastNumber& last_number() {
  static auto* instance = new LastNumber;
  return *instance;
}

void tell_cut(Provenance& story, TensorImpl* t, Cut cut) {
  switch (cut) {
    case Cut::kNoGrad:
      story.line(
          "why",
          "it comes from tensors that require grad, but no_grad() or inference_mode() was on");
      story.fix("compute it outside torch.no_grad(), or under torch.enable_grad().");
      break;
    case Cut::kDetach:
      story.line("why", "detach() or .data cut it from tensors that require grad");
      story.fix("compute it from the tensors themselves, without detach() or .data.");
      break;
    case Cut::kDtype:
      story.line(
          "why",
          is_float(t->dtype())
              ? std::string("it went through a comparison, an integer or another operation "
                            "without a derivative")
              : concat("its dtype is ", dtype_name(t->dtype()), ", which has no derivative"));
      story.fix(
          "keep the computation in a floating point dtype, and in operations with a derivative.");
      break;
    case Cut::kMarked:
      story.line("why", "an autograd.Function marked it with mark_non_differentiable()");
      story.fix("differentiate another output of that Function.");
      break;
    case Cut::kCopied:
      story.line("why", "torch.tensor() copies values, without the history of their tensor");
      story.fix("use the tensor itself, or its clone().");
      break;
    case Cut::kBackward:
      story.line("why", "a backward pass computed it, which records nothing by itself");
      story.fix("run that pass with create_graph=True.");
      break;
    case Cut::kNone:
      story.line("why", "nothing that it was computed from requires grad");
  }
}

// Nothing is known to have cut it off.
void tell_numbers(Provenance& story) {
  const LastNumber& last = last_number();
  if (!last.site || last.thread != PyThreadState_Get())
    return story.fix("make the parameters with requires_grad=True before computing it.");
  story.line("perhaps", last.site);
  story.fix(
      "make the parameters with requires_grad=True before computing it. If it was computed from "
      "that value: a number has no history, keep the tensor.");
}

}  // namespace

void note_number(TensorImpl* t) {
  if (!(t->key() & kRequiresGrad) && t->cut() != Cut::kDetach) [[likely]]
    return;
  last_number() = {Site::capture(), PyThreadState_Get()};
  number_noted = true;
}

bool number_noted = false;

void forget_number() {
  last_number() = {};
  number_noted = false;
}

std::string why_no_grad(TensorImpl* t) {
  Provenance story;
  story.line("asked for by", Site::capture());
  Cut cut = is_float(t->dtype()) || t->cut() != Cut::kNone ? t->cut() : Cut::kDtype;
  if (t->is_view() && t->requires_grad()) cut = Cut::kNoGrad;
  story.line("cut off by", t->cut_site());
  tell_cut(story, t, cut);
  if (cut == Cut::kNone) tell_numbers(story);
  return story.text();
}

void fail_no_grad(TensorImpl* t, size_t index) {
  fail(ErrorKind::kRuntime, "element ", index,
       " of tensors does not require grad and does not have a grad_fn", why_no_grad(t));
}

void fail_not_scalar(TensorImpl* t) {
  Provenance story;
  Site here = Site::capture();
  story.line("asked for by", here);
  if (Node* node = t->grad_fn()) story.line("made by", node->site());
  story.line("its shape is", concat(shown(t->sizes(), t->ndim())));
  story.fix("scalar_root", here,
            "reduce it first, as in y.sum().backward(), or pass the gradient: "
            "y.backward(torch.ones_like(y)).");
  fail(ErrorKind::kRuntime, "grad can be implicitly created only for scalar outputs", story.text());
}

void fail_gradient_shape(TensorImpl* grad, TensorImpl* out, size_t index) {
  Provenance story;
  story.line("asked for by", Site::capture());
  if (Node* node = out->grad_fn()) story.line("output by", node->site());
  if (Node* node = grad->grad_fn()) story.line("gradient by", node->site());
  story.fix(
      "pass one number for each element of the output: a tensor like torch.ones_like(output).");
  fail(ErrorKind::kRuntime, "Mismatch in shape: grad_output[", index, "] has a shape of ",
       torch_size(grad), " and output[", index, "] has a shape of ", torch_size(out), ".",
       story.text());
}

namespace {

// `w`, `params[2]`, as the call says; inputs[2] where it does not. `n` of them, 0 for a tensor
// alone.
std::string input_name(const Site& call, size_t n, size_t index) {
  std::string names = call ? host().advise("input_names", call.code(), call.offset()) : "";
  if (!names.empty() && names[0] == '*') {
    std::string list = names.substr(1);
    return n ? concat("`", list, "[", index, "]`") : "`" + list + "`";
  }
  std::vector<std::string> parts;
  std::istringstream lines(names);
  for (std::string part; std::getline(lines, part);) parts.push_back(part);
  if (n && parts.size() == n) return "`" + parts[index] + "`";
  return concat("inputs[", index, "]");
}

// Who uses a leaf of the shape of `t`, which the graph reaches and nobody asked for.
Node* user_of_like(const BackwardRequest& request, TensorImpl* t) {
  Node* found = nullptr;
  auto asked = [&](Node* node) {
    for (const Edge& edge : request.inputs)
      if (edge.node == node) return true;
    return false;
  };
  for (const Root& root : request.roots)
    each_edge(root.edge.node, 0, [&](Node& user, const Edge& edge) {
      if (!edge.node->is_accumulate_grad() || asked(edge.node)) return;
      TensorImpl* leaf = static_cast<AccumulateGrad*>(edge.node)->variable();
      bool like = same_sizes(leaf->sizes(), leaf->ndim(), t->sizes(), t->ndim());
      if (like && (!found || user.sequence() < found->sequence())) found = &user;
    });
  return found;
}

}  // namespace

namespace {

// Whether the expression at a place mentions a variable, given as "`v`".
bool mentions(const Site& site, const std::string& quoted) {
  if (!site || quoted.size() < 3 || quoted.front() != '`') return false;
  const std::string name = quoted.substr(1, quoted.size() - 2);
  std::string text = host().describe_site(site.code(), site.offset());
  text.resize(std::min(text.size(), text.rfind("  ")));  // without the file's name
  auto inside = [&](size_t i) {
    return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_');
  };
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
    if (!(at && (inside(at - 1) || text[at - 1] == '.')) && !inside(at + name.size())) return true;
  return false;
}

}  // namespace

void fail_unused(const BackwardRequest& request, TensorImpl* t, size_t index, bool many) {
  Provenance story;
  Site here = Site::capture();
  Node* made_by = t->grad_fn();
  uint64_t last_root = 0;
  for (const Root& root : request.roots)
    last_root = std::max(last_root, root.edge.node->sequence());
  story.line("asked for by", here);
  const std::string name = input_name(here, many ? request.inputs.size() : 0, index);
  story.line("it is", concat(name, ", of shape ", shown(t->sizes(), t->ndim())));
  if (made_by)
    story.line("made by", made_by->site());
  else
    story.line("cut off by", t->cut_site());
  Node* user = user_of_like(request, t);
  const bool later = made_by && made_by->sequence() > last_root;
  if (later) story.line("why", "it was made after the output, which cannot depend on it");
  if (user) story.line("used instead", user->site());
  const bool rebound = user && !made_by && mentions(user->site(), name);
  if (rebound) story.line("why", concat(name, " stood for another tensor there"));
  if (later || rebound || (user && t->cut_site()))
    story.fix(
        "pass the tensor that the output was computed from: this name stands for another one now.");
  else
    story.fix(
        "compute the output from this very tensor: a copy or a view made of it does not count.");
  fail(ErrorKind::kRuntime, "The differentiated Tensor at index ", index,
       " appears to not have been used in the graph. Set allow_unused=True if this is the desired "
       "behavior.",
       story.text());
}

}  // namespace rl::python

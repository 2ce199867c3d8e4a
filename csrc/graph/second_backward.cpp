// What is told of a backward pass that meets what an earlier one has freed: which part both share.
#include "graph/current_run.h"
#include "graph/edges.h"
#include "graph/provenance.h"
#include "graph/saved.h"

namespace rl {

namespace {

bool leads_to(Node* from, Node* to) {
  bool found = from == to;
  if (!found)
    each_edge(from, to->sequence(), [&](Node&, const Edge& edge) { found |= edge.node == to; });
  return found;
}

bool same_statement(const Site& a, const Site& b) {
  return a && a.code() == b.code() && a.offset() == b.offset();
}

// Where the new part of the graph goes over into the part that is older than the first pass.
struct Border {
  Node* user = nullptr;   // in the new part
  Node* older = nullptr;  // the last made of those that lead to what was freed
  bool repeated = false;  // the statement that made it has run again since: a loop carries it over
};

Border border_of(Node* root, Node* freed, uint64_t last_made) {
  Border border;
  std::vector<Node*> fresh{root};
  each_edge(root, last_made, [&](Node& user, const Edge& edge) {
    Node* to = edge.node;
    if (to->is_accumulate_grad()) return;
    if (to->sequence() > last_made) {
      fresh.push_back(to);
    } else if ((!border.older || to->sequence() > border.older->sequence()) &&
               leads_to(to, freed)) {
      border.user = &user;
      border.older = to;
    }
  });
  for (Node* node : fresh)
    border.repeated |= border.older && same_statement(node->site(), border.older->site());
  return border;
}

void tell_shared(Provenance& story, Node* node, const FreedBy& freed_by) {
  constexpr const char* kRetain =
      "keep the graph of the first one with backward(retain_graph=True).";
  Node* root = current_run.root;
  if (!root)
    return story.fix(concat("look at saved tensors before the backward pass, or ", kRetain));
  if (root->sequence() == freed_by.root) {
    story.line("shared part", "all of it: both passes start from the same output");
    story.fix(concat("run the forward pass again before each backward(), or ", kRetain));
    return;
  }
  if (root->sequence() <= freed_by.last_made) {
    story.line("shared part", "both outputs were computed from it before the first pass");
    return story.fix(
        concat("add the outputs and run one pass, as in (a + b).backward(), or ", kRetain));
  }
  Border border = border_of(root, node, freed_by.last_made);
  if (!border.older)
    return story.fix(concat("run the forward pass again before each backward(), or ", kRetain));
  story.line("shared part", border.older->site());
  story.line("used again by", border.user->site());
  if (border.repeated) {
    story.line("why", "a loop carries it from one pass into the next, with its history");
    story.fix("carried", border.older->site(),
              "cut the carried value off between the passes: h = h.detach().");
  } else {
    story.line("why", "it was computed once, before the first pass");
    story.fix(concat("compute it anew for each pass, inside the loop, or ", kRetain));
  }
}

}  // namespace

void fail_second_backward(Node* node, const FreedBy& freed_by) {
  Provenance story;
  story.line("needed by", node->site());
  story.line("freed by", freed_by.site);
  tell_shared(story, node, freed_by);
  fail(ErrorKind::kRuntime,
       "Trying to backward through the graph a second time (or directly access saved tensors after "
       "they have already been freed). Saved intermediate values of the graph are freed when you "
       "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
       "through the graph a second time or if you need to access saved tensors after calling "
       "backward.",
       story.text());
}

}  // namespace rl

#include "python/owned.h"

#include <new>

#include "graph/cycles.h"
#include "python/node_type.h"
#include "python/tensor_type.h"

namespace rl::python {

namespace {

int visit_tensor(const TensorImpl* t, visitproc visit, void* arg) {
  if (t->owns_wrapper()) Py_VISIT(static_cast<PyObject*>(t->wrapper()));
  return visit_hooks(t, [&](PyObject* hooks) { return visit(hooks, arg); });
}

void clear_tensor(TensorImpl* t) {
  clear_hooks(t);
  if (t->grad() && (may_close_cycle(t) || t->grad()->owns_wrapper())) t->set_grad(TensorRef());
  if (t->moved()) t->set_grad_fn(nullptr, 0);
}

template <class Root>
int visit_all(Root* root, visitproc visit, void* arg) {
  Owned owned;
  try {
    find_owned(root, owned);
  } catch (const std::bad_alloc&) {
    return 0;  // what is not visited counts as referred to
  }
  for (const TensorImpl* t : owned.tensors)
    if (int stop = visit_tensor(t, visit, arg)) return stop;
  for (Node* node : owned.nodes)
    if (int stop = visit_node(node, visit, arg)) return stop;
  return 0;
}

template <class Root>
void clear_all(Root* root) {
  Owned owned;
  try {
    find_owned(root, owned);
  } catch (const std::bad_alloc&) {
    return;  // other objects of the cycle are cleared too
  }
  // Clearing one may be the end of another.
  std::vector<TensorRef> tensors;
  std::vector<NodeRef> nodes;
  for (TensorImpl* t : owned.tensors) tensors.push_back(TensorRef::borrow(t));
  for (Node* node : owned.nodes) nodes.push_back(NodeRef::borrow(node));
  for (TensorRef& t : tensors) clear_tensor(t.get());
  for (NodeRef& node : nodes) clear_node(node.get());
}

bool is_plain(const TensorImpl* t) {
  return t->is_leaf() && !t->grad() && !t->extension() && !t->owns_wrapper();
}

// Whether the caller's reference is the only one, or one from outside that keeps a cycle alive.
template <class T>
bool may_own(const T* object) {
  return object && (object->count() == 1 || object->watched());
}

// Whether nothing but the tensor would die with the reference to it that holds Python objects.
bool ends_here(const TensorImpl* t) {
  const Extension* extension = t->extension();
  if (extension && (extension->accumulator || may_own(t->base()))) return false;
  return !may_own(t->grad_fn()) && (!t->grad() || is_plain(t->grad().get()));
}

}  // namespace

int visit_owned(TensorImpl* root, visitproc visit, void* arg) {
  if (!may_own(root) && !may_close_cycle(root)) return 0;
  if (root->count() == 1 && ends_here(root)) return visit_tensor(root, visit, arg);
  return visit_all(root, visit, arg);
}

int visit_owned(Node* root, visitproc visit, void* arg) {
  return may_own(root) ? visit_all(root, visit, arg) : 0;
}

void clear_owned(TensorImpl* root) { clear_all(root); }
void clear_owned(Node* root) { clear_all(root); }

}  // namespace rl::python

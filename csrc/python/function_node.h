// autograd.Function inside csrc/python: the context (Python's side) and the node (the graph's side)
// of one call. The context is what forward and backward get as `ctx` and what y.grad_fn is.
#pragma once

#include "graph/saved.h"
#include "ops/op_node.h"
#include "python/node_type.h"

namespace rl::python {

class FunctionNode;

// Which arguments of forward() are tensors, and which of those require grad.
class InputFlags {
 public:
  enum : uint8_t { kTensor = 1, kNeedsGrad = 2 };

  void resize(size_t n);
  void free();
  size_t size() const { return size_; }
  uint8_t& operator[](size_t i) { return size_ <= kInline ? inline_[i] : heap_[i]; }

 private:
  static constexpr size_t kInline = 16;
  size_t size_;
  union {
    uint8_t inline_[kInline];
    uint8_t* heap_;
  };
};

// tp_alloc gives it zeroed: every member's zero is its start.
struct PyContext {
  PyObject_HEAD
  Node* node;  // as PyNode begins; null before apply() ends, and for good where nothing is recorded
  PyObject* weakrefs;
  PyObject* dict;
  // What the user declared in forward(), until apply() ends; null stands for None.
  PyObject* to_save;
  PyObject* non_differentiable;
  PyObject* dirty_tensors;
  PyObject* saved_for_forward;
  PyObject* needs_input_grad;  // made when first asked for, or set by the user
  PyObject* metadata;
  PyObject* pre_hooks;  // until there is a node, which takes them over
  PyObject* post_hooks;
  InputFlags inputs;
  bool skip_materialize;  // undefined gradients reach backward() as None
  // The node holds a count of this object, which holds none of the node; else it is the other way
  // round. So neither keeps the other alive in a cycle, and each keeps the other while it is used.
  bool owned_by_node;
};

class FunctionNode final : public Node {
 public:
  // Takes a count of the context. `n_saved`: slots, which start out empty.
  static Ref<FunctionNode> make(PyContext* context, size_t n_edges, size_t n_outputs, size_t n_dims,
                                size_t n_saved);

  FunctionNode(PyContext* context, size_t n_saved);
  ~FunctionNode() override;

  const char* name() const override;
  void apply(TensorRef* grad_outputs, TensorRef* grad_inputs) override;
  // Where the user's backward() begins; "" where that is not known.
  std::string described_backward() const;
  void tell_derivative(Provenance& story, uint32_t nr) const override;
  void release_saved(FreedBy& freed_by) override;
  bool adopt_output(TensorImpl* impl, bool keep) override;
  void detach_output(TensorImpl* impl) override;
  void visit_saved(HeldVisitor& visitor) const override;

  // Saves the tensor in a slot: an input, an output of this node, or anything else. `written`: the
  // view among the outputs that the call wrote into.
  void save(size_t i, TensorImpl* t, TensorImpl* written);
  // Versions checked; throws when freed. New reference to a tuple.
  PyObject* saved_tensors();

  size_t n_saved() const { return n_saved_; }

  // Throws where a backward pass has freed what was saved.
  void check_not_freed();
  bool is_freed() const { return static_cast<bool>(freed_by_); }
  const FreedBy* freed_by() const { return freed_by_.get(); }
  SavedSlot& slot(size_t i) { return slots()[i]; }

  PyContext* context() const { return context_; }
  // Ownership goes to the context if somebody but the node refers to it.
  void settle();

 private:
  friend PyObject* context_of(Node* node);
  friend void part_context(PyContext* context);
  friend void hand_back(PyContext* context);

  SavedSlot* slots() { return reinterpret_cast<SavedSlot*>(extra()); }
  const SavedSlot* slots() const { return const_cast<FunctionNode*>(this)->slots(); }

  PyContext* context_;  // null once the context has died
  size_t n_saved_;
  bool taken_ = false;  // by backward(), of a class that lets go of what it hands out
  Ref<FreedBy> freed_by_;
};

inline FunctionNode* node_of_context(PyContext* context) {
  return static_cast<FunctionNode*>(context->node);
}
inline PyContext* as_context(PyObject* object) { return reinterpret_cast<PyContext*>(object); }

// f(slot) for each place where the node, of any kind, saves something.
template <class F>
void for_each_slot(Node* node, F&& f) {
  if (node->holds_python()) {
    auto* function = static_cast<FunctionNode*>(node);
    for (size_t i = 0; i < function->n_saved(); ++i) f(function->slot(i));
  } else if (OpNode* op = as_op_node(node)) {
    for (int i = 0; i < op->n_slots(); ++i) f(op->slot(i));
  }
}

// The context of a FunctionNode. New reference; from now on it keeps the node alive.
PyObject* context_of(Node* node);
// The same, borrowed, while the node owns it, else null: for garbage collection.
PyObject* owned_context(Node* node);
// tp_finalize: Python drops its last reference; a node that is still used takes the context over.
void hand_back(PyContext* context);
// The context dies: it lets go of its node.
void part_context(PyContext* context);

extern PyTypeObject* node_base_type;  // of grad_fn objects of every kind
extern PyTypeObject* context_type;    // FunctionCtx

// Owned references with one place before them, as vectorcall wants it.
class Arguments {
 public:
  explicit Arguments(size_t n) {
    if (n <= kInline) return;
    more_.resize(n + 1);
    items_ = more_.data() + 1;
  }
  ~Arguments() {
    for (size_t i = 0; i < n_; ++i) Py_DECREF(items_[i]);
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  void push(PyObject* owned) { items_[n_++] = checked(owned); }
  // New reference; throws.
  PyObject* call(PyObject* function) {
    return checked(
        PyObject_Vectorcall(function, items_, n_ | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  }
  // With the first, and the others in a list that only the function called holds on to.
  PyRef call_boxed(PyObject* function) {
    PyRef list(checked(PyList_New(static_cast<Py_ssize_t>(n_ - 1))));
    for (size_t i = 1; i < n_; ++i)
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i - 1), items_[i]);
    n_ = 1;
    return PyRef(checked(PyObject_CallFunctionObjArgs(function, items_[0], list.get(), nullptr)));
  }

 private:
  static constexpr size_t kInline = 8;
  PyObject* inline_[kInline + 1];
  std::vector<PyObject*> more_;
  PyObject** items_ = inline_ + 1;
  size_t n_ = 0;
};

// The static methods that Function itself defines: what a class did not override.
struct FunctionDefaults {
  PyObject* backward;
  PyObject* setup_context;
  PyObject* bind;  // binds keywords and defaults of a forward() without ctx
};
extern FunctionDefaults function_defaults;

// Function.apply, a class method.
PyObject* function_apply(PyObject* cls, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);
bool init_function_type(PyObject* module);

}  // namespace rl::python

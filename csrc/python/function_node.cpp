// The node of a custom Function: who owns the context, what it saves, how backward() is called.
#include "python/function_node.h"

#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/tensor_math.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

void InputFlags::resize(size_t n) {
  size_ = n;
  if (n > kInline) heap_ = static_cast<uint8_t*>(PyMem_Calloc(n, 1));
  if (n > kInline && !heap_) {
    size_ = 0;
    throw std::bad_alloc();
  }
}

void InputFlags::free() {
  if (size_ > kInline) PyMem_Free(heap_);
  size_ = 0;
}

// --- life and death

Ref<FunctionNode> FunctionNode::make(PyContext* context, size_t n_edges, size_t n_outputs,
                                     size_t n_dims, size_t n_saved) {
  Ref<FunctionNode> node = Node::make<FunctionNode>({.n_edges = n_edges,
                                                     .n_outputs = n_outputs,
                                                     .n_dims = n_dims,
                                                     .extra = n_saved * sizeof(SavedSlot)},
                                                    context, n_saved);
  for (size_t i = 0; i < n_saved; ++i) new (node->slots() + i) SavedSlot;
  return node;
}

FunctionNode::FunctionNode(PyContext* context, size_t n_saved)
    : context_(context), n_saved_(n_saved) {
  set_holds_python();
  Py_INCREF(context);
  context->node = this;
  context->owned_by_node = true;
  if (context->pre_hooks || context->post_hooks) [[unlikely]] {
    make_side().pre_hooks = std::exchange(context->pre_hooks, nullptr);
    make_side().post_hooks = std::exchange(context->post_hooks, nullptr);
  }
}

FunctionNode::~FunctionNode() {
  for (size_t i = 0; i < n_saved_; ++i) slots()[i].release(nullptr);
  if (!context_) return;
  context_->node = nullptr;
  context_->owned_by_node = false;
  Py_DECREF(context_);
}

void FunctionNode::settle() {
  if (!context_ || !context_->owned_by_node || Py_REFCNT(context_) == 1) return;
  context_->owned_by_node = false;
  clear_finalized(reinterpret_cast<PyObject*>(context_));
  retain();
  Py_DECREF(context_);
}

PyObject* context_of(Node* node) {
  auto* function = static_cast<FunctionNode*>(node);
  PyContext* context = function->context_;
  auto* object = reinterpret_cast<PyObject*>(context);
  if (!context->owned_by_node) return Py_NewRef(object);
  // The node's count becomes the caller's.
  context->owned_by_node = false;
  function->retain();
  clear_finalized(object);
  return object;
}

PyObject* owned_context(Node* node) {
  PyContext* context = static_cast<FunctionNode*>(node)->context();
  return context && context->owned_by_node ? reinterpret_cast<PyObject*>(context) : nullptr;
}

void hand_back(PyContext* context) {
  Node* node = context->node;
  if (!node || context->owned_by_node || node->count() == 1) return;
  Py_INCREF(context);
  context->owned_by_node = true;
  node->release();
}

void part_context(PyContext* context) {
  FunctionNode* node = node_of_context(context);
  if (!node) return;
  context->node = nullptr;
  node->context_ = nullptr;
  node->release();
}

// --- saved tensors

void FunctionNode::save(size_t i, TensorImpl* t, TensorImpl* written) {
  SavedSlot& slot = slots()[i];
  bool own = t == written || (t->grad_fn() == this && t->saved_by_grad_fn());
  if (own)
    slot.save_own_alias(t);
  else if (t->grad_fn() == this)
    slot.save_output(t);
  else
    slot.save_input(t);
  if (const SavedHooks* hooks = thread_state.saved_hooks) [[unlikely]]
    slot.pack(this, hooks->pack, hooks->unpack, false);
}

void FunctionNode::check_not_freed() {
  if (freed_by_) fail_second_backward(this, *freed_by_);
}

namespace {

PyRef class_of(PyObject* context) {
  static PyObject* const forward_class = PyUnicode_InternFromString("_forward_cls");
  return PyRef(
      checked(PyObject_GetAttr(reinterpret_cast<PyObject*>(Py_TYPE(context)), forward_class)));
}

// Whether the class, or one that it inherits from, says so.
bool class_says(PyObject* cls, PyObject* name) {
  PyObject* said = _PyType_Lookup(reinterpret_cast<PyTypeObject*>(cls), name);  // borrowed
  if (!said || said == Py_False) [[likely]]
    return false;
  const int truth = PyObject_IsTrue(said);
  checked(truth);
  return truth != 0;
}

}  // namespace

PyObject* FunctionNode::saved_tensors() {
  check(!taken_, ErrorKind::kRuntime,
        "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on "
        "the autograd.Function. Either access saved_tensors only once, or set "
        "clear_saved_tensors_on_access=False.\n  fix: keep what the first access gave in a "
        "variable.");
  check_not_freed();
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(n_saved_))));
  for (size_t i = 0; i < n_saved_; ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(slots()[i].unpack(this, true)));
  static PyObject* const once = PyUnicode_InternFromString("clear_saved_tensors_on_access");
  if (context_ && class_says(class_of(reinterpret_cast<PyObject*>(context_)).get(), once))
      [[unlikely]] {
    taken_ = true;
    for (size_t i = 0; i < n_saved_; ++i) slots()[i].release(nullptr);
  }
  return tuple.release();
}

void FunctionNode::release_saved(FreedBy& freed_by) {
  if (!freed_by_) freed_by_ = Ref<FreedBy>::borrow(&freed_by);
  if (NodeSide* own = side()) auto gone = std::exchange(own->kept, {});
  for (size_t i = 0; i < n_saved_; ++i) slots()[i].release(nullptr);
}

bool FunctionNode::adopt_output(TensorImpl* impl, bool keep) {
  for (size_t i = 0; i < n_saved_; ++i)
    if (slots()[i].adopt_output(impl, keep)) return true;
  return false;
}

void FunctionNode::detach_output(TensorImpl* impl) {
  for (size_t i = 0; i < n_saved_; ++i) slots()[i].detach_output(impl);
}

void FunctionNode::visit_saved(HeldVisitor& visitor) const {
  for (size_t i = 0; i < n_saved_; ++i) slots()[i].visit_held(visitor);
  if (const NodeSide* own = side())
    for (const KeptTensor& kept : own->kept) visitor.tensor(kept.tensor.get());
}

// --- backward

const char* FunctionNode::name() const {
  const char* full = Py_TYPE(context_)->tp_name;
  const char* dot = std::strrchr(full, '.');
  return dot ? dot + 1 : full;
}

namespace {

// The user's backward() or vjp(). New reference.
PyObject* user_backward(PyObject* context) {
  static PyObject* const backward_name = PyUnicode_InternFromString("backward");
  static PyObject* const vjp_name = PyUnicode_InternFromString("vjp");
  PyRef cls = class_of(context);
  PyRef backward(checked(PyObject_GetAttr(cls.get(), backward_name)));
  PyRef vjp(checked(PyObject_GetAttr(cls.get(), vjp_name)));
  if (vjp.get() == function_defaults.backward) return backward.release();
  check(backward.get() == function_defaults.backward, ErrorKind::kRuntime,
        "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
        "only implement one of them.");
  return vjp.release();
}

[[noreturn, gnu::cold]] void fail_returned(FunctionNode* node, const std::string& sentence,
                                           const char* fix) {
  Provenance story;
  story.line("used by", node->site());
  story.line("returned by", node->described_backward());
  story.fix(fix);
  fail(ErrorKind::kRuntime, sentence, story.text());
}

// What backward() returned, as the gradients of the node's edges.
void read_gradients(FunctionNode* node, PyObject* result, TensorRef* grad_inputs) {
  bool many = PyTuple_Check(result);
  size_t got = many ? static_cast<size_t>(PyTuple_GET_SIZE(result)) : 1;
  auto item = [&](size_t i) {
    return many ? PyTuple_GET_ITEM(result, static_cast<Py_ssize_t>(i)) : result;
  };
  InputFlags& inputs = node->context()->inputs;
  size_t expected = inputs.size();
  size_t meant = got;
  while (meant > expected && item(meant - 1) == Py_None) --meant;
  if (meant != expected)
    fail_returned(
        node,
        concat("function ", node->name(), " returned an incorrect number of gradients (expected ",
               expected, ", got ", got, ")"),
        "return one value for each argument of forward() after ctx, None for what has no "
        "gradient.");
  for (size_t i = 0; i < expected; ++i) {
    PyObject* grad = item(i);
    if (!(inputs[i] & InputFlags::kTensor)) {
      if (grad != Py_None)
        fail_returned(node,
                      concat("function ", node->name(),
                             " returned a gradient different than None at position ", i + 1,
                             ", but the corresponding forward input was not a Variable"),
                      "return None in that place.");
      continue;
    }
    if (grad != Py_None && !is_tensor(grad))
      fail_returned(node, concat("expected Variable or None (got ", Py_TYPE(grad)->tp_name, ")"),
                    "return a tensor, or None.");
    if (grad != Py_None) *grad_inputs = TensorRef::borrow(impl_of(grad));
    ++grad_inputs;
  }
}

}  // namespace

std::string FunctionNode::described_backward() const {
  try {
    return describe_function(PyRef(user_backward(reinterpret_cast<PyObject*>(context_))).get());
  } catch (const Error&) {
    PyErr_Clear();
    return "";
  }
}

void FunctionNode::tell_derivative(Provenance& story, uint32_t nr) const {
  InputFlags& inputs = context_->inputs;
  size_t at = 0;
  for (uint32_t tensors = 0; at < inputs.size(); ++at)
    if (inputs[at] & InputFlags::kTensor && tensors++ == nr) break;
  story.line("returned by", described_backward());
  story.line("which is", concat("return value ", at + 1, " of ", inputs.size()));
  story.fix("return a gradient of the shape of that input of forward().");
}

void FunctionNode::apply(TensorRef* grad_outputs, TensorRef* grad_inputs) {
  struct Guard {
    FunctionNode* node;
    ~Guard() { node->settle(); }
  } guard{this};  // the user may have kept ctx
  auto* context = reinterpret_cast<PyObject*>(context_);
  PyRef backward(user_backward(context));
  Arguments arguments(n_outputs() + 1);
  arguments.push(Py_NewRef(context));
  for (uint32_t i = 0; i < n_outputs(); ++i) {
    OutputMeta meta = output_meta(i);
    TensorRef grad = std::move(grad_outputs[i]);
    if (!grad && meta.defined && !context_->skip_materialize)
      grad = tensor_math.full(output_shape(i), meta.dtype, 0);
    arguments.push(wrap(std::move(grad)));
  }
  static PyObject* const boxed = PyUnicode_InternFromString("boxed_grads_call");
  PyRef result;
  if (class_says(class_of(context).get(), boxed)) [[unlikely]]
    result = arguments.call_boxed(backward.get());
  else
    result = PyRef(arguments.call(backward.get()));
  read_gradients(this, result.get(), grad_inputs);
}

}  // namespace rl::python

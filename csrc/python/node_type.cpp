// grad_fn objects: a view of a graph node. One Python type per node name, one object per node while
// it lives.
#include <Python.h>
#include <structmember.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "graph/accumulate_grad.h"
#include "graph/cycles.h"
#include "graph/packed.h"
#include "ops/copy.h"
#include "ops/op_node.h"
#include "python/function_node.h"
#include "python/node_hooks.h"
#include "python/owned.h"
#include "python/saved_hooks.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

PyTypeObject* node_base_type;

namespace {

PyTypeObject*& g_base = node_base_type;
PyTypeObject* g_metadata_type = nullptr;
PyObject* g_module = nullptr;

Node* self_node(PyObject* self) { return reinterpret_cast<PyNode*>(self)->node; }

// --- saved values

// What an int argument shows as: PyTorch prints a negative one as size_t.
PyObject* unsigned_int(int64_t value) {
  return PyLong_FromUnsignedLongLong(static_cast<uint64_t>(value));
}

TensorRef number_tensor(const SavedSlot& slot) {
  if (slot.kind() == SavedKind::kDouble)
    return rl::number_tensor(Value::of_double(slot.as_double()), DType::kFloat64);
  if (slot.kind() == SavedKind::kInt)
    return rl::number_tensor(Value::of_int(slot.as_int()), DType::kInt64);
  return rl::number_tensor(Value::of_bool(slot.as_bool()), DType::kBool);
}

PyObject* ints_tuple(const std::vector<int64_t>& ints) {
  auto n = static_cast<Py_ssize_t>(ints.size());
  PyRef tuple(checked(PyTuple_New(n)));
  for (Py_ssize_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(tuple.get(), i, checked(unsigned_int(ints[static_cast<size_t>(i)])));
  return tuple.release();
}

PyObject* saved_value(OpNode* node, int i) {
  const SlotSpec& spec = node->op().slots[static_cast<size_t>(i)];
  const SavedSlot& slot = node->slot(i);
  ParamKind param = ParamKind::kTensor;
  if (spec.source == Source::kArg) param = node->op().signature.params[spec.arg].kind;
  switch (slot.kind()) {
    case SavedKind::kDouble:
      if (param == ParamKind::kTensorOrNumber) return wrap(number_tensor(slot));
      return PyFloat_FromDouble(slot.as_double());
    case SavedKind::kInt:
      if (param == ParamKind::kTensorOrNumber) return wrap(number_tensor(slot));
      return param == ParamKind::kInt ? unsigned_int(slot.as_int())
                                      : PyLong_FromLongLong(slot.as_int());
    case SavedKind::kBool:
      if (param == ParamKind::kTensorOrNumber) return wrap(number_tensor(slot));
      return PyBool_FromLong(slot.as_bool());
    case SavedKind::kDims:
    case SavedKind::kFewDims:
      // The strides of an input that needs no gradient are not shown, as in PyTorch.
      if (spec.source == Source::kStrides && !node->edges()[spec.arg].node) return PyTuple_New(0);
      return ints_tuple(slot.as_ints());
    case SavedKind::kList: {
      std::vector<TensorRef> list = slot.unpack_list(node, true);
      PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(list.size()))));
      for (size_t k = 0; k < list.size(); ++k)
        PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(k), checked(wrap(list[k])));
      return tuple.release();
    }
    case SavedKind::kString:
      return PyUnicode_FromString(slot.as_string());
    default:
      return wrap(slot.unpack(node, true));  // none, tensors; throws for a freed one
  }
}

constexpr char kSavedPrefix[] = "_saved_";
constexpr size_t kPrefixLength = sizeof kSavedPrefix - 1;
constexpr char kRawPrefix[] = "_raw_saved_";
constexpr size_t kRawLength = sizeof kRawPrefix - 1;

// Whether the slot is there for tensors, which hooks can be registered on.
bool keeps_tensors(OpNode* node, int i) {
  const SlotSpec& spec = node->op().slots[static_cast<size_t>(i)];
  if (spec.source != Source::kArg) return spec.source == Source::kResult;
  ParamKind kind = node->op().signature.params[spec.arg].kind;
  return kind == ParamKind::kTensor || kind == ParamKind::kTensorOrNumber ||
         kind == ParamKind::kTensors;
}

// The index of the slot that `name`, without the prefix, shows; -1 when there is none.
int find_slot(OpNode* node, const char* name) {
  for (int i = 0; i < node->n_slots(); ++i) {
    const char* slot_name = node->op().slots[static_cast<size_t>(i)].name;
    if (slot_name && std::strcmp(slot_name, name) == 0) return i;
  }
  return -1;
}

PyObject* get_attribute(PyObject* self, PyObject* name) {
  const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : nullptr;
  if (text && std::strncmp(text, kSavedPrefix, kPrefixLength) == 0) {
    OpNode* node = as_op_node(self_node(self));
    int i = node ? find_slot(node, text + kPrefixLength) : -1;
    if (i >= 0) return guarded([&] { return saved_value(node, i); });
  }
  if (text && std::strncmp(text, kRawPrefix, kRawLength) == 0) {
    OpNode* node = as_op_node(self_node(self));
    int i = node ? find_slot(node, text + kRawLength) : -1;
    if (i >= 0 && keeps_tensors(node, i))
      return guarded([&] { return raw_saved(node, &node->slot(i)); });
  }
  if (!text) PyErr_Clear();  // a name with surrogates: no attribute has it
  return PyObject_GenericGetAttr(self, name);
}

PyObject* dir(PyObject* self, PyObject*) {
  return guarded([&] {
    PyRef base(checked(
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__")));
    PyRef names(checked(PyObject_CallOneArg(base.get(), self)));
    PyRef list(checked(PySequence_List(names.get())));
    OpNode* node = as_op_node(self_node(self));
    for (int i = 0; node && i < node->n_slots(); ++i) {
      const char* slot_name = node->op().slots[static_cast<size_t>(i)].name;
      if (!slot_name) continue;
      PyRef name(checked(PyUnicode_FromFormat("%s%s", kSavedPrefix, slot_name)));
      checked(PyList_Append(list.get(), name.get()));
      if (!keeps_tensors(node, i)) continue;
      PyRef raw(checked(PyUnicode_FromFormat("%s%s", kRawPrefix, slot_name)));
      checked(PyList_Append(list.get(), raw.get()));
    }
    return list.release();
  });
}

// --- the graph

PyObject* name(PyObject* self, PyObject*) { return PyUnicode_FromString(self_node(self)->name()); }

PyObject* sequence_nr(PyObject* self, PyObject*) {
  Node* node = self_node(self);
  if (!node) return PyLong_FromLong(0);
  // PyTorch's number of an AccumulateGrad: it goes before every other node that is ready.
  return PyLong_FromUnsignedLongLong(node->is_accumulate_grad() ? UINT64_MAX : node->sequence());
}

PyObject* next_functions(PyObject* self, void*) {
  return guarded([&] {
    Node* node = self_node(self);
    if (!node) return checked(PyTuple_New(0));
    PyRef tuple(checked(PyTuple_New(node->n_edges())));
    for (uint32_t i = 0; i < node->n_edges(); ++i) {
      const Edge& edge = node->edges()[i];
      PyRef target(checked(wrap_node(edge.node)));
      PyTuple_SET_ITEM(tuple.get(), i,
                       checked(Py_BuildValue("(OI)", target.get(), edge.node ? edge.nr : 0)));
    }
    return tuple.release();
  });
}

PyObject* metadata(PyObject* self, void*) {
  NodeSide& side = self_node(self)->make_side();
  if (!side.metadata) side.metadata = PyDict_New();
  return Py_XNewRef(static_cast<PyObject*>(side.metadata));
}

PyObject* input_metadata(PyObject* self, void*) {
  return guarded([&] {
    Node* node = self_node(self);
    if (!node) return checked(PyTuple_New(0));
    uint32_t n = 0;  // outputs that take a gradient come first: the indices of max() are none
    while (n < node->n_outputs() && is_float(node->output_meta(n).dtype)) ++n;
    PyRef tuple(checked(PyTuple_New(n)));
    for (uint32_t i = 0; i < n; ++i) {
      Dims shape = node->output_shape(i);
      PyObject* item = checked(PyStructSequence_New(g_metadata_type));
      PyTuple_SET_ITEM(tuple.get(), i, item);
      PyStructSequence_SetItem(item, 0, checked(make_size(shape.v, shape.n)));
      PyStructSequence_SetItem(item, 1, Py_NewRef(dtype_object(node->output_meta(i).dtype)));
      PyStructSequence_SetItem(item, 2, Py_NewRef(cpu_device()));
      PyStructSequence_SetItem(item, 3, Py_NewRef(Py_False));
      PyStructSequence_SetItem(item, 4, Py_NewRef(Py_False));
    }
    return tuple.release();
  });
}

PyObject* requires_grad(PyObject*, void*) { Py_RETURN_TRUE; }

PyObject* site(PyObject* self, void*) {
  Node* node = self_node(self);
  if (!node) Py_RETURN_NONE;
  return site_object(node->site());
}

PyObject* instruction(PyObject* self, void*) {
  Node* node = self_node(self);
  if (!node || !node->site()) Py_RETURN_NONE;
  const Site& site = node->site();
  return Py_BuildValue("(Oi)", static_cast<PyObject*>(site.code()), site.offset());
}

PyObject* variable(PyObject* self, void*) {
  return guarded([&] {
    auto* node = static_cast<AccumulateGrad*>(self_node(self));
    return wrap(TensorRef::borrow(node->variable()));
  });
}

// node(*gradients): what it makes of them, as a backward pass would; hooks do not run.
PyObject* call(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    check(!kwargs || PyDict_GET_SIZE(kwargs) == 0, ErrorKind::kType,
          "a node takes no keyword arguments");
    NodeRef node = NodeRef::borrow(self_node(self));
    check(node.get(), ErrorKind::kRuntime, "a context without a graph cannot be called");
    const uint32_t n = node->n_outputs();
    check(PyTuple_GET_SIZE(args) == n, ErrorKind::kType, "expected ", n, " arguments, got ",
          PyTuple_GET_SIZE(args), " instead");
    std::vector<TensorRef> in(n), out(node->n_edges());
    for (uint32_t i = 0; i < n; ++i) {
      PyObject* grad = PyTuple_GET_ITEM(args, i);
      if (grad == Py_None) continue;
      check(is_tensor(grad), ErrorKind::kType, "argument ", i, " is not a Variable");
      in[i] = TensorRef::borrow(impl_of(grad));
      const Dims shape = node->output_shape(i);
      check(same_sizes(shape.v, shape.n, in[i]->sizes(), in[i]->ndim()) &&
                in[i]->dtype() == node->output_meta(i).dtype,
            ErrorKind::kRuntime, "argument ", i, " must be a gradient of shape ", shown(shape),
            " and dtype ", dtype_name(node->output_meta(i).dtype), ", as the output is");
    }
    node->apply(in.data(), out.data());
    if (out.size() == 1) return wrap(std::move(out[0]));
    PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(out.size()))));
    for (size_t i = 0; i < out.size(); ++i)
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), checked(wrap(std::move(out[i]))));
    return tuple.release();
  });
}

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s object at %p>", Py_TYPE(self)->tp_name, self);
}

// --- life and death

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Node* node = self_node(self);
  return node ? visit_owned(node, visit, arg) : 0;
}

int clear(PyObject* self) {
  Node* node = self_node(self);
  if (node) clear_owned(node);
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* object = reinterpret_cast<PyNode*>(self);
  PyObject_GC_UnTrack(self);
  if (object->weakrefs) PyObject_ClearWeakRefs(self);
  Node* node = object->node;
  object->node = nullptr;
  if (NodeSide* side = node->side()) side->wrapper = nullptr;
  node->release();
  if (cycles_due) break_cycles();
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"name", name, METH_NOARGS, "The node's full name."},
    {"_sequence_nr", sequence_nr, METH_NOARGS, "Ready nodes run from the highest number down."},
    {"register_hook", register_hook, METH_O,
     "register_hook(fn)\n--\n\nCall ``fn(grad_inputs, grad_outputs)`` after the node has run.\n\n"
     "fn: gets two tuples, with one entry for each of next_functions and for each output of the\n"
     "operation, None where there is no gradient; returns None, or a tuple that takes "
     "grad_inputs'\n"
     "place.\nReturns: a RemovableHandle. Raises: what fn raises, and in the backward pass "
     "RuntimeError or\nTypeError for a result of another length, shape or type."},
    {"register_prehook", register_prehook, METH_O,
     "register_prehook(fn)\n--\n\nCall ``fn(grad_outputs)`` before the node runs, after the hooks "
     "of its tensors.\n\nfn: returns None, or a tuple that takes grad_outputs' place.\nReturns: a "
     "RemovableHandle. Raises: as register_hook."},
    {"__dir__", dir, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef kMembers[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyNode, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef kAttributes[] = {
    {"next_functions", next_functions, nullptr, "(node or None, input number) for each input.",
     nullptr},
    {"metadata", metadata, nullptr, "A dict for the user.", nullptr},
    {"_input_metadata", input_metadata, nullptr, "What is known of each output of the operation.",
     nullptr},
    {"requires_grad", requires_grad, nullptr, nullptr, nullptr},
    {"site", site, nullptr, "The source expression that made this node.", nullptr},
    {"_instruction", instruction, nullptr, "What site is looked up by: a code object, an offset.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyGetSetDef kAccumulateAttributes[] = {
    {"variable", variable, nullptr, "The leaf whose grad this node adds to.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

constexpr unsigned kFlags =
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION;

PyType_Slot kBaseSlots[] = {
    {Py_tp_dealloc, slot(dealloc)}, {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},     {Py_tp_repr, slot(repr)},
    {Py_tp_call, slot(call)},       {Py_tp_getattro, slot(get_attribute)},
    {Py_tp_methods, kMethods},      {Py_tp_members, kMembers},
    {Py_tp_getset, kAttributes},    {0, nullptr},
};

PyType_Spec kBaseSpec = {"rushlight._C._NodeBase", sizeof(PyNode), 0, kFlags | Py_TPFLAGS_BASETYPE,
                         kBaseSlots};

// PyTorch's node types are in no module, and their messages name them bare.
PyTypeObject* make_type(const std::string& name, bool accumulate) {
  constexpr char kModule[] = "builtins.";
  std::string full = kModule + name;
  PyType_Slot slots[] = {
      {accumulate ? Py_tp_getset : 0, accumulate ? kAccumulateAttributes : nullptr}, {0, nullptr}};
  // Garbage collection is inherited with its functions only where the flag is not given anew.
  PyType_Spec spec = {full.c_str(), sizeof(PyNode), 0, kFlags & ~Py_TPFLAGS_HAVE_GC, slots};
  PyRef bases(checked(PyTuple_Pack(1, g_base)));
  auto* type = reinterpret_cast<PyTypeObject*>(
      checked(PyType_FromModuleAndSpec(g_module, &spec, bases.get())));
  type->tp_name += sizeof kModule - 1;
  return type;
}

// Looks names up without making a string of them.
struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};
using TypeTable = std::unordered_map<std::string, PyTypeObject*, NameHash, std::equal_to<>>;

PyTypeObject* type_of(Node* node) {
  static auto* types = new TypeTable;
  std::string_view full = node->name();
  if (auto known = types->find(full); known != types->end()) [[likely]]
    return known->second;
  size_t colons = full.rfind("::");
  std::string name(colons == std::string_view::npos ? full : full.substr(colons + 2));
  PyTypeObject* type = make_type(name, node->is_accumulate_grad());
  types->emplace(full, type);
  return type;
}

PyStructSequence_Field kMetadataFields[] = {
    {"shape", nullptr},
    {"dtype", nullptr},
    {"device", nullptr},
    {"is_nested_tensor", nullptr},
    {"is_cpp_nested_tensor", nullptr},
    {nullptr, nullptr},
};

PyStructSequence_Desc kMetadataDesc = {
    "rushlight._C._InputMetadata", "What a node knows of a tensor it made.", kMetadataFields, 5};

}  // namespace

int visit_node(Node* node, visitproc visit, void* arg) {
  int stop = 0;
  if (node->holds_python()) Py_VISIT(owned_context(node));
  if (node->has_packed()) [[unlikely]]
    for_each_slot(node, [&](SavedSlot& slot) {
      if (!stop)
        stop = slot.visit_packed([&](void* o) { return visit(static_cast<PyObject*>(o), arg); });
    });
  if (stop) return stop;
  NodeSide* side = node->side();
  if (!side) return 0;
  for (void* held : {side->metadata, side->pre_hooks, side->post_hooks})
    Py_VISIT(static_cast<PyObject*>(held));
  // Hooks that only the owner keeps alive: a closure over the grad_fn itself.
  for (HookList& list : side->output_hooks)
    for (Hook& hook : list.hooks) Py_VISIT(static_cast<PyObject*>(hook.callable));
  return 0;
}

void clear_node(Node* node) {
  if (node->has_packed()) {
    Ref<Node> held = Ref<Node>::borrow(node);
    Ref<FreedBy> by = FreedBy::make(node->site(), 0);
    for_each_slot(node, [&](SavedSlot& slot) {
      if (slot.has_pack()) slot.release(by.get());
    });
  }
  NodeSide* side = node->side();
  if (!side) return;
  PyRef metadata(static_cast<PyObject*>(std::exchange(side->metadata, nullptr)));
  PyRef pre_hooks(static_cast<PyObject*>(std::exchange(side->pre_hooks, nullptr)));
  PyRef post_hooks(static_cast<PyObject*>(std::exchange(side->post_hooks, nullptr)));
  auto lists = std::move(side->output_hooks);
  side->output_hooks.clear();
  for (HookList& list : lists)
    for (Hook& hook : list.hooks) Py_DECREF(static_cast<PyObject*>(hook.callable));
}

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  if (node->holds_python()) return context_of(node);
  if (NodeSide* side = node->side(); side && side->wrapper)
    return Py_NewRef(static_cast<PyObject*>(side->wrapper));
  PyTypeObject* type = type_of(node);
  PyObject* self = checked(type->tp_alloc(type, 0));
  node->retain();
  reinterpret_cast<PyNode*>(self)->node = node;
  node->make_side().wrapper = self;
  return self;
}

bool is_node(PyObject* object) { return PyObject_TypeCheck(object, g_base); }

Node* node_of(PyObject* object) { return self_node(object); }

bool init_node_type(PyObject* module) {
  g_module = module;
  g_base = add_type(module, kBaseSpec);
  g_metadata_type = PyStructSequence_NewType(&kMetadataDesc);
  return g_base && g_metadata_type;
}

}  // namespace rl::python

// saved_tensors_hooks(): the pairs of this thread, and SavedTensor.register_hooks().
#include "python/saved_hooks.h"

#include <Python.h>

#include "graph/grad_mode.h"
#include "python/function_node.h"
#include "python/type_tools.h"

namespace rl::python {

namespace {

// What disable_saved_tensors_hooks() said; counted.
constinit thread_local PyObject* t_disabled = nullptr;

struct PySaved {
  PyObject_HEAD
  Node* node;  // counted: it holds the slot
  SavedSlot* slot;
  Py_ssize_t item;  // of a list; -1: the slot itself
};

PyTypeObject* g_saved_type = nullptr;

// pybind11's words for arguments that fit no signature.
[[noreturn]] void fail_arguments(const char* name, const char* signature,
                                 const std::string& given) {
  fail(ErrorKind::kType, name,
       "(): incompatible function arguments. The following argument types are supported:\n    1. ",
       signature, " -> None\n\nInvoked with: ", given);
}

std::string shown_arguments(PyObject* const* args, Py_ssize_t n) {
  std::string text;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyRef shown(checked(PyObject_Repr(args[i])));
    const char* words = PyUnicode_AsUTF8(shown.get());
    if (!words) throw_python();
    text += (i ? ", " : "") + std::string(words);
  }
  return text;
}

[[noreturn]] void fail_disabled() {
  const char* words = PyUnicode_AsUTF8(t_disabled);
  if (!words) throw_python();
  fail(ErrorKind::kRuntime, words);
}

PyObject* push_hooks(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    if (n != 2 || !PyCallable_Check(args[0]) || !PyCallable_Check(args[1]))
      fail_arguments("_push_saved_tensors_default_hooks",
                     "(arg0: collections.abc.Callable, arg1: collections.abc.Callable)",
                     shown_arguments(args, n));
    if (t_disabled) fail_disabled();
    thread_state.saved_hooks =
        new SavedHooks{Py_NewRef(args[0]), Py_NewRef(args[1]), thread_state.saved_hooks};
    Py_RETURN_NONE;
  });
}

PyObject* pop_hooks(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    SavedHooks* hooks = thread_state.saved_hooks;
    check(hooks, ErrorKind::kRuntime, "no saved tensors hooks are set on this thread");
    thread_state.saved_hooks = hooks->outer;
    PyRef pack(static_cast<PyObject*>(hooks->pack)), unpack(static_cast<PyObject*>(hooks->unpack));
    delete hooks;
    Py_RETURN_NONE;
  });
}

// _disable_saved_tensors_hooks(message): the message before, or None; a message of None enables.
PyObject* disable_hooks(PyObject*, PyObject* message) {
  return guarded([&]() -> PyObject* {
    if (message != Py_None && !PyUnicode_Check(message))
      fail_arguments("_saved_tensors_hooks_disable",
                     "(error_message: str, fail_if_non_empty: bool = True)",
                     shown_arguments(&message, 1));
    PyRef before(std::exchange(t_disabled, message == Py_None ? nullptr : Py_NewRef(message)));
    if (t_disabled && thread_state.saved_hooks) {
      PyRef mine(std::exchange(t_disabled, before.release()));
      const char* words = PyUnicode_AsUTF8(mine.get());
      if (!words) throw_python();
      fail(ErrorKind::kRuntime, words);
    }
    return before ? before.release() : Py_NewRef(Py_None);
  });
}

// _set_write_hook(hook): for the in-place writes of this thread; None takes it away.
PyObject* set_write_hook(PyObject*, PyObject* hook) {
  void* value = hook == Py_None ? nullptr : Py_NewRef(hook);
  PyRef before(static_cast<PyObject*>(std::exchange(thread_state.write_hook, value)));
  Py_RETURN_NONE;
}

// --- SavedTensor

PySaved* self_saved(PyObject* self) { return reinterpret_cast<PySaved*>(self); }

// Null once a list is gone.
SavedSlot* slot_of(PyObject* self) {
  auto [slot, item] = std::pair(self_saved(self)->slot, self_saved(self)->item);
  if (item < 0) return slot;
  return slot->kind() == SavedKind::kList ? &slot->list()[static_cast<size_t>(item)] : nullptr;
}

PyObject* register_hooks(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    if (n != 2 || !PyCallable_Check(args[0]) || !PyCallable_Check(args[1]))
      fail_arguments("register_hooks",
                     "(self: torch._C._autograd.SavedTensor, arg0: collections.abc.Callable, arg1: "
                     "collections.abc.Callable)",
                     shown_arguments(&self, 1) + (n ? ", " : "") + shown_arguments(args, n));
    Node* node = self_saved(self)->node;
    SavedSlot* slot = slot_of(self);
    const SavedKind kind = slot ? slot->kind() : SavedKind::kFreed;
    const bool freed = node->holds_python() && static_cast<FunctionNode*>(node)->is_freed();
    check(kind != SavedKind::kFreed && !freed, ErrorKind::kRuntime,
          "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate "
          "values of the graph are freed when you call .backward() or autograd.grad(). Specify "
          "retain_graph=True if you need to backward through the graph a second time or if you "
          "need to access saved variables after calling backward.");
    check(kind != SavedKind::kPacked, ErrorKind::kRuntime,
          "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only "
          "one pair of hooks is allowed at a time.");
    check(kind != SavedKind::kNone, ErrorKind::kRuntime,
          "Calling register_hooks on a saved tensor with value None is forbidden");
    check(slot->is_tensor(), ErrorKind::kRuntime,
          "Calling register_hooks on a Python number that was saved as it is");
    if (self_saved(self)->item < 0) {
      slot->pack(node, args[0], args[1], true);
      Py_RETURN_NONE;
    }
    // The hook may free the list under its item: an equal slot is packed in its place.
    SavedSlot apart;
    apart.save_input(slot->raw_tensor());
    struct Guard {
      SavedSlot& slot;
      ~Guard() { slot.release(nullptr); }
    } guard{apart};
    apart.pack(node, args[0], args[1], true);
    if ((slot = slot_of(self))) std::swap(*slot, apart);
    Py_RETURN_NONE;
  });
}

PyObject* saved_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError,
                  "Trying to create a SavedTensor object from Python is forbidden.");
  return nullptr;
}

void saved_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (Node* node = self_saved(self)->node) node->release();
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef kSavedMethods[] = {
    {"register_hooks", method(register_hooks), METH_FASTCALL,
     "register_hooks(pack, unpack)\n--\n\nKeep pack(t) in the place of the tensor t, and "
     "unpack(pack(t)) when it is needed. Once for each tensor.\n\nRaises: RuntimeError where the "
     "tensor was freed, has hooks, or is none."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSavedSlots[] = {
    {Py_tp_new, slot(saved_new)},
    {Py_tp_dealloc, slot(saved_dealloc)},
    {Py_tp_methods, kSavedMethods},
    {Py_tp_doc, const_cast<char*>("A tensor as a graph node saved it.")},
    {0, nullptr},
};

PyType_Spec kSavedSpec = {"rushlight._C.SavedTensor", sizeof(PySaved), 0, Py_TPFLAGS_DEFAULT,
                          kSavedSlots};

PyMethodDef kFunctions[] = {
    {"_push_saved_tensors_hooks", method(push_hooks), METH_FASTCALL, nullptr},
    {"_pop_saved_tensors_hooks", pop_hooks, METH_NOARGS, nullptr},
    {"_disable_saved_tensors_hooks", disable_hooks, METH_O, nullptr},
    {"_set_write_hook", set_write_hook, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* make_saved(Node* node, SavedSlot* slot, Py_ssize_t item) {
  PyObject* self = checked(g_saved_type->tp_alloc(g_saved_type, 0));
  node->retain();
  self_saved(self)->node = node;
  self_saved(self)->slot = slot;
  self_saved(self)->item = item;
  return self;
}

}  // namespace

void* call_pack_hook(void* hook, TensorImpl* t) {
  PyRef callable = PyRef::borrow(static_cast<PyObject*>(hook));
  PyRef argument(wrap(TensorRef::borrow(t)));
  return checked(PyObject_CallOneArg(callable.get(), argument.get()));
}

TensorImpl* call_unpack_hook(void* hook, void* packed, TensorImpl* t) {
  PyRef callable = PyRef::borrow(static_cast<PyObject*>(hook));
  PyRef argument =
      packed ? PyRef::borrow(static_cast<PyObject*>(packed)) : PyRef(wrap(TensorRef::borrow(t)));
  PyRef result(checked(PyObject_CallOneArg(callable.get(), argument.get())));
  check(is_tensor(result.get()), ErrorKind::kType,
        "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
        Py_TYPE(result.get())->tp_name);
  return TensorRef::borrow(impl_of(result.get())).detach();
}

void call_write_hook(void* hook, TensorImpl* target) {
  PyRef callable = PyRef::borrow(static_cast<PyObject*>(hook));
  PyRef argument(wrap(TensorRef::borrow(target)));
  PyRef ignored(checked(PyObject_CallOneArg(callable.get(), argument.get())));
}

PyObject* raw_saved(Node* node, SavedSlot* slot) {
  if (slot->kind() != SavedKind::kList) return make_saved(node, slot, -1);
  auto n = static_cast<Py_ssize_t>(slot->list().size());
  PyRef tuple(checked(PyTuple_New(n)));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i, make_saved(node, slot, i));
  return tuple.release();
}

Node* node_of_saved(PyObject* object) {
  return Py_TYPE(object) == g_saved_type ? self_saved(object)->node : nullptr;
}

bool init_saved_hooks(PyObject* module) {
  g_saved_type = add_type(module, kSavedSpec);
  if (!g_saved_type || PyModule_AddFunctions(module, kFunctions) < 0) return false;
  // Where PyTorch has it.
  PyRef inner(PyModule_New("rushlight._C._autograd"));
  return inner &&
         PyModule_AddObjectRef(inner.get(), "SavedTensor",
                               reinterpret_cast<PyObject*>(g_saved_type)) == 0 &&
         PyModule_AddObjectRef(module, "_autograd", inner.get()) == 0;
}

}  // namespace rl::python

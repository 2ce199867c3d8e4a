// register_hook() and register_prehook() of grad_fn objects. The hooks lie in a dict that can be
// called, written in Python (rushlight/_hooks.py).
#include "python/node_hooks.h"

#include "python/function_node.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyObject* g_dict_type = nullptr;
PyObject* g_add = nullptr;  // add(hooks, hook) -> handle

// Hands the place where the node's hooks are kept to `use`. A context keeps them until it has a
// node.
template <class F>
PyObject* with_place(PyObject* self, bool post, F&& use) {
  Node* node = node_of(self);
  if (!node) {
    PyContext* context = as_context(self);
    return use(post ? context->post_hooks : context->pre_hooks);
  }
  NodeSide& side = node->make_side();
  return use(post ? side.post_hooks : side.pre_hooks);
}

PyObject* add_hook(PyObject* self, PyObject* hook, bool post) {
  return guarded([&] {
    check(g_add, ErrorKind::kRuntime, "hooks on nodes are not set up yet");
    PyRef hooks(with_place(self, post,
                           [](auto& place) { return Py_XNewRef(static_cast<PyObject*>(place)); }));
    if (!hooks) {
      hooks = PyRef(checked(PyObject_CallNoArgs(g_dict_type)));
      with_place(self, post, [&](auto& place) {
        place = Py_NewRef(hooks.get());
        return nullptr;
      });
    }
    return checked(PyObject_CallFunctionObjArgs(g_add, hooks.get(), hook, nullptr));
  });
}

PyObject* tuple_of(const TensorRef* tensors, size_t n) {
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(n))));
  for (size_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(tensors[i]));
  return tuple.release();
}

// _set_node_hooks(dict_type, add)
PyObject* set_node_hooks(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (n != 2) {
    PyErr_SetString(PyExc_TypeError, "_set_node_hooks(dict_type, add)");
    return nullptr;
  }
  Py_XSETREF(g_dict_type, Py_NewRef(args[0]));
  Py_XSETREF(g_add, Py_NewRef(args[1]));
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"_set_node_hooks", method(set_node_hooks), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* register_prehook(PyObject* self, PyObject* hook) { return add_hook(self, hook, false); }
PyObject* register_hook(PyObject* self, PyObject* hook) { return add_hook(self, hook, true); }

void call_node_hooks(void* hooks, TensorRef* grads, size_t n, const std::vector<TensorRef>* seen) {
  PyRef callable = PyRef::borrow(static_cast<PyObject*>(hooks));
  PyRef given(tuple_of(grads, n));
  PyRef result;
  if (seen) {
    PyRef beside(tuple_of(seen->data(), seen->size()));
    result = PyRef(
        checked(PyObject_CallFunctionObjArgs(callable.get(), given.get(), beside.get(), nullptr)));
  } else {
    result = PyRef(checked(PyObject_CallOneArg(callable.get(), given.get())));
  }
  if (result.get() == Py_None) return;
  check(PyTuple_Check(result.get()) &&
            PyTuple_GET_SIZE(result.get()) == PyTuple_GET_SIZE(given.get()),
        ErrorKind::kType, "expected tuple, but hook returned '", Py_TYPE(result.get())->tp_name,
        "'");
  for (size_t i = 0; i < n; ++i) {
    PyObject* item = PyTuple_GET_ITEM(result.get(), static_cast<Py_ssize_t>(i));
    check(item == Py_None || is_tensor(item), ErrorKind::kType,
          "expected Variable, but hook returned '", Py_TYPE(item)->tp_name, "'");
    grads[i] = item == Py_None ? TensorRef() : TensorRef::borrow(impl_of(item));
  }
}

bool init_node_hooks(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

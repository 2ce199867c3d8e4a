// What Python code that a backward pass calls can ask of the pass and leave with it.
#include "python/graph_task.h"

#include "engine/engine.h"
#include "python/type_tools.h"
#include "python/types.h"
#include "python/weak_node.h"

namespace rl::python {

namespace {

// The number of the backward pass that this thread is in; -1 outside.
PyObject* task_id(PyObject*, PyObject*) {
  return PyLong_FromLongLong(current_run.id ? int64_t{current_run.id} : -1);
}

// Whether all gradients are computed, not those of certain inputs only.
PyObject* is_checkpoint_valid(PyObject*, PyObject*) {
  return PyBool_FromLong(!current_run.restricted);
}

// All nodes that the pass runs, in its order.
PyObject* execution_order(PyObject*, PyObject*) {
  return guarded([&] {
    check(current_run.view, ErrorKind::kRuntime,
          "_current_graph_task_execution_order should only be called during the backward pass");
    std::vector<Node*> order = current_run.view->order();
    PyRef list(checked(PyList_New(static_cast<Py_ssize_t>(order.size()))));
    for (size_t i = 0; i < order.size(); ++i)
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), checked(wrap_node(order[i])));
    return list.release();
  });
}

// _will_engine_execute_node(node), also of a node that _weak_node() stands for
PyObject* will_execute(PyObject*, PyObject* node) {
  return guarded([&] {
    const bool weak = is_weak_node(node);
    check(weak || is_node(node), ErrorKind::kRuntime,
          "_will_engine_execute_node expects an grad_fn, but got ", Py_TYPE(node)->tp_name);
    check(current_run.view, ErrorKind::kRuntime,
          "_get_should_execute_nodes should only be called during the backward pass");
    Node* of = weak ? node_of_weak(node) : node_of(node);
    return PyBool_FromLong(of && current_run.view->executes(of));
  });
}

// The node that runs, or whose hooks do.
PyObject* current_node(PyObject*, PyObject*) {
  return guarded(
      [&] { return wrap_node(current_run.view ? current_run.view->running() : nullptr); });
}

PyObject* make_list() { return PyList_New(0); }
PyObject* make_dict() { return PyDict_New(); }

// What the pass keeps for us, made on first use. Borrowed.
PyObject* kept(void*& place, PyObject* (*make)()) {
  if (!place) place = checked(make());
  return static_cast<PyObject*>(place);
}

// queue_callback(callback): called when all nodes have run.
PyObject* queue_callback(PyObject*, PyObject* callback) {
  return guarded([&]() -> PyObject* {
    check(current_run.view, ErrorKind::kRuntime,
          "Final callbacks can only be installed during backward pass.");
    checked(PyList_Append(kept(current_run.view->callbacks, make_list), callback));
    Py_RETURN_NONE;
  });
}

// A dict that lives as long as the pass.
PyObject* task_dict(PyObject*, PyObject*) {
  return guarded([&] {
    check(current_run.view, ErrorKind::kAssertion,
          "expected this hook to be called inside a backward call");
    return Py_NewRef(kept(current_run.view->local, make_dict));
  });
}

PyMethodDef kFunctions[] = {
    {"_current_graph_task_id", task_id, METH_NOARGS, nullptr},
    {"_current_graph_task_execution_order", execution_order, METH_NOARGS, nullptr},
    {"_current_graph_task_dict", task_dict, METH_NOARGS, nullptr},
    {"_current_autograd_node", current_node, METH_NOARGS, nullptr},
    {"_will_engine_execute_node", will_execute, METH_O, nullptr},
    {"_queue_callback", queue_callback, METH_O, nullptr},
    {"_is_checkpoint_valid", is_checkpoint_valid, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void call_all(void* list) {
  PyRef callbacks = PyRef::borrow(static_cast<PyObject*>(list));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(callbacks.get()); ++i) {
    PyRef callback = PyRef::borrow(PyList_GET_ITEM(callbacks.get(), i));
    PyRef ignored(checked(PyObject_CallNoArgs(callback.get())));
  }
}

bool init_graph_task(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

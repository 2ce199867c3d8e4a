// One object per node, which the node knows: what the node's own hooks hold makes no cycle.
#include "python/weak_node.h"

#include <cstddef>

#include "graph/node.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyTypeObject* g_type = nullptr;

struct PyWeakNode {
  PyObject_HEAD
  NodeCell cell;
};

PyWeakNode* as_weak(PyObject* object) { return reinterpret_cast<PyWeakNode*>(object); }

PyObject* object_of(NodeCell* cell) {
  return reinterpret_cast<PyObject*>(reinterpret_cast<char*>(cell) - offsetof(PyWeakNode, cell));
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (Node* node = as_weak(self)->cell.node) node->side()->cell = nullptr;
  type->tp_free(self);
  Py_DECREF(type);
}

PyType_Slot kSlots[] = {{Py_tp_dealloc, slot(dealloc)}, {0, nullptr}};

PyType_Spec kSpec = {"rushlight._C._WeakNode", sizeof(PyWeakNode), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

// _weak_node(node): what stands for it in _will_engine_execute_node() and lets it die.
PyObject* weak_node(PyObject*, PyObject* object) {
  return guarded([&] {
    Node* node = is_node(object) ? node_of(object) : nullptr;
    check(node, ErrorKind::kType, "_weak_node() takes a node of a graph");
    NodeSide& side = node->make_side();
    if (side.cell) return Py_NewRef(object_of(side.cell));
    PyObject* self = checked(g_type->tp_alloc(g_type, 0));
    as_weak(self)->cell.node = node;
    node->side()->cell = &as_weak(self)->cell;  // making an object may have grown the side table
    return self;
  });
}

PyMethodDef kFunctions[] = {
    {"_weak_node", weak_node, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_weak_node(PyObject* object) { return Py_IS_TYPE(object, g_type); }

Node* node_of_weak(PyObject* weak) { return as_weak(weak)->cell.node; }

bool init_weak_node(PyObject* module) {
  g_type = add_type(module, kSpec);
  return g_type && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

// torch.layout: how a tensor's elements lie in memory. strided is the only one that tensors have;
// the others can be named and compared with.
#include <cstring>

#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

constexpr const char* kNames[] = {"strided",    "sparse_coo", "sparse_csr", "sparse_csc",
                                  "sparse_bsr", "sparse_bsc", "jagged"};
constexpr size_t kLayouts = sizeof kNames / sizeof *kNames;

PyTypeObject* g_type = nullptr;
PyObject* g_layouts[kLayouts] = {};

const char* name_of(PyObject* self) {
  for (size_t i = 0; i < kLayouts; ++i)
    if (g_layouts[i] == self) return kNames[i];
  return "?";
}

PyObject* repr(PyObject* self) { return PyUnicode_FromFormat("torch.%s", name_of(self)); }
// Pickled by name: there is one of each.
PyObject* reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(name_of(self)); }
PyObject* itself(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyMethodDef kMethods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__copy__", itself, METH_NOARGS, nullptr},
    {"__deepcopy__", itself, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSlots[] = {{Py_tp_repr, slot(repr)}, {Py_tp_methods, kMethods}, {0, nullptr}};
PyType_Spec kSpec = {
    "rushlight.layout", sizeof(PyObject), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

}  // namespace

PyObject* strided_layout() { return g_layouts[0]; }

bool check_layout(PyObject* object) {
  if (!Py_IS_TYPE(object, g_type)) return false;
  check(object == g_layouts[0], ErrorKind::kNotImplemented, "torch.", name_of(object),
        " tensors are not supported: torch.strided is the only layout");
  return true;
}

bool init_layout_type(PyObject* module) {
  g_type = add_type(module, kSpec);
  if (!g_type) return false;
  for (size_t i = 0; i < kLayouts; ++i) {
    g_layouts[i] = g_type->tp_alloc(g_type, 0);
    if (!g_layouts[i] || PyModule_AddObjectRef(module, kNames[i], g_layouts[i]) < 0) return false;
  }
  return true;
}

}  // namespace rl::python

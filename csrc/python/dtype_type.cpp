// torch.dtype: one object for each.
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

struct PyDType {
  PyObject_HEAD
  DType dtype;
};

PyTypeObject* g_type = nullptr;
PyObject* g_dtypes[kDTypes] = {};

DType self_dtype(PyObject* self) { return reinterpret_cast<PyDType*>(self)->dtype; }

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("torch.%s", dtype_name(self_dtype(self)));
}

// A name is pickled as the attribute of that name in the type's module, so the object stays the
// same.
PyObject* reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(dtype_name(self_dtype(self)));
}

PyObject* itself(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyObject* is_floating_point(PyObject* self, void*) {
  return PyBool_FromLong(is_float(self_dtype(self)));
}

PyObject* is_complex(PyObject*, void*) { Py_RETURN_FALSE; }

PyObject* is_signed(PyObject* self, void*) {
  DType t = self_dtype(self);
  return PyBool_FromLong(t != DType::kBool && t != DType::kUInt8);
}

PyObject* itemsize(PyObject* self, void*) { return PyLong_FromSize_t(item_size(self_dtype(self))); }

PyObject* abbr(PyObject* self, void*) {
  constexpr const char* kShort[kDTypes] = {"b8",  "u8",  "i8",   "i16", "i32",
                                           "i64", "f16", "bf16", "f32", "f64"};
  return PyUnicode_FromString(kShort[static_cast<int>(self_dtype(self))]);
}

PyMethodDef kMethods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__copy__", itself, METH_NOARGS, nullptr},
    {"__deepcopy__", itself, METH_O, nullptr},
    {"to_real", itself, METH_NOARGS, "The real dtype of the same precision."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef kAttributes[] = {
    {"is_floating_point", is_floating_point, nullptr, nullptr, nullptr},
    {"is_complex", is_complex, nullptr, nullptr, nullptr},
    {"is_signed", is_signed, nullptr, nullptr, nullptr},
    {"itemsize", itemsize, nullptr, "Bytes of one element.", nullptr},
    {"abbr", abbr, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_repr, slot(repr)},
    {Py_tp_methods, kMethods},
    {Py_tp_getset, kAttributes},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "rushlight.dtype", sizeof(PyDType), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

struct Alias {
  const char* name;
  DType dtype;
};

constexpr Alias kAliases[] = {
    {"short", DType::kInt16},  {"int", DType::kInt32},     {"long", DType::kInt64},
    {"half", DType::kFloat16}, {"float", DType::kFloat32}, {"double", DType::kFloat64},
};

}  // namespace

PyObject* dtype_object(DType t) { return g_dtypes[static_cast<int>(t)]; }

bool is_dtype(PyObject* object) {
  return Py_IS_TYPE(object, g_type) || object == reinterpret_cast<PyObject*>(&PyFloat_Type) ||
         object == reinterpret_cast<PyObject*>(&PyLong_Type) ||
         object == reinterpret_cast<PyObject*>(&PyBool_Type);
}

DType dtype_value(PyObject* object) {
  if (Py_IS_TYPE(object, g_type)) return self_dtype(object);
  if (object == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::kFloat64;
  return object == reinterpret_cast<PyObject*>(&PyBool_Type) ? DType::kBool : DType::kInt64;
}

bool init_dtype_type(PyObject* module) {
  g_type = add_type(module, kSpec);
  if (!g_type) return false;
  for (int i = 0; i < kDTypes; ++i) {
    auto dtype = static_cast<DType>(i);
    auto* object = PyObject_New(PyDType, g_type);
    if (!object) return false;
    object->dtype = dtype;
    g_dtypes[i] = reinterpret_cast<PyObject*>(object);
    if (PyModule_AddObjectRef(module, dtype_name(dtype), g_dtypes[i]) < 0) return false;
  }
  for (const Alias& alias : kAliases)
    if (PyModule_AddObjectRef(module, alias.name, dtype_object(alias.dtype)) < 0) return false;
  return true;
}

}  // namespace rl::python

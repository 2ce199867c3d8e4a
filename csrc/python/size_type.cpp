// torch.Size: a tuple of ints that stays one under slicing, + and *.
#include "core/shape.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

PyTypeObject* g_type = nullptr;

PyObject* as_size(PyObject* tuple) {
  if (!tuple || !PyTuple_CheckExact(tuple)) return tuple;
  PyObject* size = PyObject_CallOneArg(reinterpret_cast<PyObject*>(g_type), tuple);
  Py_DECREF(tuple);
  return size;
}

// Makes item i an int that fits a size; its own reference is replaced.
void check_item(PyObject* size, Py_ssize_t i) {
  PyObject* item = PyTuple_GET_ITEM(size, i);
  PyObject* number = PyFloat_Check(item) ? nullptr : PyNumber_Index(item);
  if (!number) {
    PyErr_Clear();
    fail(ErrorKind::kType, "torch.Size() takes an iterable of 'int' (item ", i, " is '",
         Py_TYPE(item)->tp_name, "')");
  }
  PyTuple_SET_ITEM(size, i, number);
  Py_DECREF(item);
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  check(!overflow, ErrorKind::kValue, "Overflow when unpacking long long");
  if (value == -1 && PyErr_Occurred()) throw_python();
}

PyObject* create(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyRef size(PyTuple_Type.tp_new(type, args, kwargs));
  if (!size) return nullptr;
  return guarded([&] {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(size.get()); ++i) check_item(size.get(), i);
    return size.release();
  });
}

PyObject* repr(PyObject* self) {
  return guarded([&] {
    std::string text = "torch.Size([";
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
      if (i) text += ", ";
      text += std::to_string(PyLong_AsLongLong(PyTuple_GET_ITEM(self, i)));
    }
    return PyUnicode_FromString((text + "])").c_str());
  });
}

PyObject* numel(PyObject* self, PyObject*) {
  PyRef product(PyLong_FromLong(1));
  for (Py_ssize_t i = 0; product && i < PyTuple_GET_SIZE(self); ++i)
    product = PyRef(PyNumber_Multiply(product.get(), PyTuple_GET_ITEM(self, i)));
  return product.release();
}

PyObject* reduce(PyObject* self, PyObject*) {
  PyRef plain(PySequence_Tuple(self));
  return plain ? Py_BuildValue("(O(O))", g_type, plain.get()) : nullptr;
}

// Also for a plain tuple on the left, whose own + would make a plain tuple.
PyObject* add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a)) Py_RETURN_NOTIMPLEMENTED;
  if (!PyTuple_Check(b)) {
    PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not %s) to torch.Size",
                 Py_TYPE(b)->tp_name);
    return nullptr;
  }
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

PyObject* concat_sequence(PyObject* a, PyObject* b) { return add(a, b); }

PyObject* repeat(PyObject* self, Py_ssize_t n) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, n));
}

PyObject* subscript(PyObject* self, PyObject* index) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, index));
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  for (Py_ssize_t i = PyTuple_GET_SIZE(self); --i >= 0;) Py_XDECREF(PyTuple_GET_ITEM(self, i));
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"numel", numel, METH_NOARGS, "The number of elements of a tensor of this size."},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_new, slot(create)},
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_repr, slot(repr)},
    {Py_tp_methods, kMethods},
    {Py_nb_add, slot(add)},
    {Py_sq_concat, slot(concat_sequence)},
    {Py_sq_repeat, slot(repeat)},
    {Py_mp_subscript, slot(subscript)},
    {0, nullptr},
};

PyType_Spec kSpec = {"rushlight.Size", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, kSlots};

}  // namespace

PyObject* make_size(const int64_t* sizes, int n) {
  // Not tracked by the collector: ints alone can be in no cycle.
  auto* size = PyObject_GC_NewVar(PyTupleObject, g_type, n);
  if (!size) return nullptr;
  for (int i = 0; i < n; ++i) size->ob_item[i] = nullptr;
  for (int i = 0; i < n; ++i) {
    size->ob_item[i] = PyLong_FromLongLong(sizes[i]);
    if (!size->ob_item[i]) {
      Py_DECREF(size);
      return nullptr;
    }
  }
  return reinterpret_cast<PyObject*>(size);
}

bool is_size(PyObject* object) { return g_type && PyObject_TypeCheck(object, g_type); }

bool init_size_type(PyObject* module) {
  PyRef bases(PyTuple_Pack(1, &PyTuple_Type));
  if (!bases) return false;
  g_type = add_type(module, kSpec, bases.get());
  return g_type != nullptr;
}

}  // namespace rl::python

#include "python/heap.h"

#include "python/type_tools.h"

#if PY_VERSION_HEX >= 0x030C0000
// The public interface, which makes no snapshot from this version on.
int rl_frame_variables(PyFrameObject* frame, RlTakeVariable take, void* arg) {
  using rl::python::PyRef;
  PyRef code(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
  auto* c = reinterpret_cast<PyCodeObject*>(code.get());
  for (auto* names_of : {PyCode_GetVarnames, PyCode_GetCellvars, PyCode_GetFreevars}) {
    PyRef names(names_of(c));
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names.get()); ++i) {
      PyObject* name = PyTuple_GET_ITEM(names.get(), i);
      PyRef value(PyFrame_GetVar(frame, name));
      if (!value) PyErr_Clear();  // not bound yet
      if (int stop = value ? take(arg, name, value.get()) : 0) return stop;
    }
    if (!names) PyErr_Clear();
  }
  return 0;
}
#endif

namespace rl::python {

namespace {

// _frame_variables(frame): [(name, value)], cells looked through.
PyObject* frame_variables(PyObject*, PyObject* frame) {
  return guarded([&]() -> PyObject* {
    check(PyFrame_Check(frame), ErrorKind::kType, "_frame_variables(frame)");
    PyRef list(checked(PyList_New(0)));
    auto take = [](void* arg, PyObject* name, PyObject* value) {
      PyRef pair(PyTuple_Pack(2, name, value));
      return pair ? PyList_Append(static_cast<PyObject*>(arg), pair.get()) : -1;
    };
    checked(rl_frame_variables(reinterpret_cast<PyFrameObject*>(frame), take, list.get()));
    return list.release();
  });
}

// _holders(objects, frames, targets): [(index of the target, holder, name or None)].
PyObject* holders(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 3 && PyList_Check(args[0]) && PyList_Check(args[1]) && PyList_Check(args[2]),
          ErrorKind::kType, "_holders(objects: list, frames: list, targets: list)");
    PointerMap targets;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[2]); ++i)
      targets.insert(PyList_GET_ITEM(args[2], i), static_cast<uint32_t>(i));
    // An object with a thousand holders is told with these.
    constexpr uint32_t kMost = 64;
    std::vector<uint32_t> found_of(static_cast<size_t>(PyList_GET_SIZE(args[2])));
    struct Found {
      uint32_t target;
      PyRef holder, name;
    };
    std::vector<Found> found;
    Heap(args[0], args[1]).for_each_reference([&](PyObject* child, const Holder& holder) {
      uint32_t target = targets.find(child);
      if (target == UINT32_MAX || holder.object == args[2] || ++found_of[target] > kMost) return;
      PyObject* name = holder.name ? holder.name : Py_None;
      found.push_back({target, PyRef::borrow(holder.object), PyRef::borrow(name)});
    });
    PyRef list(checked(PyList_New(0)));
    for (const Found& f : found) {
      PyRef item(checked(Py_BuildValue("(IOO)", f.target, f.holder.get(), f.name.get())));
      checked(PyList_Append(list.get(), item.get()));
    }
    return list.release();
  });
}

// _object_dict(object): its __dict__ without asking its class, None where it has none.
PyObject* object_dict(PyObject*, PyObject* object) {
  PyObject* dict = PyObject_GenericGetDict(object, nullptr);
  if (dict) return dict;
  PyErr_Clear();
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"_frame_variables", frame_variables, METH_O, nullptr},
    {"_holders", method(holders), METH_FASTCALL, nullptr},
    {"_object_dict", object_dict, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

Heap::Heap(PyObject* objects, PyObject* frames) {
  PointerMap running;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(frames); ++i) {
    PyObject* frame = PyList_GET_ITEM(frames, i);
    if (PyFrame_Check(frame) && running.insert(frame, 0).second) frames_.push_back(frame);
  }
  objects_.reserve(static_cast<size_t>(PyList_GET_SIZE(objects)));
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(objects); ++i) {
    PyObject* object = PyList_GET_ITEM(objects, i);
    if (!PyFrame_Check(object)) {
      if (Py_TYPE(object)->tp_traverse) objects_.push_back(object);
    } else if (running.insert(object, 0).second) {
      frames_.push_back(object);  // of a traceback
    }
  }
}

// By a search: looking a name up may call the __eq__ of another key.
bool is_namespace(PyObject* object) {
  if (!PyDict_CheckExact(object)) return false;
  PyObject *key, *value;
  Py_ssize_t at = 0;
  while (PyDict_Next(object, &at, &key, &value))
    if (PyUnicode_CheckExact(key) && PyUnicode_CompareWithASCIIString(key, "__builtins__") == 0)
      return true;
  return false;
}

bool init_heap(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

// A tensor's whole memory as an object, for copies and pickles in which views keep sharing it.
#include <cstring>
#include <unordered_map>

#include "python/conversions.h"

namespace rl::python {

namespace {

struct PyStorage {
  PyObject_HEAD
  Storage* storage;  // counted
  Py_ssize_t exports;
};

PyTypeObject* g_type;

// One object per storage while it lives: pickle and deepcopy tell what is shared by identity.
std::unordered_map<Storage*, PyObject*>& objects() {
  static auto* map = new std::unordered_map<Storage*, PyObject*>;  // outlives the interpreter
  return *map;
}

PyObject* storage_object(const Ref<Storage>& storage) {
  PyObject*& object = objects()[storage.get()];
  if (object) return Py_NewRef(object);
  auto* self = PyObject_New(PyStorage, g_type);
  if (!self) {
    objects().erase(storage.get());
    throw_python();
  }
  storage->retain();
  self->storage = storage.get();
  self->exports = 0;
  return object = reinterpret_cast<PyObject*>(self);
}

void dealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  Storage* storage = reinterpret_cast<PyStorage*>(object)->storage;
  objects().erase(storage);
  storage->release();
  type->tp_free(object);
  Py_DECREF(type);
}

// The memory stays in place while a buffer looks at it, and may move again afterwards.
int get_buffer(PyObject* object, Py_buffer* view, int flags) {
  auto* self = reinterpret_cast<PyStorage*>(object);
  Storage* storage = self->storage;
  int status =
      PyBuffer_FillInfo(view, object, storage->mut_data(),
                        static_cast<Py_ssize_t>(storage->bytes()), !storage->writable(), flags);
  if (status == 0 && ++self->exports == 1) storage->set_pinned(true);
  return status;
}

void release_buffer(PyObject* object, Py_buffer*) {
  auto* self = reinterpret_cast<PyStorage*>(object);
  if (--self->exports == 0) self->storage->set_pinned(false);
}

PyType_Slot kSlots[] = {
    {Py_tp_dealloc, slot(dealloc)},
    {Py_bf_getbuffer, slot(get_buffer)},
    {Py_bf_releasebuffer, slot(release_buffer)},
    {0, nullptr},
};

PyType_Spec kSpec = {"rushlight._C._Storage", sizeof(PyStorage), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

PyObject* py_storage_of(PyObject*, PyObject* tensor) {
  return guarded([&] {
    check(is_tensor(tensor), ErrorKind::kType, "_storage_of() takes a Tensor, not ",
          Py_TYPE(tensor)->tp_name);
    return storage_object(impl_of(tensor)->storage());
  });
}

PyObject* py_new_storage(PyObject*, PyObject* buffer) {
  return guarded([&] {
    PyRef memory(checked(PyMemoryView_GetContiguous(buffer, PyBUF_READ, 'C')));
    const Py_buffer& view = *PyMemoryView_GET_BUFFER(memory.get());
    Ref<Storage> storage = Storage::allocate(static_cast<size_t>(view.len));
    if (view.len) std::memcpy(storage->mut_data(), view.buf, static_cast<size_t>(view.len));
    return storage_object(storage);
  });
}

// Ints that a pickle holds: nothing of them is trusted.
int64_t count_argument(PyObject* object, const char* what) {
  check(PyLong_CheckExact(object), ErrorKind::kType, "damaged pickle of a Tensor: ", what,
        " must be int, not ", Py_TYPE(object)->tp_name);
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
  check(!overflow && value >= 0, ErrorKind::kValue, "damaged pickle of a Tensor: ", what,
        " is negative or too large");
  return value;
}

Dims dims_argument(PyObject* object, const char* what) {
  check(PyTuple_Check(object), ErrorKind::kType, "damaged pickle of a Tensor: ", what,
        " must be tuple, not ", Py_TYPE(object)->tp_name);
  Py_ssize_t n = PyTuple_GET_SIZE(object);
  check(n <= kMaxDims, ErrorKind::kValue, "damaged pickle of a Tensor: ", what, " has ", n,
        " entries, ", kMaxDims, " at most are possible");
  Dims dims;
  for (Py_ssize_t i = 0; i < n; ++i) dims.push(count_argument(PyTuple_GET_ITEM(object, i), what));
  return dims;
}

// Throws unless every element lies within the storage.
void check_within(const Storage& storage, DType dtype, const Dims& sizes, const Dims& strides,
                  int64_t offset) {
  int64_t end = offset;
  bool overflow = false;
  bool empty = checked_numel(sizes.v, sizes.n) == 0;
  for (int i = 0; i < sizes.n && !empty; ++i) {
    int64_t step;
    overflow |= __builtin_mul_overflow(strides[i], sizes[i] - 1, &step) ||
                __builtin_add_overflow(end, step, &end);
  }
  if (!empty) overflow |= __builtin_add_overflow(end, 1, &end);
  auto held = static_cast<int64_t>(storage.bytes() / item_size(dtype));
  check(!overflow && end <= held, ErrorKind::kValue, "damaged pickle of a Tensor: sizes ",
        shown(sizes), ", strides ", shown(strides), ", storage offset ", offset, " and dtype ",
        dtype_name(dtype), " reach beyond a storage of ", storage.bytes(), " bytes");
}

// (storage, dtype, offset, sizes, strides): a leaf over the storage.
PyObject* py_tensor_over(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&] {
    check(nargs == 5, ErrorKind::kType, "_tensor_over() takes 5 arguments (", nargs, " given)");
    check(Py_TYPE(args[0]) == g_type, ErrorKind::kType,
          "damaged pickle of a Tensor: expected a storage, got ", Py_TYPE(args[0])->tp_name);
    check(is_dtype(args[1]), ErrorKind::kType, "damaged pickle of a Tensor: expected a dtype, got ",
          Py_TYPE(args[1])->tp_name);
    Ref<Storage> storage = Ref<Storage>::borrow(reinterpret_cast<PyStorage*>(args[0])->storage);
    DType dtype = dtype_value(args[1]);
    int64_t offset = count_argument(args[2], "the storage offset");
    Dims sizes = dims_argument(args[3], "the shape");
    Dims strides = dims_argument(args[4], "the stride");
    check(sizes.n == strides.n, ErrorKind::kValue, "damaged pickle of a Tensor: ", sizes.n,
          " sizes and ", strides.n, " strides");
    check_within(*storage, dtype, sizes, strides, offset);
    return wrap(finish_tensor(TensorImpl::alias(storage, dtype, sizes, strides.v, offset), false));
  });
}

PyMethodDef kFunctions[] = {
    {"_storage_of", py_storage_of, METH_O, "The tensor's memory, the same object each time."},
    {"_new_storage", py_new_storage, METH_O, "A storage with a copy of a buffer's bytes."},
    {"_tensor_over", method(py_tensor_over), METH_FASTCALL,
     "(storage, dtype, offset, sizes, strides): a leaf over the storage."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_storage_type(PyObject* module) {
  g_type = add_type(module, kSpec);
  return g_type && PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

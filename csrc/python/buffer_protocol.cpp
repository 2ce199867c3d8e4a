// Tensor's memory as a Python buffer: memoryview(t), and through it NumPy's arrays over t.
#include "python/buffer_protocol.h"

#include "graph/node.h"
#include "graph/provenance.h"
#include "python/stories.h"
#include "python/tensor_type.h"
#include "python/types.h"

namespace rl::python {

namespace {

// What one exported buffer holds. The storage, not only the tensor: `t.data = other` gives a tensor
// another storage, and the exported memory has to outlive that.
struct Export {
  Ref<Storage> storage;
  Py_ssize_t shape[kMaxDims];
  Py_ssize_t strides[kMaxDims];
};

// Null: no format describes it.
const char* format_of(DType t) {
  constexpr const char* kInt64 = sizeof(long) == 8 ? "l" : "q";
  constexpr const char* kFormats[kDTypes] = {"?",    "B", "b",     "h", "i",
                                             kInt64, "e", nullptr, "f", "d"};
  return kFormats[static_cast<int>(t)];
}

// A class with an __array__ of its own decides what NumPy sees, which asks for a buffer first.
bool overrides_array(PyTypeObject* type) {
  if (type == tensor_type) return false;
  static PyObject* name = PyUnicode_InternFromString("__array__");
  PyObject* ours = name ? _PyType_Lookup(tensor_type, name) : nullptr;
  return !name || _PyType_Lookup(type, name) != ours;
}

[[gnu::cold]] int refuse(Py_buffer* view, const char* sentence) {
  view->obj = nullptr;
  PyErr_SetString(PyExc_BufferError, sentence);
  return -1;
}

bool layout_fits(const Py_buffer& view, int flags) {
  auto asks = [flags](int wanted) { return (flags & wanted) == wanted; };
  if (asks(PyBUF_C_CONTIGUOUS) || !asks(PyBUF_STRIDES)) return PyBuffer_IsContiguous(&view, 'C');
  if (asks(PyBUF_F_CONTIGUOUS)) return PyBuffer_IsContiguous(&view, 'F');
  return !asks(PyBUF_ANY_CONTIGUOUS) || PyBuffer_IsContiguous(&view, 'A');
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  TensorImpl* t = impl_of(self);
  if (needs_grad(t))
    return refuse(view, "Can't export tensors that require gradient, use tensor.detach()");
  if (overrides_array(Py_TYPE(self)))
    return refuse(view, "the tensor's class has an __array__ of its own: call that");
  if (!format_of(t->dtype())) return refuse(view, "no buffer format describes bfloat16");
  Storage& storage = *t->storage();
  if ((flags & PyBUF_WRITABLE) && !storage.writable())
    return refuse(view, "the tensor's memory is not writable");

  int n = t->ndim();
  auto size = static_cast<Py_ssize_t>(item_size(t->dtype()));
  auto* held = new (std::nothrow) Export;
  if (!held) {
    view->obj = nullptr;
    PyErr_NoMemory();
    return -1;
  }
  held->storage = t->storage();
  for (int i = 0; i < n; ++i) {
    held->shape[i] = t->sizes()[i];
    held->strides[i] = t->strides()[i] * size;
  }
  view->buf = t->mut_data();
  view->len = t->numel() * size;
  view->itemsize = size;
  view->readonly = !storage.writable();
  view->ndim = n;
  view->format = const_cast<char*>(format_of(t->dtype()));
  view->shape = n ? held->shape : nullptr;
  view->strides = n ? held->strides : nullptr;
  view->suboffsets = nullptr;
  view->internal = held;
  if (!layout_fits(*view, flags)) {
    delete held;
    return refuse(view, "the tensor's memory is not contiguous in the order that is asked for");
  }
  // The consumer may not know about strides or shape; contiguity was checked with them.
  if (!(flags & PyBUF_FORMAT)) view->format = nullptr;
  if (!(flags & PyBUF_ND)) view->shape = nullptr;
  if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES) view->strides = nullptr;
  storage.share_outside();
  view->obj = Py_NewRef(self);
  return 0;
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<Export*>(view->internal); }

}  // namespace

int add_buffer_slots(PyType_Slot* slots, int n) {
  slots[n++] = {Py_bf_getbuffer, slot(get_buffer)};
  slots[n++] = {Py_bf_releasebuffer, slot(release_buffer)};
  return n;
}

PyObject* numpy_of(PyObject* tensor, bool force) {
  TensorImpl* t = impl_of(tensor);
  if (!force && needs_grad(t)) {
    Provenance story;
    Site here = Site::capture();
    story.line("asked for by", here);
    if (Node* node = t->grad_fn()) story.line("made by", node->site());
    story.fix("numpy", here, "hand over the values without the history, as in t.detach().");
    fail(ErrorKind::kRuntime,
         "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
         story.text());
  }
  note_number(t);
  check(t->dtype() != DType::kBFloat16, ErrorKind::kType,
        "Got unsupported ScalarType BFloat16\n  fix: convert first, as in x.float().numpy().");
  static PyObject* asarray = nullptr;
  if (!asarray) {
    PyRef numpy(PyImport_ImportModule("numpy"));
    if (!numpy) {
      if (!PyErr_ExceptionMatches(PyExc_ImportError)) throw_python();
      PyErr_Clear();
      fail(ErrorKind::kRuntime, "Numpy is not available\n  fix: pip install numpy.");
    }
    asarray = checked(PyObject_GetAttrString(numpy.get(), "asarray"));
  }
  // A plain tensor over the same memory where the buffer of this one would be refused.
  bool plain = Py_TYPE(tensor) == tensor_type && !needs_grad(t);
  PyRef exporter(plain ? Py_NewRef(tensor) : wrap(detached_alias(t)));
  PyRef memory(checked(PyMemoryView_FromObject(exporter.get())));
  return checked(PyObject_CallOneArg(asarray, memory.get()));
}

}  // namespace rl::python

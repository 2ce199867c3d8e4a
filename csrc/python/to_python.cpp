// Tensors as Python numbers and nested lists.
#include "python/conversions.h"

namespace rl::python {

namespace {

template <class T>
PyObject* number(const char* at) {
  if constexpr (std::is_same_v<T, bool>) {
    // Memory shared with others may hold any byte.
    return PyBool_FromLong(*reinterpret_cast<const uint8_t*>(at) != 0);
  } else {
    T value = *reinterpret_cast<const T*>(at);
    if constexpr (kIsInt<T>)
      return PyLong_FromLongLong(value);
    else
      return PyFloat_FromDouble(static_cast<double>(value));
  }
}

// Nested lists of one tensor. With edge >= 0 a dimension of more than 2 * edge keeps its two ends
// only.
template <class T>
class Lister {
 public:
  Lister(TensorImpl* t, int64_t edge) : t_(t), edge_(edge) {}

  PyObject* list(const char* at, int dim) const {
    if (dim == t_->ndim()) return checked(number<T>(at));
    int64_t n = t_->sizes()[dim];
    int64_t step = t_->strides()[dim] * static_cast<int64_t>(sizeof(T));
    bool cut = edge_ >= 0 && edge_ < (n + 1) / 2;
    int64_t kept = cut ? 2 * edge_ : n;
    PyRef result(checked(PyList_New(kept)));
    for (int64_t i = 0; i < kept; ++i) {
      int64_t from = cut && i >= edge_ ? n - kept + i : i;
      PyList_SET_ITEM(result.get(), i, list(at + from * step, dim + 1));
    }
    return result.release();
  }

 private:
  TensorImpl* t_;
  int64_t edge_;
};

PyObject* py_edge_list(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&] {
    check(nargs == 2 && is_tensor(args[0]), ErrorKind::kType, "_edge_list(tensor, n)");
    long long edge = PyLong_AsLongLong(args[1]);
    if (edge == -1 && PyErr_Occurred()) throw_python();
    return edge_list_of(impl_of(args[0]), edge);
  });
}

PyMethodDef kFunctions[] = {
    {"_edge_list", method(py_edge_list), METH_FASTCALL,
     "(t, n): nested lists with the first and last n elements of each dimension; n < 0: all."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* item_of(TensorImpl* t) {
  int64_t n = t->numel();
  check(n == 1, ErrorKind::kRuntime, "a Tensor with ", n,
        " elements cannot be converted to Scalar");
  return dispatch_dtype(t->dtype(),
                        [&](auto type) { return checked(number<decltype(type)>(t->data())); });
}

PyObject* tolist_of(TensorImpl* t) { return edge_list_of(t, -1); }

PyObject* edge_list_of(TensorImpl* t, int64_t edge) {
  return dispatch_dtype(
      t->dtype(), [&](auto type) { return Lister<decltype(type)>(t, edge).list(t->data(), 0); });
}

bool init_to_python(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

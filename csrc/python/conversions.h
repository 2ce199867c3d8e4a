// What the conversion files share: nested data, arrays of NumPy and other buffers.
#pragma once

#include <string>

#include "core/dtype.h"
#include "core/tensor.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

// NumPy's types, once somebody has imported it; all null before.
struct NumpyTypes {
  PyTypeObject* ndarray = nullptr;
  PyTypeObject* generic = nullptr;
};
const NumpyTypes& numpy_types();

inline bool is_ndarray(PyObject* object) {
  const NumpyTypes& numpy = numpy_types();
  return numpy.ndarray && PyObject_TypeCheck(object, numpy.ndarray);
}
inline bool is_numpy_scalar(PyObject* object) {
  const NumpyTypes& numpy = numpy_types();
  return numpy.generic && PyObject_TypeCheck(object, numpy.generic);
}

// The memory of an ndarray or of one of NumPy's scalars, held while this lives.
class ArrayBuffer {
 public:
  // Throws PyTorch's errors for elements that are no numbers or have another byte order.
  explicit ArrayBuffer(PyObject* array);
  ~ArrayBuffer() {
    if (view_.obj) PyBuffer_Release(&view_);
  }
  ArrayBuffer(const ArrayBuffer&) = delete;
  ArrayBuffer& operator=(const ArrayBuffer&) = delete;

  const Dims& sizes() const { return sizes_; }
  bool readonly() const { return view_.readonly; }
  // The dtype of the elements; throws for those that have no dtype here (uint16, ...).
  DType dtype() const;
  // Writes all elements, row-major, converted.
  void copy_to(void* out, DType dtype) const;
  // A tensor over this memory. Takes the buffer with it.
  TensorRef share();

 private:
  // The elements have a dtype.
  bool native() const { return category_ != 'u' || size_ == 1; }
  // Strides counted in elements; false where they, or the address, are no multiple of one.
  bool element_strides(Dims& strides) const;

  PyObject* array_;
  Py_buffer view_ = {};
  Dims sizes_;
  char category_ = 0;  // '?' bool, 'i' signed, 'u' unsigned, 'f' floating
  size_t size_ = 0;    // bytes of an element
};

// Memory of a Python buffer as storage: `view` is released with the last tensor over it.
Ref<Storage> adopt_buffer(const Py_buffer& view, void* start, size_t bytes);

// The last step of making a tensor from data: inference mode, then requires_grad.
TensorRef finish_tensor(TensorRef t, bool requires_grad);

// dtype argument: null and None leave `dtype` alone and give false.
bool dtype_argument(const char* function, PyObject* object, DType* dtype);
void device_argument(const char* function, PyObject* object);
void warn_user(const char* text);
// Once in a process, unless set_warn_always(True). `warned` is the place's own flag.
void warn_user_once(bool& warned, const char* text);

bool init_numpy_bridge(PyObject* module);
bool init_to_python(PyObject* module);
bool init_dlpack(PyObject* module);
bool init_storage_type(PyObject* module);

}  // namespace rl::python

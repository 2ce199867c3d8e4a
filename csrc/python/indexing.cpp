#include "python/indexing.h"

#include <vector>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "ops/compare.h"
#include "ops/copy.h"
#include "ops/index.h"
#include "ops/join.h"
#include "ops/table.h"
#include "python/parse.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"
#include "python/types.h"

namespace rl::python {

namespace {

// What a key comes to: a view, and the index tensors that choose from it.
struct Chosen {
  Tensor view;
  std::vector<TensorRef> indices;  // by dimension of the view; null: whole
  bool any_index = false;
  int covered = 0;   // dimensions that `indices` speak of: a mask takes as many as it has
  int dim = 0;       // of the view that the next part of the key speaks of
  int position = 0;  // of the part in the key: what messages call the dimension
};

bool is_integer_scalar(PyObject* key) {
  if (!is_tensor(key)) return false;
  TensorImpl* t = impl_of(key);
  return t->ndim() == 0 && category(t->dtype()) == Category::kInt && t->dtype() != DType::kUInt8;
}

// PyTorch takes bytes for masks still.
bool is_mask(TensorImpl* t) { return t->dtype() == DType::kBool || t->dtype() == DType::kUInt8; }

// The tensor as a list of indices takes it: a mask of bytes becomes one of bools.
TensorRef mask_or_numbers(TensorImpl* t) {
  if (t->dtype() != DType::kUInt8) return TensorRef::borrow(t);
  host().warn("UserWarning",
              "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool "
              "instead.");
  return to_dtype(Tensor(TensorRef::borrow(t)), DType::kBool).ref();
}

bool is_int_key(PyObject* key) {
  if (PyLong_CheckExact(key)) return true;
  if (PyBool_Check(key) || is_tensor(key)) return false;
  return PyLong_Check(key) || (PyIndex_Check(key) && !PySequence_Check(key));
}

int64_t int_of_key(PyObject* key) {
  PyRef index(checked(PyNumber_Index(key)));
  int overflow = 0;
  int64_t value = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
  if (value == -1 && PyErr_Occurred()) throw_python();
  check(!overflow, ErrorKind::kValue, "Overflow when unpacking long long");
  return value;
}

Tensor select_checked(const Tensor& t, int dim, int64_t index, int position) {
  check(t->ndim() > 0 || index != 0, ErrorKind::kIndex,
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in "
        "C++ to convert a 0-dim tensor to a number");
  int64_t size = dim < t->ndim() ? t->sizes()[dim] : 0;
  check(index >= -size && index < size, ErrorKind::kIndex, "index ", index,
        " is out of bounds for dimension ", position, " with size ", size);
  return select(t, dim, index);
}

// `whole_is_kept`: inside a tuple a full slice records nothing.
Tensor slice_checked(const Tensor& t, int dim, PyObject* key, bool whole_is_kept) {
  Py_ssize_t start, stop, step;
  // An integer tensor as a bound comes through __index__.
  if (PySlice_Unpack(key, &start, &stop, &step) < 0) throw_python();
  check(step > 0, ErrorKind::kValue, "step must be greater than zero");
  check(t->ndim() > 0, ErrorKind::kIndex, "slice() cannot be applied to a 0-dim tensor.");
  if (dim >= t->ndim()) return t;
  // Code of a bound may have changed the tensor: its size is read now.
  int64_t size = t->sizes()[dim];
  if (whole_is_kept && step == 1 && (start == 0 || start <= -size) && stop >= size) return t;
  return slice(t, dim, start, stop, step);
}

// A list, range or array as a tensor of indices: a mask, or int64, to which floats are cut off.
TensorRef index_tensor(PyObject* sequence) {
  if (PyList_Check(sequence))
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(sequence); ++i)
      check(PyList_GET_ITEM(sequence, i) != sequence, ErrorKind::kType,
            "new(): self-referential lists are incompatible");
  TensorRef t = tensor_from_data(sequence, nullptr);
  return is_float(t->dtype()) ? to_dtype(Tensor(t), DType::kInt64).ref() : t;
}

void add_index(Chosen& chosen, TensorRef index) {
  for (; chosen.covered < chosen.dim; ++chosen.covered) chosen.indices.emplace_back();
  chosen.dim += index->dtype() == DType::kBool ? index->ndim() : 1;
  chosen.covered = chosen.dim;
  chosen.indices.push_back(std::move(index));
  chosen.any_index = true;
}

// True adds a dimension of size 1, False one of size 0.
void add_flag(Chosen& chosen, bool on) {
  chosen.view = unsqueeze(chosen.view, chosen.dim);
  int64_t one = 1;
  TensorRef mask = TensorImpl::empty(DType::kBool, &one, 1);
  *reinterpret_cast<bool*>(mask->mut_data()) = on;
  add_index(chosen, std::move(mask));
}

bool is_flag(PyObject* key) {
  return PyBool_Check(key) ||
         (is_tensor(key) && impl_of(key)->ndim() == 0 && is_mask(impl_of(key)));
}

bool flag_of(PyObject* key) { return is_tensor(key) ? *impl_of(key)->data() != 0 : key == Py_True; }

[[noreturn, gnu::cold]] void refuse(PyObject* key) {
  fail(ErrorKind::kIndex,
       "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
       "indices (got ",
       Py_TYPE(key)->tp_name, ")");
}

// How many dimensions of the tensor a part of the key speaks of.
int dims_of(PyObject* part) {
  if (part == Py_None || part == Py_Ellipsis || is_flag(part)) return 0;
  if (is_tensor(part) && is_mask(impl_of(part))) return impl_of(part)->ndim();
  return 1;
}

void warn_nested() {
  host().warn("UserWarning",
              "Using a non-tuple sequence for multidimensional indexing is deprecated and will be "
              "changed in pytorch 2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this "
              "will be interpreted as tensor index, x[torch.tensor(seq)], which will result either "
              "in an error or a different result");
}

// A list of few entries that are no numbers is read as a tuple, with PyTorch's warning.
bool reads_as_tuple(PyObject* key) {
  if (PyTuple_Check(key)) return true;
  if (PyUnicode_Check(key)) {
    if (PyUnicode_GET_LENGTH(key) && PyUnicode_GET_LENGTH(key) < 32) warn_nested();
    return false;
  }
  if (!PyList_Check(key) || PyList_GET_SIZE(key) >= 32) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(key); ++i) {
    PyObject* part = PyList_GET_ITEM(key, i);
    if (!is_tensor(part) && !PySequence_Check(part) && !PySlice_Check(part) &&
        part != Py_Ellipsis && part != Py_None)
      continue;
    warn_nested();
    return true;
  }
  return false;
}

void apply_part(Chosen& chosen, PyObject* part, int dims_left, bool alone) {
  if (is_int_key(part) || is_integer_scalar(part)) {
    chosen.view = select_checked(chosen.view, chosen.dim, int_of_key(part), chosen.position);
  } else if (PySlice_Check(part)) {
    chosen.view = slice_checked(chosen.view, chosen.dim, part, !alone);
    ++chosen.dim;
  } else if (part == Py_Ellipsis) {
    chosen.dim += dims_left;
  } else if (part == Py_None) {
    chosen.view = unsqueeze(chosen.view, chosen.dim);
    ++chosen.dim;
  } else if (is_flag(part)) {
    add_flag(chosen, flag_of(part));
  } else if (is_tensor(part)) {
    add_index(chosen, mask_or_numbers(impl_of(part)));
  } else if (PySequence_Check(part)) {
    add_index(chosen, index_tensor(part));
  } else {
    refuse(part);
  }
}

void check_named(int named, TensorImpl* t) {
  check(named <= t->ndim(), ErrorKind::kIndex, "too many indices for tensor of dimension ",
        t->ndim());
}

// `assigning`: a lone full slice stands for the tensor itself, as PyTorch records it.
Chosen choose(TensorImpl* t, PyObject* key, bool assigning) {
  Chosen chosen;
  chosen.view = borrowed(t);
  if (!reads_as_tuple(key)) {
    if (!is_int_key(key) && !PySlice_Check(key)) check_named(dims_of(key), t);
    apply_part(chosen, key, t->ndim(), !assigning);
    return chosen;
  }
  // A copy: converting a part may run code that changes a list.
  PyRef parts(checked(PySequence_Tuple(key)));
  Py_ssize_t n = PyTuple_GET_SIZE(parts.get());
  int named = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    named += dims_of(PyTuple_GET_ITEM(parts.get(), i));
    check_named(named, t);
  }
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* part = PyTuple_GET_ITEM(parts.get(), i);
    // Each "..." stands for as many: what follows a second one may lie behind the last dimension.
    int left = part == Py_Ellipsis ? t->ndim() - named : 0;
    chosen.position = static_cast<int>(i);
    apply_part(chosen, part, left, false);
  }
  return chosen;
}

struct IndexList {
  std::vector<TensorImpl*> pointers;
  TensorList list;
  explicit IndexList(const Chosen& chosen) {
    for (const TensorRef& index : chosen.indices) pointers.push_back(index.get());
    list = {pointers.data(), static_cast<int>(pointers.size())};
  }
};

void run_inplace(const Op& op, TensorImpl* target, const Value& first, const Value& second = {},
                 const Value& third = {}) {
  Call call(op);
  call.args[0] = Value::of(target);
  call.args[1] = first;
  call.args[2] = second;
  call.args[3] = third;
  call.target = target;
  dispatch(call);
}

// A number as a 0-d tensor. Throws where the dtype cannot hold it.
Tensor number_tensor(PyObject* object, DType dtype) {
  Value number;
  if (PyLong_CheckExact(object))
    number = Value::of_int(int_of_key(object));
  else
    check(parse_number(object, &number), ErrorKind::kType, "can't assign a ",
          Py_TYPE(object)->tp_name, " to a ", dtype_tensor_type(dtype));
  TensorRef t = TensorImpl::empty(dtype, nullptr, 0);
  run_inplace(op_of<ops::Fill>(), t.get(), number);
  return Tensor(std::move(t));
}

Dims without_leading_ones(const Tensor& value) {
  int first = 0;
  while (first < value->ndim() && value->sizes()[first] == 1) ++first;
  return Dims(value->sizes() + first, value->ndim() - first);
}

// The calls are those of PyTorch, so that the same nodes are recorded.
void assign_view(const Tensor& target, const Tensor& value) {
  Dims sizes = target->shape();
  if (value->shape() == sizes) {
    run_inplace(op_of<ops::Copy>(), target.get(), value.value(), Value::of_bool(false));
  } else if (value->ndim() == 0) {
    run_inplace(op_of<ops::FillTensor>(), target.get(), value.value());
  } else {
    Tensor source = view(value, without_leading_ones(value));
    if (!(source->shape() == sizes)) source = expand(source, sizes);
    run_inplace(op_of<ops::Copy>(), target.get(), source.value(), Value::of_bool(false));
  }
}

}  // namespace

namespace {

// Objects of these types are never looked at: no code of theirs runs.
inline bool is_plain_part(PyObject* part) {
  PyTypeObject* type = Py_TYPE(part);
  return type == tensor_type || type == &PyLong_Type || type == &PySlice_Type || part == Py_None ||
         part == Py_Ellipsis;
}

bool is_plain_key(PyObject* key) {
  if (!PyTuple_CheckExact(key)) return is_plain_part(key);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); ++i)
    if (!is_plain_part(PyTuple_GET_ITEM(key, i))) return false;
  return true;
}

// What takes over t[key] or t[key] = value: the tensor, the key, or a part of it.
Overloads find_overloads(PyObject* self, PyObject* key, PyObject* value) {
  Overloads overloads;
  overloads.look_at(self);
  if (PyTuple_Check(key) || PyList_Check(key)) {
    // A copy: looking at a part may run code that changes a list.
    PyRef parts(checked(PySequence_Tuple(key)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parts.get()); ++i)
      overloads.look_at(PyTuple_GET_ITEM(parts.get(), i));
  } else {
    overloads.look_at(key);
  }
  if (value) overloads.look_at(value);
  return overloads;
}

PyObject* plain_subscript(PyObject* self, PyObject* key);
int plain_assign(PyObject* self, PyObject* key, PyObject* value);

[[gnu::noinline]] PyObject* touched_subscript(PyObject* self, PyObject* key) {
  Overloads overloads = find_overloads(self, key, nullptr);
  if (overloads.empty() && !mode_active()) return plain_subscript(self, key);
  return call_overridden({Door::kMethod, "__getitem__"}, overloads, self, &key, 1, nullptr,
                         [&] { return plain_subscript(self, key); });
}

[[gnu::noinline]] int touched_assign(PyObject* self, PyObject* key, PyObject* value) {
  Overloads overloads = find_overloads(self, key, value);
  if (overloads.empty() && !mode_active()) return plain_assign(self, key, value);
  if (overloads.default_class()) {
    SubclassesDisabled off;
    return plain_assign(self, key, value);
  }
  PyObject* const both[] = {key, value};
  Callee callee{Door::kMethod, value ? "__setitem__" : "__delitem__"};
  PyRef packed = pack_arguments(self, both, 2);
  PyRef(call_torch_function(callee, overloads, packed.get(), nullptr));
  return 0;
}

PyObject* plain_subscript(PyObject* self, PyObject* key) {
  TensorImpl* t = impl_of(self);
  if (PyLong_CheckExact(key)) return wrap(select_checked(borrowed(t), 0, int_of_key(key), 0).ref());
  Chosen chosen = choose(t, key, false);
  if (!chosen.any_index) {
    if (chosen.view.get() != t) return wrap(chosen.view.ref());
    return wrap(call_op(op_of<ops::Alias>(), {Value::of(t)}).ref());
  }
  IndexList indices(chosen);
  return wrap(call_op(op_of<ops::Index>(), {chosen.view.value(), Value::of(indices.list)}).ref());
}

int plain_assign(PyObject* self, PyObject* key, PyObject* value) {
  check(value, ErrorKind::kType, "Tensor does not support deleting items");
  TensorImpl* t = impl_of(self);
  Tensor values = is_tensor(value) ? borrowed(impl_of(value)) : number_tensor(value, t->dtype());
  if (key == Py_False) return 0;  // chooses nothing, and no history is made
  Chosen chosen = choose(t, key, true);
  // True alone means all: the view has them behind its new dimension.
  if (!chosen.any_index || key == Py_True) {
    assign_view(chosen.view, values);
    return 0;
  }
  Dims sizes = without_leading_ones(values);
  if (sizes.n != values->ndim()) values = view(values, sizes);
  IndexList indices(chosen);
  run_inplace(op_of<ops::IndexPut>(), chosen.view.get(), Value::of(indices.list), values.value(),
              Value::of_bool(false));
  return 0;
}

}  // namespace

PyObject* tensor_subscript(PyObject* self, PyObject* key) {
  return guarded([&] {
    if (is_untouched(self) && is_plain_key(key)) [[likely]]
      return plain_subscript(self, key);
    return touched_subscript(self, key);
  });
}

int tensor_assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  return guarded_int([&] {
    bool plain_value = !value || Py_TYPE(value) == tensor_type || PyFloat_CheckExact(value);
    if (is_untouched(self) && plain_value && is_plain_key(key)) [[likely]]
      return plain_assign(self, key, value);
    return touched_assign(self, key, value);
  });
}

PyObject* tensor_iter(PyObject* self) {
  return guarded([&] {
    TensorImpl* t = impl_of(self);
    // As PyTorch: through unbind(), which __torch_function__ sees.
    if (!is_untouched(self)) [[unlikely]] {
      PyRef dims(checked(PyObject_CallMethod(self, "dim", nullptr)));
      check(!PyLong_Check(dims.get()) || PyLong_AsLong(dims.get()) != 0, ErrorKind::kType,
            "iteration over a 0-d tensor");
      PyRef parts(checked(PyObject_CallMethod(self, "unbind", "i", 0)));
      return checked(PyObject_GetIter(parts.get()));
    }
    check(t->ndim() > 0, ErrorKind::kType, "iteration over a 0-d tensor");
    Call call(op_of<ops::Unbind>());
    call.args[0] = Value::of(t);
    call.args[1] = Value::of_int(0);
    dispatch(call);
    PyRef parts(checked(wrap_outputs(call)));
    return checked(PyObject_GetIter(parts.get()));
  });
}

int tensor_contains(PyObject* self, PyObject* element) {
  return guarded_int([&] {
    if (!is_untouched(self)) [[unlikely]] {
      Overloads overloads;
      overloads.look_at(self);
      if (!overloads.default_class() && (!overloads.empty() || mode_active())) {
        PyRef packed = pack_arguments(self, &element, 1);
        PyRef result(
            call_torch_function({Door::kMethod, "__contains__"}, overloads, packed.get(), nullptr));
        int truth = PyObject_IsTrue(result.get());
        checked(truth);
        return truth;
      }
    }
    Value value;
    if (is_tensor(element))
      value = Value::of(impl_of(element));
    else
      check(parse_number(element, &value), ErrorKind::kRuntime,
            "Tensor.__contains__ only supports Tensor or scalar, but you passed in a <class '",
            Py_TYPE(element)->tp_name, "'>.");
    GradModeGuard off(false);
    Tensor equal = call_op(op_of<ops::Eq>(), {Value::of(impl_of(self)), value});
    Tensor dense = equal->is_contiguous() ? equal : contiguous_clone(equal);
    const auto* bits = reinterpret_cast<const bool*>(dense->data());
    for (int64_t i = 0, n = dense->numel(); i < n; ++i)
      if (bits[i]) return 1;
    return 0;
  });
}

}  // namespace rl::python

#include "python/parse.h"

#include <algorithm>
#include <cstring>

#include "ops/tensor.h"
#include "python/parse_errors.h"
#include "python/result_types.h"
#include "python/tensor_type.h"
#include "python/types.h"

namespace rl::python {

namespace {

Value tensor_number(TensorImpl* t) {
  return dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    // Memory that nobody has written may hold a bool that is neither.
    if constexpr (std::is_same_v<T, bool>) return Value::of_bool(*t->data() != 0);
    T v;
    __builtin_memcpy(&v, t->data(), sizeof v);
    if constexpr (kIsInt<T>) return Value::of_int(v);
    return Value::of_double(static_cast<double>(v));
  });
}

bool parse_int(PyObject* object, int64_t* out) {
  if (PyLong_CheckExact(object)) [[likely]] {
    *out = PyLong_AsLongLong(object);
    if (*out == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      fail(ErrorKind::kValue, "Overflow when unpacking long long");
    }
    return true;
  }
  if (PyBool_Check(object)) return false;
  if (is_tensor(object)) {
    TensorImpl* t = impl_of(object);
    if (t->numel() != 1 || is_float(t->dtype()) || t->dtype() == DType::kBool) return false;
    *out = tensor_number(t).i;
    return true;
  }
  if (!PyIndex_Check(object)) return false;
  PyRef index(checked(PyNumber_Index(object)));
  *out = PyLong_AsLongLong(index.get());
  if (*out == -1 && PyErr_Occurred()) throw_python();
  return true;
}

// An element of a list of ints, counted from 0. PyTorch looks at the first alone, and then takes
// what Python can make an int.
bool parse_item(PyObject* object, Py_ssize_t i, int64_t* out, Unpacking* failed) {
  if (failed && PyLong_CheckExact(object)) [[likely]] {
    *out = PyLong_AsLongLong(object);
    if (*out != -1 || !PyErr_Occurred()) [[likely]]
      return true;
    PyErr_Clear();
    failed->at = i + 1;
    return false;
  }
  if (i == 0) return parse_int(object, out);
  if (PyBool_Check(object)) {
    *out = object == Py_True;
    return true;
  }
  if (parse_int(object, out)) return true;
  if (failed) {
    failed->at = i + 1;
    failed->instead = PyRef::borrow(object);
  }
  return false;
}

[[gnu::noinline]] bool convert_other(PyObject* object, Value* out, ParseScratch& scratch) {
  bool tensor = is_tensor(object);
  *out = tensor ? Value::of(impl_of(object)) : Value::none();
  return scratch.look_at(object) || tensor;
}

// A tensor, or an object that takes over the call; its value is none where it is no tensor.
inline bool convert_tensor(PyObject* object, Value* out, ParseScratch& scratch) {
  if (Py_TYPE(object) != tensor_type) [[unlikely]]
    return convert_other(object, out, scratch);
  *out = Value::of(impl_of(object));
  return true;
}

bool convert(const PyParam& p, PyObject* object, Value* out, ParseScratch& scratch) {
  if (object == Py_None && p.nullable) {
    *out = Value::none();
    return true;
  }
  switch (p.kind) {
    case ParamKind::kTensor:
      return convert_tensor(object, out, scratch);
    case ParamKind::kTensorOrNumber:
      return convert_tensor(object, out, scratch) || parse_number(object, out);
    case ParamKind::kNumber:
      return parse_number(object, out);
    case ParamKind::kInt: {
      int64_t i;
      if (!parse_int(object, &i)) return false;
      *out = Value::of_int(i);
      return true;
    }
    case ParamKind::kFloat:
      if (!parse_number(object, out)) return false;
      *out = Value::of_double(out->as_double());
      return true;
    case ParamKind::kBool:
      if (!PyBool_Check(object)) return false;
      *out = Value::of_bool(object == Py_True);
      return true;
    case ParamKind::kSizes:
      if (!PyTuple_Check(object) && !PyList_Check(object)) return false;
      [[fallthrough]];
    case ParamKind::kDims:
    case ParamKind::kVarDims: {
      Dims& dims = scratch.dims[scratch.used];
      if (!parse_dims(object, &dims, &scratch.unpacking)) return false;
      ++scratch.used;
      *out = Value::of(dims);
      return true;
    }
    case ParamKind::kInts: {
      if (!PyTuple_Check(object) && !PyList_Check(object)) return false;
      scratch.numbers.clear();
      // An item's __index__ may change the list: size and item are read anew, and the item is held.
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
        PyRef item = PyRef::borrow(PySequence_Fast_GET_ITEM(object, i));
        int64_t* number = &scratch.numbers.emplace_back();
        if (!parse_item(item.get(), i, number, &scratch.unpacking)) return false;
      }
      scratch.ints = {scratch.numbers.data(), static_cast<int64_t>(scratch.numbers.size())};
      *out = Value::of(scratch.ints);
      return true;
    }
    case ParamKind::kDType:
      if (!is_dtype(object)) {
        // The Python types stand for their dtypes.
        if (object == reinterpret_cast<PyObject*>(&PyFloat_Type))
          *out = Value::of(DType::kFloat64);
        else if (object == reinterpret_cast<PyObject*>(&PyBool_Type))
          *out = Value::of(DType::kBool);
        else if (object == reinterpret_cast<PyObject*>(&PyLong_Type))
          *out = Value::of(DType::kInt64);
        else
          return false;
        return true;
      }
      *out = Value::of(dtype_value(object));
      return true;
    case ParamKind::kLayout:
      if (!check_layout(object)) return false;
      *out = Value::none();
      return true;
    case ParamKind::kDevice:
      if (!is_device(object) && !PyUnicode_Check(object) && !PyLong_CheckExact(object))
        return false;
      check_device(object);
      *out = Value::none();
      return true;
    case ParamKind::kString: {
      if (!PyUnicode_Check(object)) return false;
      const char* text = PyUnicode_AsUTF8(object);
      if (!text) throw_python();
      *out = Value::of(text);
      return true;
    }
    case ParamKind::kGenerator:
      if (!is_generator(object)) return false;
      *out = Value::of_pointer(generator_of(object));
      return true;
    case ParamKind::kTensors: {
      if (!PyList_Check(object) && !PyTuple_Check(object)) return false;
      Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
      for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(object, i);
        Value tensor;
        if (!convert_tensor(item, &tensor, scratch)) return false;
        if (!tensor.is_tensor()) continue;
        scratch.held.push_back(TensorRef::borrow(tensor.t));
        scratch.tensors.push_back(tensor.t);
      }
      scratch.list = {scratch.tensors.data(), static_cast<int>(n)};
      *out = Value::of(scratch.list);
      return true;
    }
    case ParamKind::kObject:
      return convert_memory_format(object, out);
  }
  return false;
}

// An object that takes over is welcome in the place of any argument, a tensor only as a tensor.
[[gnu::cold]] bool is_duck(PyObject* object, ParseScratch& scratch) {
  return !is_tensor(object) && scratch.look_at(object);
}

// A tensor, or a sequence: of what, is looked at when it is written to.
[[gnu::cold]] bool takes_out(const PyParam& p, PyObject* value, ParseScratch& scratch) {
  Value tensor;
  if (p.kind == ParamKind::kTensor) return convert_tensor(value, &tensor, scratch);
  if (!PyTuple_Check(value) && !PyList_Check(value)) return is_duck(value, scratch);
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); ++i)
    scratch.look_at(PySequence_Fast_GET_ITEM(value, i));
  return true;
}

// Positional ints spread over a varargs parameter: zeros(2, 3), view(-1, 2). Gives how many are
// ints: all of them, or those before the first that is none.
Py_ssize_t spread_dims(PyObject* const* args, Py_ssize_t n, Value* out, ParseScratch& scratch) {
  Dims& dims = scratch.dims[scratch.used];
  dims.n = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    int64_t size;
    if (!parse_item(args[i], i, &size, &scratch.unpacking)) return i;
    dims.push(size);
  }
  ++scratch.used;
  *out = Value::of(dims);
  return n;
}

Py_ssize_t spread_ints(PyObject* const* args, Py_ssize_t n, Value* out, ParseScratch& scratch) {
  scratch.numbers.clear();
  for (Py_ssize_t i = 0; i < n; ++i)
    if (!parse_item(args[i], i, &scratch.numbers.emplace_back(), &scratch.unpacking)) return i;
  scratch.ints = {scratch.numbers.data(), static_cast<int64_t>(n)};
  *out = Value::of(scratch.ints);
  return n;
}

// An item that is no int: behind ints it spoils the list, and at the first place there is no list.
[[gnu::cold]] Mismatch spread_mismatch(int param, PyObject* const* args, Py_ssize_t n,
                                       Py_ssize_t good, bool beyond_int64) {
  if (good == 0 && n > 1 && !beyond_int64) return {Mismatch::kTooMany, 0, 0, nullptr};
  return {Mismatch::kType, param, param + 1, args[good], static_cast<int>(good)};
}

// Where a name stands among a parameter's, its own first.
size_t rank_of(const PyParam& p, PyObject* name) {
  for (size_t i = 0; i < std::size(p.names); ++i)
    if (p.names[i] && PyUnicode_Compare(p.names[i], name) == 0) return i;
  return std::size(p.names);
}

// Keyword `k` names a parameter that has its value: of its names, the last in rank is the stranger.
[[gnu::cold]] Mismatch given_twice(const PyParam& p, int param, bool by_place, PyObject* kwnames,
                                   Py_ssize_t k) {
  PyObject* stranger = PyTuple_GET_ITEM(kwnames, k);
  size_t rank = rank_of(p, stranger);
  if (by_place && rank == 0) return {Mismatch::kTwice, param, 0, stranger};
  for (Py_ssize_t i = 0; i < k; ++i) {
    PyObject* other = PyTuple_GET_ITEM(kwnames, i);
    size_t rank_of_other = rank_of(p, other);
    if (rank_of_other > rank && rank_of_other < std::size(p.names)) stranger = other;
  }
  return {Mismatch::kUnknownKeyword, 0, 0, stranger};
}

}  // namespace

bool parse(const Overload& o, PyObject* self, PyObject* const* args, Py_ssize_t n,
           PyObject* kwnames, Value* values, ParseScratch& scratch, PyObject** out,
           Mismatch& mismatch) {
  uint32_t given = 0;
  int at = 0;
  int count = static_cast<int>(o.params.size());
  const PyParam* params = o.params.data();
  if (self) {
    if (!convert(params[0], self, &values[0], scratch)) {
      mismatch = {Mismatch::kType, 0, 1, self};
      return false;
    }
    given = 1;
    at = 1;
  }
  Py_ssize_t i = 0;
  for (; i < n; ++i, ++at) {
    if (at >= o.max_positional) {
      mismatch = {Mismatch::kTooMany, 0, 0, nullptr};
      return false;
    }
    const PyParam& p = params[at];
    bool lone_list = n - i == 1 && !PyLong_Check(args[i]);
    // Ints in a row are for methods and factories; functions of a tensor want a sequence.
    bool spreads = p.kind == ParamKind::kVarDims && (self || at == 0);
    if (p.kind == ParamKind::kVarDims && !spreads && PyLong_Check(args[i])) {
      mismatch = {n - i == 1 ? Mismatch::kType : Mismatch::kTooMany, at, at + 1, args[i]};
      return false;
    }
    if (spreads && !lone_list) {
      Py_ssize_t good = spread_dims(args + i, n - i, &values[at], scratch);
      if (good < n - i) {
        mismatch = spread_mismatch(at, args + i, n - i, good,
                                   scratch.unpacking.at && !scratch.unpacking.instead);
        return false;
      }
      given |= 1u << at;
      i = n;
      break;
    }
    // x.hsplit(1, 2): a method's only list, spelled out.
    if (p.kind == ParamKind::kInts && self && count == 2 && PyLong_Check(args[i])) {
      Py_ssize_t good = spread_ints(args + i, n - i, &values[at], scratch);
      if (good < n - i) {
        mismatch = spread_mismatch(at, args + i, n - i, good,
                                   scratch.unpacking.at && !scratch.unpacking.instead);
        return false;
      }
      given |= 1u << at;
      i = n;
      break;
    }
    if (!convert(p, args[i], &values[at], scratch) && !is_duck(args[i], scratch)) {
      mismatch = {Mismatch::kType, at, at + 1, args[i]};
      return false;
    }
    given |= 1u << at;
  }
  if (kwnames) {
    uint32_t by_place = given;
    Py_ssize_t n_keywords = PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t k = 0; k < n_keywords; ++k) {
      PyObject* name = PyTuple_GET_ITEM(kwnames, k);
      int found = -1;
      for (int j = 0; j < count && found < 0; ++j)
        for (PyObject* known : params[j].names)
          if (known == name) found = j;
      // Names that did not come from source code may not be interned.
      for (int j = 0; j < count && found < 0; ++j)
        for (PyObject* known : params[j].names)
          if (known && PyUnicode_Compare(known, name) == 0) found = j;
      if (found < 0) {
        mismatch = {Mismatch::kUnknownKeyword, 0, 0, name};
        return false;
      }
      if (given >> found & 1) {
        mismatch = given_twice(params[found], found, by_place >> found & 1, kwnames, k);
        return false;
      }
      PyObject* value = args[n + k];
      if (found == o.out) {
        if (value != Py_None) {
          if (!takes_out(params[found], value, scratch)) {
            mismatch = {Mismatch::kType, found, 0, value};
            return false;
          }
          *out = value;
        }
      } else if (!convert(params[found], value, &values[found], scratch) &&
                 !is_duck(value, scratch)) {
        mismatch = {Mismatch::kType, found, 0, value};
        return false;
      }
      given |= 1u << found;
    }
  }
  for (int j = 0; j < count; ++j) {
    if (given >> j & 1) continue;
    if (params[j].has_default) {
      values[j] = params[j].value;
    } else if (params[j].kind == ParamKind::kVarDims && n == 0 && !kwnames) {
      // zeros() has no sizes at all: PyTorch refuses that, as it does here.
      mismatch = {Mismatch::kMissing, j, 0, nullptr};
      return false;
    } else {
      mismatch = {Mismatch::kMissing, j, 0, nullptr};
      return false;
    }
  }
  return true;
}

PyObject* wrap_outputs(Call& call) {
  if (call.op->answers_bool) return item_of(call.output.get());
  if (call.lone) return wrap(std::move(call.output));
  if (!call.output) return PyTuple_New(0);
  if (call.op->record->fields) {
    PyRef named(checked(PyStructSequence_New(result_type(*call.op->record))));
    PyStructSequence_SetItem(named.get(), 0, checked(wrap(std::move(call.output))));
    for (size_t i = 0; i < call.more.size(); ++i)
      PyStructSequence_SetItem(named.get(), static_cast<Py_ssize_t>(i) + 1,
                               checked(wrap(std::move(call.more[i]))));
    return named.release();
  }
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(call.more.size()) + 1)));
  PyTuple_SET_ITEM(tuple.get(), 0, checked(wrap(std::move(call.output))));
  for (size_t i = 0; i < call.more.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), i + 1, checked(wrap(std::move(call.more[i]))));
  return tuple.release();
}

bool parse_number(PyObject* object, Value* out) {
  if (PyFloat_Check(object)) {
    *out = Value::of_double(PyFloat_AS_DOUBLE(object));
    return true;
  }
  if (PyBool_Check(object)) {
    *out = Value::of_bool(object == Py_True);
    return true;
  }
  if (PyLong_Check(object)) {
    int64_t i = PyLong_AsLongLong(object);
    if (i == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      unsigned long long large = PyLong_AsUnsignedLongLong(object);
      if (!PyErr_Occurred()) {
        *out = Value::of_large_int(large);
        return true;
      }
      PyErr_Clear();
      bool negative = PyObject_RichCompareBool(object, Py_False, Py_LT) == 1;
      fail(ErrorKind::kOverflow,
           negative ? "can't convert negative int to unsigned" : "int too big to convert");
    }
    *out = Value::of_int(i);
    return true;
  }
  if (is_tensor(object)) {
    TensorImpl* t = impl_of(object);
    if (t->ndim() != 0 || t->requires_grad()) return false;
    *out = tensor_number(t);
    return true;
  }
  // NumPy's scalars: numbers, but no subclasses of int or float. Arrays and strings are not.
  PyNumberMethods* number = Py_TYPE(object)->tp_as_number;
  if (!number || PyUnicode_Check(object) || PySequence_Check(object)) return false;
  if (number->nb_index) {
    PyRef index(checked(PyNumber_Index(object)));
    return parse_number(index.get(), out);
  }
  if (!number->nb_float || PyComplex_Check(object)) return false;
  double d = PyFloat_AsDouble(object);
  if (d == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  *out = Value::of_double(d);
  return true;
}

bool parse_row(PyObject* const* args, Py_ssize_t n, Dims* out, Unpacking* failed) {
  out->n = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    int64_t size;
    if (!parse_item(args[i], i, &size, failed)) return false;
    out->push(size);
  }
  return true;
}

bool parse_dims(PyObject* object, Dims* out, Unpacking* failed) {
  out->n = 0;
  int64_t one;
  if (PyTuple_Check(object) || PyList_Check(object)) {
    // An item's __index__ may change the list: size and item are read anew, and the item is held.
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
      PyRef item = PyRef::borrow(PySequence_Fast_GET_ITEM(object, i));
      if (!parse_item(item.get(), i, &one, failed)) return false;
      out->push(one);
    }
    return true;
  }
  if (PyBool_Check(object) || !parse_int(object, &one)) return false;
  out->push(one);
  return true;
}

bool ParseScratch::look_at_other(PyObject* object) {
  if (!takes_over(object)) return false;
  if (!overloads) overloads = std::make_unique<Overloads>();
  overloads->add(object);
  return true;
}

// The arguments fit, and a class or a mode may take over.
[[gnu::noinline]] PyObject* call_touched(const PublicName& p, PyObject* self, PyObject* const* args,
                                         Py_ssize_t n, PyObject* kwnames,
                                         const Overloads& overloads) {
  Callee callee{self ? Door::kMethod : Door::kFunction, p.name.c_str()};
  return call_overridden(callee, overloads, self, args, n, kwnames,
                         [&] { return call_public(p, self, args, n, kwnames); });
}

// Arguments of an older form in the order of the op's own; what the form lacks has its default.
[[gnu::cold]] void rearrange(const PublicName& p, const Overload& o, bool method, Value* values) {
  if (o.warns) warn_older_form(p, o, method);
  const std::vector<Param>& wanted = o.op->signature.params;
  Value given[kMaxArgs];
  std::copy(values, values + o.params.size(), given);
  for (size_t i = 0; i < wanted.size(); ++i) values[i] = wanted[i].value;
  for (size_t j = 0; j < o.places.size(); ++j) values[o.places[j]] = given[j];
}

// False, with the reason, where the arguments do not fit this overload.
inline bool call_overload(const PublicName& p, const Overload& o, PyObject* self,
                          PyObject* const* args, Py_ssize_t n, PyObject* kwnames, Mismatch& why,
                          PyObject** result) {
  if (o.form == (self ? Form::kFunction : Form::kMethod)) return false;
  Call call(*o.op);
  ParseScratch scratch;
  PyObject* out = nullptr;
  if (!parse(o, self, args, n, kwnames, call.args, scratch, &out, why)) {
    if (scratch.unpacking.at && !scratch.unpacking.instead)
      fail_unpacking(spoken_name(p),
                     PyUnicode_AsUTF8(o.params[static_cast<size_t>(why.param)].names[0]),
                     scratch.unpacking);
    return false;
  }
  if (scratch.overloads || torch_function_modes) [[unlikely]]
    if (scratch.overloads || mode_active()) {
      *result = call_touched(p, self, args, n, kwnames,
                             scratch.overloads ? *scratch.overloads : Overloads());
      return true;
    }
  if (!o.places.empty()) [[unlikely]]
    rearrange(p, o, self, call.args);
  check(!out || !self, ErrorKind::kType, p.name, "() got an unexpected keyword argument 'out'");
  if (p.inplace || o.op->record->mutates) {
    check(!out, ErrorKind::kType, p.name, "() got an unexpected keyword argument 'out'");
    call.target = call.args[0].t;
    dispatch(call);
    // The target's own object, whatever its class.
    *result =
        !self && n == 0 ? wrap(TensorRef::borrow(call.target)) : Py_NewRef(self ? self : args[0]);
  } else if (out) {
    *result = write_out(p, o, call, out);
  } else {
    dispatch(call);
    *result = call.op->many_outputs || call.op->answers_bool ? wrap_outputs(call)
                                                             : wrap(std::move(call.output));
  }
  return true;
}

PyObject* call_public(const PublicName& p, PyObject* self, PyObject* const* args, Py_ssize_t n,
                      PyObject* kwnames) noexcept {
  return guarded([&]() -> PyObject* {
    Mismatch why;
    PyObject* result;
    for (const Overload& o : p.overloads)
      if (call_overload(p, o, self, args, n, kwnames, why, &result)) return result;
    Mismatch unused;
    for (const Overload& o : p.older_forms)
      if (call_overload(p, o, self, args, n, kwnames, unused, &result)) return result;
    fail_arguments(p, self, args, n, kwnames, why);
  });
}

}  // namespace rl::python

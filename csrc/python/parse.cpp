#include "python/parse.h"

#include <cstring>
#include <unordered_map>

#include "core/host.h"
#include "graph/grad_mode.h"
#include "ops/copy.h"
#include "ops/tensor.h"
#include "python/tensor_type.h"
#include "python/types.h"

namespace rl::python {

namespace {

// Why a parse failed; turned into a message only when no overload fits.
struct Mismatch {
  enum Why { kNone, kMissing, kTooMany, kUnknownKeyword, kTwice, kType } why = kNone;
  int param = 0;               // kMissing, kTwice, kType
  int position = 0;            // kType: 1-based, 0 for keywords
  PyObject* object = nullptr;  // kType: the argument; kUnknownKeyword: the name
};

const char* kind_name(ParamKind kind) {
  switch (kind) {
    case ParamKind::kTensor:
    case ParamKind::kTensorOrNumber:
      return "Tensor";
    case ParamKind::kNumber:
      return "Number";
    case ParamKind::kInt:
      return "int";
    case ParamKind::kFloat:
      return "float";
    case ParamKind::kBool:
      return "bool";
    case ParamKind::kDims:
    case ParamKind::kSizes:
    case ParamKind::kVarDims:
      return "tuple of ints";
    case ParamKind::kDType:
      return "torch.dtype";
    case ParamKind::kDevice:
      return "torch.device";
    case ParamKind::kString:
      return "str";
    case ParamKind::kGenerator:
      return "torch.Generator";
    case ParamKind::kTensors:
      return "tuple of Tensors";
    default:
      return "object";
  }
}

Value tensor_number(TensorImpl* t) {
  return dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    T v;
    __builtin_memcpy(&v, t->data(), sizeof v);
    if constexpr (std::is_same_v<T, bool>) return Value::of_bool(v);
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

bool convert(const PyParam& p, PyObject* object, Value* out, ParseScratch& scratch) {
  if (object == Py_None && p.nullable) {
    *out = Value::none();
    return true;
  }
  switch (p.kind) {
    case ParamKind::kTensor:
      if (!is_tensor(object)) return false;
      *out = Value::of(impl_of(object));
      return true;
    case ParamKind::kTensorOrNumber:
      if (is_tensor(object)) {
        *out = Value::of(impl_of(object));
        return true;
      }
      return parse_number(object, out);
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
      if (!parse_dims(object, &dims)) return false;
      ++scratch.used;
      *out = Value::of(dims);
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
        if (!is_tensor(item)) return false;
        scratch.held.push_back(TensorRef::borrow(impl_of(item)));
        scratch.tensors.push_back(impl_of(item));
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

// Positional ints spread over a varargs parameter: zeros(2, 3), view(-1, 2).
bool spread_dims(PyObject* const* args, Py_ssize_t n, Value* out, ParseScratch& scratch) {
  Dims& dims = scratch.dims[scratch.used];
  dims.n = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    int64_t size;
    if (!parse_int(args[i], &size)) return false;
    dims.push(size);
  }
  ++scratch.used;
  *out = Value::of(dims);
  return true;
}

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
    if (p.kind == ParamKind::kVarDims && !lone_list) {
      if (!spread_dims(args + i, n - i, &values[at], scratch)) {
        mismatch = {Mismatch::kType, at, at + 1, args[i]};
        return false;
      }
      given |= 1u << at;
      i = n;
      break;
    }
    if (!convert(p, args[i], &values[at], scratch)) {
      mismatch = {Mismatch::kType, at, at + 1, args[i]};
      return false;
    }
    given |= 1u << at;
  }
  if (kwnames) {
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
        mismatch = {Mismatch::kTwice, found, 0, name};
        return false;
      }
      PyObject* value = args[n + k];
      if (found == o.out) {
        if (value != Py_None) {
          if (!is_tensor(value)) {
            mismatch = {Mismatch::kType, found, 0, value};
            return false;
          }
          *out = value;
        }
      } else if (!convert(params[found], value, &values[found], scratch)) {
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

// As PyTorch names types: its own with their module, except Tensor and what Python code defines.
std::string type_name(PyObject* object) {
  std::string name = Py_TYPE(object)->tp_name;
  constexpr char kOurs[] = "rushlight.";
  if (name.rfind(kOurs, 0) != 0) return name;
  std::string last = name.substr(name.rfind('.') + 1);
  if (last == "Generator") return "torch._C.Generator";
  bool bare = last == "Tensor" || name.find('.', sizeof kOurs - 1) != std::string::npos;
  return bare ? last : "torch." + last;
}

std::string param_name(const PyParam& p) { return PyUnicode_AsUTF8(p.names[0]); }

// The name in complaints: _linear speaks as linear().
const char* spoken_name(const PublicName& p) { return p.name.c_str() + (p.name[0] == '_'); }

// Throws where a required parameter is given neither by position nor by name; lists those behind
// the first one, named or not, as PyTorch does.
void check_missing(const PublicName& p, const Overload& o, size_t given, PyObject* kwnames) {
  std::string missing;
  int count = 0;
  for (size_t j = given; j < o.params.size(); ++j) {
    bool named = o.params[j].has_default;
    for (Py_ssize_t k = 0; !count && kwnames && k < PyTuple_GET_SIZE(kwnames); ++k)
      for (PyObject* name : o.params[j].names)
        named = named || (name && PyUnicode_Compare(PyTuple_GET_ITEM(kwnames, k), name) == 0);
    if (!named) missing += (count++ ? ", \"" : "\"") + param_name(o.params[j]) + "\"";
  }
  check(!count, ErrorKind::kType, spoken_name(p), "() missing ", count, " required positional ",
        count == 1 ? "arguments" : "argument", ": ", missing);
}

// Says what is wrong with the arguments for the one overload that they can be meant for.
[[gnu::cold]] void fail_overload(const PublicName& p, const Overload& o, bool method, Py_ssize_t n,
                                 PyObject* kwnames, const Mismatch& why) {
  int skipped = method ? 1 : 0;
  if (why.why == Mismatch::kMissing || why.why == Mismatch::kUnknownKeyword)
    check_missing(p, o, static_cast<size_t>(n + skipped), kwnames);
  switch (why.why) {
    case Mismatch::kTooMany:
      fail(ErrorKind::kType, spoken_name(p), "() takes ", o.max_positional - skipped,
           " positional argument", o.max_positional - skipped == 1 ? "" : "s", " but ", n,
           n == 1 ? " was given" : " were given");
    case Mismatch::kUnknownKeyword:
      fail(ErrorKind::kType, spoken_name(p), "() got an unexpected keyword argument '",
           PyUnicode_AsUTF8(why.object), "'");
    case Mismatch::kTwice:
      fail(ErrorKind::kType, spoken_name(p), "() got multiple values for argument '",
           PyUnicode_AsUTF8(why.object), "'");
    case Mismatch::kType: {
      const PyParam& param = o.params[static_cast<size_t>(why.param)];
      std::string position =
          why.position ? concat(" (position ", why.position - skipped, ")") : std::string();
      fail(ErrorKind::kType, spoken_name(p), "(): argument '", param_name(param), "'", position,
           " must be ", kind_name(param.kind), ", not ", type_name(why.object));
    }
    default:
      break;
  }
}

// The one overload that takes this many arguments; null where there are several or none.
const Overload* overload_by_count(const PublicName& p, bool method, Py_ssize_t count) {
  const Overload* found = nullptr;
  for (const Overload& o : p.overloads) {
    Py_ssize_t least = 0, most = 0;
    for (size_t j = method ? 1 : 0; j < o.params.size(); ++j) {
      if (method && static_cast<int>(j) == o.out) continue;
      least += !o.params[j].has_default;
      ++most;
    }
    if (count < least || count > most) continue;
    if (found) return nullptr;
    found = &o;
  }
  return found;
}

// Keywords in the order in which PyTorch's hash table lists them.
std::unordered_map<std::string, std::string> keyword_types(PyObject* const* values,
                                                           PyObject* kwnames) {
  std::unordered_map<std::string, std::string> types;
  for (Py_ssize_t i = 0; kwnames && i < PyTuple_GET_SIZE(kwnames); ++i)
    if (const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i)))
      types.emplace(name, type_name(values[i]));
    else
      throw_python();
  return types;
}

// Names that no parameter has, where the only overload refuses: PyTorch lists them alone.
std::string unrecognized(const Overload& o, PyObject* const* values, PyObject* kwnames) {
  std::string names;
  for (const auto& [name, type] : keyword_types(values, kwnames)) {
    bool known = false;
    for (const PyParam& p : o.params) known = known || param_name(p) == name;
    if (!known) names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

[[noreturn, gnu::cold]] void fail_arguments(const PublicName& p, PyObject* self,
                                            PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                                            Mismatch why) {
  const OpRecord& record = *p.overloads[0].op->record;
  if (!record.many_forms) {
    const Overload* meant = record.lists_form ? nullptr : &p.overloads[0];
    if (!meant || p.overloads.size() > 1) {
      meant = overload_by_count(p, self, n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0));
      if (meant) {
        Value values[kMaxArgs];
        ParseScratch scratch;
        PyObject* out = nullptr;
        parse(*meant, self, args, n, kwnames, values, scratch, &out, why);
      }
    }
    if (meant) fail_overload(p, *meant, self, n, kwnames, why);
  }
  std::string expected;
  bool one = record.lists_form;
  for (const Overload& o : p.overloads) {
    expected += one ? " (" : "\n * (";
    bool star = false;
    for (size_t j = self ? 1 : 0; j < o.params.size(); ++j) {
      const PyParam& param = o.params[j];
      if (self && static_cast<int>(j) == o.out) continue;  // the function's alone
      if (j > (self ? 1u : 0u)) expected += ", ";
      if (param.keyword_only && !star) expected += "*, ";
      star = star || param.keyword_only;
      expected += std::string(kind_name(param.kind)) + " " + param_name(param);
      if (param.has_default) expected += " = " + o.op->signature.params[j].value_text;
    }
    expected += ")";
  }
  std::string unknown = one ? unrecognized(p.overloads[0], args + n, kwnames) : "";
  check(unknown.empty(), ErrorKind::kType, spoken_name(p),
        "() received an invalid combination of arguments - got unrecognized keyword arguments: ",
        unknown);
  fail(ErrorKind::kType, spoken_name(p), "() received an invalid combination of arguments - got ",
       describe_arguments(self ? self : nullptr, args, n, kwnames),
       one ? ", but expected" : ", but expected one of:", expected);
}

// out=: the result is computed, then copied into the given tensor, which takes its shape.
PyObject* write_out(const PublicName& p, Call& call, PyObject* out) {
  TensorImpl* target = impl_of(out);
  bool wants_grad = target->requires_grad();
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    wants_grad = wants_grad || (v.is_tensor() && v.t->requires_grad());
  }
  check(!wants_grad || !grad_enabled(), ErrorKind::kRuntime, p.name,
        "(): functions with out=... arguments don't support automatic differentiation, but one of "
        "the "
        "arguments requires grad.");
  if (call.op->elementwise)  // refuses what PyTorch does; the result is computed apart anyway
    for (int i = 0; i < call.op->n_tensor_args; ++i)
      if (const Value& v = call.args[call.op->tensor_args[i]]; v.is_tensor())
        read_apart(target, v.t);
  dispatch(call);
  TensorRef result = std::move(call.output);
  check(category(result->dtype()) <= category(target->dtype()), ErrorKind::kRuntime, "result type ",
        dtype_title(result->dtype()), " can't be cast to the desired output type ",
        dtype_title(target->dtype()));
  if (target->numel() &&
      !same_sizes(target->sizes(), target->ndim(), result->sizes(), result->ndim()))
    host().warn("UserWarning",
                concat("An output with one or more elements was resized since it had shape ",
                       shown(target->sizes(), target->ndim()),
                       ", which does not match the required output shape ",
                       shown(result->sizes(), result->ndim()),
                       ". This behavior is deprecated, and in a future PyTorch release outputs "
                       "will not be resized unless they have zero elements. You can explicitly "
                       "reuse an out tensor t by resizing it, inplace, to zero elements with "
                       "t.resize_(0)."));
  resize_tensor(target, result->shape());
  GradModeGuard off(false);
  copy_into_tensor(target, result.get());
  return Py_NewRef(out);
}

}  // namespace

PyObject* wrap_outputs(Call& call) {
  if (!call.output) return PyTuple_New(0);
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
      fail(ErrorKind::kRuntime, "value cannot be converted to type int64_t without overflow");
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

bool parse_dims(PyObject* object, Dims* out) {
  out->n = 0;
  int64_t one;
  if (PyTuple_Check(object) || PyList_Check(object)) {
    // An item's __index__ may change the list: size and item are read anew, and the item is held.
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
      PyRef item = PyRef::borrow(PySequence_Fast_GET_ITEM(object, i));
      if (!parse_int(item.get(), &one)) return false;
      out->push(one);
    }
    return true;
  }
  if (PyBool_Check(object) || !parse_int(object, &one)) return false;
  out->push(one);
  return true;
}

Overload make_overload(const Op* op) {
  Overload o;
  o.op = op;
  for (size_t i = 0; i < op->signature.params.size(); ++i) {
    const Param& from = op->signature.params[i];
    PyParam p;
    for (size_t k = 0; k < from.names.size() && k < 3; ++k)
      p.names[k] = checked(PyUnicode_InternFromString(from.names[k].c_str()));
    // NumPy's spelling of the first argument.
    if (from.names[0] == "input" && !p.names[1])
      p.names[1] = checked(PyUnicode_InternFromString("x"));
    p.kind = from.kind;
    p.nullable = from.nullable;
    p.keyword_only = from.keyword_only;
    p.has_default = from.has_default;
    p.value = from.value;
    if (from.names[0] == "out") o.out = static_cast<int>(i);
    if (!p.keyword_only) o.max_positional = static_cast<int>(i) + 1;
    o.params.push_back(p);
  }
  return o;
}

std::string describe_arguments(PyObject* self, PyObject* const* args, Py_ssize_t n,
                               PyObject* kwnames) {
  (void)self;
  // PyTorch writes a comma after every keyword, unless something stands before the first.
  std::string text = "(";
  Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = 0; i < n; ++i) text += (i ? ", " : "") + type_name(args[i]);
  if (n && n_keywords) text += ", ";
  Py_ssize_t written = 0;
  for (const auto& [name, type] : keyword_types(args + n, kwnames))
    text += name + "=" + type + (n && ++written == n_keywords ? "" : ", ");
  return text + ")";
}

PyObject* call_public(const PublicName& p, PyObject* self, PyObject* const* args, Py_ssize_t n,
                      PyObject* kwnames) noexcept {
  return guarded([&]() -> PyObject* {
    Mismatch why;
    for (const Overload& o : p.overloads) {
      Call call(*o.op);
      ParseScratch scratch;
      PyObject* out = nullptr;
      if (!parse(o, self, args, n, kwnames, call.args, scratch, &out, why)) continue;
      check(!out || !self, ErrorKind::kType, p.name, "() got an unexpected keyword argument 'out'");
      if (p.inplace || o.op->record->mutates) {
        check(!out, ErrorKind::kType, p.name, "() got an unexpected keyword argument 'out'");
        call.target = call.args[0].t;
        dispatch(call);
        // The target's own object, whatever its class.
        return Py_NewRef(self ? self : args[0]);
      }
      if (out) return write_out(p, call, out);
      dispatch(call);
      if (call.op->many_outputs) return wrap_outputs(call);
      return wrap(std::move(call.output));
    }
    fail_arguments(p, self, args, n, kwnames, why);
  });
}

}  // namespace rl::python

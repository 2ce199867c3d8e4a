// What is said of arguments that fit no overload, in PyTorch's words.
#include "python/parse_errors.h"

#include <cstring>
#include <unordered_map>

namespace rl::python {

namespace {

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
    case ParamKind::kInts:
    case ParamKind::kVarDims:
      return "tuple of ints";
    case ParamKind::kDType:
      return "torch.dtype";
    case ParamKind::kLayout:
      return "torch.layout";
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
// A sequence of tensors was wanted: throws where it is a sequence, of something else.
void check_elements(PyObject* object, int argument) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(object, i);
    check(is_tensor(item), ErrorKind::kType, "expected Tensor as element ", i, " in argument ",
          argument, ", but got ", type_name(item));
  }
}

bool takes_ints(ParamKind kind) {
  return kind == ParamKind::kDims || kind == ParamKind::kSizes || kind == ParamKind::kInts;
}

// A sequence of ints was wanted: the first element that is none, null where that is not it.
PyObject* no_int_in(PyObject* object, Py_ssize_t* at) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return nullptr;
  for (*at = 0; *at < PySequence_Fast_GET_SIZE(object); ++*at) {
    PyObject* item = PySequence_Fast_GET_ITEM(object, *at);
    if (PyBool_Check(item) || (!PyIndex_Check(item) && !is_tensor(item))) return item;
  }
  return nullptr;
}

[[gnu::cold]] void fail_overload(const PublicName& p, const Overload& o, bool method, Py_ssize_t n,
                                 PyObject* kwnames, const Mismatch& why) {
  int skipped = method ? 1 : 0;
  if (why.why == Mismatch::kMissing || why.why == Mismatch::kUnknownKeyword)
    check_missing(p, o, static_cast<size_t>(n + skipped), kwnames);
  switch (why.why) {
    case Mismatch::kTooMany: {
      int most = o.max_positional - skipped, least = -skipped;
      for (int j = 0; j < o.max_positional; ++j)
        if (!o.params[static_cast<size_t>(j)].has_default) ++least;
      std::string range = least < most ? concat("from ", least, " to ", most) : concat(most);
      fail(ErrorKind::kType, spoken_name(p), "() takes ", range, " positional argument",
           most == 1 ? "" : "s", " but ", n, n == 1 ? " was given" : " were given");
    }
    case Mismatch::kUnknownKeyword:
      fail(ErrorKind::kType, spoken_name(p), "() got an unexpected keyword argument '",
           PyUnicode_AsUTF8(why.object), "'");
    case Mismatch::kTwice:
      fail(ErrorKind::kType, spoken_name(p), "() got multiple values for argument '",
           PyUnicode_AsUTF8(why.object), "'");
    case Mismatch::kType: {
      const PyParam& param = o.params[static_cast<size_t>(why.param)];
      if (param.kind == ParamKind::kTensors) check_elements(why.object, why.param - skipped);
      std::string position =
          why.position ? concat(" (position ", why.position - skipped, ")") : std::string();
      Py_ssize_t at;
      if (PyObject* item = takes_ints(param.kind) ? no_int_in(why.object, &at) : nullptr)
        fail(ErrorKind::kType, spoken_name(p), "(): argument '", param_name(param), "'", position,
             " must be tuple of ints, but found element of type ", type_name(item), " at pos ", at);
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

}  // namespace

void fail_unpacking(const char* function, const char* argument, const Unpacking& failed) {
  std::string why = "Overflow when unpacking long long";
  if (failed.instead) why = "type must be tuple of ints,but got " + type_name(failed.instead.get());
  fail(ErrorKind::kType, function, "(): argument '", argument,
       "' failed to unpack the object at pos ", failed.at, " with error \"", why, "\"");
}

void fail_arguments(const PublicName& p, PyObject* self, PyObject* const* args, Py_ssize_t n,
                    PyObject* kwnames, Mismatch why) {
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
    if (o.op->record->form == (self ? Form::kFunction : Form::kMethod)) continue;
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

}  // namespace rl::python

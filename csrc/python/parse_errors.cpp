// What is said of arguments that fit no overload, in PyTorch's words.
#include "python/parse_errors.h"

#include <cstring>
#include <unordered_map>

#include "python/conversions.h"

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
  return kind == ParamKind::kDims || kind == ParamKind::kSizes || kind == ParamKind::kInts ||
         kind == ParamKind::kVarDims;
}

bool is_int_like(PyObject* item, bool first) {
  return is_tensor(item) || (PyIndex_Check(item) && !(first && PyBool_Check(item)));
}

// A sequence of ints was wanted: the first element that is none, null where that is not it.
PyObject* no_int_in(PyObject* object, Py_ssize_t* at) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return nullptr;
  for (*at = 0; *at < PySequence_Fast_GET_SIZE(object); ++*at) {
    PyObject* item = PySequence_Fast_GET_ITEM(object, *at);
    if (!is_int_like(item, *at == 0)) return item;
  }
  return nullptr;
}

// Throws where a list begins with ints and goes on otherwise: PyTorch asks no further overload.
void check_unpacked(const PublicName& p, const Overload& o, const Mismatch& why) {
  if (why.why != Mismatch::kType) return;
  const PyParam& param = o.params[static_cast<size_t>(why.param)];
  if (!takes_ints(param.kind)) return;
  Py_ssize_t at = why.item;
  PyObject* item = at ? why.object : no_int_in(why.object, &at);
  check(!item || at == 0, ErrorKind::kType, spoken_name(p), "(): argument '", param_name(param),
        "' failed to unpack the object at pos ", at + 1,
        " with error \"type must be tuple of ints,but got ", item ? type_name(item) : "", '"');
}

[[gnu::cold]] void fail_overload(const PublicName& p, const Overload& o, bool method, Py_ssize_t n,
                                 PyObject* kwnames, const Mismatch& why) {
  int skipped = method ? 1 : 0;
  if (method && (o.out == 1 ? 2u : 1u) == o.params.size()) {  // PyTorch leaves it to CPython
    check(!kwnames, ErrorKind::kType, "Tensor.", spoken_name(p), "() takes no keyword arguments");
    fail(ErrorKind::kType, "Tensor.", spoken_name(p), "() takes no arguments (", n, " given)");
  }
  if (why.why == Mismatch::kMissing || why.why == Mismatch::kUnknownKeyword)
    check_missing(p, o, static_cast<size_t>(n + skipped), kwnames);
  switch (why.why) {
    case Mismatch::kTooMany: {
      int most = o.max_positional - skipped, least = -skipped;
      for (int j = 0; j < o.max_positional; ++j)
        if (!o.params[static_cast<size_t>(j)].has_default) ++least;
      if (least < most)
        fail(ErrorKind::kType, spoken_name(p), "() takes from ", least, " to ", most,
             " positional arguments but ", n, " were given");
      fail(ErrorKind::kType, spoken_name(p), "() takes ", most, " positional argument",
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

// "(Tensor input, *, Number alpha = 1)"
std::string form_of(const Overload& o, bool method) {
  std::string text = "(";
  bool star = false;
  for (size_t j = method ? 1 : 0; j < o.params.size(); ++j) {
    const PyParam& param = o.params[j];
    if (method && static_cast<int>(j) == o.out) continue;  // the function's alone
    if (j > (method ? 1u : 0u)) text += ", ";
    if (param.keyword_only && !star) text += "*, ";
    star = star || param.keyword_only;
    text += std::string(kind_name(param.kind)) + " " + param_name(param);
    if (param.has_default) text += " = " + o.signature->params[j].value_text;
  }
  return text + ")";
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

Mismatch parse_anew(const Overload& o, PyObject* self, PyObject* const* args, Py_ssize_t n,
                    PyObject* kwnames) {
  Value values[kMaxArgs];
  ParseScratch scratch;
  PyObject* out = nullptr;
  Mismatch why;
  parse(o, self, args, n, kwnames, values, scratch, &out, why);
  return why;
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

void warn_older_form(const PublicName& p, const Overload& o, bool method) {
  static bool warned = false;
  std::string name = std::string("\n\t") + spoken_name(p);
  std::string text =
      concat("This overload of ", spoken_name(p), " is deprecated:", name, form_of(o, method),
             "\nConsider using one of the following signatures instead:");
  for (const Overload& newer : p.overloads) text += name + form_of(newer, method);
  warn_user_once(warned, text.c_str());
}

void fail_arguments(const PublicName& p, PyObject* self, PyObject* const* args, Py_ssize_t n,
                    PyObject* kwnames, Mismatch why) {
  const OpRecord& record = *p.overloads[0].op->record;
  for (const Overload& o : p.overloads) {
    if (o.form == (self ? Form::kFunction : Form::kMethod)) continue;
    check_unpacked(p, o, parse_anew(o, self, args, n, kwnames));
  }
  if (!record.many_forms) {
    const Overload* meant = record.lists_form ? nullptr : &p.overloads[0];
    if (!meant || p.overloads.size() > 1) {
      meant = overload_by_count(p, self, n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0));
      if (meant) why = parse_anew(*meant, self, args, n, kwnames);
    }
    if (meant) fail_overload(p, *meant, self, n, kwnames, why);
  }
  std::string expected;
  bool one = record.lists_form;
  for (const Overload& o : p.overloads)
    if (o.form != (self ? Form::kFunction : Form::kMethod))
      expected += (one ? " " : "\n * ") + form_of(o, self);
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

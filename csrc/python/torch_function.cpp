#include "python/torch_function.h"

#include "python/subclass.h"
#include "python/type_tools.h"

namespace rl::python {

constinit thread_local TorchFunctionState torch_function_state;
PyObject* disabled_torch_function;

namespace {

PyObject* g_name;  // "__torch_function__"

// What a class says about taking over, looked up through its bases.
enum class Stance : uint8_t { kSilent, kNever, kDefault, kOwn };

// By version tag, which CPython gives to a class anew whenever it or a base of it changes.
struct {
  unsigned tag;
  Stance stance;
} g_stances[256];

Stance look_up_stance(PyTypeObject* type) {
  PyObject* found = _PyType_Lookup(type, g_name);
  if (!found) return Stance::kSilent;
  if (found == disabled_torch_function) return Stance::kNever;
  return found == _PyType_Lookup(tensor_type, g_name) ? Stance::kDefault : Stance::kOwn;
}

Stance stance_of(PyTypeObject* type) {
  unsigned tag = type->tp_version_tag;
  auto& entry = g_stances[tag % std::size(g_stances)];
  if (tag && entry.tag == tag) [[likely]]
    return entry.stance;
  Stance stance = look_up_stance(type);
  tag = type->tp_version_tag;  // the look-up gave the class one
  if (tag) g_stances[tag % std::size(g_stances)] = {tag, stance};
  return stance;
}

// Objects of this class may carry __torch_function__ themselves, or make it up.
bool may_have_own(PyTypeObject* type) {
  return type->tp_getattro != PyObject_GenericGetAttr || type->tp_dictoffset;
}

bool has_own(PyObject* object) {
  PyRef found(PyObject_GetAttr(object, g_name));
  if (!found) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw_python();
    PyErr_Clear();
    return false;
  }
  return found.get() != disabled_torch_function;
}

bool is_class_of_tensors(PyTypeObject* type) { return PyType_IsSubtype(type, tensor_type); }

void warn_of_plain_method(PyObject* method, PyObject* object, PyObject* warning) {
  if (!PyMethod_Check(method) || PyMethod_GET_SELF(method) != object) return;
  PyObject* category = warning ? warning : PyExc_UserWarning;
  checked(PyErr_WarnFormat(
      category, 1,
      "Defining your `__torch_function__%s as a plain method is deprecated and will be an error in "
      "future, please define it as a classmethod.",
      warning ? "" : "`"));
}

PyObject* call_handler(PyObject* handler, PyObject* callee, PyObject* types, PyObject* args,
                       PyObject* kwargs) {
  // Without keywords the handler's own default stands, as in PyTorch.
  PyObject* const values[] = {callee, types, args, kwargs};
  return checked(PyObject_Vectorcall(handler, values, kwargs ? 4 : 3, nullptr));
}

PyObject* ask_mode(PyObject* callee, PyObject* types, PyObject* args, PyObject* kwargs) {
  InnermostMode mode;
  PyRef handler(checked(PyObject_GetAttr(mode.get(), g_name)));
  check(PyMethod_Check(handler.get()) && PyMethod_GET_SELF(handler.get()) == mode.get(),
        ErrorKind::kRuntime,
        "Defining your mode's `__torch_function__` as a classmethod is not supported, please make "
        "it a plain method");
  return call_handler(handler.get(), callee, types, args, kwargs);
}

std::string text_of(PyObject* object) {
  PyRef text(checked(PyObject_Repr(object)));
  const char* utf8 = PyUnicode_AsUTF8(text.get());
  if (!utf8) throw_python();
  return utf8;
}

std::string name_of(const Callee& callee) {
  std::string name = callee.door == Door::kFunction ? "torch." : "torch.Tensor.";
  // The core's functions behind those of nn.functional: _linear.
  bool functional = callee.door == Door::kFunction && callee.name[0] == '_';
  name += functional ? "nn.functional." : "";
  name += callee.name + (functional ? 1 : 0);
  if (callee.door == Door::kGet) name += ".__get__";
  if (callee.door == Door::kSet) name += ".__set__";
  if (callee.door == Door::kDelete) name += ".__delete__";
  return name;
}

[[noreturn, gnu::cold]] void fail_not_implemented(const Callee& callee,
                                                  const Overloads& overloads) {
  std::string tried;
  if (mode_active()) tried += "\n  - mode object " + text_of(innermost_mode());
  for (const PyRef& object : overloads.objects())
    tried += "\n  - tensor subclass " + text_of(reinterpret_cast<PyObject*>(Py_TYPE(object.get())));
  fail(
      ErrorKind::kType, "Multiple dispatch failed for '", name_of(callee),
      "'; all __torch_function__ handlers returned NotImplemented:\n", tried,
      "\n  fix: return a result for it, or super().__torch_function__(func, types, args, kwargs).");
}

// "torch.nn.functional.relu", whatever the package is called.
std::string full_name(PyObject* function) {
  std::string name;
  for (const char* part : {"__module__", "__name__"}) {
    PyRef value(PyObject_GetAttrString(function, part));
    if (!value) {
      if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw_python();
      PyErr_Clear();
    }
    const char* text = value && PyUnicode_Check(value.get()) ? PyUnicode_AsUTF8(value.get()) : "";
    if (!text) throw_python();
    name += (name.empty() ? "" : ".") + std::string(text);
  }
  constexpr std::string_view kPackage = "rushlight";
  if (name.compare(0, kPackage.size(), kPackage) == 0) name.replace(0, kPackage.size(), "torch");
  return name;
}

}  // namespace

bool takes_over(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (PyType_Check(object)) return false;  // the class Tensor has the method, but is no operand
  switch (stance_of(type)) {
    case Stance::kSilent:
      return may_have_own(type) && !torch_function_state.subclasses_disabled && has_own(object);
    case Stance::kNever:
      return false;
    default:
      return !torch_function_state.subclasses_disabled;
  }
}

void Overloads::add(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  size_t at = objects_.size();
  for (size_t i = 0; i < objects_.size(); ++i) {
    PyTypeObject* other = Py_TYPE(objects_[i].get());
    if (other == type) return;
    if (at == objects_.size() && PyType_IsSubtype(type, other)) at = i;
  }
  objects_.insert(objects_.begin() + static_cast<std::ptrdiff_t>(at), PyRef::borrow(object));
}

PyRef Overloads::types() const {
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(objects_.size()))));
  for (size_t i = 0; i < objects_.size(); ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                     Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(objects_[i].get()))));
  return tuple;
}

PyTypeObject* Overloads::default_class() const {
  if (objects_.size() != 1 || mode_active()) return nullptr;
  PyTypeObject* type = Py_TYPE(objects_[0].get());
  return stance_of(type) == Stance::kDefault && is_class_of_tensors(type) ? type : nullptr;
}

PyObject* try_torch_function(PyObject* callee, const Overloads& overloads, PyObject* args,
                             PyObject* kwargs, PyObject* warning) {
  if (Py_EnterRecursiveCall(" in __torch_function__")) throw_python();
  struct Leave {
    ~Leave() { Py_LeaveRecursiveCall(); }
  } leave;
  PyRef types = overloads.types();
  if (mode_active()) {
    PyRef result(ask_mode(callee, types.get(), args, kwargs));
    if (result.get() != Py_NotImplemented) return result.release();
  }
  for (const PyRef& object : overloads.objects()) {
    PyRef handler(checked(PyObject_GetAttr(object.get(), g_name)));
    warn_of_plain_method(handler.get(), object.get(), warning);
    PyRef result(call_handler(handler.get(), callee, types.get(), args, kwargs));
    if (result.get() != Py_NotImplemented) return result.release();
  }
  Py_RETURN_NOTIMPLEMENTED;
}

PyObject* call_torch_function(const Callee& callee, const Overloads& overloads, PyObject* args,
                              PyObject* kwargs) {
  PyRef object = callee_object(callee);
  PyRef result(try_torch_function(object.get(), overloads, args, kwargs));
  if (result.get() == Py_NotImplemented) fail_not_implemented(callee, overloads);
  return result.release();
}

PyObject* handle_torch_function(PyObject* function, const Overloads& overloads, PyObject* args,
                                PyObject* kwargs) {
  PyRef result(try_torch_function(function, overloads, args, kwargs, PyExc_DeprecationWarning));
  if (result.get() != Py_NotImplemented) return result.release();
  PyRef types = overloads.types(), list(checked(PySequence_List(types.get())));
  std::string mode = mode_active() ? " nor in mode " + text_of(innermost_mode()) : "";
  fail(ErrorKind::kType, "no implementation found for '", full_name(function),
       "' on types that implement __torch_function__: ", text_of(list.get()), mode);
}

PyRef pack_arguments(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  while (n && !args[n - 1]) --n;
  Py_ssize_t first = self ? 1 : 0;
  PyRef tuple(checked(PyTuple_New(n + first)));
  if (self) PyTuple_SET_ITEM(tuple.get(), 0, Py_NewRef(self));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(tuple.get(), i + first, Py_NewRef(args[i]));
  return tuple;
}

PyRef pack_keywords(PyObject* const* values, PyObject* kwnames) {
  Py_ssize_t n = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  if (!n) return {};
  PyRef dict(checked(PyDict_New()));
  for (Py_ssize_t i = 0; i < n; ++i)
    checked(PyDict_SetItem(dict.get(), PyTuple_GET_ITEM(kwnames, i), values[i]));
  return dict;
}

namespace {

PyObject* convert_one(PyObject* object, PyTypeObject* cls);

// The sequence itself where nothing in it changes. Named tuples keep their type.
PyObject* convert_sequence(PyObject* sequence, PyTypeObject* cls) {
  if (Py_EnterRecursiveCall(" in the results of __torch_function__")) throw_python();
  struct Leave {
    ~Leave() { Py_LeaveRecursiveCall(); }
  } leave;
  PyRef converted(checked(PyList_New(0)));
  bool changed = false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
    PyRef item = PyRef::borrow(PySequence_Fast_GET_ITEM(sequence, i));
    PyRef made(convert_one(item.get(), cls));
    changed = changed || made.get() != item.get();
    checked(PyList_Append(converted.get(), made.get()));
  }
  if (!changed) return Py_NewRef(sequence);
  if (PyList_CheckExact(sequence)) return converted.release();
  if (PyTuple_CheckExact(sequence)) return checked(PyList_AsTuple(converted.get()));
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(sequence));
  if (PyObject_HasAttrString(type, "_make"))
    return checked(PyObject_CallMethod(type, "_make", "O", converted.get()));
  return checked(PyObject_CallOneArg(type, converted.get()));
}

PyObject* convert_one(PyObject* object, PyTypeObject* cls) {
  if (is_tensor(object) && !PyType_IsSubtype(Py_TYPE(object), cls))
    return alias_as(impl_of(object), cls);
  if (PyTuple_Check(object) || PyList_Check(object)) return convert_sequence(object, cls);
  return Py_NewRef(object);
}

}  // namespace

PyObject* convert_result(PyObject* result, PyTypeObject* cls) {
  PyRef owned(checked(result));
  return cls == tensor_type ? owned.release() : convert_one(owned.get(), cls);
}

namespace {

PyObject* keywords_argument(PyObject* kwargs) {
  if (!kwargs || kwargs == Py_None) return nullptr;
  check(PyDict_Check(kwargs), ErrorKind::kType, "kwargs must be a dict or None, not ",
        Py_TYPE(kwargs)->tp_name);
  return kwargs;
}

PyRef tuple_argument(PyObject* args) {
  return PyRef(checked(args ? PySequence_Tuple(args) : PyTuple_New(0)));
}

// _disabled_torch_function_impl(func, types, args=(), kwargs={}): func(*args, **kwargs).
PyObject* disabled_impl(PyObject*, PyObject* args) {
  return guarded([&] {
    PyObject *function, *types, *given = nullptr, *kwargs = nullptr;
    if (!PyArg_UnpackTuple(args, "function", 2, 4, &function, &types, &given, &kwargs))
      throw_python();
    PyRef tuple = tuple_argument(given);
    SubclassesDisabled off;
    return checked(PyObject_Call(function, tuple.get(), keywords_argument(kwargs)));
  });
}

// Getters whose result keeps its class: .grad, ._grad, ._base.
PyObject* g_keeping[3];

bool keeps_class(PyObject* function) {
  if (Py_TYPE(function) != Py_TYPE(g_keeping[0])) return false;
  for (PyObject* getter : g_keeping) {
    int same = getter ? PyObject_RichCompareBool(getter, function, Py_EQ) : 0;
    checked(same);
    if (same) return true;
  }
  return false;
}

bool init_keeping() {
  int n = 0;
  for (const char* name : {"grad", "_grad", "_base"}) {
    PyObject* attribute = PyDict_GetItemString(tensor_type->tp_dict, name);
    if (!attribute) continue;
    g_keeping[n] = PyObject_GetAttrString(attribute, "__get__");
    if (!g_keeping[n++]) return false;
  }
  return n > 0;
}

// func(*args, **kwargs) as if the tensors were plain, and the results as members of cls.
PyObject* default_impl(PyObject* cls, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr Parameters kParameters{
        "Tensor.__torch_function__", 4, 2, 4, {"func", "types", "args", "kwargs"}};
    PyObject* v[4] = {};
    parse_arguments(kParameters, args, n, kwnames, v);
    PyRef types(checked(PySequence_Tuple(v[1])));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types.get()); ++i) {
      PyObject* type = PyTuple_GET_ITEM(types.get(), i);
      int inherits = type == cls ? 1 : PyObject_IsSubclass(cls, type);
      checked(inherits);
      if (!inherits) Py_RETURN_NOTIMPLEMENTED;
    }
    PyRef tuple = tuple_argument(v[2]);
    SubclassesDisabled off;
    PyRef result(checked(PyObject_Call(v[0], tuple.get(), keywords_argument(v[3]))));
    if (keeps_class(v[0])) return result.release();
    return convert_result(result.release(), reinterpret_cast<PyTypeObject*>(cls));
  });
}

PyObject* py_overridable_functions(PyObject*, PyObject*) {
  return guarded([] { return overridable_functions(); });
}

// _convert(result, cls): what __torch_function__ does with the result of func.
PyObject* py_convert(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    check(n == 2, ErrorKind::kType, "_convert() takes 2 arguments (", n, " given)");
    return convert_result(Py_NewRef(args[0]), subclass_argument(args[1]));
  });
}

PyMethodDef kFunctions[] = {
    {"_overridable_functions", py_overridable_functions, METH_NOARGS,
     "The names of this module's functions that can be taken over."},
    {"_convert", method(py_convert), METH_FASTCALL,
     "(result, cls): the tensors in it, also in tuples and lists, as members of cls."},
    {"_disabled_torch_function_impl", disabled_impl, METH_VARARGS,
     "The __torch_function__ of classes that take part in nothing: their results are Tensors."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef kDefault = {
    "__torch_function__", method(default_impl), METH_FASTCALL | METH_KEYWORDS | METH_CLASS,
    "__torch_function__($type, func, types, args=(), kwargs=None)\n--\n\n"
    "Calls func as if the tensors were plain; the tensors it returns become of this class.\n\n"
    "Returns: NotImplemented where an argument is of a class that is no base of this one."};

}  // namespace

bool init_torch_function(PyObject* module) {
  g_name = PyUnicode_InternFromString("__torch_function__");
  if (!g_name || PyModule_AddFunctions(module, kFunctions) < 0) return false;
  disabled_torch_function = PyObject_GetAttrString(module, "_disabled_torch_function_impl");
  PyRef descriptor(PyDescr_NewClassMethod(tensor_type, &kDefault));
  return disabled_torch_function && descriptor && init_keeping() &&
         PyObject_SetAttr(reinterpret_cast<PyObject*>(tensor_type), g_name, descriptor.get()) ==
             0 &&
         init_torch_function_state(module) && init_overridable_function(module) &&
         make_functions_overridable(module);
}

}  // namespace rl::python

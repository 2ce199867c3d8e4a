// Puts the second door before every method and attribute of Tensor that is no op, and before the
// module's functions. Ops have theirs in parse.cpp, operators in number_slots.cpp.
#include <array>
#include <cstring>

#include "python/functions.h"
#include "python/torch_function.h"
#include "python/type_tools.h"

namespace rl::python {

namespace {

constexpr size_t kMaxMethods = 160;
constexpr size_t kMaxFunctions = 32;
constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

// A descriptor has no room for a closure: one thunk per index.
struct Entry {
  const char* name;
  PyCFunction call;  // what stands behind the door
  bool self_only;    // PyTorch does not look at the other arguments
};
Entry g_methods[kMaxMethods];
Entry g_functions[kMaxFunctions];

_PyCFunctionFastWithKeywords fast(PyCFunction function) {
  return reinterpret_cast<_PyCFunctionFastWithKeywords>(reinterpret_cast<void (*)()>(function));
}

inline bool all_untouched(PyObject* const* args, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i)
    if (Py_TYPE(args[i]) != tensor_type) return false;
  return true;
}

Overloads find_overloads(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  Overloads overloads;
  // A mode hears of the tensor's class even where that takes over nothing.
  bool heard_of = mode_active() && !torch_function_state.subclasses_disabled;
  if (!overloads.look_at(self) && heard_of) overloads.add(self);
  for (Py_ssize_t i = 0; i < n; ++i) overloads.look_at(args[i]);
  return overloads;
}

[[gnu::noinline]] PyObject* call_touched(const Entry& entry, PyObject* self, PyObject* const* args,
                                         Py_ssize_t n, PyObject* kwnames, bool one_argument) {
  return guarded([&] {
    Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    Overloads overloads = find_overloads(self, args, entry.self_only ? 0 : n + n_keywords);
    auto plain = [&] {
      return one_argument ? entry.call(self, n ? args[0] : nullptr)
                          : fast(entry.call)(self, args, n, kwnames);
    };
    if (overloads.empty() && !mode_active()) return plain();
    return call_overridden({Door::kMethod, entry.name}, overloads, self, args, n, kwnames, plain);
  });
}

// METH_NOARGS and METH_O.
template <size_t I>
PyObject* one_thunk(PyObject* self, PyObject* argument) {
  const Entry& entry = g_methods[I];
  if (is_untouched(self) && (!argument || Py_TYPE(argument) == tensor_type)) [[likely]]
    return entry.call(self, argument);
  return call_touched(entry, self, &argument, argument ? 1 : 0, nullptr, true);
}

template <size_t I>
PyObject* fast_thunk(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  const Entry& entry = g_methods[I];
  if (is_untouched(self) && !kwnames && all_untouched(args, n)) [[likely]]
    return fast(entry.call)(self, args, n, kwnames);
  return call_touched(entry, self, args, n, kwnames, false);
}

// Functions of the module: only modes, and the arguments where PyTorch looks at them.
template <size_t I>
PyObject* function_thunk(PyObject* module, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  const Entry& entry = g_functions[I];
  if (entry.self_only && !torch_function_modes) [[likely]]
    return fast(entry.call)(module, args, n, kwnames);
  return guarded([&] {
    Overloads overloads;
    Py_ssize_t n_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; !entry.self_only && i < n + n_keywords; ++i) overloads.look_at(args[i]);
    auto plain = [&] { return fast(entry.call)(module, args, n, kwnames); };
    if (overloads.empty() && !mode_active()) return plain();
    return call_overridden({Door::kFunction, entry.name}, overloads, nullptr, args, n, kwnames,
                           plain);
  });
}

template <size_t... I>
constexpr auto one_thunks(std::index_sequence<I...>) {
  return std::array<PyCFunction, sizeof...(I)>{&one_thunk<I>...};
}
template <size_t... I>
constexpr auto fast_thunks(std::index_sequence<I...>) {
  return std::array<_PyCFunctionFastWithKeywords, sizeof...(I)>{&fast_thunk<I>...};
}
template <size_t... I>
constexpr auto function_thunks(std::index_sequence<I...>) {
  return std::array<_PyCFunctionFastWithKeywords, sizeof...(I)>{&function_thunk<I>...};
}
constexpr auto kOneThunks = one_thunks(std::make_index_sequence<kMaxMethods>{});
constexpr auto kFastThunks = fast_thunks(std::make_index_sequence<kMaxMethods>{});
constexpr auto kFunctionThunks = function_thunks(std::make_index_sequence<kMaxFunctions>{});

// Two spellings of one method have the first one's name, as in PyTorch.
const char* first_name(const PyMethodDef* methods, const PyMethodDef* of) {
  while (methods->ml_meth != of->ml_meth) ++methods;
  return methods->ml_name;
}

bool is_listed(const char* name, std::initializer_list<const char*> names) {
  for (const char* listed : names)
    if (std::strcmp(listed, name) == 0) return true;
  return false;
}

// --- attributes

PyObject* get_touched(PyObject* self, const PyGetSetDef* behind) {
  return guarded([&] {
    Overloads overloads = find_overloads(self, nullptr, 0);
    bool keeps_class = is_listed(behind->name, {"grad", "_grad", "_base"});
    if ((overloads.empty() && !mode_active()) || (keeps_class && overloads.default_class()))
      return behind->get(self, behind->closure);
    return call_overridden({Door::kGet, behind->name}, overloads, self, nullptr, 0, nullptr,
                           [&] { return behind->get(self, behind->closure); });
  });
}

PyObject* get_attribute(PyObject* self, void* closure) {
  const auto* behind = static_cast<const PyGetSetDef*>(closure);
  if (is_untouched(self)) [[likely]]
    return behind->get(self, behind->closure);
  return get_touched(self, behind);
}

int set_touched(PyObject* self, PyObject* value, const PyGetSetDef* behind) {
  return guarded_int([&] {
    Overloads overloads = find_overloads(self, nullptr, 0);
    if ((overloads.empty() && !mode_active()) || overloads.default_class()) {
      SubclassesDisabled off;
      return behind->set(self, value, behind->closure);
    }
    PyRef packed = pack_arguments(self, &value, 1);
    Callee callee{value ? Door::kSet : Door::kDelete, behind->name};
    PyRef(call_torch_function(callee, overloads, packed.get(), nullptr));
    return 0;
  });
}

int set_attribute(PyObject* self, PyObject* value, void* closure) {
  const auto* behind = static_cast<const PyGetSetDef*>(closure);
  if (is_untouched(self)) [[likely]]
    return behind->set(self, value, behind->closure);
  return set_touched(self, value, behind);
}

PyRef attribute_of(PyRef object, const char* name) {
  return PyRef(checked(PyObject_GetAttrString(object.get(), name)));
}

PyObject* g_module;  // borrowed: it lives as long as the process

}  // namespace

PyRef callee_object(const Callee& callee) {
  if (callee.door == Door::kFunction) return attribute_of(PyRef::borrow(g_module), callee.name);
  PyRef method = attribute_of(PyRef::borrow(reinterpret_cast<PyObject*>(tensor_type)), callee.name);
  switch (callee.door) {
    case Door::kGet:
      return attribute_of(method, "__get__");
    case Door::kSet:
      return attribute_of(method, "__set__");
    case Door::kDelete:
      return attribute_of(method, "__delete__");
    default:
      return method;
  }
}

PyMethodDef* overridable_methods(PyMethodDef* methods) {
  static std::vector<PyMethodDef> doors;
  size_t used = 0;
  for (PyMethodDef* def = methods; def->ml_name; ++def) {
    PyMethodDef door = *def;
    bool one = def->ml_flags == METH_NOARGS || def->ml_flags == METH_O;
    if ((one || def->ml_flags == kFast) && !is_listed(def->ml_name, {"as_subclass"})) {
      check(used < kMaxMethods, ErrorKind::kAssertion, "more than ", kMaxMethods, " methods");
      g_methods[used] = {first_name(methods, def), def->ml_meth,
                         is_listed(def->ml_name, {"backward"})};
      door.ml_meth = one ? kOneThunks[used] : method(kFastThunks[used]);
      ++used;
    }
    doors.push_back(door);
  }
  doors.push_back({nullptr, nullptr, 0, nullptr});
  return doors.data();
}

PyGetSetDef* overridable_attributes(PyGetSetDef* attributes) {
  static std::vector<PyGetSetDef> doors;
  for (PyGetSetDef* def = attributes; def->name; ++def) {
    bool bare = is_listed(def->name, {"__dict__"});
    doors.push_back(bare ? *def
                         : PyGetSetDef{def->name, get_attribute, def->set ? set_attribute : nullptr,
                                       def->doc, def});
  }
  doors.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
  return doors.data();
}

PyObject* overridable_functions() {
  PyRef names(checked(op_function_names()));
  for (const Entry& entry : g_functions) {
    if (!entry.name) break;
    PyRef name(checked(PyUnicode_FromString(entry.name)));
    checked(PyList_Append(names.get(), name.get()));
  }
  return names.release();
}

bool make_functions_overridable(PyObject* module) {
  constexpr struct {
    const char* name;
    bool modes_only;
  } kNames[] = {{"tensor", true},
                {"as_tensor", true},
                {"frombuffer", true},
                {"positive", false},
                {"result_type", false}};
  static PyMethodDef doors[std::size(kNames)];
  g_module = module;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    PyRef function(PyObject_GetAttrString(module, kNames[i].name));
    if (!function) return false;
    PyMethodDef* def = reinterpret_cast<PyCFunctionObject*>(function.get())->m_ml;
    check(def->ml_flags == kFast, ErrorKind::kAssertion, def->ml_name, " takes no keywords");
    g_functions[i] = {kNames[i].name, def->ml_meth, kNames[i].modes_only};
    doors[i] = *def;
    doors[i].ml_meth = method(kFunctionThunks[i]);
    PyRef name(PyModule_GetNameObject(module));
    PyRef door(name ? PyCFunction_NewEx(&doors[i], module, name.get()) : nullptr);
    if (!door || PyModule_AddObjectRef(module, kNames[i].name, door.get()) < 0) return false;
  }
  return true;
}

}  // namespace rl::python

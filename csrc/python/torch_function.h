// The second door, at the Python border: __torch_function__ of an argument's class, or of an active
// mode, takes over a call. A plain call pays for comparing a type and one flag.
#pragma once

#include <memory>
#include <vector>

#include "python/python.h"

namespace rl::python {

// --- state of the thread; read only once an argument or a mode may take over

struct TorchFunctionState {
  bool subclasses_disabled = false;
  bool all_disabled = false;
};
[[gnu::tls_model(
    "initial-exec")]] extern constinit thread_local TorchFunctionState torch_function_state;

// Types do not take part within a scope.
class SubclassesDisabled {
 public:
  SubclassesDisabled() : before_(torch_function_state.subclasses_disabled) {
    torch_function_state.subclasses_disabled = true;
  }
  ~SubclassesDisabled() { torch_function_state.subclasses_disabled = before_; }
  SubclassesDisabled(const SubclassesDisabled&) = delete;
  SubclassesDisabled& operator=(const SubclassesDisabled&) = delete;

 private:
  bool before_;
};

// Modes that any thread has entered: 0 in almost every program.
extern int torch_function_modes;
// Whether this thread has a mode that sees calls.
bool mode_active();
// The innermost mode, left for as long as this lives.
class InnermostMode {
 public:
  InnermostMode();
  ~InnermostMode();
  InnermostMode(const InnermostMode&) = delete;
  InnermostMode& operator=(const InnermostMode&) = delete;
  PyObject* get() const { return mode_.get(); }

 private:
  PyRef mode_;
};
PyObject* innermost_mode();  // borrowed; null where there is none

// --- who takes over

// A class whose __torch_function__ is this function is treated like Tensor itself: nn.Parameter.
extern PyObject* disabled_torch_function;

// Whether the object's class takes over calls now. Any object that is no exact Tensor.
bool takes_over(PyObject* object);
// A plain tensor, and no mode anywhere: the test that every entry begins with.
inline bool is_untouched(PyObject* self) {
  return Py_TYPE(self) == tensor_type && !torch_function_modes;
}

// The arguments that take over, one per class: subclasses first, else from left to right.
class Overloads {
 public:
  void add(PyObject* object);
  // Adds the object where it takes over.
  bool look_at(PyObject* object) {
    if (Py_TYPE(object) == tensor_type || !takes_over(object)) return false;
    add(object);
    return true;
  }
  // Adds a plain tensor too: functions of Python hear of its class, as in PyTorch.
  void look_at_any(PyObject* object) {
    if (Py_TYPE(object) == tensor_type ? !torch_function_state.subclasses_disabled
                                       : takes_over(object))
      add(object);
  }
  bool empty() const { return objects_.empty(); }
  const std::vector<PyRef>& objects() const { return objects_; }
  PyRef types() const;
  // The only class, where it has Tensor's own __torch_function__ and no mode is active: the call
  // goes on as if its tensors were plain, and its results become of that class. Else null.
  PyTypeObject* default_class() const;

 private:
  std::vector<PyRef> objects_;
};

// --- what is taken over

enum class Door : uint8_t { kFunction, kMethod, kGet, kSet, kDelete };
// torch.name, Tensor.name, Tensor.name.__get__ and so on.
struct Callee {
  Door door;
  const char* name;
};

// __torch_function__(callee, types, args, kwargs) of the mode and of each object in turn, until one
// returns something else than NotImplemented. New reference; throws. `kwargs` may be null.
PyObject* try_torch_function(PyObject* callee, const Overloads& overloads, PyObject* args,
                             PyObject* kwargs, PyObject* warning = nullptr);
// The same, where NotImplemented from all of them is a TypeError.
PyObject* call_torch_function(const Callee& callee, const Overloads& overloads, PyObject* args,
                              PyObject* kwargs);
// The same for a function written in Python, in PyTorch's words for those.
PyObject* handle_torch_function(PyObject* function, const Overloads& overloads, PyObject* args,
                                PyObject* kwargs);

// Tensors in the result, also in tuples and lists, as members of `cls`. Takes the reference.
PyObject* convert_result(PyObject* result, PyTypeObject* cls);

// `plain()` runs the call for tensors of one class that has nothing of its own.
template <class Plain>
PyObject* call_overridden(const Callee& callee, const Overloads& overloads, PyObject* self,
                          PyObject* const* args, Py_ssize_t n, PyObject* kwnames, Plain&& plain);

// --- the doors themselves

// Tensor's tables with a door before each entry. They live as long as the process.
PyMethodDef* overridable_methods(PyMethodDef* methods);
PyGetSetDef* overridable_attributes(PyGetSetDef* attributes);
// The module's functions that are no ops and that modes see.
bool make_functions_overridable(PyObject* module);
// The names of all functions of the module that can be taken over, as a new list.
PyObject* overridable_functions();

// Tensor.name(self, other) for an operator: NotImplemented where nobody implements it. `other` may
// be null; `plain()` as in call_overridden.
template <class Plain>
PyObject* call_overridden_operator(const char* name, const Overloads& overloads, PyObject* self,
                                   PyObject* other, Plain&& plain);

bool init_torch_function(PyObject* module);
bool init_torch_function_state(PyObject* module);
bool init_overridable_function(PyObject* module);

// --- implementation

// Positional arguments with self first, and keywords as a dict or null.
PyRef callee_object(const Callee& callee);
PyRef pack_arguments(PyObject* self, PyObject* const* args, Py_ssize_t n);
PyRef pack_keywords(PyObject* const* values, PyObject* kwnames);

template <class Plain>
PyObject* call_overridden(const Callee& callee, const Overloads& overloads, PyObject* self,
                          PyObject* const* args, Py_ssize_t n, PyObject* kwnames, Plain&& plain) {
  if (PyTypeObject* cls = overloads.default_class()) {
    SubclassesDisabled off;
    return convert_result(plain(), cls);
  }
  PyRef packed = pack_arguments(self, args, n);
  PyRef keywords = pack_keywords(args + n, kwnames);
  return call_torch_function(callee, overloads, packed.get(), keywords.get());
}

template <class Plain>
PyObject* call_overridden_operator(const char* name, const Overloads& overloads, PyObject* self,
                                   PyObject* other, Plain&& plain) {
  if (PyTypeObject* cls = overloads.default_class()) {
    SubclassesDisabled off;
    return convert_result(plain(), cls);
  }
  PyRef callee = callee_object({Door::kMethod, name});
  PyRef packed = pack_arguments(self, &other, 1);
  return try_torch_function(callee.get(), overloads, packed.get(), nullptr);
}

}  // namespace rl::python

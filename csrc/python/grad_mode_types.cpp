// no_grad, enable_grad, set_grad_enabled, inference_mode: contexts made, entered and left at the
// cost of a few C calls; used as decorators they hand over to
// rushlight.autograd.grad_mode.decorate.
#include <cstddef>

#include "graph/grad_mode.h"
#include "python/context_method.h"
#include "python/types.h"

namespace rl::python {

namespace {

enum Type { kNoGrad, kEnableGrad, kSetGradEnabled, kInferenceMode, kTypes };

struct Context {
  PyObject_HEAD
  // What was before, two bits for each time the context was entered and not left: one object may be
  // entered again inside itself.
  uint64_t before;
  uint8_t depth;
  uint8_t type;
  bool mode;
};

PyTypeObject* g_types[kTypes] = {};
constexpr int kMaxDepth = 32;

// Objects of the exact types are kept for the next use.
#ifdef RL_SANITIZE
constexpr int kMaxFree = 0;
#else
constexpr int kMaxFree = 16;
#endif
Context* g_free[kMaxFree + 1];
int g_n_free = 0;

Context* context(PyObject* self) { return reinterpret_cast<Context*>(self); }

uint64_t current_modes() { return (grad_enabled() ? 1 : 0) | (inference_enabled() ? 2 : 0); }

Context* init_fields(Context* self, Type type, bool mode) {
  self->before = current_modes();
  self->depth = 0;
  self->type = static_cast<uint8_t>(type);
  self->mode = mode;
  return self;
}

Context* make(Type type, bool mode) {
  Context* self;
  if (g_n_free > 0) [[likely]] {
    self = g_free[--g_n_free];
    PyObject_Init(reinterpret_cast<PyObject*>(self), g_types[type]);
  } else {
    self = PyObject_New(Context, g_types[type]);
    if (!self) return nullptr;
  }
  return init_fields(self, type, mode);
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (type == g_types[context(self)->type] && g_n_free < kMaxFree) [[likely]]
    g_free[g_n_free++] = context(self);
  else
    type->tp_free(self);
  Py_DECREF(type);
}

void apply(const Context* self) {
  if (self->type == kInferenceMode) {
    set_inference(self->mode);
    set_grad_enabled(!self->mode);
  } else {
    set_grad_enabled(self->mode);
  }
}

PyObject* enter(PyObject* object) {
  Context* self = context(object);
  // set_grad_enabled has remembered, and acted, when it was made.
  if (self->type != kSetGradEnabled) {
    if (self->depth == kMaxDepth) [[unlikely]] {
      PyErr_SetString(PyExc_RuntimeError, "this context is entered too often inside itself");
      return nullptr;
    }
    self->before = self->depth++ ? self->before << 2 | current_modes() : current_modes();
  }
  apply(self);
  Py_RETURN_NONE;
}

void restore(Context* self) {
  set_grad_enabled(self->before & 1);
  if (self->type == kInferenceMode) set_inference(self->before & 2);
}

PyObject* leave(PyObject* object) {
  Context* self = context(object);
  if (self->type == kSetGradEnabled) {
    restore(self);
  } else if (self->depth) {
    restore(self);
    if (--self->depth) self->before >>= 2;
  }
  Py_RETURN_NONE;
}

const char* short_name(Type type) {
  constexpr const char* kNames[kTypes] = {"no_grad", "enable_grad", "set_grad_enabled",
                                          "inference_mode"};
  return kNames[type];
}

bool takes_mode(Type type) { return type == kSetGradEnabled || type == kInferenceMode; }

// The type of contexts that `cls`, maybe a subclass, stands for.
Type type_of(PyTypeObject* cls) {
  for (int i = 0; i < kTypes; ++i)
    if (PyType_IsSubtype(cls, g_types[i])) return static_cast<Type>(i);
  return kNoGrad;
}

PyObject* decorate(PyObject* self, PyObject* function) {
  if (!PyCallable_Check(function)) {
    const char* name = short_name(static_cast<Type>(context(self)->type));
    PyErr_Format(
        PyExc_TypeError,
        "%s decorates a function, not %s\n  fix: `with torch.%s(...):` or `@torch.%s()` above "
        "a function.",
        name, Py_TYPE(function)->tp_name, name, name);
    return nullptr;
  }
  PyRef module(PyImport_ImportModule("rushlight.autograd.grad_mode"));
  if (!module) return nullptr;
  PyRef clone(PyObject_GetAttrString(self, "clone"));
  if (!clone) return nullptr;
  return PyObject_CallMethod(module.get(), "decorate", "OO", clone.get(), function);
}

// cls()(function).
PyObject* decorate_with(PyTypeObject* cls, PyObject* function) {
  PyRef self(PyObject_CallNoArgs(reinterpret_cast<PyObject*>(cls)));
  return self ? PyObject_CallOneArg(self.get(), function) : nullptr;
}

bool parse_mode(Type type, PyObject* value, bool* mode) {
  if (PyBool_Check(value)) {
    *mode = value == Py_True;
    return true;
  }
  PyErr_Format(PyExc_TypeError, "%s(): argument 'enabled' (position 1) must be bool, not %s",
               short_name(type), Py_TYPE(value)->tp_name);
  return false;
}

// The argument of a context: `mode`, or the function to decorate. Null where it is not given.
PyObject* only_argument(Type type, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  const Parameters parameters = {short_name(type),
                                 1,
                                 type == kSetGradEnabled ? 1 : 0,
                                 1,
                                 {takes_mode(type) ? "mode" : "orig_func"}};
  PyObject* given;
  if (type == kSetGradEnabled && !nargs && !kwnames)
    fail(ErrorKind::kType,
         "set_grad_enabled.__init__() missing 1 required positional argument: 'mode'");
  parse_arguments(parameters, args, nargs, kwnames, &given);
  if (given == Py_None && !takes_mode(type))
    fail(ErrorKind::kType, short_name(type),
         ".__init__() takes 1 positional argument but 2 were given");
  return given;
}

[[gnu::noinline]] PyObject* create_with_arguments(Type type, PyObject* const* args,
                                                  Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    PyObject* given = only_argument(type, args, nargs, kwnames);
    bool mode = type != kNoGrad;
    if (given && (!takes_mode(type) || (type == kInferenceMode && !PyBool_Check(given))))
      return decorate_with(g_types[type], given);
    if (given && !parse_mode(type, given, &mode)) return nullptr;
    Context* self = make(type, mode);
    if (self && type == kSetGradEnabled) apply(self);
    return reinterpret_cast<PyObject*>(self);
  });
}

template <Type type>
PyObject* create(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (type != kSetGradEnabled && !nargs && !kwnames) [[likely]]
    return reinterpret_cast<PyObject*>(make(type, type != kNoGrad));
  return create_with_arguments(type, args, nargs, kwnames);
}

// Subclasses: `mode` comes with __init__, which a subclass may call with what it likes.
PyObject* create_subclass(PyTypeObject* cls, PyObject* args, PyObject* kwargs) {
  Type type = type_of(cls);
  bool own_init = cls->tp_init != g_types[type]->tp_init;
  if (!own_init && !takes_mode(type) && PyTuple_GET_SIZE(args) == 1 && !kwargs)
    return decorate_with(cls, PyTuple_GET_ITEM(args, 0));
  PyObject* self = cls->tp_alloc(cls, 0);
  if (self) init_fields(context(self), type, type != kNoGrad);
  return self;
}

int init_subclass(PyObject* object, PyObject* args, PyObject* kwargs) {
  Context* self = context(object);
  auto type = static_cast<Type>(self->type);
  PyObject* value = PyTuple_GET_SIZE(args) > 0 ? PyTuple_GET_ITEM(args, 0) : nullptr;
  if (!value && kwargs) value = PyDict_GetItemString(kwargs, "mode");
  Py_ssize_t given = PyTuple_GET_SIZE(args) + (kwargs ? PyDict_GET_SIZE(kwargs) : 0);
  if (given > (takes_mode(type) ? 1 : 0) || (given && !value)) {
    PyErr_Format(PyExc_TypeError, "%s.__init__() takes %s", short_name(type),
                 takes_mode(type) ? "one argument, mode" : "no arguments");
    return -1;
  }
  if (!value && type == kSetGradEnabled) {
    PyErr_SetString(PyExc_TypeError,
                    "set_grad_enabled.__init__() missing 1 required positional argument: 'mode'");
    return -1;
  }
  if (value && !parse_mode(type, value, &self->mode)) return -1;
  self->before = current_modes();
  if (type == kSetGradEnabled) apply(self);
  return 0;
}

PyObject* call(PyObject* object, PyObject* args, PyObject* kwargs) {
  Context* self = context(object);
  if (PyTuple_GET_SIZE(args) != 1 || (kwargs && PyDict_GET_SIZE(kwargs))) {
    PyErr_Format(PyExc_TypeError, "%s.__call__() takes the function to decorate",
                 short_name(static_cast<Type>(self->type)));
    return nullptr;
  }
  // As a decorator set_grad_enabled must not act outside the function.
  if (self->type == kSetGradEnabled) restore(self);
  return decorate(object, PyTuple_GET_ITEM(args, 0));
}

PyObject* clone(PyObject* object, PyObject*) {
  Context* self = context(object);
  auto type = static_cast<Type>(self->type);
  if (Py_TYPE(object) == g_types[type]) {
    Context* copy = make(type, self->mode);
    if (copy && type == kSetGradEnabled) apply(copy);
    return reinterpret_cast<PyObject*>(copy);
  }
  PyObject* cls = reinterpret_cast<PyObject*>(Py_TYPE(object));
  return takes_mode(type) ? PyObject_CallOneArg(cls, self->mode ? Py_True : Py_False)
                          : PyObject_CallNoArgs(cls);
}

PyObject* repr_with_mode(PyObject* object) {
  return PyUnicode_FromFormat("torch.autograd.grad_mode.%s(mode=%s)", short_name(kSetGradEnabled),
                              context(object)->mode ? "True" : "False");
}

PyObject* get_mode(PyObject* object, void*) { return PyBool_FromLong(context(object)->mode); }
PyObject* get_prev(PyObject* object, void*) { return PyBool_FromLong(context(object)->before & 1); }

PyMethodDef kMethods[] = {
    {"clone", clone, METH_NOARGS, "A fresh context of the same kind."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef kAttributes[] = {
    {"prev", get_prev, nullptr, "Whether gradients were recorded outside.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyGetSetDef kModeAttributes[] = {
    {"prev", get_prev, nullptr, "Whether gradients were recorded outside.", nullptr},
    {"mode", get_mode, nullptr, "What the context switches to.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

bool add_context(PyObject* module, Type type, const char* name, const char* doc, bool shows_mode,
                 vectorcallfunc create_exact) {
  PyType_Slot slots[] = {
      {Py_tp_doc, const_cast<char*>(doc)},
      {Py_tp_new, slot(create_subclass)},
      {Py_tp_init, slot(init_subclass)},
      {Py_tp_dealloc, slot(dealloc)},
      {Py_tp_call, slot(call)},
      {Py_tp_methods, kMethods},
      {Py_tp_getset, takes_mode(type) ? kModeAttributes : kAttributes},
      {shows_mode ? Py_tp_repr : 0, shows_mode ? slot(repr_with_mode) : nullptr},
      {0, nullptr},
  };
  PyType_Spec spec = {name, sizeof(Context), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE, slots};
  g_types[type] = add_type(module, spec);
  if (!g_types[type]) return false;
  g_types[type]->tp_vectorcall = create_exact;
  return add_context_method(g_types[type], "__enter__", enter) &&
         add_context_method(g_types[type], "__exit__", leave);
}

PyObject* py_is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_enabled()); }

PyObject* py_is_inference_mode_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(inference_enabled());
}

PyObject* py_set_grad_enabled(PyObject*, PyObject* value) {
  bool mode;
  if (!parse_mode(kSetGradEnabled, value, &mode)) return nullptr;
  set_grad_enabled(mode);
  Py_RETURN_NONE;
}

PyObject* py_is_view_replay_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(thread_state.replay_views);
}

PyObject* py_set_view_replay_enabled(PyObject*, PyObject* enabled) {
  if (!PyBool_Check(enabled)) {
    PyErr_Format(PyExc_TypeError,
                 "set_view_replay_enabled(): argument 'enabled' (position 1) must be bool, not %s",
                 Py_TYPE(enabled)->tp_name);
    return nullptr;
  }
  thread_state.replay_views = enabled == Py_True;
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"_is_view_replay_enabled", py_is_view_replay_enabled, METH_NOARGS,
     "Whether this thread's new views keep how they were made."},
    {"_set_view_replay_enabled", py_set_view_replay_enabled, METH_O, nullptr},
    {"is_grad_enabled", py_is_grad_enabled, METH_NOARGS,
     "Whether operations of this thread are recorded."},
    {"is_inference_mode_enabled", py_is_inference_mode_enabled, METH_NOARGS,
     "Whether this thread is in inference mode."},
    {"_set_grad_enabled", py_set_grad_enabled, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_grad_mode_types(PyObject* module) {
  return init_context_methods() &&
         add_context(module, kNoGrad, "rushlight.autograd.grad_mode.no_grad",
                     "Context and decorator: operations inside are not recorded.", false,
                     create<kNoGrad>) &&
         add_context(module, kEnableGrad, "rushlight.autograd.grad_mode.enable_grad",
                     "Context and decorator: operations inside are recorded, also within no_grad.",
                     false, create<kEnableGrad>) &&
         add_context(module, kSetGradEnabled, "rushlight.autograd.grad_mode.set_grad_enabled",
                     "Switches recording at once; as a context, switches it back at the end.", true,
                     create<kSetGradEnabled>) &&
         add_context(
             module, kInferenceMode, "rushlight.autograd.grad_mode.inference_mode",
             "Context and decorator: as no_grad, and what is made inside can never be recorded.",
             false, create<kInferenceMode>) &&
         PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

// Modes of a thread around its operations, for selective checkpoints: each sees those that are made
// of no others, whoever calls them, and may give outputs in the place of a computation.
#include "python/op_modes.h"

#include <vector>

#include "graph/observer.h"
#include "ops/op.h"
#include "python/nonfinite.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

struct Mode {
  PyRef before;  // (name, args, kwargs) -> the outputs, or None; or None for what never has any
  PyRef after;   // (name, args, kwargs, outputs), once they are computed; or None
};

struct Modes {
  std::vector<Mode> stack;  // innermost last
  // The operation under way that the modes see; those inside of it are its own affair.
  const Call* call = nullptr;
  PyRef name, args, kwargs;
  size_t unasked = 0;   // modes below this one hear nothing of a call whose outputs were given
  bool paused = false;  // a mode's function runs

  void forget_call() {
    call = nullptr;
    unasked = 0;
    for (PyRef* ref : {&name, &args, &kwargs}) *ref = PyRef();
  }
};

// Of a thread that ever had a mode. Never destroyed: modes are left by the scopes that entered
// them.
[[gnu::tls_model("initial-exec")]] constinit thread_local Modes* t_modes = nullptr;
int g_modes = 0;  // of all threads

class Pause {
 public:
  explicit Pause(Modes& modes) : modes_(modes) { modes_.paused = true; }
  ~Pause() { modes_.paused = false; }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  Modes& modes_;
};

bool is_default(const Param& param, const Value& v) {
  if (v.kind == Kind::kNone) return param.has_default && param.value.kind == Kind::kNone;
  if (!param.has_default || param.value.kind != v.kind) return false;
  return v.kind == Kind::kDouble                         ? v.d == param.value.d
         : v.kind == Kind::kInt || v.kind == Kind::kBool ? v.i == param.value.i
                                                         : false;
}

// As PyTorch hands them on: without those that are as if not given.
void collect(const Call& call, Modes& modes) {
  const std::vector<Param>& params = call.op->signature.params;
  size_t n = 0;
  PyRef kwargs(checked(PyDict_New()));
  for (size_t i = 0; i < params.size(); ++i) {
    const Param& param = params[i];
    if (param.names[0] == "out" || is_default(param, call.args[i])) continue;
    if (!param.keyword_only) {
      n = i + 1;
      continue;
    }
    PyRef value(checked(value_object(call.args[i])));
    checked(PyDict_SetItemString(kwargs.get(), param.names[0].c_str(), value.get()));
  }
  PyRef args(checked(PyTuple_New(static_cast<Py_ssize_t>(n))));
  for (size_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(args.get(), static_cast<Py_ssize_t>(i), checked(value_object(call.args[i])));
  const char* form = "";
  if (call.target && !call.op->record->mutates)
    form = call.args[0].is_tensor() && call.args[0].t == call.target ? "_" : ".out";
  modes.name = PyRef(checked(PyUnicode_FromFormat("%s%s", call.op->record->name, form)));
  modes.args = std::move(args);
  modes.kwargs = std::move(kwargs);
}

// As the function returns them: one, or a tuple.
PyObject* outputs_of(const Call& call) {
  if (call.more.empty() && (call.lone || !call.op->many_outputs))
    return wrap(call.output ? call.output : TensorRef::borrow(call.target));
  const size_t n = call.output ? 1 + call.more.size() : 0;
  PyRef tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(n))));
  for (size_t i = 0; i < n; ++i)
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                     checked(wrap(i ? call.more[i - 1] : call.output)));
  return tuple.release();
}

TensorRef output_argument(PyObject* object) {
  check(is_tensor(object), ErrorKind::kType, "a mode gives tensors");
  return TensorRef::borrow(impl_of(object));
}

void set_outputs(Call& call, PyObject* given) {
  if (!PyTuple_Check(given)) {
    call.output = output_argument(given);
    call.lone = call.op->many_outputs;
    return;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(given); ++i) {
    TensorRef t = output_argument(PyTuple_GET_ITEM(given, i));
    i ? call.more.push_back(std::move(t)) : void(call.output = std::move(t));
  }
}

class OpModes final : public Observer {
 public:
  uint8_t observes() const override { return kObservesOps | kGivesOutputs; }

  void op_begins(Call& call) override {
    Modes* m = t_modes;
    if (!m || m->stack.empty() || m->paused || m->call || call.op->composite) return;
    collect(call, *m);
    m->call = &call;
  }

  bool gives_outputs(Call& call) override {
    Modes* m = t_modes;
    if (!m || m->call != &call) return false;
    Pause pause(*m);
    for (size_t i = m->stack.size(); i-- > 0;) {
      const PyRef before = m->stack[i].before;
      if (before.get() == Py_None) continue;
      PyRef given(checked(PyObject_CallFunctionObjArgs(before.get(), m->name.get(), m->args.get(),
                                                       m->kwargs.get(), nullptr)));
      if (given.get() == Py_None) continue;
      set_outputs(call, given.get());
      m->unasked = i + 1;
      return true;
    }
    return false;
  }

  void op_ended(Call& call) override {
    Modes* m = t_modes;
    if (!m || m->call != &call) return;
    const PyRef name = m->name, args = m->args, kwargs = m->kwargs;
    const size_t first = m->unasked;
    m->forget_call();
    Pause pause(*m);
    PyRef outputs;
    for (size_t i = first; i < m->stack.size(); ++i) {
      const PyRef after = m->stack[i].after;
      if (after.get() == Py_None) continue;
      if (!outputs) outputs = PyRef(checked(outputs_of(call)));
      PyRef done(checked(PyObject_CallFunctionObjArgs(after.get(), name.get(), args.get(),
                                                      kwargs.get(), outputs.get(), nullptr)));
    }
  }

  void op_failed(Call& call) override {
    if (Modes* m = t_modes; m && m->call == &call) m->forget_call();
  }
};

OpModes& observer() {
  static auto* instance = new OpModes;
  return *instance;
}

// _push_op_mode(before, after): of this thread, until _pop_op_mode().
PyObject* push_op_mode(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 2, ErrorKind::kType, "_push_op_mode(before, after)");
    if (!t_modes) t_modes = new Modes;
    t_modes->stack.push_back({PyRef::borrow(args[0]), PyRef::borrow(args[1])});
    if (!g_modes++) add_observer(observer());
    Py_RETURN_NONE;
  });
}

PyObject* pop_op_mode(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(t_modes && !t_modes->stack.empty(), ErrorKind::kRuntime,
          "trying to pop from empty mode stack");
    const Mode gone = std::move(t_modes->stack.back());
    t_modes->stack.pop_back();
    if (!--g_modes) remove_observer(observer());
    Py_RETURN_NONE;
  });
}

PyMethodDef kFunctions[] = {
    {"_push_op_mode", method(push_op_mode), METH_FASTCALL, nullptr},
    {"_pop_op_mode", pop_op_mode, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_op_modes(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

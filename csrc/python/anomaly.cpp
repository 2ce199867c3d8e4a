// Anomaly mode: an observer that keeps where each node was recorded in its metadata, warns of it
// when the node fails, and takes nan in a gradient for a failure.
#include "python/anomaly.h"

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/hooks.h"
#include "graph/anomaly.h"
#include "graph/observer.h"
#include "graph/provenance.h"
#include "kernels/finite.h"
#include "python/function_node.h"
#include "python/parse.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

constexpr char kTrace[] = "traceback_";
constexpr char kParent[] = "parent_";

// The pass whose failure was warned of on this thread: once, for the innermost node.
constinit thread_local uint32_t t_told = 0;

PyObject* metadata_of(Node& node) {
  // A Function's is that of its context.
  PyContext* context = node.holds_python() ? static_cast<FunctionNode&>(node).context() : nullptr;
  if (context) {
    if (!context->metadata) context->metadata = checked(PyDict_New());
    return context->metadata;
  }
  NodeSide& side = node.make_side();
  if (!side.metadata) side.metadata = checked(PyDict_New());
  return static_cast<PyObject*>(side.metadata);
}

// traceback.format_stack(), from the frame that runs: one str per call.
PyRef format_stack() {
  PyRef module(checked(PyImport_ImportModule("traceback")));
  return PyRef(checked(PyObject_CallMethod(module.get(), "format_stack", nullptr)));
}

void keep_trace(Node& node) {
  PyRef trace = format_stack();
  checked(PyDict_SetItemString(metadata_of(node), kTrace, trace.get()));
  Node* running = current_run.view ? current_run.view->running() : nullptr;
  if (!running) return;
  PyRef parent(checked(wrap_node(running)));
  checked(PyDict_SetItemString(metadata_of(node), kParent, parent.get()));
}

// The warning stands beside an error that is under way: one that a filter makes of it is printed.
void warn_beside_error(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), user_stack_level()) < 0) PyErr_Print();
}

// The node's own trace, then those of the nodes that were running when it was recorded.
void warn_of(Node& node) {
  PyRef trace, name(checked(PyUnicode_FromString(node.name())));
  PyRef metadata = PyRef::borrow(metadata_of(node));
  for (bool first = true;; first = false) {
    PyObject* known = PyDict_GetItemString(metadata.get(), kTrace);
    const std::string subject = PyUnicode_AsUTF8(name.get());
    if (!known) {
      warn_beside_error("Error detected in " + subject +
                        ". No forward pass information available. Enable detect anomaly during "
                        "forward pass for more information.");
    } else {
      PyRef empty(checked(PyUnicode_FromString("")));
      PyRef joined(checked(PyUnicode_Join(empty.get(), known)));
      PyRef bytes(checked(PyUnicode_AsEncodedString(joined.get(), "utf-8", "replace")));
      const std::string text = PyBytes_AsString(bytes.get());
      if (first)
        warn_beside_error("Error detected in " + subject +
                          ". Traceback of forward call that caused the error:\n" + text);
      else
        warn_beside_error("\n\nPrevious calculation was induced by " + subject +
                          ". Traceback of forward call that induced the previous calculation:\n" +
                          text);
    }
    PyRef parent = PyRef(Py_XNewRef(PyDict_GetItemString(metadata.get(), kParent)));
    if (!parent) return;
    metadata = PyRef(checked(PyObject_GetAttrString(parent.get(), "metadata")));
    name = PyRef(checked(PyObject_CallMethod(parent.get(), "name", nullptr)));
  }
}

std::string index_text(const TensorImpl& t, int64_t flat) {
  std::vector<int64_t> index(static_cast<size_t>(t.ndim()));
  for (int d = t.ndim() - 1; d >= 0; --d) {
    index[static_cast<size_t>(d)] = flat % t.sizes()[d];
    flat /= t.sizes()[d];
  }
  return to_string(index.data(), t.ndim());
}

[[noreturn]] void fail_nan(Node& node, uint32_t nr, const TensorImpl& grad, int64_t at) {
  Provenance story;
  story.line("forward", node.site());
  if (has_post_hooks(&node)) story.line("hooks", "its post-hooks had run, and may have made it");
  story.line("first nan", concat("at index ", index_text(grad, at), " of a gradient of shape ",
                                 shown(grad.sizes(), grad.ndim())));
  story.fix(
      "rushlight.debug.explain_nonfinite(x.grad), after the same pass without anomaly mode, tells "
      "where it was born and the usual way around it.");
  fail(ErrorKind::kRuntime, "Function '", node.name(), "' returned nan values in its ", nr,
       "th output.", story.text());
}

void look_for_nan(Node& node, TensorRef* grad_inputs) {
  if (!anomaly_mode.check_nan || !grad_inputs) return;
  for (uint32_t i = 0; i < node.n_edges(); ++i) {
    if (!grad_inputs[i]) continue;
    int64_t at = first_nan(*grad_inputs[i]);
    if (at >= 0) fail_nan(node, i, *grad_inputs[i], at);
  }
}

class AnomalyObserver final : public Observer {
 public:
  void recorded(Node& node) override { keep_trace(node); }
  void accumulator_made(Node& node) override { keep_trace(node); }

  // As in PyTorch, what counts is what the node's post-hooks made of the gradients.
  void node_ended(Node& node, TensorRef* grad_inputs) override {
    if (!has_post_hooks(&node)) look_for_nan(node, grad_inputs);
  }
  void hooks_ended(Node& node, TensorRef* grad_inputs) override { look_for_nan(node, grad_inputs); }

  void turn_failed(Node& node) override {
    if (t_told == current_run.id) return;
    t_told = current_run.id;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    try {
      warn_of(node);
    } catch (...) {
      set_python_error();
      PyErr_Print();
    }
    PyErr_Restore(type, value, traceback);
  }
};

AnomalyObserver& observer() {
  static auto* instance = new AnomalyObserver;
  return *instance;
}

PyObject* set_anomaly_enabled(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"enabled", "check_nan", nullptr};
    PyObject *enabled, *check_nan = Py_True;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:set_anomaly_enabled",
                                     const_cast<char**>(names), &enabled, &check_nan))
      throw_python();
    auto flag = [](PyObject* value, const char* name, int position) {
      check(PyBool_Check(value), ErrorKind::kType, "set_anomaly_enabled(): argument '", name,
            "' (position ", position, ") must be bool, not ", Py_TYPE(value)->tp_name);
      return value == Py_True;
    };
    const AnomalyMode mode = {flag(enabled, "enabled", 1), flag(check_nan, "check_nan", 2)};
    if (mode.enabled && !anomaly_mode.enabled) add_observer(observer());
    if (!mode.enabled && anomaly_mode.enabled) remove_observer(observer());
    anomaly_mode = mode;
    Py_RETURN_NONE;
  });
}

PyObject* is_anomaly_enabled(PyObject*, PyObject*) { return PyBool_FromLong(anomaly_mode.enabled); }

PyObject* is_anomaly_check_nan_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(anomaly_mode.check_nan);
}

PyMethodDef kMethods[] = {
    {"set_anomaly_enabled", method(set_anomaly_enabled), METH_VARARGS | METH_KEYWORDS,
     "set_anomaly_enabled(enabled, check_nan=True)\n--\n\nSwitch anomaly mode, of all threads."},
    {"is_anomaly_enabled", is_anomaly_enabled, METH_NOARGS,
     "is_anomaly_enabled()\n--\n\nWhether anomaly mode is on."},
    {"is_anomaly_check_nan_enabled", is_anomaly_check_nan_enabled, METH_NOARGS,
     "is_anomaly_check_nan_enabled()\n--\n\nWhether anomaly mode, when on, looks for nan."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_anomaly(PyObject* module) { return PyModule_AddFunctions(module, kMethods) == 0; }

}  // namespace rl::python

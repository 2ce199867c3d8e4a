// Functions and methods of every op in the table: docs, signatures and thunks follow from the
// records.
#include "python/functions.h"

#include <array>
#include <map>
#include <sstream>

#include "python/parse.h"
#include "python/tensor_type.h"

namespace rl::python {

namespace {

constexpr size_t kMaxNames = 1024;

struct Registry {
  std::vector<std::unique_ptr<PublicName>> names;
  std::map<std::string, PublicName*> by_name;
  std::vector<PyMethodDef> functions, methods;
  std::vector<std::string> docs;
};

Registry& registry() {
  static auto* instance = new Registry;
  return *instance;
}

PublicName* g_names[kMaxNames];

// A method descriptor has no room for a closure: one thunk per index, all alike.
template <size_t I>
PyObject* function_thunk(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return call_public(*g_names[I], nullptr, args, n, kwnames);
}
template <size_t I>
PyObject* method_thunk(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return call_public(*g_names[I], self, args, n, kwnames);
}

template <size_t... I>
constexpr auto function_thunks(std::index_sequence<I...>) {
  return std::array<_PyCFunctionFastWithKeywords, sizeof...(I)>{&function_thunk<I>...};
}
template <size_t... I>
constexpr auto method_thunks(std::index_sequence<I...>) {
  return std::array<_PyCFunctionFastWithKeywords, sizeof...(I)>{&method_thunk<I>...};
}
constexpr auto kFunctionThunks = function_thunks(std::make_index_sequence<kMaxNames>{});
constexpr auto kMethodThunks = method_thunks(std::make_index_sequence<kMaxNames>{});

// The first overload that the function, or the method, has.
const Op& first_op(const PublicName& p, bool method) {
  for (const Overload& o : p.overloads)
    if (o.op->record->form != (method ? Form::kFunction : Form::kMethod)) return *o.op;
  return *p.overloads[0].op;
}

// The first overload's signature in the form that inspect.signature reads; the rest in words.
std::string make_doc(const PublicName& p, bool method) {
  const Op& first = first_op(p, method);
  std::string text = spoken_name(p) + std::string("(");
  bool star = false;
  for (size_t i = 0; i < first.signature.params.size(); ++i) {
    const Param& param = first.signature.params[i];
    if ((method || p.inplace) && param.names[0] == "out") continue;  // the plain function's
    if (i) text += ", ";
    if (i == 0 && method) {
      text += "$self";
      continue;
    }
    if (param.keyword_only && !star) {
      text += "*, ";
      star = true;
    }
    if (param.kind == ParamKind::kVarDims) {
      text += "*" + param.names[0];
      star = true;
      continue;
    }
    text += param.names[0] == "from" ? "from_" : param.names[0];  // no Python name
    if (param.has_default) text += "=" + param.value_text;
  }
  text += ")\n--\n\n";
  for (const Overload& o : p.overloads) {
    const OpRecord& record = *o.op->record;
    if (p.inplace) text += "In-place form: ";
    text += record.signature + (record.name[0] == '_');
    text += "\n\n";
    text += record.doc;
    text += "\nDerivative: ";
    text += record.derivative;
    text += "\n\n";
  }
  text.pop_back();
  return text;
}

void add_name(const std::string& name, bool inplace, const Op* op) {
  Registry& r = registry();
  std::string key = name;
  // A method may take its arguments in another order than the function of its name.
  if (auto found = r.by_name.find(name); found != r.by_name.end()) {
    Form form = found->second->overloads[0].op->record->form;
    if (form == Form::kFunction && op->record->form == Form::kMethod) key += " of a tensor";
  }
  PublicName*& p = r.by_name[key];
  if (!p) {
    r.names.push_back(std::make_unique<PublicName>());
    p = r.names.back().get();
    p->name = name;
    p->inplace = inplace;
    check(r.names.size() <= kMaxNames, ErrorKind::kAssertion, "more than ", kMaxNames, " op names");
    g_names[r.names.size() - 1] = p;
  }
  p->overloads.push_back(make_overload(op, op->signature));
}

void add_names(const std::string& name, const Op* op) {
  add_name(name, false, op);
  if (op->record->inplace) add_name(name + "_", true, op);
}

bool first_is_tensor(const Op& op) {
  if (op.signature.params.empty()) return false;
  ParamKind kind = op.signature.params[0].kind;
  return kind == ParamKind::kTensor || kind == ParamKind::kTensorOrNumber;
}

// A function's name that has a method of its own form.
bool is_method(const PublicName& p) {
  for (const Overload& o : p.overloads)
    if (o.op->record->form == Form::kMethod) return true;
  return false;
}

void add_older_forms() {
  for (const OlderForm& form : older_forms()) {
    std::string name(form.signature, std::strchr(form.signature, '('));
    for (const std::string& key : {name, name + "_"}) {
      auto found = registry().by_name.find(key);
      if (found == registry().by_name.end()) continue;
      PublicName& p = *found->second;
      const Op* op = p.overloads[0].op;
      p.older_forms.push_back(make_older_form(op, form, false));
      if (form.has_method) p.older_forms.push_back(make_older_form(op, form, true));
    }
  }
}

bool is_function(const PublicName& p) {
  Form form = p.overloads[0].op->record->form;
  if (!p.inplace || form == Form::kFunction) return form != Form::kMethod;
  return p.overloads[0].op->record->inplace_function;
}

void build() {
  Registry& r = registry();
  for (Op* op : op_table()) {
    if (op->record->form == Form::kInternal) continue;
    add_names(op->record->name, op);
    // Functions of their own over the same op: they know the name that they were called by.
    std::istringstream aliases(op->record->aliases ? op->record->aliases : "");
    for (std::string alias; aliases >> alias;) add_names(alias, op);
  }
  add_older_forms();
  // Python keeps pointers into these: no growth afterwards.
  r.functions.reserve(r.names.size() + 1);
  r.methods.reserve(r.names.size() + 1);
  r.docs.reserve(2 * r.names.size());
  for (size_t i = 0; i < r.names.size(); ++i) {
    PublicName& p = *r.names[i];
    Form form = p.overloads[0].op->record->form;
    constexpr int kFlags = METH_FASTCALL | METH_KEYWORDS;
    if (is_function(p)) {
      r.docs.push_back(make_doc(p, false));
      r.functions.push_back(
          {p.name.c_str(),
           reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(kFunctionThunks[i])), kFlags,
           r.docs.back().c_str()});
    }
    if ((form != Form::kFunction || is_method(p)) && first_is_tensor(*p.overloads[0].op)) {
      r.docs.push_back(make_doc(p, true));
      r.methods.push_back({p.name.c_str(),
                           reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(kMethodThunks[i])),
                           kFlags, r.docs.back().c_str()});
    }
  }
  r.functions.push_back({nullptr, nullptr, 0, nullptr});
  r.methods.push_back({nullptr, nullptr, 0, nullptr});
}

// Python 2's division, which PyTorch's tensors keep: Python's own name of the slot, its old name.
constexpr struct {
  const char* name;
  const char* old_name;
} kOldDivision[] = {
    {"__truediv__", "__div__"}, {"__rtruediv__", "__rdiv__"}, {"__itruediv__", "__idiv__"}};

}  // namespace

bool init_functions(PyObject* module) {
  build();
  Registry& r = registry();
  if (PyModule_AddFunctions(module, r.functions.data()) < 0) return false;
  // From here on _linear calls itself linear, which is what __torch_function__ is given.
  for (PyMethodDef& def : r.functions)
    if (def.ml_name && def.ml_name[0] == '_') ++def.ml_name;
  for (PyMethodDef* def = r.methods.data(); def->ml_name; ++def) {
    PyRef descriptor(PyDescr_NewMethod(tensor_type, def));
    if (!descriptor || PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type),
                                              def->ml_name, descriptor.get()) < 0)
      return false;
  }
  for (const auto& [name, old_name] : kOldDivision) {
    PyObject* type = reinterpret_cast<PyObject*>(tensor_type);
    PyRef slot(PyObject_GetAttrString(type, name));
    if (!slot || PyObject_SetAttrString(type, old_name, slot.get()) < 0) return false;
  }
  return true;
}

namespace {

const char* computes_name(Computes computes) {
  switch (computes) {
    case Computes::kAny:
      return "any";
    case Computes::kNumeric:
      return "numeric";
    case Computes::kIntegral:
      return "integral";
    case Computes::kInteger:
      return "integer";
    default:
      return "floating";
  }
}

const char* form_name(Form form) {
  constexpr const char* kNames[] = {"both", "function", "method", "internal"};
  return kNames[static_cast<int>(form)];
}

}  // namespace

PyObject* op_function_names() {
  PyRef names(PyList_New(0));
  auto add = [&](const char* name) {
    PyRef text(names ? PyUnicode_FromString(name) : nullptr);
    if (!text || PyList_Append(names.get(), text.get()) < 0) names = PyRef();
  };
  for (const PyMethodDef& def : registry().functions)
    if (def.ml_name) add(def.ml_name);
  return names.release();
}

PyObject* op_table_as_list(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    PyRef list(checked(PyList_New(0)));
    for (const Op* op : op_table()) {
      const OpRecord& r = *op->record;
      PyRef saved(checked(PyList_New(0)));
      for (const SlotSpec& slot : op->slots)
        if (slot.name) {
          PyRef name(checked(PyUnicode_FromString(slot.name)));
          checked(PyList_Append(saved.get(), name.get()));
        }
      // A node that only raises is no derivative.
      bool differentiable = op->composite || (op->backward && !op->refuses &&
                                              op->node_name != "torch::autograd::NotImplemented");
      PyRef entry(checked(Py_BuildValue(
          "{s:s,s:i,s:s,s:s,s:s,s:s,s:(dd),s:d,s:s,s:s,s:O,s:O,s:O,s:O,s:O,s:O,s:s,s:i,s:O}",
          "name", r.name, "overload", r.overload, "aliases", r.aliases ? r.aliases : "",
          "signature", r.signature, "doc", r.doc, "derivative", r.derivative, "domain",
          r.domain.low, r.domain.high, "max_ulp", r.max_ulp, "computes", computes_name(r.computes),
          "form", form_name(r.form), "inplace", r.inplace ? Py_True : Py_False, "mutates",
          r.mutates ? Py_True : Py_False, "view", r.view ? Py_True : Py_False, "differentiable",
          differentiable ? Py_True : Py_False, "composite", op->composite ? Py_True : Py_False,
          "elementwise", op->elementwise ? Py_True : Py_False, "node", op->node_name.c_str(),
          "n_tensors", static_cast<int>(op->n_tensor_args), "saved", saved.get())));
      checked(PyList_Append(list.get(), entry.get()));
    }
    return list.release();
  });
}

}  // namespace rl::python

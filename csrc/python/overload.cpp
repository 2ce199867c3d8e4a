// What a public name takes, from its op's signature: official names, NumPy's, and older forms.
#include <algorithm>

#include "python/parse.h"

namespace rl::python {

namespace {

// NumPy's names for PyTorch's parameters, which every operator takes.
constexpr struct {
  std::string_view name;
  const char* others[3] = {};
} kNumpyNames[] = {
    {"input", {"x", "a", "x1"}}, {"other", {"x2"}}, {"dim", {"axis"}}, {"keepdim", {"keepdims"}}};

// PyTorch has these in Python, under their own names alone.
bool takes_numpy_names(std::string_view op) {
  return op != "split" && op != "norm" && op != "_pad";
}

// From before scales were keywords.
constexpr OlderForm kOlderForms[] = {
    {"add(input: Tensor, alpha: Number, other: Tensor | Number, *, out: Tensor? = None)"},
    {"sub(input: Tensor, alpha: Number, other: Tensor | Number, *, out: Tensor? = None)"},
    {"addcmul(input: Tensor, value: Number, tensor1: Tensor, tensor2: Tensor, *, "
     "out: Tensor? = None)"},
    {"addcdiv(input: Tensor, value: Number, tensor1: Tensor, tensor2: Tensor, *, "
     "out: Tensor? = None)"},
    {"addmm(beta: Number, input: Tensor, alpha: Number, mat1: Tensor, mat2: Tensor, *, "
     "out: Tensor? = None)"},
    {"addmm(beta: Number, input: Tensor, mat1: Tensor, mat2: Tensor, *, out: Tensor? = None)"},
    {"addmv(beta: Number, input: Tensor, alpha: Number, mat: Tensor, vec: Tensor, *, "
     "out: Tensor? = None)"},
    {"addmv(beta: Number, input: Tensor, mat: Tensor, vec: Tensor, *, out: Tensor? = None)"},
    {"addr(beta: Number, input: Tensor, alpha: Number, vec1: Tensor, vec2: Tensor, *, "
     "out: Tensor? = None)"},
    {"addr(beta: Number, input: Tensor, vec1: Tensor, vec2: Tensor, *, out: Tensor? = None)"},
    {"addbmm(beta: Number, input: Tensor, alpha: Number, batch1: Tensor, batch2: Tensor, *, "
     "out: Tensor? = None)"},
    {"addbmm(beta: Number, input: Tensor, batch1: Tensor, batch2: Tensor, *, "
     "out: Tensor? = None)"},
    {"baddbmm(beta: Number, input: Tensor, alpha: Number, batch1: Tensor, batch2: Tensor, *, "
     "out: Tensor? = None)"},
    {"baddbmm(beta: Number, input: Tensor, batch1: Tensor, batch2: Tensor, *, "
     "out: Tensor? = None)"},
    // Where the first value is a number, PyTorch calls it by another name.
    {"where(condition: Tensor, self: Number, other: Tensor | Number)", false, false}};

}  // namespace

std::span<const OlderForm> older_forms() { return kOlderForms; }

Overload make_overload(const Op* op, const Signature& signature) {
  Overload o;
  o.op = op;
  o.signature = &signature;
  o.form = op->record->form;
  int n_dims = 0;
  bool named = takes_numpy_names(op->record->name);
  for (size_t i = 0; i < signature.params.size(); ++i) {
    const Param& from = signature.params[i];
    PyParam p;
    size_t n_names = 0;
    for (const std::string& name : from.names)
      p.names[n_names++] = checked(PyUnicode_InternFromString(name.c_str()));
    for (const auto& [name, others] : kNumpyNames)
      for (size_t k = 0; named && name == from.names[0] && k < std::size(others) && others[k]; ++k)
        p.names[n_names++] = checked(PyUnicode_InternFromString(others[k]));
    p.kind = from.kind;
    p.nullable = from.nullable;
    p.keyword_only = from.keyword_only;
    p.has_default = from.has_default;
    p.value = from.value;
    if (from.names[0] == "out") o.out = static_cast<int>(i);
    if (!p.keyword_only) o.max_positional = static_cast<int>(i) + 1;
    o.params.push_back(p);
    n_dims +=
        p.kind == ParamKind::kDims || p.kind == ParamKind::kSizes || p.kind == ParamKind::kVarDims;
  }
  check(n_dims <= ParseScratch::kMostDims, ErrorKind::kAssertion, op->record->name,
        ": too many lists of ints");
  return o;
}

Overload make_older_form(const Op* op, const OlderForm& form, bool method) {
  auto* signature = new Signature(parse_signature(form.signature));  // lives as long as the process
  std::vector<Param>& params = signature->params;
  auto is = [](const char* name) { return [=](const Param& p) { return p.names[0] == name; }; };
  auto input = std::find_if(params.begin(), params.end(), is("input"));
  if (method) std::rotate(params.begin(), input, input + 1);
  Overload o = make_overload(op, *signature);
  o.form = method ? Form::kMethod : Form::kFunction;
  o.warns = form.warns;
  const std::vector<Param>& wanted = op->signature.params;
  for (const Param& p : params) {
    const char* name = p.names[0] == "self" ? "input" : p.names[0].c_str();
    auto place = std::find_if(wanted.begin(), wanted.end(), is(name));
    check(place != wanted.end(), ErrorKind::kAssertion, form.signature, ": no parameter ", name);
    o.places.push_back(static_cast<uint8_t>(place - wanted.begin()));
  }
  return o;
}

}  // namespace rl::python

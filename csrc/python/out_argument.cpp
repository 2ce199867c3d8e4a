// out=: results are computed, then copied into given tensors, which take their shapes.

#include "core/host.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/view.h"
#include "ops/copy.h"
#include "ops/table.h"
#include "python/parse.h"
#include "python/result_types.h"
#include "python/tensor_type.h"

namespace rl::python {

namespace {

void refuse_grad(const PublicName& p, const Call& call, TensorImpl* const* targets, size_t n) {
  bool flat = !call.op->backward && !call.op->composite;  // nothing to differentiate
  if (!grad_enabled() || flat) return;
  bool wants_grad = false;
  for (size_t i = 0; i < n; ++i) wants_grad = wants_grad || targets[i]->requires_grad();
  for (int i = 0; i < call.op->n_tensor_args; ++i) {
    const Value& v = call.args[call.op->tensor_args[i]];
    wants_grad = wants_grad || (v.is_tensor() && v.t->requires_grad());
  }
  if (!wants_grad) return;
  Provenance story;
  Site here = Site::capture();
  story.line("changed by", here);
  story.fix("without_out", here, "leave out= away, or write under torch.no_grad().");
  fail(ErrorKind::kRuntime, p.name,
       "(): functions with out=... arguments don't support automatic differentiation, but one of "
       "the arguments requires grad.",
       story.text());
}

// A factory computes in its target's dtype, and says nothing when it resizes that.
void adopt_dtype(Call& call, TensorImpl* target) {
  for (size_t i = 0; i < call.op->signature.params.size(); ++i) {
    if (call.op->signature.params[i].kind != ParamKind::kDType) continue;
    Value& dtype = call.args[i];
    check(dtype.is_none() || dtype.dtype == target->dtype(), ErrorKind::kRuntime, "dtype ",
          dtype_title(dtype.is_none() ? target->dtype() : dtype.dtype),
          " does not match dtype of out parameter (", dtype_title(target->dtype()), ")");
    dtype = Value::of(target->dtype());
  }
}

void check_own(DType wanted, DType got) {
  check(wanted == got, ErrorKind::kRuntime, "Expected out tensor to have dtype ",
        dtype_cpp_name(wanted), ", but got ", dtype_cpp_name(got), " instead");
}

// What can be told, and done, before the op runs.
void prepare_target(const PublicName& p, OutRule rule, Call& call, DType target) {
  if (!call.args[0].is_tensor()) return;
  DType input = call.tensor(0)->dtype();
  switch (rule) {
    case OutRule::kDecides:
    case OutRule::kDecidesFloat:
      for (size_t i = 0; i < call.op->signature.params.size(); ++i) {
        if (call.op->signature.params[i].kind != ParamKind::kDType) continue;
        if (call.args[i].kind == Kind::kDType)
          check_own(call.args[i].dtype, target);
        else if (rule == OutRule::kDecides || (is_float(input) && is_float(target)))
          call.args[i] = Value::of(target);
      }
      break;
    case OutRule::kTruth:
      check(target == DType::kBool || target == DType::kUInt8, ErrorKind::kRuntime, p.name,
            " only supports bool tensor for result, got: ", dtype_title(target));
      break;
    case OutRule::kBool:
      check(target == DType::kBool, ErrorKind::kRuntime, p.name,
            " does not support non-boolean outputs.");
      break;
    case OutRule::kDouble:
      check(target == DType::kFloat64, ErrorKind::kRuntime, "the output given to ", p.name,
            " has dtype ", dtype_title(target),
            " but the operation's result requires dtype Double");
      break;
    case OutRule::kSame:
      check(input == target, ErrorKind::kRuntime, p.name, ": dtype of out: ", dtype_title(target),
            " should be same as input: ", dtype_title(input));
      break;
    case OutRule::kInput:
      check(input == target, ErrorKind::kRuntime,
            "Expected the dtype for input and out to match, but got ", dtype_title(input),
            " for input's dtype and ", dtype_title(target), " for out's dtype.");
      break;
    case OutRule::kScalarType:
      check(input == target, ErrorKind::kRuntime, "expected scalar_type ", dtype_title(input),
            " but found ", dtype_title(target));
      break;
    case OutRule::kQuantile:
      check(input == target, ErrorKind::kRuntime,
            "quantile() out tensor must be same dtype as the input tensor");
      break;
    default:
      break;
  }
}

// where() takes no numbers beside out=.
void refuse_numbers(const Call& call) {
  for (int i = 1; i < 3; ++i) {
    const Value& v = call.args[i];
    if (v.is_tensor()) continue;
    const char* type = v.kind == Kind::kDouble ? "float" : v.kind == Kind::kBool ? "bool" : "int";
    fail(ErrorKind::kType, "where(): argument '", call.op->signature.params[size_t(i)].names[0],
         "' (position ", i + 1, ") must be Tensor, not ", type);
  }
}

void fill(TensorImpl* target, TensorImpl* result, bool warns) {
  if (warns && target->numel() &&
      !same_sizes(target->sizes(), target->ndim(), result->sizes(), result->ndim()))
    host().warn("UserWarning",
                concat("An output with one or more elements was resized since it had shape ",
                       shown(target->sizes(), target->ndim()),
                       ", which does not match the required output shape ",
                       shown(result->sizes(), result->ndim()),
                       ". This behavior is deprecated, and in a future PyTorch release outputs "
                       "will not be resized unless they have zero elements. You can explicitly "
                       "reuse an out tensor t by resizing it, inplace, to zero elements with "
                       "t.resize_(0)."));
  check_inplace(target, false);
  resize_tensor(target, result->shape());
  GradModeGuard off(false);
  copy_into_tensor(target, result);
}

// Two results: no dtype but their own will do.
PyObject* write_pair(const PublicName& p, const Overload& o, Call& call, PyObject* out) {
  Py_ssize_t n = PySequence_Fast_GET_SIZE(out);
  check(n == 2, ErrorKind::kType, "expected tuple of 2 elements but got ", n);
  PyRef items[2];
  TensorImpl* targets[2];
  for (Py_ssize_t i = 0; i < 2; ++i) {
    items[i] = PyRef::borrow(PySequence_Fast_GET_ITEM(out, i));
    check(is_tensor(items[i].get()), ErrorKind::kType, "expected Tensor as element ", i,
          " in argument ", o.out, ", but got ", Py_TYPE(items[i].get())->tp_name);
    targets[i] = impl_of(items[i].get());
  }
  refuse_grad(p, call, targets, 2);
  dispatch(call);
  TensorImpl* results[2] = {call.output.get(), call.more[0].get()};
  for (int i = 0; i < 2; ++i) check_own(results[i]->dtype(), targets[i]->dtype());
  for (int i = 0; i < 2; ++i) read_apart(targets[i], call.tensor(0));
  for (int i = 0; i < 2; ++i) fill(targets[i], results[i], true);
  PyRef named(checked(PyStructSequence_New(result_type(*call.op->record, true))));
  for (int i = 0; i < 2; ++i) PyStructSequence_SetItem(named.get(), i, items[i].release());
  return named.release();
}

}  // namespace

PyObject* write_out(const PublicName& p, const Overload& o, Call& call, PyObject* out) {
  if (o.params[static_cast<size_t>(o.out)].kind == ParamKind::kTensors)
    return write_pair(p, o, call, out);
  TensorImpl* target = impl_of(out);
  refuse_grad(p, call, &target, 1);
  if (call.op == &op_of<ops::Where>()) refuse_numbers(call);
  bool factory = false;
  for (const PyParam& param : o.params) factory = factory || param.kind == ParamKind::kLayout;
  if (factory) adopt_dtype(call, target);
  if (call.op->elementwise)  // refuses what PyTorch does; the result is computed apart anyway
    for (int i = 0; i < call.op->n_tensor_args; ++i)
      if (const Value& v = call.args[call.op->tensor_args[i]]; v.is_tensor())
        read_apart(target, v.t);
  OutRule rule = call.op->record->out;
  if (rule != OutRule::kCast) prepare_target(p, rule, call, target->dtype());
  dispatch(call);
  check(!call.op->many_outputs || call.lone, ErrorKind::kRuntime, p.name,
        " does not support the out kwarg when as_tuple is True");
  TensorRef result = std::move(call.output);
  if (rule == OutRule::kOwn) check_own(result->dtype(), target->dtype());
  check(rule != OutRule::kJoined || category(result->dtype()) <= category(target->dtype()),
        ErrorKind::kType, "torch.cat(): input types can't be cast to the desired output type ",
        dtype_title(target->dtype()));
  check(rule != OutRule::kFound || result->dtype() == target->dtype(), ErrorKind::kRuntime,
        "Found dtype ", dtype_title(target->dtype()), " but expected ",
        dtype_title(result->dtype()));
  check(rule == OutRule::kTruth || category(result->dtype()) <= category(target->dtype()),
        ErrorKind::kRuntime, "result type ", dtype_title(result->dtype()),
        " can't be cast to the desired output type ", dtype_title(target->dtype()));
  fill(target, result.get(), !factory);
  return Py_NewRef(out);
}

}  // namespace rl::python

// Operators. The straight path takes two tensors, or a tensor and a number, without any parsing.
#include "ops/matmul.h"
#include "ops/table.h"
#include "python/indexing.h"
#include "python/parse.h"
#include "python/stories.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"
#include "python/types.h"

namespace rl::python {

namespace {

// An operand that is made for the operation: a NumPy array becomes a tensor.
struct Operand {
  Value value;
  TensorRef made;
  bool takes_over = false;  // has its own __torch_function__, tensor or not
};

[[gnu::noinline]] bool array_operand(PyObject* object, Operand* out) {
  if (!PyObject_CheckBuffer(object) || !PyObject_HasAttrString(object, "__array_interface__"))
    return false;
  out->made = tensor_from_data(object, Py_None);
  out->value = Value::of(out->made.get());
  return true;
}

[[gnu::noinline]] bool other_operand(PyObject* object, Operand* out) {
  if (PyFloat_CheckExact(object) || PyLong_CheckExact(object))
    return parse_number(object, &out->value);
  out->takes_over = takes_over(object);
  if (is_tensor(object)) {
    out->value = Value::of(impl_of(object));
    return true;
  }
  return out->takes_over || parse_number(object, &out->value) || array_operand(object, out);
}

// A tensor, a number, an array or what takes over; false for anything else.
inline bool operand(PyObject* object, Operand* out) {
  if (Py_TYPE(object) == tensor_type) [[likely]] {
    out->value = Value::of(impl_of(object));
    return true;
  }
  return other_operand(object, out);
}

inline bool touched(const Operand& x, const Operand& y) {
  return x.takes_over || y.takes_over || torch_function_modes;
}

// Tensor.name(self, other), where a class or a mode takes it over; else the operator itself.
template <class Plain>
[[gnu::noinline]] PyObject* call_touched(const char* name, PyObject* self, PyObject* other,
                                         Plain plain) {
  Overloads overloads;
  overloads.look_at(self);
  if (other) overloads.look_at(other);
  if (overloads.empty() && !mode_active()) return plain();
  return call_overridden_operator(name, overloads, self, other, plain);
}

inline PyObject* finish(Call& call) {
  dispatch(call);
  return wrap(std::move(call.output));
}

inline void set_defaults(Call& call, int from) {
  const auto& params = call.op->signature.params;
  for (size_t i = static_cast<size_t>(from); i < params.size(); ++i) call.args[i] = params[i].value;
}

// input (op) other, where `input` must be a tensor.
inline PyObject* call_binary(const Op& op, const Value& input, const Value& other) {
  Call call(op);
  call.args[0] = input;
  call.args[1] = other;
  if (op.signature.params.size() > 2) set_defaults(call, 2);
  return finish(call);
}

// The method that __torch_function__ is told of.
struct OperatorName {
  const char* forward;
  const char* reflected;
};

// `plain()` is the operator on the operands' values.
template <class Plain>
inline PyObject* call_operator(const OperatorName& name, PyObject* a, const Operand& x, PyObject* b,
                               const Operand& y, const Plain& plain) {
  if (!touched(x, y)) [[likely]]
    return plain();
  if (is_tensor(a)) return call_touched(name.forward, a, b, plain);
  return call_touched(name.reflected, b, a, plain);
}

template <class Op>
constexpr OperatorName operator_name() {
  std::string_view name = Op::record.name;
  if (name == "sub") return {"sub", "__rsub__"};
  return {Op::record.name, Op::record.name};
}

// Forward when the left operand is a tensor, Reflected for number (op) tensor.
template <class Forward, class Reflected>
PyObject* binary(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!operand(a, &x) || !operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator(operator_name<Forward>(), a, x, b, y, [&] {
      if (x.value.is_tensor()) [[likely]]
        return call_binary(op_of<Forward>(), x.value, y.value);
      return call_binary(op_of<Reflected>(), y.value, x.value);
    });
  });
}

PyObject* divide(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand left, right;
    if (!operand(a, &left) || !operand(b, &right)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator({"div", "__rtruediv__"}, a, left, b, right, [&] {
      const Value &x = left.value, &y = right.value;
      if (x.is_tensor()) return call_binary(op_of<ops::Div>(), x, y);
      // number / tensor is reciprocal, then mul, as PyTorch records it.
      Call inverse(op_of<ops::Reciprocal>());
      inverse.args[0] = y;
      dispatch(inverse);
      return call_binary(op_of<ops::Mul>(), Value::of(inverse.output.get()), x);
    });
  });
}

PyObject* floor_divide(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!operand(a, &x) || !operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator({"__floordiv__", "__rfloordiv__"}, a, x, b, y,
                         [&] { return call_binary(op_of<ops::FloorDivide>(), x.value, y.value); });
  });
}

const Op& power_op(const Value& x, const Value& y) {
  if (!x.is_tensor()) return op_of<ops::PowBase>();
  return y.is_tensor() ? op_of<ops::PowTensor>() : op_of<ops::Pow>();
}

PyObject* power(PyObject* a, PyObject* b, PyObject* modulo) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (modulo != Py_None || !operand(a, &x) || !operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator({"__pow__", "__rpow__"}, a, x, b, y,
                         [&] { return call_binary(power_op(x.value, y.value), x.value, y.value); });
  });
}

PyObject* matrix_product(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    auto fits = [](const Operand& o) { return o.value.is_tensor() || o.takes_over; };
    bool known = operand(a, &x) && operand(b, &y);
    if (!known || !fits(x) || !fits(y)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator({"matmul", "__rmatmul__"}, a, x, b, y,
                         [&] { return call_binary(op_of<ops::Matmul>(), x.value, y.value); });
  });
}

PyObject* call_inplace(const Op& op, PyObject* self, const Value& other) {
  Call call(op);
  call.args[0] = Value::of(impl_of(self));
  call.args[1] = other;
  set_defaults(call, 2);
  call.target = impl_of(self);
  dispatch(call);
  return Py_NewRef(self);
}

// self (op)= other; `plain(value)` with the operand's value.
template <class Plain>
inline PyObject* write_operator(const char* name, PyObject* self, PyObject* other,
                                const Plain& plain) {
  return guarded([&]() -> PyObject* {
    Operand y;
    if (!operand(other, &y)) Py_RETURN_NOTIMPLEMENTED;
    if (is_untouched(self) && !y.takes_over) [[likely]]
      return plain(y.value);
    return call_touched(name, self, other, [&] { return plain(y.value); });
  });
}

// "add" -> "add_", made once.
template <class Op>
const char* inplace_name() {
  static const std::string name = std::string(Op::record.name) + "_";
  return name.c_str();
}

template <class Op>
PyObject* inplace(PyObject* self, PyObject* other) {
  return write_operator(inplace_name<Op>(), self, other,
                        [&](const Value& y) { return call_inplace(op_of<Op>(), self, y); });
}

PyObject* inplace_power(PyObject* self, PyObject* other, PyObject*) {
  return write_operator("__ipow__", self, other, [&](const Value& y) {
    return call_inplace(power_op(Value::of(impl_of(self)), y), self, y);
  });
}

const Op& remainder_op(const Value& x, const Value& y) {
  if (!x.is_tensor()) return op_of<ops::RemainderNumber>();
  return y.is_tensor() ? op_of<ops::RemainderTensor>() : op_of<ops::Remainder>();
}

PyObject* remainder(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!operand(a, &x) || !operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    return call_operator({"remainder", "__rmod__"}, a, x, b, y, [&] {
      return call_binary(remainder_op(x.value, y.value), x.value, y.value);
    });
  });
}

PyObject* inplace_remainder(PyObject* self, PyObject* other) {
  return write_operator("remainder_", self, other, [&](const Value& y) {
    return call_inplace(remainder_op(Value::of(impl_of(self)), y), self, y);
  });
}

// & | ^ << >>, whose methods are called by the names of the operators.
struct BitwiseName {
  const char *forward, *reflected, *inplace;
};
template <class Op>
constexpr BitwiseName bitwise_name() {
  std::string_view name = Op::record.name;
  if (name == "bitwise_and") return {"__and__", "__rand__", "__iand__"};
  if (name == "bitwise_or") return {"__or__", "__ror__", "__ior__"};
  if (name == "bitwise_xor") return {"__xor__", "__rxor__", "__ixor__"};
  if (name == "bitwise_left_shift") return {"__lshift__", "__rlshift__", "__ilshift__"};
  return {"__rshift__", "__rrshift__", "__irshift__"};
}

template <class Op>
PyObject* bitwise(PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    Operand x, y;
    if (!operand(a, &x) || !operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    constexpr BitwiseName name = bitwise_name<Op>();
    return call_operator({name.forward, name.reflected}, a, x, b, y,
                         [&] { return call_binary(op_of<Op>(), x.value, y.value); });
  });
}

template <class Op>
PyObject* inplace_bitwise(PyObject* self, PyObject* other) {
  return write_operator(bitwise_name<Op>().inplace, self, other,
                        [&](const Value& y) { return call_inplace(op_of<Op>(), self, y); });
}

PyObject* plain_invert(PyObject* self) {
  return guarded([&] {
    check(!is_float(impl_of(self)->dtype()), ErrorKind::kType,
          "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
    Call call(op_of<ops::BitwiseNot>());
    call.args[0] = Value::of(impl_of(self));
    return finish(call);
  });
}
template <class Op>
PyObject* unary(PyObject* self) {
  return guarded([&]() -> PyObject* {
    auto plain = [&] {
      Call call(op_of<Op>());
      call.args[0] = Value::of(impl_of(self));
      return finish(call);
    };
    if (is_untouched(self)) [[likely]]
      return plain();
    return call_touched(Op::record.name, self, nullptr, plain);
  });
}

// A slot without other arguments behind the door; its name is the method's.
template <PyObject* (*kPlain)(PyObject*)>
PyObject* overridable(const char* name, PyObject* self) {
  if (is_untouched(self)) [[likely]]
    return kPlain(self);
  return guarded([&] { return call_touched(name, self, nullptr, [&] { return kPlain(self); }); });
}

PyObject* invert(PyObject* self) { return overridable<plain_invert>("__invert__", self); }

PyObject* plain_positive(PyObject* self) {
  return guarded([&] { return positive_of(self); });
}
PyObject* positive(PyObject* self) { return overridable<plain_positive>("positive", self); }

// What a class makes of bool(t), len(t); null where it takes no part.
PyRef overridden(const char* name, PyObject* self) {
  Overloads overloads;
  overloads.look_at(self);
  if (overloads.default_class() || (overloads.empty() && !mode_active())) return {};
  PyRef result(call_overridden_operator(name, overloads, self, nullptr,
                                        []() -> PyObject* { return nullptr; }));
  check(result.get() != Py_NotImplemented, ErrorKind::kType,
        "Multiple dispatch failed for 'torch.Tensor.", name,
        "'; all __torch_function__ handlers returned NotImplemented");
  return result;
}

int truth(PyObject* self) {
  return guarded_int([&] {
    if (!is_untouched(self)) [[unlikely]]
      if (PyRef result = overridden("__bool__", self)) {
        check(PyBool_Check(result.get()), ErrorKind::kType,
              "__bool__ should return bool, returned ", Py_TYPE(result.get())->tp_name);
        return result.get() == Py_True ? 1 : 0;
      }
    TensorImpl* t = impl_of(self);
    int64_t n = t->numel();
    check(n != 0, ErrorKind::kRuntime, "Boolean value of Tensor with no values is ambiguous");
    check(n == 1, ErrorKind::kRuntime,
          "Boolean value of Tensor with more than one value is ambiguous");
    return dispatch_dtype(t->dtype(), [&](auto x) {
      decltype(x) v;
      __builtin_memcpy(&v, t->data(), sizeof v);
      return v != decltype(x)(0) ? 1 : 0;
    });
  });
}

void check_one_element(TensorImpl* t) {
  check(t->numel() == 1, ErrorKind::kValue,
        "only one element tensors can be converted to Python scalars\n  the shape is ",
        shown(t->sizes(), t->ndim()));
}

PyObject* plain_as_float(PyObject* self) {
  return guarded([&]() -> PyObject* {
    check_one_element(impl_of(self));
    if (impl_of(self)->requires_grad())
      host().warn("UserWarning",
                  "Converting a tensor with requires_grad=True to a scalar may lead to unexpected "
                  "behavior.\nConsider using tensor.detach() first.");
    note_number(impl_of(self));
    PyRef item(item_of(impl_of(self)));
    return PyNumber_Float(item.get());
  });
}

PyObject* plain_as_int(PyObject* self) {
  return guarded([&]() -> PyObject* {
    check_one_element(impl_of(self));
    note_number(impl_of(self));
    PyRef item(item_of(impl_of(self)));
    return PyNumber_Long(item.get());
  });
}

PyObject* plain_as_index(PyObject* self) {
  return guarded([&]() -> PyObject* {
    TensorImpl* t = impl_of(self);
    check(t->numel() == 1 && !is_float(t->dtype()), ErrorKind::kType,
          "only integer tensors of a single element can be converted to an index");
    PyRef item(item_of(t));
    return PyNumber_Long(item.get());
  });
}

PyObject* as_float(PyObject* self) { return overridable<plain_as_float>("__float__", self); }
PyObject* as_int(PyObject* self) { return overridable<plain_as_int>("__int__", self); }
PyObject* as_index(PyObject* self) { return overridable<plain_as_index>("__index__", self); }

PyObject* compare(PyObject* a, PyObject* b, int operation) {
  return guarded([&]() -> PyObject* {
    Operand y;
    if (!operand(b, &y)) Py_RETURN_NOTIMPLEMENTED;
    const Op* op = nullptr;
    switch (operation) {
      case Py_EQ:
        op = &op_of<ops::Eq>();
        break;
      case Py_NE:
        op = &op_of<ops::Ne>();
        break;
      case Py_LT:
        op = &op_of<ops::Lt>();
        break;
      case Py_LE:
        op = &op_of<ops::Le>();
        break;
      case Py_GT:
        op = &op_of<ops::Gt>();
        break;
      default:
        op = &op_of<ops::Ge>();
        break;
    }
    auto plain = [&] { return call_binary(*op, Value::of(impl_of(a)), y.value); };
    if (is_untouched(a) && !y.takes_over) [[likely]]
      return plain();
    return call_touched(operation == Py_EQ ? "__eq__" : op->record->name, a, b, plain);
  });
}

[[gnu::noinline]] Py_ssize_t length_overridden(PyObject* self, bool* found) {
  try {
    PyRef result = overridden("__len__", self);
    *found = static_cast<bool>(result);
    if (!result) return 0;
    Py_ssize_t n = PyNumber_AsSsize_t(result.get(), PyExc_OverflowError);
    if (n < 0 && !PyErr_Occurred())
      PyErr_SetString(PyExc_ValueError, "__len__() should return >= 0");
    return n < 0 ? -1 : n;
  } catch (...) {
    *found = true;
    set_python_error();
    return -1;
  }
}

Py_ssize_t length(PyObject* self) {
  TensorImpl* t = impl_of(self);
  if (!is_untouched(self)) [[unlikely]] {
    bool found;
    Py_ssize_t n = length_overridden(self, &found);
    if (found) return n;
  }
  if (t->ndim() > 0) return t->sizes()[0];
  PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
  return -1;
}

Py_hash_t identity_hash(PyObject* self) {
  // A wrapper may be remade; its impl stays, and so does the hash.
  auto hash = static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(impl_of(self)) >> 4);
  return hash == -1 ? -2 : hash;
}

}  // namespace

int add_number_slots(PyType_Slot* slots, int n) {
  auto add = [&](int id, auto function) { slots[n++] = {id, reinterpret_cast<void*>(function)}; };
  using namespace ops;
  add(Py_nb_add, &binary<Add, Add>);
  add(Py_nb_subtract, &binary<Sub, Rsub>);
  add(Py_nb_multiply, &binary<Mul, Mul>);
  add(Py_nb_true_divide, &divide);
  add(Py_nb_floor_divide, &floor_divide);
  add(Py_nb_inplace_floor_divide, &inplace<FloorDivide>);
  add(Py_nb_remainder, &remainder);
  add(Py_nb_inplace_remainder, &inplace_remainder);
  add(Py_nb_and, &bitwise<BitwiseAnd>);
  add(Py_nb_or, &bitwise<BitwiseOr>);
  add(Py_nb_xor, &bitwise<BitwiseXor>);
  add(Py_nb_lshift, &bitwise<BitwiseLeftShift>);
  add(Py_nb_rshift, &bitwise<BitwiseRightShift>);
  add(Py_nb_inplace_and, &inplace_bitwise<BitwiseAnd>);
  add(Py_nb_inplace_or, &inplace_bitwise<BitwiseOr>);
  add(Py_nb_inplace_xor, &inplace_bitwise<BitwiseXor>);
  add(Py_nb_inplace_lshift, &inplace_bitwise<BitwiseLeftShift>);
  add(Py_nb_inplace_rshift, &inplace_bitwise<BitwiseRightShift>);
  add(Py_nb_invert, &invert);
  add(Py_nb_power, &power);
  add(Py_nb_matrix_multiply, &matrix_product);
  add(Py_nb_inplace_add, &inplace<Add>);
  add(Py_nb_inplace_subtract, &inplace<Sub>);
  add(Py_nb_inplace_multiply, &inplace<Mul>);
  add(Py_nb_inplace_true_divide, &inplace<Div>);
  add(Py_nb_inplace_power, &inplace_power);
  add(Py_nb_negative, &unary<Neg>);
  add(Py_nb_positive, &positive);
  add(Py_nb_absolute, &unary<Abs>);
  add(Py_nb_bool, &truth);
  add(Py_nb_float, &as_float);
  add(Py_nb_int, &as_int);
  add(Py_nb_index, &as_index);
  add(Py_mp_length, &length);
  add(Py_mp_subscript, &tensor_subscript);
  add(Py_mp_ass_subscript, &tensor_assign_subscript);
  add(Py_sq_contains, &tensor_contains);
  add(Py_tp_iter, &tensor_iter);
  add(Py_tp_richcompare, &compare);
  add(Py_tp_hash, &identity_hash);
  return n;
}

}  // namespace rl::python

// One op = one struct. OpRecord is what a reader and every generated thing (function, method, stub,
// docs, tests) see of it; Op is the table entry that the door works with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "ops/record.h"

namespace rl {

enum class Kind : uint8_t {
  kNone,
  kTensor,  // borrowed
  kDouble,
  kInt,
  kLargeInt,  // an int from 2^63 to 2^64 - 1, by its bits: int64 wraps around
  kBool,
  kDims,  // borrowed
  kDType,
  kString,   // borrowed
  kPointer,  // borrowed: a Generator
  kTensors,  // borrowed
  kInts,     // borrowed
};

// Several tensors as one argument. Entries may be null: a gap in a list of indices.
struct TensorList {
  TensorImpl* const* v;
  int n;
};

// Numbers that are no sizes, and as many as the caller likes: lengths of parts, places to cut at.
struct IntList {
  const int64_t* v;
  int64_t n;
};

// One argument of a call. 16 bytes.
struct Value {
  Kind kind = Kind::kNone;
  union {
    TensorImpl* t;
    double d;
    int64_t i;
    const Dims* dims;
    DType dtype;
    const char* s;
    void* p;
    const TensorList* list;
    const IntList* ints;
  };

  Value() : i(0) {}
  static Value none() { return {}; }
  static Value of(TensorImpl* tensor) {
    Value v;
    v.kind = tensor ? Kind::kTensor : Kind::kNone;
    v.t = tensor;
    return v;
  }
  static Value of_double(double number) {
    Value v;
    v.kind = Kind::kDouble;
    v.d = number;
    return v;
  }
  static Value of_int(int64_t number) {
    Value v;
    v.kind = Kind::kInt;
    v.i = number;
    return v;
  }
  static Value of_large_int(uint64_t number) {
    Value v = of_int(static_cast<int64_t>(number));
    v.kind = Kind::kLargeInt;
    return v;
  }
  static Value of_bool(bool flag) {
    Value v;
    v.kind = Kind::kBool;
    v.i = flag;
    return v;
  }
  static Value of(const Dims& list) {
    Value v;
    v.kind = Kind::kDims;
    v.dims = &list;
    return v;
  }
  static Value of(const TensorList& tensors) {
    Value v;
    v.kind = Kind::kTensors;
    v.list = &tensors;
    return v;
  }
  static Value of(const IntList& numbers) {
    Value v;
    v.kind = Kind::kInts;
    v.ints = &numbers;
    return v;
  }
  static Value of(DType type) {
    Value v;
    v.kind = Kind::kDType;
    v.dtype = type;
    return v;
  }
  static Value of(const char* text) {
    Value v;
    v.kind = Kind::kString;
    v.s = text;
    return v;
  }
  static Value of_pointer(void* pointer) {
    Value v;
    v.kind = pointer ? Kind::kPointer : Kind::kNone;
    v.p = pointer;
    return v;
  }

  bool is_none() const { return kind == Kind::kNone; }
  bool is_tensor() const { return kind == Kind::kTensor; }
  bool is_number() const { return kind >= Kind::kDouble && kind <= Kind::kBool; }
  double as_double() const {
    return kind == Kind::kDouble     ? d
           : kind == Kind::kLargeInt ? static_cast<double>(static_cast<uint64_t>(i))
                                     : static_cast<double>(i);
  }
  int64_t as_int() const { return kind == Kind::kDouble ? static_cast<int64_t>(d) : i; }
  Category number_category() const {
    return kind == Kind::kDouble ? Category::kFloat
           : kind == Kind::kBool ? Category::kBool
                                 : Category::kInt;
  }
};

// What a parameter accepts, from the type in the signature.
enum class ParamKind : uint8_t {
  kTensor,          // Tensor
  kTensorOrNumber,  // Tensor | Number
  kNumber,          // Number: bool, int or float
  kInt,             // int
  kFloat,           // float
  kBool,            // bool
  kDims,            // int[]: a sequence of ints, or one int
  kSizes,           // Size: a sequence of ints
  kInts,            // int[*]: a sequence of ints of any length
  kVarDims,         // int...: a sequence, or the ints themselves as positional arguments
  kDType,           // dtype
  kLayout,          // layout: checked and dropped, strided is the only one
  kDevice,          // device: checked and dropped, the CPU is the only one
  kString,          // str
  kGenerator,       // Generator
  kTensors,         // Tensor[]: a list or tuple of tensors
  kObject,          // any: the binding knows what to do with it
};

struct Param {
  std::vector<std::string> names;  // the first is the official one, the others are aliases
  ParamKind kind = ParamKind::kTensor;
  bool nullable = false;  // None is accepted
  bool keyword_only = false;
  bool has_default = false;
  Value value;             // the default
  std::string value_text;  // as written, for __text_signature__
};

struct Signature {
  std::string name;
  std::vector<Param> params;
  std::string result;
};

// Parses "add(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor".
Signature parse_signature(const char* text);

constexpr int kMaxArgs = 10;

struct Op;

// One call on its way through the door.
struct Call {
  const Op* op;
  Value args[kMaxArgs];
  TensorRef output;
  std::vector<TensorRef> more;   // outputs 1.. of an op with several
  bool lone = false;             // one output of an op that may give several
  TensorImpl* target = nullptr;  // in-place form: write here (args[0] or `out=`)

  explicit Call(const Op& the_op) : op(&the_op) {}
  TensorImpl* tensor(int i) const { return args[i].t; }
};

class OpNode;

// Where a saved slot's value comes from.
enum class Source : uint8_t {
  kArg,
  kResult,
  kSizes,
  kStrides,
  kOffset,
  kNumel,
  kShapes,
  kNdim,
  kRows,  // the size of dimension 0
  kLastSize,
  kSecondLastSize,
};

struct SlotSpec {
  const char* name;  // `_saved_<name>`; null: not shown
  Source source = Source::kArg;
  uint8_t arg = 0;
  uint8_t needed_by = 0xff;  // bits: edges whose gradient uses it; 0xff: always saved
};

// An argument that an operation needs and its gradient may not: see ops/recompute.h.
struct KeepSpec {
  uint8_t arg;
  int8_t edge;  // its first in a call without lists, -1 for none
  int8_t slot;  // that saves it for some gradients, -1 for none
};

struct Elementwise;

constexpr int kMaxTensorArgs = 6;

struct Op {
  const OpRecord* record = nullptr;
  Signature signature;
  std::string node_name;
  void (*forward)(Call&) = nullptr;
  // grad_in[i] for every edge i that is wanted. Null: the op has no derivative (comparisons).
  void (*backward)(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) = nullptr;
  const Elementwise* elementwise = nullptr;
  const Op* in_place = nullptr;         // what the in-place form records, where that is not this op
  const Op* in_place_number = nullptr;  // the same, where argument 1 is a number
  bool unlocks = false;                 // other Python threads may run meanwhile
  bool composite = false;               // made of other ops, which record for it
  bool many_outputs = false;            // the result is a tuple, even of one
  bool answers_bool = false;            // the result is its only element, as a Python bool or int
  bool takes_list = false;  // an argument is a TensorList: the number of edges is the call's
  bool refuses = false;     // it has no derivative, and its node says so when it is reached
  uint8_t n_differentiable = 0xff;  // outputs behind these have no gradient
  std::vector<SlotSpec> slots;
  uint8_t tensor_args[kMaxTensorArgs] = {};  // indices of arguments that may be tensors
  uint8_t n_tensor_args = 0;
  uint8_t edge_args[kMaxTensorArgs] = {};  // arguments that a gradient goes to, edge by edge
  uint8_t n_edges = 0;
  // Made when first asked for, by keeps_of().
  mutable std::vector<KeepSpec> keeps;
  mutable bool keeps_known = false;
};

// Every op, in the order of the lists. Built once, at the first call.
const std::vector<Op*>& op_table();

// The door. Every operation of the system, Python's or our own, passes here.
void dispatch(Call& call);

}  // namespace rl

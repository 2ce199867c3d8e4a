// Arguments of op functions, from Python's FASTCALL convention, driven by the op's signature.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ops/op.h"
#include "python/python.h"
#include "python/torch_function.h"

namespace rl::python {

struct PyParam {
  PyObject* names[4] = {};  // interned; the first is the official one
  ParamKind kind;
  bool nullable, keyword_only, has_default;
  Value value;
};

// One overload as the parser sees it.
struct Overload {
  const Op* op;
  const Signature* signature;  // the op's, but for an older form
  std::vector<PyParam> params;
  std::vector<uint8_t> places;  // an older form: which of the op's parameters each one is
  Form form = Form::kBoth;
  bool warns = false;  // deprecated
  int max_positional = 0;
  int out = -1;  // index of `out`, which is no argument of the op itself
};

// A public name and its overloads, in the order of the table.
struct PublicName {
  std::string name;
  bool inplace = false;  // the form name_ of an op
  std::vector<Overload> overloads;
  std::vector<Overload> older_forms;  // tried last; no error lists them
  std::string doc;
};

// The name that users read: _linear speaks as linear().
inline const char* spoken_name(const PublicName& p) { return p.name.c_str() + (p.name[0] == '_'); }

// The element of a list of ints that could not be read: its place, from 1, and what stands there
// instead of an int. That is null for one beyond int64; place 0: there is none.
struct Unpacking {
  Py_ssize_t at = 0;
  PyRef instead;
};

// Memory of parsed lists, alive for the call.
struct ParseScratch {
  static constexpr int kMostDims = 5;
  Dims dims[kMostDims];
  int used = 0;
  // The sequence itself may change while later arguments are read.
  std::vector<TensorRef> held;
  std::vector<TensorImpl*> tensors;
  TensorList list;
  std::vector<int64_t> numbers;
  IntList ints;
  Unpacking unpacking;
  // Arguments whose class takes over the call.
  std::unique_ptr<Overloads> overloads;

  // Whether the object takes over, so that its value does not matter.
  bool look_at(PyObject* object) { return Py_TYPE(object) != tensor_type && look_at_other(object); }

 private:
  bool look_at_other(PyObject* object);
};

// Parses, calls through the door, handles out= and in-place forms. `self` is null for functions.
PyObject* call_public(const PublicName& p, PyObject* self, PyObject* const* args, Py_ssize_t n,
                      PyObject* kwnames) noexcept;

// The call's result, written into `out`, which is returned: a tensor, or a pair as a named tuple.
PyObject* write_out(const PublicName& p, const Overload& o, Call& call, PyObject* out);
// The outputs of a call as a tuple.
PyObject* wrap_outputs(Call& call);

// A Python number as a Value; false when it is none. 0-d tensors without grad count as numbers.
bool parse_number(PyObject* object, Value* out);
// One int or a sequence of ints, whose first element decides whether it is one. Another that is no
// int of 64 bits: false with it in `failed`; where that is null, or for the first, as parse_int.
bool parse_dims(PyObject* object, Dims* out, Unpacking* failed = nullptr);
// Ints in a row, as positional arguments.
bool parse_row(PyObject* const* args, Py_ssize_t n, Dims* out, Unpacking* failed);

// contiguous_format -> true, preserve_format and None -> none.
bool convert_memory_format(PyObject* object, Value* out);

Overload make_overload(const Op* op, const Signature& signature);

// Another form of what its signature names: the op's parameters in another order, or some of them.
struct OlderForm {
  const char* signature;
  bool has_method = true, warns = true;
};
std::span<const OlderForm> older_forms();
// A method's begins with `input`, wherever that stands in the signature.
Overload make_older_form(const Op* op, const OlderForm& form, bool method);
// "(Tensor, int)" for messages.
std::string describe_arguments(PyObject* self, PyObject* const* args, Py_ssize_t n,
                               PyObject* kwnames);

}  // namespace rl::python

// OpRecord: the data of an op. std-free, since kernel sets include it.
#pragma once

namespace rl {

struct Domain {
  double low = -9, high = 9;
};

// Element types an elementwise op computes in; others are promoted or refused.
enum class Computes : unsigned char {
  kAny,        // bool, int64, float32, float64
  kNumeric,    // int64, float32, float64; bool is refused
  kFloating,   // float32, float64; integers are promoted to the default float
  kFloatOnly,  // float32, float64; integers are refused
  kIntegral,   // bool, int64; floats are refused
  kInteger,    // int64; bool and floats are refused
};

// What an elementwise op wants of its arguments beside their dtype.
enum class Demand : unsigned char {
  kNothing,
  kExponent,    // integers: argument 1 is no negative number
  kDivisor,     // integers: no 0 in argument 1
  kRounding,    // the same, but without a rounding mode (argument 2) integers become floats
  kNumbersFit,  // number arguments fit the dtype
  kBounds,      // the same, and arguments 1 and 2 are not both None
  kSameTypes,   // all tensors have input's dtype
  kQuotient,    // arguments 1 and 2 are not both integers
};

enum class Form : unsigned char {
  kBoth,  // function and method
  kFunction,
  kMethod,
  kInternal,  // no public name
};

// What an op asks of the dtype of out=, where that is more than that the result can be cast to it.
enum class OutRule : unsigned char {
  kCast,
  kOwn,           // the result's own
  kFound,         // the result's own, in other words
  kDecides,       // any: the op computes in it, unless dtype= says otherwise
  kDecidesFloat,  // any that floats
  kTruth,         // bool, or uint8
  kBool,          // bool
  kDouble,        // float64
  kInput,         // the input's
  kSame,          // the input's, in others
  kScalarType,    // the input's, in other words
  kQuantile,      // the input's, in other words still
  kJoined,        // the result can be cast to it, in torch.cat()'s words
};

// What an op does in place where elements of the target share memory.
enum class Expanded : unsigned char { kRefused, kWritten, kWarned };

struct OpRecord {
  const char* name;
  int overload = 0;
  const char* aliases = nullptr;  // other names that this overload answers to: "divide true_divide"
  const char* signature;
  const char* doc;
  const char* derivative = "not differentiable";
  Domain domain = {};
  double max_ulp = 0.5;
  Computes computes = Computes::kFloating;
  Form form = Form::kBoth;
  bool inplace = false;           // the form `name_` exists
  bool inplace_function = false;  // `name_` is a function, too, not only a method
  bool mutates = false;           // writes into input 0 and returns it; the name ends in "_"
  Expanded expanded = Expanded::kRefused;
  bool view = false;             // the result looks at input 0's memory
  bool scales_gradient = false;  // grad_other is the gradient times a number: times 1 it passes
  bool scalar_promotes = false;  // a float number argument makes an integer result float
  Demand demand = Demand::kNothing;
  bool subtracts = false;            // bool operands are refused in PyTorch's two sentences
  bool untracked = false;            // the in-place form leaves the target's history as it is
  bool many_forms = false;           // PyTorch has more overloads, and lists them when no one fits
  bool lists_form = false;           // one overload, which PyTorch's error writes out
  const char* bool_error = nullptr;  // what a bool operand gets, where bool is refused
  const char* kernel = nullptr;  // its name in errors about a dtype that is refused; else `name`
  const char* fields = nullptr;  // names of a named tuple's entries: "values indices"
  const char* node = nullptr;    // grad_fn name where it does not follow from name and overload
  OutRule out = OutRule::kCast;
};

}  // namespace rl

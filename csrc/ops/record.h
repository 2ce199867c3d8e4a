// OpRecord: the data of an op. std-free, since kernel sets include it.
#pragma once

namespace rl {

struct Domain {
  double low = -9, high = 9;
};

// Element types an elementwise op computes in; others are promoted or refused.
enum class Computes : unsigned char {
  kAny,       // bool, int64, float32, float64
  kNumeric,   // int64, float32, float64
  kFloating,  // float32, float64; integers are promoted to the default float
};

enum class Form : unsigned char {
  kBoth,  // function and method
  kFunction,
  kMethod,
  kInternal,  // no public name
};

struct OpRecord {
  const char* name;
  int overload = 0;
  const char* signature;
  const char* doc;
  const char* derivative = "not differentiable";
  Domain domain = {};
  double max_ulp = 0.5;
  Computes computes = Computes::kFloating;
  Form form = Form::kBoth;
  bool inplace = false;              // the form `name_` exists
  bool mutates = false;              // writes into input 0 and returns it; the name ends in "_"
  bool writes_expanded = false;      // in place also into an expanded tensor, with a warning
  bool view = false;                 // the result looks at input 0's memory
  bool scales_gradient = false;      // grad_other is the gradient times a number: times 1 it passes
  bool scalar_promotes = false;      // a float number argument makes an integer result float
  bool subtracts = false;            // bool operands are refused in PyTorch's two sentences
  bool divides_integers = false;     // an integer 0 as the second argument is refused
  bool many_forms = false;           // PyTorch has more overloads, and lists them when no one fits
  bool lists_form = false;           // one overload, which PyTorch's error writes out
  const char* bool_error = nullptr;  // what a bool operand gets, where bool is refused
  const char* fields = nullptr;      // names of a named tuple's entries: "values indices"
  const char* node = nullptr;        // grad_fn name where it does not follow from name and overload
};

}  // namespace rl

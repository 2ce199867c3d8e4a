#include "ops/argument_checks.h"

namespace rl {

namespace {

double largest(DType dtype) {
  switch (dtype) {
    case DType::kFloat16:
      return 65504;
    case DType::kBFloat16:
      return 0x1.fep127;
    case DType::kFloat32:
      return 0x1.fffffep127;
    default:
      return 0x1.fffffffffffffp1023;
  }
}

// The output of a falling line does not tell on which side its input was.
void check_in_place(double factor, const char* name, const char* rest) {
  check(factor >= 0, ErrorKind::kRuntime, "In-place ", name,
        " backward calculation is triggered with a negative slope which is not supported. This is "
        "caused by calling in-place forward function with a negative slope, please call "
        "out-of-place version instead.",
        rest);
}

}  // namespace

void ArgumentCheck<ops::Celu>::forward(const Call& call) {
  check(call.args[1].as_double() != 0, ErrorKind::kRuntime,
        "ZeroDivisionError: alpha cannot be 0 for CELU");
}

void ArgumentCheck<ops::Hardtanh>::forward(const Call& call) {
  bool negative = call.args[1].as_double() < 0 || call.args[2].as_double() < 0;
  check(!negative || call.tensor(0)->dtype() != DType::kUInt8, ErrorKind::kRuntime,
        "cannot do hardtanh on an unsigned type with negative limits");
}

void ArgumentCheck<ops::Softshrink>::forward(const Call& call) {
  double lambd = call.args[1].as_double();
  DType dtype = call.tensor(0)->dtype();
  check(lambd >= 0 && lambd <= largest(dtype), ErrorKind::kRuntime, "lambda must be in range [0, ",
        largest(dtype), "] for input dtype ", dtype_title(dtype), ", but found ", lambd);
}

void ArgumentCheck<ops::LeakyReluResult>::backward(OpNode& node) {
  // Slot 0 is the output, slot 1 the slope.
  check_in_place(node.slot(1).as_double(), "leakyReLu",
                 " File an issue at https://github.com/pytorch/pytorch if you do require "
                 "supporting in-place leakRelu backward calculation with negative slope");
}

void ArgumentCheck<ops::EluResult>::backward(OpNode& node) {
  check_in_place(node.slot(1).as_double(), "elu", "");
}

void ArgumentCheck<ops::CeluResult>::backward(OpNode& node) {
  check_in_place(node.slot(1).as_double(), "elu", "");
}

}  // namespace rl

// csrc/kernels/math.h as loops, compiled once per kernel set by math_loops.cpp.
#pragma once

struct MathLoop {
  const char* name;
  int arguments;
  void (*f)(const float* x, const float* y, float* out, long n);  // y unused by unary functions
  void (*d)(const double* x, const double* y, double* out, long n);
};

constexpr int kMathLoops = 52;

// Each set that the compiler built; a set whose instructions the processor lacks must not be run.
namespace rl {
namespace ops {
extern const MathLoop math_loops[kMathLoops];
}
namespace v2 {
extern const MathLoop math_loops[kMathLoops];
}
namespace v3 {
extern const MathLoop math_loops[kMathLoops];
}
namespace v4 {
extern const MathLoop math_loops[kMathLoops];
}
}  // namespace rl

// What elementwise ops refuse beside dtypes: numbers out of their range.
#pragma once

#include "ops/op_node.h"
#include "ops/rectifier.h"

namespace rl {

// forward: before it computes; backward: before a gradient is computed. Both are optional.
template <class Op>
struct ArgumentCheck {};

template <>
struct ArgumentCheck<ops::Celu> {
  static void forward(const Call& call);
};
template <>
struct ArgumentCheck<ops::Hardtanh> {
  static void forward(const Call& call);
};
template <>
struct ArgumentCheck<ops::Softshrink> {
  static void forward(const Call& call);
};
template <>
struct ArgumentCheck<ops::LeakyReluResult> {
  static void backward(OpNode& node);
};
template <>
struct ArgumentCheck<ops::EluResult> {
  static void backward(OpNode& node);
};
template <>
struct ArgumentCheck<ops::CeluResult> {
  static void backward(OpNode& node);
};

}  // namespace rl

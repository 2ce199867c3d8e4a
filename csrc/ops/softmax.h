// Softmax and its logarithm along one dimension.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// The kernel's results, saved for the derivative.
struct SoftmaxKernelOp {
  static constexpr OpRecord record{.name = "_softmax",
                                   .signature = "_softmax(input: Tensor, dim: int) -> Tensor",
                                   .doc = "e^x over the sum of e^x along a dimension.",
                                   .derivative = "dL/dx = y (g - sum(g y))",
                                   .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct LogSoftmaxKernelOp {
  static constexpr OpRecord record{
      .name = "_log_softmax",
      .signature = "_log_softmax(input: Tensor, dim: int) -> Tensor",
      .doc = "x less the logarithm of the sum of e^x along a dimension.",
      .derivative = "dL/dx = g - e^y sum(g)",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The derivatives as ops: one pass over the memory, and a derivative of their own.
struct SoftmaxBackwardData {
  static constexpr OpRecord record{
      .name = "_softmax_backward_data",
      .signature =
          "_softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int) -> Tensor",
      .doc = "output (grad_output - sum(grad_output output)).",
      .derivative = "dL/dgrad is the same of g, dL/dy = g (grad - sum(grad y)) - grad sum(g y)",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {
      {"grad_output", Source::kArg, 0}, {"output", Source::kArg, 1}, {"dim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct LogSoftmaxBackwardData {
  static constexpr OpRecord record{
      .name = "_log_softmax_backward_data",
      .signature =
          "_log_softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int) -> Tensor",
      .doc = "grad_output - e^output sum(grad_output).",
      .derivative = "dL/dgrad = g - sum(g e^y), dL/dy = -g e^y sum(grad)",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {
      {"grad_output", Source::kArg, 0}, {"output", Source::kArg, 1}, {"dim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Softmax {
  static constexpr OpRecord record{
      .name = "softmax",
      .signature =
          "softmax(input: Tensor, dim: int, dtype: dtype? = None, *, out: Tensor? = None) "
          "-> Tensor",
      .doc = "e^x over the sum of e^x along a dimension: positive numbers with the sum 1.",
      .derivative = "dL/dx = y (g - sum(g y))"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct LogSoftmax {
  static constexpr OpRecord record{
      .name = "log_softmax",
      .signature =
          "log_softmax(input: Tensor, dim: int, dtype: dtype? = None, *, out: Tensor? = None) "
          "-> Tensor",
      .doc = "The logarithm of softmax, which does not overflow.",
      .derivative = "dL/dx = g - e^y sum(g)"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using SoftmaxOps = OpList<SoftmaxKernelOp, LogSoftmaxKernelOp, SoftmaxBackwardData,
                          LogSoftmaxBackwardData, Softmax, LogSoftmax>;

}  // namespace rl::ops

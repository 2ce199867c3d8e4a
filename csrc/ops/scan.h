// Scans: what a dimension has come to, element by element.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Integers and bools are summed in int64; floats one precision wider than they are stored.
struct Cumsum {
  static constexpr OpRecord record{
      .name = "cumsum",
      .signature =
          "cumsum(input: Tensor, dim: int, *, dtype: dtype? = None, out: Tensor? = None) -> "
          "Tensor",
      .doc = "The sums of the elements of a dimension up to each.",
      .derivative = "the sums of the gradient from each element on",
      .computes = Computes::kAny,
      .inplace = true,
      .out = OutRule::kDecides};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Its gradient divides by nothing, so that zeros need no case of their own.
struct Cumprod {
  static constexpr OpRecord record{
      .name = "cumprod",
      .signature =
          "cumprod(input: Tensor, dim: int, *, dtype: dtype? = None, out: Tensor? = None) -> "
          "Tensor",
      .doc = "The products of the elements of a dimension up to each.",
      .derivative = "dy[j]/dx[i] = the product of the others up to j, for j >= i",
      .computes = Computes::kAny,
      .inplace = true,
      .out = OutRule::kDecides};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"result", Source::kResult, 0}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The last of several equal elements is told; nan wins, and the last nan.
struct Cummax {
  static constexpr OpRecord record{
      .name = "cummax",
      .signature = "cummax(input: Tensor, dim: int, *, out: Tensor[]? = None) -> Tensor[]",
      .doc = "The largest of the elements of a dimension up to each, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"indices", Source::kResult, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Cummin {
  static constexpr OpRecord record{
      .name = "cummin",
      .signature = "cummin(input: Tensor, dim: int, *, out: Tensor[]? = None) -> Tensor[]",
      .doc = "The smallest of the elements of a dimension up to each, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"indices", Source::kResult, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Logcumsumexp {
  static constexpr OpRecord record{
      .name = "logcumsumexp",
      .signature = "logcumsumexp(input: Tensor, dim: int, *, out: Tensor? = None) -> Tensor",
      .doc = "The logarithm of the summed exponentials of a dimension up to each element.",
      .derivative = "dy[j]/dx[i] = e^(x[i] - y[j]) for j >= i",
      .out = OutRule::kScalarType};
  static constexpr SlotSpec slots[] = {
      {"dim", Source::kArg, 1}, {"result", Source::kResult, 0}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// --- what the derivatives are made of; each is its own adjoint with `backwards` turned round

// The sums from the end: the adjoint of cumsum.
struct CumsumFromEnd {
  static constexpr OpRecord record{
      .name = "_cumsum_from_end",
      .signature = "_cumsum_from_end(input: Tensor, dim: int) -> Tensor",
      .doc = "The sums of the elements of a dimension from each on.",
      .derivative = "the sums of the gradient up to each element",
      .form = Form::kInternal,
      .node = "FlipBackward0"};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// y[k] = x[k] + f[k] y[k - 1]; backwards y[k] = x[k] + f[k + 1] y[k + 1].
struct LinearScan {
  static constexpr OpRecord record{
      .name = "_linear_scan",
      .signature =
          "_linear_scan(input: Tensor, factor: Tensor, dim: int, backwards: bool) -> Tensor",
      .doc = "Each element plus a factor times the result before it, or after it.",
      .derivative = "the scan of the gradient the other way; dy/dfactor = that times the result",
      .form = Form::kInternal};
  static constexpr SlotSpec slots[] = {{"factor", Source::kArg, 1},
                                       {"dim", Source::kArg, 2},
                                       {"backwards", Source::kArg, 3},
                                       {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// out[j] = the sum of g[i] e^(x[i] - y[j]) for i <= j; backwards out[i] = the sum of
// g[j] e^(x[i] - y[j]) for j >= i. No exponent is above 0 where y is logcumsumexp of x.
struct LogcumsumexpSlope {
  static constexpr OpRecord record{
      .name = "_logcumsumexp_slope",
      .signature =
          "_logcumsumexp_slope(grad: Tensor, input: Tensor, result: Tensor, dim: int, "
          "backwards: bool) -> Tensor",
      .doc = "A vector times the matrix of derivatives of logcumsumexp, or times its transpose.",
      .derivative = "by grad the product with the other of both; by input and result products",
      .form = Form::kInternal,
      .node = "LogcumsumexpBackwardBackward0"};
  static constexpr SlotSpec slots[] = {{"grad", Source::kArg, 0},      {"self", Source::kArg, 1},
                                       {"result", Source::kArg, 2},    {"dim", Source::kArg, 3},
                                       {"backwards", Source::kArg, 4}, {"out", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using ScanOps = OpList<Cumsum, Cumprod, Cummax, Cummin, Logcumsumexp, CumsumFromEnd, LinearScan,
                       LogcumsumexpSlope>;

}  // namespace rl::ops

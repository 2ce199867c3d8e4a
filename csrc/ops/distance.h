// Distances between the rows of two matrices.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// The distance itself is saved: every order's slope is written with it.
struct CdistForward {
  static constexpr OpRecord record{
      .name = "_cdist_forward",
      .signature =
          "_cdist_forward(x1: Tensor, x2: Tensor, p: float, compute_mode: int? = None) -> Tensor",
      .doc = "Norms of order p of the differences of all rows: (b, n, k), (b, m, k) to (b, n, m).",
      .derivative = "dx1 = g sign(d) |d|^(p - 1) / dist^(p - 1) for the differences d, dx2 = -dx1",
      .form = Form::kFunction,
      .node = "CdistBackward0"};
  static constexpr SlotSpec slots[] = {{"p", Source::kArg, 2},
                                       {"result", Source::kResult, 0},
                                       {"x1", Source::kArg, 0},
                                       {"x2", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// What PyTorch records for many rows. Its gradient is two matrix products; the distances are those
// of the differences, which are exact where PyTorch's expanded square is not.
struct EuclideanDist {
  static constexpr OpRecord record{
      .name = "_euclidean_dist",
      .signature = "_euclidean_dist(x1: Tensor, x2: Tensor) -> Tensor",
      .doc = "Euclidean distances of all rows of two matrices, in batches.",
      .derivative = "dx1 = g (x1 - x2) / dist, dx2 = -dx1",
      .form = Form::kFunction,
      .node = "EuclideanDistBackward0"};
  static constexpr SlotSpec slots[] = {
      {"result", Source::kResult, 0}, {"x1", Source::kArg, 0}, {"x2", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Cdist {
  static constexpr OpRecord record{
      .name = "_cdist",
      .signature =
          "_cdist(x1: Tensor, x2: Tensor, p: float = 2, compute_mode: int? = None) -> Tensor",
      .doc = "Distances of order p of all rows of two matrices; the batches are broadcast.",
      .derivative = "that of _cdist_forward or _euclidean_dist",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using DistanceOps = OpList<CdistForward, EuclideanDist, Cdist>;

}  // namespace rl::ops

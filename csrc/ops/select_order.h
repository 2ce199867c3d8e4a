// Order statistics: the k-th smallest, the middle, the most frequent and the k largest elements of
// a dimension, and where they stood.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Quickselect over copies of the lines; equal elements leave it in the order of its exchanges.
struct Kthvalue {
  static constexpr OpRecord record{
      .name = "kthvalue",
      .signature =
          "kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False, *, "
          "out: Tensor[]? = None) -> Tensor[]",
      .doc = "The k-th smallest elements of a dimension, counted from 1, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 2},
                                       {"keepdim", Source::kArg, 3},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Ties share the gradient evenly. Of an even number the lower middle, as in PyTorch.
struct Median {
  static constexpr OpRecord record{
      .name = "median",
      .signature = "median(input: Tensor) -> Tensor",
      .doc = "The middle element, the lower of two; nan where there is one.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MedianDim {
  static constexpr OpRecord record{
      .name = "median",
      .overload = 1,
      .signature =
          "median(input: Tensor, dim: int, keepdim: bool = False, *, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The middle elements of a dimension, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NanMedian {
  static constexpr OpRecord record{
      .name = "nanmedian",
      .signature = "nanmedian(input: Tensor) -> Tensor",
      .doc = "The middle of the elements that are not nan; nan where there is none.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NanMedianDim {
  static constexpr OpRecord record{
      .name = "nanmedian",
      .overload = 1,
      .signature =
          "nanmedian(input: Tensor, dim: int, keepdim: bool = False, *, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The middle of those elements of a dimension that are not nan, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Of equally frequent elements the smallest; nan equals nothing, so each stands alone.
struct Mode {
  static constexpr OpRecord record{
      .name = "mode",
      .signature =
          "mode(input: Tensor, dim: int = -1, keepdim: bool = False, *, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The most frequent elements of a dimension, and an index of each.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// nan counts as the largest.
struct Topk {
  static constexpr OpRecord record{
      .name = "topk",
      .signature =
          "topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = "
          "True, *, out: Tensor[]? = None) -> Tensor[]",
      .doc = "The k largest or smallest elements of a dimension, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// A 0-d tensor also passes for an int: the forms without a dimension come first.
using SelectOrderOps = OpList<Kthvalue, Median, MedianDim, NanMedian, NanMedianDim, Mode, Topk>;

}  // namespace rl::ops

// Largest, smallest and sorted: reductions that choose elements, and where those stood.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Ties share the gradient evenly; nan wins, as in PyTorch.
struct Max {
  static constexpr OpRecord record{
      .name = "max",
      .signature = "max(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The largest element; nan where there is one.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .many_forms = true,
      .node = "MaxBackward1"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The first of several equal elements is chosen, and gets the gradient.
struct MaxDim {
  static constexpr OpRecord record{
      .name = "max",
      .overload = 1,
      .signature =
          "max(input: Tensor, dim: int, keepdim: bool = False, *, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The largest elements of a dimension, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices",
      .node = "MaxBackward0"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MaxOther {
  static constexpr OpRecord record{
      .name = "max",
      .overload = 2,
      .signature = "max(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The larger of each pair of elements.",
      .derivative = "the gradient, halved where both are equal",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Argmax {
  static constexpr OpRecord record{
      .name = "argmax",
      .signature =
          "argmax(input: Tensor, dim: int? = None, keepdim: bool = False, *, out: "
          "Tensor? = None) -> Tensor",
      .doc =
          "The index of the largest element, of a dimension or in row-major order; the first of "
          "several.",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Amax {
  static constexpr OpRecord record{
      .name = "amax",
      .signature =
          "amax(input: Tensor, dim: int[]? = None, keepdim: bool = False, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "The largest elements over some dimensions, or over all.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .out = OutRule::kInput};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"result", Source::kResult, 0},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Ties share the gradient evenly; nan wins, as in PyTorch.
struct Min {
  static constexpr OpRecord record{
      .name = "min",
      .signature = "min(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The smallest element; nan where there is one.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .many_forms = true,
      .node = "MinBackward1"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"result", Source::kResult, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The first of several equal elements is chosen, and gets the gradient.
struct MinDim {
  static constexpr OpRecord record{
      .name = "min",
      .overload = 1,
      .signature =
          "min(input: Tensor, dim: int, keepdim: bool = False, *, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The smallest elements of a dimension, and their indices.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices",
      .node = "MinBackward0"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct MinOther {
  static constexpr OpRecord record{
      .name = "min",
      .overload = 2,
      .signature = "min(input: Tensor, other: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The smaller of each pair of elements.",
      .derivative = "the gradient, halved where both are equal",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Argmin {
  static constexpr OpRecord record{
      .name = "argmin",
      .signature =
          "argmin(input: Tensor, dim: int? = None, keepdim: bool = False, *, out: "
          "Tensor? = None) -> Tensor",
      .doc =
          "The index of the smallest element, of a dimension or in row-major order; the first of "
          "several.",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Amin {
  static constexpr OpRecord record{
      .name = "amin",
      .signature =
          "amin(input: Tensor, dim: int[]? = None, keepdim: bool = False, *, out: "
          "Tensor? = None) -> Tensor",
      .doc = "The smallest elements over some dimensions, or over all.",
      .derivative = "the gradient, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .out = OutRule::kInput};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"result", Source::kResult, 0},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// nan counts as the largest. Equal elements may change places: stable=True keeps their order.
struct Sort {
  static constexpr OpRecord record{
      .name = "sort",
      .signature =
          "sort(input: Tensor, dim: int = -1, descending: bool = False, *, out: Tensor[]? = "
          "None) -> Tensor[]",
      .doc = "The elements of a dimension in ascending or descending order, and where they stood.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .many_forms = true,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 1},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct SortStable {
  static constexpr OpRecord record{
      .name = "sort",
      .overload = 1,
      .signature =
          "sort(input: Tensor, *, stable: bool?, dim: int = -1, descending: bool = False, "
          "out: Tensor[]? = None) -> Tensor[]",
      .doc = "The same; stable: equal elements keep their order.",
      .derivative = "dy/dx = 1 where the index points, 0 elsewhere",
      .computes = Computes::kAny,
      .fields = "values indices"};
  static constexpr SlotSpec slots[] = {{"indices", Source::kResult, 1},
                                       {"dim", Source::kArg, 2},
                                       {"self_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Argsort {
  static constexpr OpRecord record{
      .name = "argsort",
      .signature = "argsort(input: Tensor, dim: int = -1, descending: bool = False) -> Tensor",
      .doc = "Where the elements of a dimension stand in order.",
      .computes = Computes::kAny,
      .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ArgsortStable {
  static constexpr OpRecord record{
      .name = "argsort",
      .overload = 1,
      .signature =
          "argsort(input: Tensor, *, stable: bool, dim: int = -1, descending: bool = False, "
          "out: Tensor? = None) -> Tensor",
      .doc = "The same; stable: equal elements keep their order.",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Msort {
  static constexpr OpRecord record{
      .name = "msort",
      .signature = "msort(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The elements of the first dimension in ascending order.",
      .derivative = "as sort",
      .computes = Computes::kAny,
      .out = OutRule::kOwn};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Those that equal an end share its gradient evenly.
struct Aminmax {
  static constexpr OpRecord record{
      .name = "aminmax",
      .signature =
          "aminmax(input: Tensor, *, dim: int? = None, keepdim: bool = False, out: "
          "Tensor[]? = None) -> Tensor[]",
      .doc = "The smallest and the largest elements, over all or over one dimension.",
      .derivative = "the gradients, shared evenly by the elements that are it",
      .computes = Computes::kAny,
      .fields = "min max"};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"dim", Source::kArg, 1},
                                       {"keepdim", Source::kArg, 2},
                                       {"min", Source::kResult, 0},
                                       {"max", Source::kResult, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// A 0-d tensor also passes for an int: the tensor forms come first.
using OrderOps = OpList<Max, MaxOther, MaxDim, Argmax, Amax, Min, MinOther, MinDim, Argmin, Amin,
                        Aminmax, Sort, SortStable, Argsort, ArgsortStable, Msort>;

}  // namespace rl::ops

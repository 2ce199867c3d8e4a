// Activation functions that are more than one formula: composites, halves, random slopes.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Selu {
  static constexpr OpRecord record{
      .name = "selu",
      .signature = "selu(input: Tensor) -> Tensor",
      .doc = "elu with the alpha and scale that keep mean 0 and variance 1 from layer to layer.",
      .derivative = "as elu",
      .form = Form::kFunction,
      .inplace = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Gelu {
  static constexpr OpRecord record{
      .name = "_gelu",
      .signature =
          "_gelu(input: Tensor, *, approximate: str = \"none\", out: Tensor? = None) -> Tensor",
      .doc = "x times the normal distribution function at x; \"tanh\" approximates that.",
      .derivative = "dy/dx = cdf(x) + x pdf(x)",
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// One weight for all, or one for each index of dimension 1.
struct Prelu {
  static constexpr OpRecord record{
      .name = "prelu",
      .signature = "prelu(input: Tensor, weight: Tensor) -> Tensor",
      .doc = "Each element, times its channel's weight where it is not above 0.",
      .derivative = "dy/dx = 1 where x > 0, else weight; dy/dweight = 0 where x > 0, else x"};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Saves e^-|x|, from which the derivative is a quotient.
struct LogSigmoid {
  static constexpr uint8_t kDifferentiable = 1;
  static constexpr OpRecord record{
      .name = "_log_sigmoid",
      .signature = "_log_sigmoid(input: Tensor, *, out: Tensor? = None) -> Tensor",
      .doc = "The logarithm of sigmoid, which does not underflow.",
      .derivative = "dy/dx = sigmoid(-x)",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0}, {"buffer", Source::kResult, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Glu {
  static constexpr OpRecord record{
      .name = "_glu",
      .signature = "_glu(input: Tensor, dim: int = -1) -> Tensor",
      .doc = "The first half of a dimension times the sigmoid of the second.",
      .derivative = "dy/da = s, dy/db = a s (1 - s) with s = sigmoid(b)",
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"dim", Source::kArg, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// What rrelu_ records.
struct RreluResult {
  static constexpr OpRecord record{
      .name = "rrelu_with_noise",
      .overload = 1,
      .signature =
          "rrelu_with_noise(input: Tensor, noise: Tensor, lower: Number, upper: Number, "
          "training: bool, generator: Generator? = None) -> Tensor",
      .doc = "rrelu_with_noise with a derivative of its output.",
      .derivative = "dy/dx = noise in training, else as leaky_relu",
      .form = Form::kInternal};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"result", Source::kResult, 0},
                                       {"noise", Source::kArg, 1},
                                       {"lower", Source::kArg, 2},
                                       {"upper", Source::kArg, 3},
                                       {"training", Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// noise takes the factor of each element.
struct RreluWithNoise {
  using InPlace = RreluResult;
  static constexpr OpRecord record{
      .name = "rrelu_with_noise",
      .signature =
          "rrelu_with_noise(input: Tensor, noise: Tensor, lower: Number, upper: Number, "
          "training: bool, generator: Generator? = None) -> Tensor",
      .doc = "leaky_relu with slopes drawn for each element in training, else their mean.",
      .derivative = "dy/dx = noise in training, else as leaky_relu",
      .form = Form::kInternal,
      .inplace = true};
  static constexpr uint8_t edge_args[] = {0};
  static constexpr SlotSpec slots[] = {{"self", Source::kArg, 0},
                                       {"noise", Source::kArg, 1},
                                       {"lower", Source::kArg, 2},
                                       {"upper", Source::kArg, 3},
                                       {"training", Source::kArg, 4}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Rrelu {
  static constexpr OpRecord record{
      .name = "rrelu",
      .signature =
          "rrelu(input: Tensor, lower: Number = 0.125, upper: Number = 0.3333333333333333, "
          "training: bool = False, generator: Generator? = None) -> Tensor",
      .doc = "leaky_relu with slopes drawn from [lower, upper) in training, else their mean.",
      .derivative = "dy/dx = 1 where x > 0, else the slope",
      .form = Form::kFunction,
      .inplace = true};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using ActivationCustomOps =
    OpList<Selu, Gelu, Prelu, LogSigmoid, Glu, RreluResult, RreluWithNoise, Rrelu>;

}  // namespace rl::ops

// Random tensors, with PyTorch's own numbers.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

#define RL_RANDOM_TAIL                                                                          \
  "generator: Generator? = None, dtype: dtype? = None, device: device? = None, requires_grad: " \
  "bool "                                                                                       \
  "= False) -> Tensor"

struct Rand {
  static constexpr OpRecord record{.name = "rand",
                                   .signature = "rand(size: int..., *, " RL_RANDOM_TAIL,
                                   .doc = "Uniform numbers in [0, 1).",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Randn {
  static constexpr OpRecord record{
      .name = "randn",
      .signature = "randn(size: int..., *, " RL_RANDOM_TAIL,
      .doc = "Numbers of the normal distribution with mean 0 and standard deviation 1.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandLike {
  static constexpr OpRecord record{.name = "rand_like",
                                   .signature = "rand_like(input: Tensor, *, " RL_RANDOM_TAIL,
                                   .doc = "Uniform numbers in [0, 1) in the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandnLike {
  static constexpr OpRecord record{.name = "randn_like",
                                   .signature = "randn_like(input: Tensor, *, " RL_RANDOM_TAIL,
                                   .doc = "Standard normal numbers in the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Uniform {
  static constexpr OpRecord record{.name = "uniform_",
                                   .signature =
                                       "uniform_(input: Tensor, from: float = 0, to: float = 1, *, "
                                       "generator: Generator? = None) -> Tensor",
                                   .doc = "Fills with uniform numbers in [from, to).",
                                   .derivative = "dy/dinput = 0",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .node = "UniformBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Normal {
  static constexpr OpRecord record{.name = "normal_",
                                   .signature =
                                       "normal_(input: Tensor, mean: float = 0, std: float = 1, *, "
                                       "generator: Generator? = None) -> Tensor",
                                   .doc = "Fills with normal numbers.",
                                   .derivative = "dy/dinput = 0",
                                   .form = Form::kMethod,
                                   .mutates = true,
                                   .node = "NormalBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using RandomOps = OpList<Rand, Randn, RandLike, RandnLike, Uniform, Normal>;

}  // namespace rl::ops

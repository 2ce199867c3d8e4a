// Random tensors, with PyTorch's own numbers.
#pragma once

#include "ops/create.h"

namespace rl::ops {

#define RL_RANDOM_TAIL "generator: Generator? = None, " RL_FACTORY_TAIL
#define RL_RANDOM_OUT RL_RANDOM_TAIL ", out: Tensor? = None) -> Tensor"
#define RL_RANDOM_LIKE RL_RANDOM_TAIL ", memory_format: any = None) -> Tensor"
#define RL_RANDOM_LIKE_OUT \
  RL_RANDOM_TAIL ", memory_format: any = None, out: Tensor? = None) -> Tensor"

struct Rand {
  static constexpr OpRecord record{.name = "rand",
                                   .signature = "rand(size: int..., *, " RL_RANDOM_OUT,
                                   .doc = "Uniform numbers in [0, 1).",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Randn {
  static constexpr OpRecord record{
      .name = "randn",
      .signature = "randn(size: int..., *, " RL_RANDOM_OUT,
      .doc = "Numbers of the normal distribution with mean 0 and standard deviation 1.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandLike {
  static constexpr OpRecord record{.name = "rand_like",
                                   .signature = "rand_like(input: Tensor, *, " RL_RANDOM_LIKE_OUT,
                                   .doc = "Uniform numbers in [0, 1) in the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandnLike {
  static constexpr OpRecord record{.name = "randn_like",
                                   .signature = "randn_like(input: Tensor, *, " RL_RANDOM_LIKE_OUT,
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

struct Randint {
  static constexpr OpRecord record{
      .name = "randint",
      .signature = "randint(high: int, size: Size, *, " RL_RANDOM_OUT,
      .doc = "Integers from 0 up to, not including, high; int64 unless another dtype is asked for.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandintLow {
  static constexpr OpRecord record{
      .name = "randint",
      .overload = 1,
      .signature = "randint(low: int, high: int, size: Size, *, " RL_RANDOM_OUT,
      .doc = "Integers from low up to, not including, high.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandintLike {
  static constexpr OpRecord record{
      .name = "randint_like",
      .signature = "randint_like(input: Tensor, high: int, *, " RL_RANDOM_LIKE,
      .doc = "Integers from 0 up to, not including, high, in the same shape and dtype.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct RandintLikeLow {
  static constexpr OpRecord record{
      .name = "randint_like",
      .overload = 1,
      .signature = "randint_like(input: Tensor, low: int, high: int, *, " RL_RANDOM_LIKE,
      .doc = "Integers from low up to, not including, high, in the same shape and dtype.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Randperm {
  static constexpr OpRecord record{.name = "randperm",
                                   .signature = "randperm(n: int, *, " RL_RANDOM_OUT,
                                   .doc = "The integers from 0 up to n, in random order.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// Numbers 2, 0 and 1, as PyTorch counts the three forms.
struct Random {
  static constexpr OpRecord record{
      .name = "random_",
      .overload = 2,
      .signature = "random_(input: Tensor, *, generator: Generator? = None) -> Tensor",
      .doc = "Fills with integers from 0 up to the largest that the dtype counts without gaps.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "RandomBackward2"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct RandomFromTo {
  static constexpr OpRecord record{
      .name = "random_",
      .signature =
          "random_(input: Tensor, from: int, to: int?, *, generator: Generator? = None) -> Tensor",
      .doc =
          "Fills with integers from `from` up to, not including, `to`; None: as far as the "
          "dtype counts without gaps.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "RandomBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct RandomTo {
  static constexpr OpRecord record{
      .name = "random_",
      .overload = 1,
      .signature = "random_(input: Tensor, to: int, *, generator: Generator? = None) -> Tensor",
      .doc = "Fills with integers from 0 up to, not including, `to`.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "RandomBackward1"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using RandomOps = OpList<Rand, Randn, RandLike, RandnLike, Uniform, Normal, Randint, RandintLow,
                         RandintLike, RandintLikeLow, Randperm, Random, RandomFromTo, RandomTo>;

}  // namespace rl::ops

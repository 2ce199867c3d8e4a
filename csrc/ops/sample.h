// Random samples of other distributions, and dropout, with PyTorch's own numbers.
#pragma once

#include "ops/create.h"

namespace rl::ops {

struct Bernoulli {
  static constexpr OpRecord record{.name = "bernoulli",
                                   .signature =
                                       "bernoulli(input: Tensor, *, generator: Generator? = None, "
                                       "out: Tensor? = None) -> Tensor",
                                   .doc = "1 with the probability that each element is, else 0.",
                                   .derivative = "dy/dinput = 0",
                                   .domain = {0, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct BernoulliP {
  static constexpr OpRecord record{
      .name = "bernoulli",
      .overload = 1,
      .signature = "bernoulli(input: Tensor, p: float, *, generator: Generator? = None) -> Tensor",
      .doc = "1 with probability p, else 0, in the input's shape and dtype.",
      .derivative = "not differentiable",
      .node = "torch::autograd::NotImplemented"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct BernoulliTensorInplace {
  static constexpr OpRecord record{
      .name = "bernoulli_",
      .overload = 1,
      .signature =
          "bernoulli_(input: Tensor, p: Tensor, *, generator: Generator? = None) -> Tensor",
      .doc = "Fills with 1 with the probability that each element of p is, else 0.",
      .derivative = "dy/dinput = 0, dy/dp = 0",
      .domain = {0, 1},
      .form = Form::kMethod,
      .mutates = true,
      .node = "BernoulliBackward1"};
  static constexpr SlotSpec slots[] = {{nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct BernoulliInplace {
  static constexpr OpRecord record{
      .name = "bernoulli_",
      .overload = 2,
      .signature =
          "bernoulli_(input: Tensor, p: float = 0.5, *, generator: Generator? = None) -> Tensor",
      .doc = "Fills with 1 with probability p, else 0.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "BernoulliBackward2"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Exponential {
  static constexpr OpRecord record{
      .name = "exponential_",
      .signature =
          "exponential_(input: Tensor, lambd: float = 1, *, generator: Generator? = None) -> "
          "Tensor",
      .doc = "Fills with numbers of density lambd e^(-lambd x).",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "ExponentialBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Geometric {
  static constexpr OpRecord record{
      .name = "geometric_",
      .signature = "geometric_(input: Tensor, p: float, *, generator: Generator? = None) -> Tensor",
      .doc = "Fills with the number of trials of probability p until the first success.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "GeometricBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Cauchy {
  static constexpr OpRecord record{
      .name = "cauchy_",
      .signature =
          "cauchy_(input: Tensor, median: float = 0, sigma: float = 1, *, "
          "generator: Generator? = None) -> Tensor",
      .doc = "Fills with numbers of the Cauchy distribution.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "CauchyBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct LogNormal {
  static constexpr OpRecord record{
      .name = "log_normal_",
      .signature =
          "log_normal_(input: Tensor, mean: float = 1, std: float = 2, *, "
          "generator: Generator? = None) -> Tensor",
      .doc = "Fills with e to the power of normal numbers.",
      .derivative = "dy/dinput = 0",
      .form = Form::kMethod,
      .mutates = true,
      .node = "LogNormalBackward0"};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Poisson {
  static constexpr OpRecord record{
      .name = "poisson",
      .signature = "poisson(input: Tensor, generator: Generator? = None) -> Tensor",
      .doc = "How many events happen where the expected number is each element.",
      .derivative = "dy/dinput = 0",
      .domain = {0, 3},
      .form = Form::kFunction};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Multinomial {
  static constexpr OpRecord record{
      .name = "multinomial",
      .signature =
          "multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, "
          "generator: Generator? = None, out: Tensor? = None) -> Tensor",
      .doc = "Indices drawn with the weights of each row.",
      .domain = {0.1, 3},
      .out = OutRule::kOwn};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// --- normal(): a standard normal number, scaled and moved.

struct NormalTensorFloat {
  static constexpr OpRecord record{
      .name = "normal",
      .overload = 1,
      .signature =
          "normal(mean: Tensor, std: float = 1, *, generator: Generator? = None, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Normal numbers around the elements of mean.",
      .derivative = "dy/dmean = 0",
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"mean_sym_sizes", Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NormalFloatTensor {
  static constexpr OpRecord record{
      .name = "normal",
      .overload = 2,
      .signature =
          "normal(mean: float, std: Tensor, *, generator: Generator? = None, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Normal numbers with the elements of std as standard deviations.",
      .derivative = "dy/dstd = 0",
      .domain = {0, 3},
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"std_sym_sizes", Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NormalTensors {
  static constexpr OpRecord record{
      .name = "normal",
      .overload = 3,
      .signature =
          "normal(mean: Tensor, std: Tensor, *, generator: Generator? = None, "
          "out: Tensor? = None) -> Tensor",
      .doc = "Normal numbers with means and standard deviations of their own.",
      .derivative = "dy/dmean = 0, dy/dstd = 0",
      .domain = {0, 3},
      .form = Form::kFunction,
      .many_forms = true};
  static constexpr SlotSpec slots[] = {{"mean_sym_sizes", Source::kSizes, 0},
                                       {"std_sym_sizes", Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct NormalSized {
  static constexpr OpRecord record{.name = "normal",
                                   .signature =
                                       "normal(mean: float, std: float, size: Size, *, generator: "
                                       "Generator? = None, " RL_FACTORY_OUT,
                                   .doc = "Normal numbers of one mean and standard deviation.",
                                   .form = Form::kFunction,
                                   .many_forms = true};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// The forms with tensors first: a 0-d tensor would also pass for a number.
using SampleOps = OpList<Bernoulli, BernoulliP, BernoulliTensorInplace, BernoulliInplace,
                         Exponential, Geometric, Cauchy, LogNormal, Poisson, Multinomial,
                         NormalTensors, NormalTensorFloat, NormalFloatTensor, NormalSized>;

}  // namespace rl::ops

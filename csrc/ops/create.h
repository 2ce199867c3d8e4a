// Tensors from nothing.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

#define RL_FACTORY_TAIL \
  "dtype: dtype? = None, device: device? = None, requires_grad: bool = False) -> Tensor"

struct Empty {
  static constexpr OpRecord record{.name = "empty",
                                   .signature = "empty(size: int..., *, " RL_FACTORY_TAIL,
                                   .doc = "A tensor with whatever its memory held.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Zeros {
  static constexpr OpRecord record{.name = "zeros",
                                   .signature = "zeros(size: int..., *, " RL_FACTORY_TAIL,
                                   .doc = "A tensor of zeros.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Ones {
  static constexpr OpRecord record{.name = "ones",
                                   .signature = "ones(size: int..., *, " RL_FACTORY_TAIL,
                                   .doc = "A tensor of ones.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Full {
  static constexpr OpRecord record{
      .name = "full",
      .signature = "full(size: Size, fill_value: Number, *, " RL_FACTORY_TAIL,
      .doc = "A tensor of one number, in the number's own dtype unless another is asked for.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Arange {
  static constexpr OpRecord record{.name = "arange",
                                   .signature = "arange(end: Number, *, " RL_FACTORY_TAIL,
                                   .doc = "Numbers from 0 up to, not including, end.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ArangeStep {
  static constexpr OpRecord record{
      .name = "arange",
      .overload = 1,
      .signature = "arange(start: Number, end: Number, step: Number = 1, *, " RL_FACTORY_TAIL,
      .doc = "Numbers from start up to, not including, end.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct EmptyLike {
  static constexpr OpRecord record{
      .name = "empty_like",
      .signature = "empty_like(input: Tensor, *, " RL_FACTORY_TAIL,
      .doc = "A tensor of the same shape with whatever its memory held.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ZerosLike {
  static constexpr OpRecord record{.name = "zeros_like",
                                   .signature = "zeros_like(input: Tensor, *, " RL_FACTORY_TAIL,
                                   .doc = "Zeros of the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct OnesLike {
  static constexpr OpRecord record{.name = "ones_like",
                                   .signature = "ones_like(input: Tensor, *, " RL_FACTORY_TAIL,
                                   .doc = "Ones of the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct FullLike {
  static constexpr OpRecord record{
      .name = "full_like",
      .signature = "full_like(input: Tensor, fill_value: Number, *, " RL_FACTORY_TAIL,
      .doc = "One number in the same shape.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using CreateOps =
    OpList<Empty, Zeros, Ones, Full, Arange, ArangeStep, EmptyLike, ZerosLike, OnesLike, FullLike>;

}  // namespace rl::ops

namespace rl {

// Sets requires_grad on a fresh tensor where args[at] says so; throws for integers and bools.
void finish_factory(Call& call, int at);
// A fresh tensor of the sizes, checked, in args[dtype_at] or the default float dtype.
TensorRef factory(const Dims& sizes, const Value& dtype);
// A fresh tensor with t's shape, and its layout where that is dense.
TensorRef factory_like(TensorImpl* t, const Value& dtype);

}  // namespace rl

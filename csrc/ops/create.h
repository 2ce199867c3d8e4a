// Tensors from nothing: of one value, or with whatever their memory held.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Behind a factory's own parameters; finish_factory() counts from dtype on.
#define RL_FACTORY_TAIL                                                                        \
  "dtype: dtype? = None, layout: layout? = None, device: device? = None, pin_memory: bool? = " \
  "None, requires_grad: bool? = False"
#define RL_FACTORY_OUT RL_FACTORY_TAIL ", out: Tensor? = None) -> Tensor"
#define RL_FACTORY_LIKE RL_FACTORY_TAIL ", memory_format: any = None) -> Tensor"

struct Empty {
  static constexpr OpRecord record{
      .name = "empty",
      .signature = "empty(size: int..., *, " RL_FACTORY_TAIL
                   ", memory_format: any = None, out: Tensor? = None) -> Tensor",
      .doc = "A tensor with whatever its memory held.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct EmptyStrided {
  static constexpr OpRecord record{
      .name = "empty_strided",
      .signature = "empty_strided(size: Size, stride: Size, *, " RL_FACTORY_TAIL ") -> Tensor",
      .doc = "A tensor with given strides and whatever its memory held.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Zeros {
  static constexpr OpRecord record{.name = "zeros",
                                   .signature = "zeros(size: int..., *, " RL_FACTORY_OUT,
                                   .doc = "A tensor of zeros.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Ones {
  static constexpr OpRecord record{.name = "ones",
                                   .signature = "ones(size: int..., *, " RL_FACTORY_OUT,
                                   .doc = "A tensor of ones.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct Full {
  static constexpr OpRecord record{
      .name = "full",
      .signature = "full(size: Size, fill_value: Number, *, " RL_FACTORY_OUT,
      .doc = "A tensor of one number, in the number's own dtype unless another is asked for.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ScalarTensor {
  static constexpr OpRecord record{
      .name = "scalar_tensor",
      .signature = "scalar_tensor(s: Number, *, " RL_FACTORY_TAIL ") -> Tensor",
      .doc = "A 0-d tensor of one number, in the default float dtype unless another is asked for.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct EmptyLike {
  static constexpr OpRecord record{
      .name = "empty_like",
      .signature = "empty_like(input: Tensor, *, " RL_FACTORY_LIKE,
      .doc = "A tensor of the same shape with whatever its memory held.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct ZerosLike {
  static constexpr OpRecord record{.name = "zeros_like",
                                   .signature = "zeros_like(input: Tensor, *, " RL_FACTORY_LIKE,
                                   .doc = "Zeros of the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct OnesLike {
  static constexpr OpRecord record{.name = "ones_like",
                                   .signature = "ones_like(input: Tensor, *, " RL_FACTORY_LIKE,
                                   .doc = "Ones of the same shape.",
                                   .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct FullLike {
  static constexpr OpRecord record{
      .name = "full_like",
      .signature = "full_like(input: Tensor, fill_value: Number, *, " RL_FACTORY_LIKE,
      .doc = "One number in the same shape.",
      .form = Form::kFunction};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

// --- Methods: other sizes in a tensor's own dtype.

struct NewEmpty {
  static constexpr OpRecord record{
      .name = "new_empty",
      .signature = "new_empty(input: Tensor, size: int..., *, " RL_FACTORY_TAIL ") -> Tensor",
      .doc = "A tensor of the input's dtype with whatever its memory held.",
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NewEmptyStrided {
  static constexpr OpRecord record{
      .name = "new_empty_strided",
      .signature = "new_empty_strided(input: Tensor, size: Size, stride: Size, *, " RL_FACTORY_TAIL
                   ") -> Tensor",
      .doc = "A tensor of the input's dtype with given strides.",
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NewZeros {
  static constexpr OpRecord record{
      .name = "new_zeros",
      .signature = "new_zeros(input: Tensor, size: int..., *, " RL_FACTORY_TAIL ") -> Tensor",
      .doc = "Zeros of the input's dtype.",
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NewOnes {
  static constexpr OpRecord record{
      .name = "new_ones",
      .signature = "new_ones(input: Tensor, size: int..., *, " RL_FACTORY_TAIL ") -> Tensor",
      .doc = "Ones of the input's dtype.",
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

struct NewFull {
  static constexpr OpRecord record{
      .name = "new_full",
      .signature = "new_full(input: Tensor, size: Size, fill_value: Number, *, " RL_FACTORY_TAIL
                   ") -> Tensor",
      .doc = "One number in the input's dtype.",
      .form = Form::kMethod};
  using backward = NotDifferentiable;
  static void forward(Call& call);
};

using CreateOps = OpList<Empty, EmptyStrided, Zeros, Ones, Full, ScalarTensor, EmptyLike, ZerosLike,
                         OnesLike, FullLike, NewEmpty, NewEmptyStrided, NewZeros, NewOnes, NewFull>;

}  // namespace rl::ops

namespace rl {

// What the tail of a factory's parameters asks of the fresh tensor; args[dtype_at] is the dtype.
// Throws for pinned memory, and where integers and bools shall require grad.
void finish_factory(Call& call, int dtype_at);
// A fresh tensor of the sizes, checked, in args[dtype_at] or the default float dtype.
TensorRef factory(const Dims& sizes, const Value& dtype);
// A fresh tensor of exactly this geometry, whose strides are not negative. Throws where its memory
// passes int64.
TensorRef empty_strided(const Dims& sizes, const Dims& strides, DType type);
// A fresh tensor with t's shape and the order of dimensions of one of as many.
TensorRef empty_similar(TensorImpl* t, TensorImpl* like, DType type);
// A fresh tensor with t's shape, and the order of its dimensions in memory unless the value of
// memory_format asks for row-major.
TensorRef factory_like(TensorImpl* t, const Value& dtype,
                       const Value& memory_format = Value::none());

}  // namespace rl

// Elements in another order: reversed, rotated, turned, shuffled between dimensions. All are
// copies.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

struct Flip {
  static constexpr OpRecord record{.name = "flip",
                                   .signature = "flip(input: Tensor, dims: int...) -> Tensor",
                                   .doc = "A copy with the order along some dimensions reversed.",
                                   .derivative = "flip of the gradient",
                                   .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"dims", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Fliplr {
  static constexpr OpRecord record{
      .name = "fliplr",
      .signature = "fliplr(input: Tensor) -> Tensor",
      .doc = "flip of the second dimension: columns from last to first.",
      .derivative = "flip of the gradient",
      .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Flipud {
  static constexpr OpRecord record{.name = "flipud",
                                   .signature = "flipud(input: Tensor) -> Tensor",
                                   .doc = "flip of the first dimension: rows from last to first.",
                                   .derivative = "flip of the gradient",
                                   .computes = Computes::kAny};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

// Without dims the tensor is rolled as if it had one dimension.
struct Roll {
  static constexpr OpRecord record{
      .name = "roll",
      .signature = "roll(input: Tensor, shifts: int[], dims: int[]? = None) -> Tensor",
      .doc = "A copy moved along dimensions; what leaves at the end comes in at the beginning.",
      .derivative = "the gradient, rolled back",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"dims", Source::kArg, 2}, {"shifts", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct Rot90 {
  static constexpr OpRecord record{
      .name = "rot90",
      .signature = "rot90(input: Tensor, k: int = 1, dims: Size = [0, 1]) -> Tensor",
      .doc =
          "A copy turned k times by 90 degrees in the plane of two dimensions, the first two "
          "unless others are given, from the first towards the second.",
      .derivative = "the gradient, turned back",
      .computes = Computes::kAny};
  static constexpr SlotSpec slots[] = {{"dims", Source::kArg, 2}, {"k", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (*, c r^2, h, w) -> (*, c, h r, w r).
struct PixelShuffle {
  static constexpr OpRecord record{
      .name = "pixel_shuffle",
      .signature = "pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor",
      .doc = "Groups of r * r channels laid out as r times the height and width.",
      .derivative = "pixel_unshuffle of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"upscale_factor", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// (*, c, h r, w r) -> (*, c r^2, h, w).
struct PixelUnshuffle {
  static constexpr OpRecord record{
      .name = "pixel_unshuffle",
      .signature = "pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor",
      .doc = "The inverse of pixel_shuffle: squares of r * r pixels as channels.",
      .derivative = "pixel_shuffle of the gradient",
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"downscale_factor", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// Channels as (groups, c / groups), transposed. Back: with c / groups groups.
struct ChannelShuffle {
  static constexpr OpRecord record{
      .name = "channel_shuffle",
      .signature = "channel_shuffle(input: Tensor, groups: int) -> Tensor",
      .doc = "Channels of (N, C, *) dealt out: the first of each group, the second of each, ...",
      .derivative = "the gradient, shuffled back",
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"groups", Source::kArg, 1}, {nullptr, Source::kSizes, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

using FlipOps =
    OpList<Flip, Fliplr, Flipud, Roll, Rot90, PixelShuffle, PixelUnshuffle, ChannelShuffle>;

}  // namespace rl::ops

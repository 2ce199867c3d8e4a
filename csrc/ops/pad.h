// Borders around a tensor: of one number, of its own reflection, of its edge, of its other side.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

// Pads come in pairs from the last dimension backwards; negative ones cut off.
struct ConstantPadNd {
  static constexpr OpRecord record{
      .name = "constant_pad_nd",
      .signature = "constant_pad_nd(input: Tensor, pad: int[], value: Number = 0) -> Tensor",
      .doc =
          "A copy with `value` before and behind: pad holds (before, behind) of the last "
          "dimension, "
          "then of the one before it; negative numbers cut off.",
      .derivative = "the gradient without the borders",
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"pad", Source::kArg, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

constexpr const char* kMirrorDoc = "A copy with borders that mirror it, without its edge.";
constexpr const char* kEdgeDoc = "A copy with borders that repeat its edge.";
constexpr const char* kPadSum = "dy/dx = 1 for each time that an element is written";

struct ReflectionPad1d {
  static constexpr int kDims = 1;
  static constexpr bool kReflects = true;
  static constexpr OpRecord record{
      .name = "_reflection_pad1d",
      .signature = "_reflection_pad1d(input: Tensor, padding: int[]) -> Tensor",
      .doc = kMirrorDoc,
      .derivative = kPadSum,
      .computes = Computes::kNumeric,
      .form = Form::kFunction};
  static constexpr SlotSpec slots[] = {{"padding", Source::kArg, 1}, {"self", Source::kArg, 0}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

constexpr OpRecord border(const char* name, const char* signature, const char* doc) {
  OpRecord record = ReflectionPad1d::record;
  record.name = name;
  record.signature = signature;
  record.doc = doc;
  return record;
}

struct ReflectionPad2d : ReflectionPad1d {
  static constexpr int kDims = 2;
  static constexpr OpRecord record =
      border("_reflection_pad2d", "_reflection_pad2d(input: Tensor, padding: int[]) -> Tensor",
             kMirrorDoc);
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};
struct ReflectionPad3d : ReflectionPad1d {
  static constexpr int kDims = 3;
  static constexpr OpRecord record =
      border("_reflection_pad3d", "_reflection_pad3d(input: Tensor, padding: int[]) -> Tensor",
             kMirrorDoc);
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};
struct ReplicationPad1d : ReflectionPad1d {
  static constexpr bool kReflects = false;
  static constexpr OpRecord record =
      border("_replication_pad1d", "_replication_pad1d(input: Tensor, padding: int[]) -> Tensor",
             kEdgeDoc);
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};
struct ReplicationPad2d : ReflectionPad1d {
  static constexpr int kDims = 2;
  static constexpr bool kReflects = false;
  static constexpr OpRecord record =
      border("_replication_pad2d", "_replication_pad2d(input: Tensor, padding: int[]) -> Tensor",
             kEdgeDoc);
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};
struct ReplicationPad3d : ReflectionPad1d {
  static constexpr int kDims = 3;
  static constexpr bool kReflects = false;
  static constexpr OpRecord record =
      border("_replication_pad3d", "_replication_pad3d(input: Tensor, padding: int[]) -> Tensor",
             kEdgeDoc);
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

// The adjoints. Linear in grad_output: the input's values do not matter, and its gradient is 0.
template <class Pad>
struct BorderBackward {
  static constexpr OpRecord backward_record(const char* name, const char* node) {
    return {
        .name = name,
        .signature = "_pad_backward(grad_output: Tensor, input: Tensor, padding: int[]) -> Tensor",
        .doc = "Adds each element to the one that it was copied from.",
        .derivative = "the padding of the gradient",
        .form = Form::kInternal,
        .node = node};
  }
  static constexpr SlotSpec slots[] = {{"padding", Source::kArg, 2}, {nullptr, Source::kSizes, 1}};
  static void forward(Call& call);
  static void backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in);
};

struct ReflectionPad1dBackward : BorderBackward<ReflectionPad1d> {
  static constexpr OpRecord record =
      backward_record("_reflection_pad1d_backward", "ReflectionPad1DBackwardBackward0");
};
struct ReflectionPad2dBackward : BorderBackward<ReflectionPad2d> {
  static constexpr OpRecord record =
      backward_record("_reflection_pad2d_backward", "ReflectionPad2DBackwardBackward0");
};
struct ReflectionPad3dBackward : BorderBackward<ReflectionPad3d> {
  static constexpr OpRecord record =
      backward_record("_reflection_pad3d_backward", "ReflectionPad3DBackwardBackward0");
};
struct ReplicationPad1dBackward : BorderBackward<ReplicationPad1d> {
  static constexpr OpRecord record =
      backward_record("_replication_pad1d_backward", "ReplicationPad1DBackwardBackward0");
};
struct ReplicationPad2dBackward : BorderBackward<ReplicationPad2d> {
  static constexpr OpRecord record =
      backward_record("_replication_pad2d_backward", "ReplicationPad2DBackwardBackward0");
};
struct ReplicationPad3dBackward : BorderBackward<ReplicationPad3d> {
  static constexpr OpRecord record =
      backward_record("_replication_pad3d_backward", "ReplicationPad3DBackwardBackward0");
};

// Written in place, part by part, as PyTorch does: the graph is that of the writes.
struct PadCircular {
  static constexpr OpRecord record{
      .name = "_pad_circular",
      .signature = "_pad_circular(input: Tensor, pad: int[]) -> Tensor",
      .doc = "A copy with borders that continue at the other side.",
      .derivative = kPadSum,
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

struct Pad {
  static constexpr OpRecord record{
      .name = "_pad",
      .signature =
          "_pad(input: Tensor, pad: Size, mode: str = \"constant\", value: float? = None) -> "
          "Tensor",
      .doc =
          "Borders around a tensor. pad: (before, behind) of the last dimension, then of the one "
          "before it; negative numbers cut off. mode: \"constant\", \"reflect\", \"replicate\" or "
          "\"circular\". value: what constant borders are made of, 0 unless given.",
      .derivative = kPadSum,
      .computes = Computes::kAny,
      .form = Form::kFunction};
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

using PadOps = OpList<ConstantPadNd, ReflectionPad1d, ReflectionPad2d, ReflectionPad3d,
                      ReplicationPad1d, ReplicationPad2d, ReplicationPad3d, ReflectionPad1dBackward,
                      ReflectionPad2dBackward, ReflectionPad3dBackward, ReplicationPad1dBackward,
                      ReplicationPad2dBackward, ReplicationPad3dBackward, PadCircular, Pad>;

}  // namespace rl::ops

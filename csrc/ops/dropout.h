// Dropout: the input times a noise that is drawn anew in each call.
#pragma once

#include "ops/custom.h"

namespace rl::ops {

#define RL_DROPOUT(Struct, Base, NAME, IN_PLACE, DOC)                         \
  struct Struct : Base {                                                      \
    static constexpr OpRecord record{                                         \
        .name = NAME,                                                         \
        .signature = NAME "(input: Tensor, p: float, train: bool) -> Tensor", \
        .doc = DOC,                                                           \
        .derivative = "dy/dinput = the noise",                                \
        .form = Form::kFunction,                                              \
        .mutates = IN_PLACE};                                                 \
  }

// Elements, or whole channels: the noise has the size of the first two dimensions.
struct PlainDropout {
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};
struct ChannelDropout {
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};
// The dropped elements take selu's value at minus infinity, and mean and variance are kept.
struct PlainAlphaDropout {
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};
struct ChannelAlphaDropout {
  static constexpr bool kComposite = true;
  static void forward(Call& call);
};

RL_DROPOUT(Dropout, PlainDropout, "dropout", false,
           "Zeros with probability p; the other elements are divided by 1 - p.");
RL_DROPOUT(DropoutInplace, PlainDropout, "dropout_", true, "dropout, in place.");
RL_DROPOUT(FeatureDropout, ChannelDropout, "feature_dropout", false,
           "dropout of whole channels, which the first two dimensions count.");
RL_DROPOUT(FeatureDropoutInplace, ChannelDropout, "feature_dropout_", true,
           "feature_dropout, in place.");
RL_DROPOUT(AlphaDropout, PlainAlphaDropout, "alpha_dropout", false,
           "Dropout for selu, which keeps mean and variance.");
RL_DROPOUT(AlphaDropoutInplace, PlainAlphaDropout, "alpha_dropout_", true,
           "alpha_dropout, in place.");
RL_DROPOUT(FeatureAlphaDropout, ChannelAlphaDropout, "feature_alpha_dropout", false,
           "alpha_dropout of whole channels.");
RL_DROPOUT(FeatureAlphaDropoutInplace, ChannelAlphaDropout, "feature_alpha_dropout_", true,
           "feature_alpha_dropout, in place.");

#undef RL_DROPOUT

using DropoutOps =
    OpList<Dropout, DropoutInplace, FeatureDropout, FeatureDropoutInplace, AlphaDropout,
           AlphaDropoutInplace, FeatureAlphaDropout, FeatureAlphaDropoutInplace>;

}  // namespace rl::ops

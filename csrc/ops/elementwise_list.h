// Every elementwise op, in the order of the kernel tables. A new family joins here.
#pragma once

#include "ops/activation.h"
#include "ops/arithmetic.h"
#include "ops/bitwise.h"
#include "ops/blend.h"
#include "ops/clamp.h"
#include "ops/compare.h"
#include "ops/division.h"
#include "ops/exponential.h"
#include "ops/gamma.h"
#include "ops/hyperbolic.h"
#include "ops/likelihood.h"
#include "ops/logical.h"
#include "ops/loss.h"
#include "ops/power.h"
#include "ops/rectifier.h"
#include "ops/rounding.h"
#include "ops/select.h"
#include "ops/smooth.h"
#include "ops/special.h"
#include "ops/trigonometry.h"

namespace rl::RL_ISA {

using ElementwiseOps = decltype(join_lists(ArithmeticOps{},    //
                                           PowerOps{},         //
                                           ExponentialOps{},   //
                                           ActivationOps{},    //
                                           CompareOps{},       //
                                           SelectOps{},        //
                                           LossOps{},          //
                                           TrigonometryOps{},  //
                                           SpecialOps{},       //
                                           HyperbolicOps{},    //
                                           RoundingOps{},      //
                                           GammaOps{},         //
                                           DivisionOps{},      //
                                           BlendOps{},         //
                                           ClampOps{},         //
                                           BitwiseOps{},       //
                                           LogicalOps{},       //
                                           RectifierOps{},     //
                                           SmoothOps{},        //
                                           LikelihoodOps{}));

template <class Op, class... Ops>
constexpr int list_index(OpList<Ops...>) {
  int index = 0, found = -1;
  ((__is_same(Op, Ops) ? (found = index, ++index) : ++index), ...);
  return found;
}

}  // namespace rl::RL_ISA

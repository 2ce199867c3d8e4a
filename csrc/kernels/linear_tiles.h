// The values of an elementwise formula by their row-major number, whatever the operands' strides:
// what reads operands whose rows are too short for a call of the kernel each, or feeds a reduction.
#pragma once

#include "kernels/iterator.h"

namespace rl {

class LinearTiles {
 public:
  // Runs shorter than this are gathered into whole tiles before the formula sees them.
  static constexpr int64_t kShortRun = 32;
  static constexpr int64_t kTile = 1024;

  // Operands as for run_elementwise, under `sizes`.
  LinearTiles(const TileKernel& kernel, const int64_t* sizes, int ndim, const Operand* in,
              int n_in);

  // Writes the values [start, start + n), n <= kTile.
  void get(char* out, int64_t start, int64_t n);

 private:
  const void* operand(int k, int64_t start, int64_t n);

  TileFn fn_;
  DType compute_;
  int64_t item_, result_item_;
  int n_in_;
  Space space_;
  Operand in_[kMaxOperands];
  bool repeated_[kMaxOperands], straight_[kMaxOperands];
  alignas(64) char buffers_[kMaxOperands][kTile * 8];
};

}  // namespace rl

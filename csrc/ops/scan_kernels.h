// Loops along one dimension of several tensors of one shape: line by line where the dimension is
// the dense one, else in blocks of columns that go through it side by side.
#pragma once

#include <algorithm>

#include "core/tensor.h"
#include "kernels/pool.h"

namespace rl {

constexpr int64_t kScanColumns = 256;

// One block: element (k, j) of operand i stands at base[i] + k step[i] + j column[i].
template <int N>
struct ScanBlock {
  int64_t base[N], step[N], column[N];
  int64_t length, columns;
};

// Calls visit(block) for blocks of at most kScanColumns columns that cover the tensors, in any
// order and on any thread. `strides`: of each operand. `backwards`: k counts from the end.
template <int N, class Visit>
void scan_blocks(const Dims& sizes, const Dims (&strides)[N], int dim, bool backwards,
                 const Visit& visit) {
  ScanBlock<N> block;
  for (int i = 0; i < N; ++i) block.base[i] = block.step[i] = block.column[i] = 0;
  block.length = sizes.n ? sizes[dim] : 1;
  for (int i = 0; i < N && sizes.n; ++i) {
    block.step[i] = strides[i][dim];
    if (!backwards) continue;
    block.base[i] = (block.length - 1) * block.step[i];
    block.step[i] = -block.step[i];
  }
  // The other dimensions, merged where all operands allow it.
  Dims outer, at[N];
  for (int d = 0; d < sizes.n; ++d) {
    if (sizes[d] == 0) return;
    if (d == dim || sizes[d] == 1) continue;
    bool merges = outer.n > 0;
    for (int i = 0; i < N && merges; ++i) merges = at[i][outer.n - 1] == strides[i][d] * sizes[d];
    if (!merges) outer.push(sizes[d]);
    for (int i = 0; i < N; ++i) {
      if (!merges) at[i].push(0);
      at[i][outer.n - 1] = strides[i][d];
    }
    if (merges) outer[outer.n - 1] *= sizes[d];
  }
  // Columns run along the dimension that is densest in the last operand, which is written.
  int inner = -1;
  for (int d = 0; d < outer.n; ++d)
    if (inner < 0 || at[N - 1][d] <= at[N - 1][inner]) inner = d;
  int64_t columns = inner < 0 ? 1 : outer[inner];
  for (int i = 0; i < N && inner >= 0; ++i) block.column[i] = at[i][inner];
  // Lines that are gone through one by one go in blocks of what is worth a thread.
  int64_t width = kScanColumns, grain = parallel_grain();
  if (block.step[N - 1] == 1 || block.step[N - 1] == -1)
    width = std::clamp(grain / (block.length + 1), int64_t{1}, kScanColumns);
  const int64_t across = (columns + width - 1) / width;
  int64_t blocks = across;
  for (int d = 0; d < outer.n; ++d)
    if (d != inner) blocks *= outer[d];
  const int64_t each = grain / (block.length * std::min(width, columns) + 1) + 1;
  parallel_for(blocks, each, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ScanBlock<N> here = block;
      int64_t j = i % across * width, rest = i / across;
      here.columns = std::min(columns - j, width);
      for (int k = 0; k < N; ++k) here.base[k] += j * block.column[k];
      for (int d = outer.n - 1; d >= 0; --d) {
        if (d == inner) continue;
        for (int k = 0; k < N; ++k) here.base[k] += rest % outer[d] * at[k][d];
        rest /= outer[d];
      }
      visit(static_cast<const ScanBlock<N>&>(here));
    }
  });
}

// Whether a block is gone through line by line: then the state of one line stays in registers.
template <int N>
bool scans_lines(const ScanBlock<N>& b) {
  return b.columns == 1 || b.step[N - 1] == 1 || b.step[N - 1] == -1;
}

}  // namespace rl

// Reductions over (outer, count, inner) in parts for threads. The parts are nodes of the tree that
// the kernels join along anyway, so neither they nor the number of threads change a bit.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/pool.h"
#include "kernels/tile.h"

namespace rl {

struct ReduceShape {
  int64_t outer, count, inner;  // all above 0; each of outer * inner results is made of count rows
  int64_t item;                 // bytes of an element
};

// Rows [begin, begin + rows) of a slab, columns [column, column + columns) of them; or several
// slabs whole.
struct ReducePart {
  int64_t slab, slabs, begin, rows, column, columns;
};

// Where the kernels halve n rows: tile.h.
inline int64_t reduce_half(int64_t n, int64_t block) { return (n / 2 + block - 1) / block * block; }

namespace detail {

template <class F>
void each_leaf(int64_t begin, int64_t n, int64_t block, int64_t leaf, const F& f) {
  if (n <= leaf) return f(begin, n);
  int64_t half = reduce_half(n, block);
  each_leaf(begin, half, block, leaf, f);
  each_leaf(begin + half, n - half, block, leaf, f);
}

// Joins the leaves' results, rows of `inner` elements, into the first of them.
inline char* join_leaves(char*& next, int64_t n, int64_t block, int64_t leaf, int64_t inner,
                         int64_t item, const ReduceKernels& joined) {
  if (n <= leaf) {
    char* mine = next;
    next += inner * item;
    return mine;
  }
  int64_t half = reduce_half(n, block);
  char* left = join_leaves(next, half, block, leaf, inner, item, joined);
  char* right = join_leaves(next, n - half, block, leaf, inner, item, joined);
  joined.rows(left, left, 2, (right - left) / item, inner, nullptr);
  return left;
}

}  // namespace detail

// What joins a reducer's partial results: the one that takes elements as they are.
inline Reducer joining(Reducer reducer) {
  switch (reducer) {
    case Reducer::kProduct:
      return Reducer::kProduct;
    case Reducer::kMax:
    case Reducer::kMaxAbs:
      return Reducer::kMax;
    case Reducer::kMin:
    case Reducer::kMinAbs:
      return Reducer::kMin;
    default:
      return Reducer::kSum;
  }
}

// make(): a functor for one part, called as f(part, to): it writes the part's results to `to`, a
// row of `columns` for each slab. `cost` as of TileKernel; `joined`: of joining().
template <class Make>
void split_reduce(const ReduceShape& s, int64_t cost, const ReduceKernels& joined, char* out,
                  const Make& make) {
  int64_t slab = s.count * s.inner, total = s.outer * slab;
  int64_t grain = std::max<int64_t>(parallel_grain() / cost, 1);
  if (total <= grain) return make()(ReducePart{0, s.outer, 0, s.count, 0, s.inner}, out);
  if (slab <= grain) {
    parallel_for(s.outer, grain / slab + 1, [&](int64_t begin, int64_t end) {
      make()(ReducePart{begin, end - begin, 0, s.count, 0, s.inner},
             out + begin * s.inner * s.item);
    });
    return;
  }
  // Whole blocks of columns, then rows, until a part has what a thread wants.
  int64_t block = s.inner == 1 ? kReduceBlock : kReduceRows;
  int64_t columns = s.inner;
  if (s.inner > kReduceColumns) {
    int64_t wanted = std::max(grain / s.count, int64_t{1});
    columns = std::min((wanted + kReduceColumns - 1) / kReduceColumns * kReduceColumns, s.inner);
  }
  int64_t leaf = std::max(grain / columns, block);
  struct Rows {
    int64_t begin, n;
  };
  std::vector<Rows> leaves;
  detail::each_leaf(0, s.count, block, leaf,
                    [&](int64_t begin, int64_t n) { leaves.push_back({begin, n}); });
  auto n_leaves = static_cast<int64_t>(leaves.size());
  int64_t n_columns = (s.inner + columns - 1) / columns, row = s.inner * s.item;
  std::unique_ptr<char[]> memory;
  if (n_leaves > 1) memory.reset(new char[static_cast<size_t>(s.outer * n_leaves * row)]);
  char* results = memory ? memory.get() : out;
  parallel_parts(s.outer * n_leaves * n_columns, [&](int64_t part) {
    int64_t column = part % n_columns * columns, line = part / n_columns;
    const Rows& rows = leaves[static_cast<size_t>(line % n_leaves)];
    make()(ReducePart{line / n_leaves, 1, rows.begin, rows.n, column,
                      std::min(columns, s.inner - column)},
           results + line * row + column * s.item);
  });
  if (!memory) return;
  for (int64_t o = 0; o < s.outer; ++o) {
    char* next = results + o * n_leaves * row;
    std::memcpy(out + o * row,
                detail::join_leaves(next, s.count, block, leaf, s.inner, s.item, joined),
                static_cast<size_t>(row));
  }
}

}  // namespace rl

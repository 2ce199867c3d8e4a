#include "kernels/transpose.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace rl {

namespace {

template <class Word>
struct Square {
  static constexpr int n = 16 / sizeof(Word);  // words of a vector, and vectors of a block
  typedef Word Row __attribute__((vector_size(16)));

  // The words of two vectors in turn: of their lower halves or of their upper ones.
  template <int half, int... k>
  static Row zip(const Row& a, const Row& b, std::integer_sequence<int, k...>) {
    typedef decltype(a == b) Order;
    return __builtin_shuffle(a, b, Order{static_cast<Word>((k % 2) * n + k / 2 + half * n / 2)...});
  }

  // log2(n) such steps over rows n / 2 apart turn the block.
  static void turn(Word* to, int64_t to_step, const Word* from, int64_t from_step) {
    constexpr auto kAll = std::make_integer_sequence<int, n>();
    Row a[n], b[n];
    for (int j = 0; j < n; ++j) std::memcpy(&a[j], from + j * from_step, sizeof a[j]);
    for (int step = 1; step < n; step *= 2) {
      for (int i = 0; i < n / 2; ++i) {
        b[2 * i] = zip<0>(a[i], a[i + n / 2], kAll);
        b[2 * i + 1] = zip<1>(a[i], a[i + n / 2], kAll);
      }
      for (int i = 0; i < n; ++i) a[i] = b[i];
    }
    for (int i = 0; i < n; ++i) std::memcpy(to + i * to_step, &a[i], sizeof a[i]);
  }
};

template <class Word>
void transpose_tile(Word* to, int64_t to_step, const Word* from, int64_t from_step, int64_t rows,
                    int64_t columns) {
  constexpr int n = Square<Word>::n;
  const int64_t whole_rows = rows / n * n, whole_columns = columns / n * n;
  for (int64_t j = 0; j < whole_columns; j += n)
    for (int64_t i = 0; i < whole_rows; i += n)
      Square<Word>::turn(to + i * to_step + j, to_step, from + i + j * from_step, from_step);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = i < whole_rows ? whole_columns : 0; j < columns; ++j)
      to[i * to_step + j] = from[i + j * from_step];
}

}  // namespace

// In tiles of whole cache lines on both sides, which stay in the cache while they are filled.
template <class Word>
void transpose(Word* to, int64_t to_step, const Word* from, int64_t from_step, int64_t rows,
               int64_t columns) {
  constexpr int64_t kLine = 64 / sizeof(Word);
  constexpr int64_t kRows = std::min<int64_t>(4 * kLine, 128);
  constexpr int64_t kColumns = std::min<int64_t>(2 * kLine, 64);
  for (int64_t j = 0; j < columns; j += kColumns)
    for (int64_t i = 0; i < rows; i += kRows)
      transpose_tile(to + i * to_step + j, to_step, from + i + j * from_step, from_step,
                     std::min(kRows, rows - i), std::min(kColumns, columns - j));
}

template void transpose(uint8_t*, int64_t, const uint8_t*, int64_t, int64_t, int64_t);
template void transpose(uint16_t*, int64_t, const uint16_t*, int64_t, int64_t, int64_t);
template void transpose(uint32_t*, int64_t, const uint32_t*, int64_t, int64_t, int64_t);
template void transpose(uint64_t*, int64_t, const uint64_t*, int64_t, int64_t, int64_t);

}  // namespace rl

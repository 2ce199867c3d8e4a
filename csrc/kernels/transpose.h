// Copies of planes whose contiguous dimensions differ, by blocks that are turned in registers.
#pragma once

#include <cstdint>

namespace rl {

// to[i * to_step + j] = from[i + j * from_step] for i < rows, j < columns; the two do not overlap.
// Word: an unsigned number of 1, 2, 4 or 8 bytes.
template <class Word>
void transpose(Word* to, int64_t to_step, const Word* from, int64_t from_step, int64_t rows,
               int64_t columns);

}  // namespace rl

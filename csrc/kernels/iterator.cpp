#include "kernels/iterator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/shape.h"
#include "core/unlocked.h"
#include "kernels/convert.h"
#include "kernels/linear_tiles.h"
#include "kernels/transpose.h"

namespace rl {

namespace {

constexpr int64_t kTile = 512;

}  // namespace

void collapse(Space& space, const int64_t* sizes, int ndim, const int64_t* out_strides,
              const Operand* in, int n_in) {
  for (int d = ndim; d-- > 0;) {
    if (sizes[d] == 1) continue;
    int64_t step[kMaxOperands + 1];
    step[0] = out_strides[d];
    for (int k = 0; k < n_in; ++k) step[k + 1] = in[k].strides[d];
    if (space.n > 0) {
      int last = space.n - 1;
      bool joins = true;
      for (int k = 0; k <= n_in; ++k)
        joins = joins && step[k] == space.stride[k][last] * space.size[last];
      if (joins) {
        space.size[last] *= sizes[d];
        continue;
      }
    }
    space.size[space.n] = sizes[d];
    for (int k = 0; k <= n_in; ++k) space.stride[k][space.n] = step[k];
    ++space.n;
  }
  if (space.n == 0) {
    space.n = 1;
    space.size[0] = 1;
    for (int k = 0; k <= n_in; ++k) space.stride[k][0] = 1;
  }
}

namespace {

// Two elements of the output may have one place, as in windows: the later one counts, so the order
// of writing is kept.
bool has_windows(const Space& space) {
  int64_t sizes[kMaxDims], strides[kMaxDims];
  int n = 0;
  for (int d = 0; d < space.n; ++d) {
    if (space.stride[0][d] == 0) continue;
    sizes[n] = space.size[d];
    strides[n++] = space.stride[0][d];
  }
  return may_overlap(sizes, strides, n);
}

bool row_major(const Space& space) {
  int64_t next = 1;
  for (int d = 0; d < space.n; ++d) {
    if (space.stride[0][d] != next) return false;
    next *= space.size[d];
  }
  return true;
}

// Copies of one dtype know only how wide an element is.

// The order of the elements in eight bytes, reversed.
template <class Word>
uint64_t reversed_in_word(uint64_t x) {
  if constexpr (sizeof(Word) == 1) return __builtin_bswap64(x);
  x = x << 32 | x >> 32;
  if constexpr (sizeof(Word) == 4) return x;
  constexpr uint64_t kOdd = 0x0000ffff0000ffff;
  return (x & kOdd) << 16 | (x >> 16 & kOdd);
}

// to[i] = last[-i], eight bytes at a time.
template <class Word>
void copy_reversed(Word* to, const Word* last, int64_t n) {
  int64_t i = 0;
  if constexpr (sizeof(Word) < 8) {
    constexpr int64_t kStep = 8 / sizeof(Word);
    for (; i + kStep <= n; i += kStep) {
      uint64_t x;
      std::memcpy(&x, last - i - (kStep - 1), 8);
      x = reversed_in_word<Word>(x);
      std::memcpy(to + i, &x, 8);
    }
  }
  for (; i < n; ++i) to[i] = last[-i];
}

// memcpy of rows: the C library's own is ten times slower where a row of some pages' length starts
// a few bytes off.
void copy_bytes(char* to, const char* from, size_t n) {
  constexpr size_t kLong = size_t{1} << 16;
  if (n >= kLong || (to - from) % 32 == 0) {
    std::memmove(to, from, n);
    return;
  }
  struct Block {
    uint64_t word[2];
  };
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    Block block[4];
    for (int k = 0; k < 4; ++k) std::memcpy(&block[k], from + i + 16 * k, 16);
    for (int k = 0; k < 4; ++k) std::memcpy(to + i + 16 * k, &block[k], 16);
  }
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    std::memcpy(&word, from + i, 8);
    std::memcpy(to + i, &word, 8);
  }
  for (; i < n; ++i) to[i] = from[i];
}

template <class Word>
void copy_row(Word* to, int64_t to_step, const Word* from, int64_t from_step, int64_t n) {
  if (to_step == 1 && from_step == 1 && n >= 16) {
    copy_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from),
               static_cast<size_t>(n) * sizeof(Word));
  } else if (to_step == 1 && from_step == -1) {
    copy_reversed(to, from, n);
  } else if (to_step == 1 && from_step == 0) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[0];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }
}

// Whether the innermost dimensions of output and input differ, so that a plane of both is turned:
// the input's is made the second. Rows that would be too short are none.
bool turned(Space& space) {
  constexpr int64_t kLeast = 8;
  if (space.stride[0][0] != 1 || space.stride[1][0] == 1 || space.stride[1][0] == 0) return false;
  for (int d = 1; d < space.n; ++d) {
    if (space.stride[1][d] != 1) continue;
    if (space.size[d] < kLeast || space.size[0] < kLeast || has_windows(space)) return false;
    std::swap(space.size[1], space.size[d]);
    for (auto& stride : {space.stride[0], space.stride[1]}) std::swap(stride[1], stride[d]);
    return true;
  }
  return false;
}

template <class Word>
void copy_space(void* out, const void* in, Space& space) {
  if (space.n == 1) {
    space.n = 2;
    space.size[1] = 1;
    space.stride[0][1] = space.stride[1][1] = 0;
  }
  const bool turns = turned(space);
  // A short inner loop costs more to start than to run; a long step costs more yet.
  auto near = [&](int operand) { return std::abs(space.stride[operand][1]) <= 64; };
  if (!turns && space.size[0] < 8 && space.size[1] > space.size[0] && near(0) && near(1) &&
      !has_windows(space)) {
    std::swap(space.size[0], space.size[1]);
    for (auto& stride : {space.stride[0], space.stride[1]}) std::swap(stride[0], stride[1]);
  }
  auto* to = static_cast<Word*>(out);
  const auto* from = static_cast<const Word*>(in);
  const int64_t *to_step = space.stride[0], *from_step = space.stride[1];
  int64_t index[kMaxDims] = {};
  for (;;) {
    if (turns)
      transpose(to, to_step[1], from, from_step[0], space.size[1], space.size[0]);
    else
      for (int64_t i = 0; i < space.size[1]; ++i)
        copy_row(to + i * to_step[1], to_step[0], from + i * from_step[1], from_step[0],
                 space.size[0]);
    int d = 2;
    for (; d < space.n; ++d) {
      to += to_step[d];
      from += from_step[d];
      if (++index[d] < space.size[d]) break;
      index[d] = 0;
      to -= to_step[d] * space.size[d];
      from -= from_step[d] * space.size[d];
    }
    if (d >= space.n) return;
  }
}

void copy_words(void* out, const void* in, size_t width, Space& space) {
  switch (width) {
    case 1:
      return copy_space<uint8_t>(out, in, space);
    case 2:
      return copy_space<uint16_t>(out, in, space);
    case 4:
      return copy_space<uint32_t>(out, in, space);
    default:
      return copy_space<uint64_t>(out, in, space);
  }
}

}  // namespace

namespace {

void copy_items(size_t width, char* to, int64_t to_step, const char* from, int64_t from_step,
                int64_t n) {
  auto copy = [&](auto word) {
    using Word = decltype(word);
    copy_row(reinterpret_cast<Word*>(to), to_step, reinterpret_cast<const Word*>(from), from_step,
             n);
  };
  switch (width) {
    case 1:
      return copy(uint8_t{});
    case 2:
      return copy(uint16_t{});
    case 4:
      return copy(uint32_t{});
    default:
      return copy(uint64_t{});
  }
}

}  // namespace

// The kernels know only elements side by side; others pass through tiles.
void convert_strided(void* out, int64_t out_step, DType out_dtype, const void* in, int64_t in_step,
                     DType in_dtype, int64_t n) {
  ConvertFn convert =
      convert_kernels->to_from[static_cast<int>(out_dtype)][static_cast<int>(in_dtype)];
  size_t out_size = item_size(out_dtype), in_size = item_size(in_dtype);
  auto* to = static_cast<char*>(out);
  const auto* from = static_cast<const char*>(in);
  if (!convert) return copy_items(in_size, to, out_step, from, in_step, n);
  if ((out_step == 1 && in_step == 1) || n == 1) return convert(to, from, n);
  alignas(64) char gathered[kTile * 8], converted[kTile * 8];
  for (int64_t at = 0, m; at < n; at += m) {
    m = std::min(n - at, kTile);
    const char* x = from + at * in_step * static_cast<int64_t>(in_size);
    char* y = to + at * out_step * static_cast<int64_t>(out_size);
    if (in_step != 1) {
      copy_items(in_size, gathered, 1, x, in_step, m);
      x = gathered;
    }
    convert(out_step == 1 ? y : converted, x, m);
    if (out_step != 1) copy_items(out_size, y, out_step, converted, 1, m);
  }
}

namespace {

// Rows of dimension 0 under the others, operand 0 being the output. All pointers are to the first
// element.
struct Walk {
  const TileKernel& kernel;
  DType out_dtype;
  const Operand* in;
  int n_in;

  void run(const Space& space, char* out, const char* const* from) const;
};

void Walk::run(const Space& space, char* out_row, const char* const* from) const {
  int64_t inner = space.size[0];
  bool out_direct = out_dtype == kernel.result && space.stride[0][0] == 1;
  bool direct[kMaxOperands];
  bool all_direct = out_direct;
  uint8_t step[kMaxOperands];
  for (int k = 0; k < n_in; ++k) {
    int64_t s = space.stride[k + 1][0];
    bool repeated = s == 0 && (kernel.repeats >> k & 1);
    direct[k] = in[k].dtype == kernel.compute && (s == 1 || repeated);
    step[k] = repeated ? 0 : 1;
    all_direct = all_direct && direct[k];
  }
  alignas(64) char buffers[kMaxOperands + 1][kTile * 8];
  size_t out_size = item_size(out_dtype);
  size_t in_size[kMaxOperands];
  for (int k = 0; k < n_in; ++k) in_size[k] = item_size(in[k].dtype);

  int64_t index[kMaxDims] = {};
  const char* in_row[kMaxOperands];
  for (int k = 0; k < n_in; ++k) in_row[k] = from[k];
  const void* tile_in[kMaxOperands];
  for (;;) {
    if (all_direct) {
      for (int k = 0; k < n_in; ++k) tile_in[k] = in_row[k];
      kernel.fn(out_row, tile_in, step, inner);
    } else {
      for (int64_t at = 0; at < inner; at += kTile) {
        int64_t n = inner - at < kTile ? inner - at : kTile;
        for (int k = 0; k < n_in; ++k) {
          int64_t s = space.stride[k + 1][0];
          const char* place = in_row[k] + at * s * static_cast<int64_t>(in_size[k]);
          if (direct[k]) {
            tile_in[k] = place;
          } else {
            convert_strided(buffers[k], 1, kernel.compute, place, s, in[k].dtype, step[k] ? n : 1);
            tile_in[k] = buffers[k];
          }
        }
        char* to = out_row + at * space.stride[0][0] * static_cast<int64_t>(out_size);
        if (out_direct) {
          kernel.fn(to, tile_in, step, n);
        } else {
          kernel.fn(buffers[kMaxOperands], tile_in, step, n);
          convert_strided(to, space.stride[0][0], out_dtype, buffers[kMaxOperands], 1,
                          kernel.result, n);
        }
      }
    }
    int d = 1;
    for (; d < space.n; ++d) {
      out_row += space.stride[0][d] * static_cast<int64_t>(out_size);
      for (int k = 0; k < n_in; ++k)
        in_row[k] += space.stride[k + 1][d] * static_cast<int64_t>(in_size[k]);
      if (++index[d] < space.size[d]) break;
      index[d] = 0;
      out_row -= space.stride[0][d] * space.size[d] * static_cast<int64_t>(out_size);
      for (int k = 0; k < n_in; ++k)
        in_row[k] -= space.stride[k + 1][d] * space.size[d] * static_cast<int64_t>(in_size[k]);
    }
    if (d >= space.n) return;
  }
}

int64_t elements(const Space& space) {
  int64_t total = 1;
  for (int d = 0; d < space.n; ++d) total *= space.size[d];
  return total;
}

// Calls f(space, offset[]) for pieces of at least `grain` elements; offset[k]: where operand k
// begins, in elements. Rows stay whole where there are enough of them, and so does an output that
// repeats or overlaps. `steps(d)`: pieces of dimension d have a multiple of so many.
template <class Steps, class F>
void split_space(const Space& space, int n_operands, int64_t grain, const Steps& steps,
                 const F& f) {
  int at = space.n - 1;
  for (int d = at; d-- > 0;)
    if (space.stride[0][at] == 0 || space.size[d] > space.size[at] * 8) at = d;
  int64_t total = elements(space), each = total / space.size[at];
  if (total <= grain || space.stride[0][at] == 0 || has_windows(space)) {
    const int64_t nowhere[kMaxOperands + 1] = {};
    return f(space, nowhere);
  }
  int64_t rows = (grain + each - 1) / each;
  const int64_t step = at == 0 ? kTile : steps(at);
  rows = (rows + step - 1) / step * step;
  parallel_for(space.size[at], rows, [&](int64_t begin, int64_t end) {
    Space piece = space;
    piece.size[at] = end - begin;
    int64_t offset[kMaxOperands + 1];
    for (int k = 0; k < n_operands; ++k) offset[k] = begin * space.stride[k][at];
    f(piece, offset);
  });
}

}  // namespace

namespace {

// Of loops over floats alone: an integer that others make 0 would end the process where it divides.
double unlocked_work(const TileKernel& kernel, int64_t n) {
  bool floats = kernel.compute == DType::kFloat32 || kernel.compute == DType::kFloat64;
  return floats ? static_cast<double>(n) * kernel.cost : 0;
}

}  // namespace

void split_straight(const TileKernel& kernel, void* out, const void* const* in, const uint8_t* step,
                    int n_in, int64_t n) {
  int64_t grain = (parallel_grain() / kernel.cost / kTile + 1) * kTile;
  auto item = static_cast<int64_t>(item_size(kernel.compute));
  auto out_item = static_cast<int64_t>(item_size(kernel.result));
  Unlocked unlocked(unlocked_work(kernel, n));
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const void* from[kMaxOperands];
    for (int k = 0; k < n_in; ++k)
      from[k] = static_cast<const char*>(in[k]) + begin * step[k] * item;
    kernel.fn(static_cast<char*>(out) + begin * out_item, from, step, end - begin);
  });
}

void run_elementwise(const TileKernel& kernel, const int64_t* sizes, int ndim, void* out,
                     const int64_t* out_strides, DType out_dtype, const Operand* in, int n_in) {
  for (int d = 0; d < ndim; ++d)
    if (sizes[d] == 0) return;
  Space space;
  collapse(space, sizes, ndim, out_strides, in, n_in);
  int64_t grain = std::max<int64_t>(parallel_grain() / kernel.cost, 1);
  Unlocked unlocked(unlocked_work(kernel, elements(space)));
  bool out_direct = out_dtype == kernel.result && space.stride[0][0] == 1;
  // Short rows: whole tiles are gathered, which calls the kernel less often.
  if (space.n > 1 && space.size[0] < LinearTiles::kShortRun && out_direct && row_major(space)) {
    int64_t tiles_each = (grain + LinearTiles::kTile - 1) / LinearTiles::kTile;
    parallel_for(elements(space), tiles_each * LinearTiles::kTile, [&](int64_t begin, int64_t end) {
      LinearTiles tiles(kernel, sizes, ndim, in, n_in);
      for (int64_t at = begin; at < end; at += LinearTiles::kTile)
        tiles.get(static_cast<char*>(out) + at * static_cast<int64_t>(item_size(kernel.result)), at,
                  std::min(LinearTiles::kTile, end - at));
    });
    return;
  }
  Walk walk{kernel, out_dtype, in, n_in};
  auto any = [](int) { return int64_t{1}; };
  split_space(space, n_in + 1, grain, any, [&](const Space& piece, const int64_t* offset) {
    const char* from[kMaxOperands];
    for (int k = 0; k < n_in; ++k)
      from[k] = static_cast<const char*>(in[k].data) +
                offset[k + 1] * static_cast<int64_t>(item_size(in[k].dtype));
    walk.run(piece,
             static_cast<char*>(out) + offset[0] * static_cast<int64_t>(item_size(out_dtype)),
             from);
  });
}

namespace {

void convert_space(char* to, DType out_dtype, const char* from, DType in_dtype,
                   const Space& space) {
  size_t out_size = item_size(out_dtype), in_size = item_size(in_dtype);
  int64_t index[kMaxDims] = {};
  for (;;) {
    convert_strided(to, space.stride[0][0], out_dtype, from, space.stride[1][0], in_dtype,
                    space.size[0]);
    int d = 1;
    for (; d < space.n; ++d) {
      to += space.stride[0][d] * static_cast<int64_t>(out_size);
      from += space.stride[1][d] * static_cast<int64_t>(in_size);
      if (++index[d] < space.size[d]) break;
      index[d] = 0;
      to -= space.stride[0][d] * space.size[d] * static_cast<int64_t>(out_size);
      from -= space.stride[1][d] * space.size[d] * static_cast<int64_t>(in_size);
    }
    if (d >= space.n) return;
  }
}

}  // namespace

void run_copy(void* out, const int64_t* out_strides, DType out_dtype, const void* in,
              const int64_t* in_strides, DType in_dtype, const int64_t* sizes, int ndim) {
  for (int d = 0; d < ndim; ++d)
    if (sizes[d] == 0) return;
  Space space;
  Operand source{in, in_strides, in_dtype};
  collapse(space, sizes, ndim, out_strides, &source, 1);
  auto out_size = static_cast<int64_t>(item_size(out_dtype));
  auto in_size = static_cast<int64_t>(item_size(in_dtype));
  // Where planes are turned, whole cache lines of the input.
  auto lines = [&](int d) { return space.stride[1][d] == 1 ? 256 / in_size : int64_t{1}; };
  split_space(space, 2, parallel_grain(), lines, [&](Space piece, const int64_t* offset) {
    char* to = static_cast<char*>(out) + offset[0] * out_size;
    const char* from = static_cast<const char*>(in) + offset[1] * in_size;
    if (out_dtype == in_dtype)
      copy_words(to, from, item_size(in_dtype), piece);
    else
      convert_space(to, out_dtype, from, in_dtype, piece);
  });
}

}  // namespace rl

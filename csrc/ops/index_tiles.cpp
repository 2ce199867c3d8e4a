// The elements that tensors of indices choose, read and added to tile by tile: no list of all their
// offsets.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/pool.h"
#include "ops/index_kernels.h"
#include "ops/places.h"

namespace rl {

namespace {

constexpr int64_t kTile = 512;

// An axis's indices by their row-major number under the shape that all indices broadcast to.
struct AxisReader {
  const int64_t* index;
  int64_t size, stride;
  Dims sizes, strides;  // of the walk, the fastest dimension first

  AxisReader(const IndexAxis& axis, const Dims& shape)
      : index(reinterpret_cast<const int64_t*>(axis.index->data())),
        size(axis.size),
        stride(axis.stride) {
    for (int d = shape.n; d-- > 0;) {
      if (shape[d] == 1) continue;
      const int last = sizes.n - 1;
      if (last >= 0 && axis.strides[d] == strides[last] * sizes[last]) {
        sizes[last] *= shape[d];
      } else {
        sizes.push(shape[d]);
        strides.push(axis.strides[d]);
      }
    }
    if (sizes.n == 0) {
      sizes.push(1);
      strides.push(0);
    }
  }

  // The indices of a tile themselves where they are offsets as well, else null.
  const int64_t* direct(int64_t begin, int64_t n) const {
    if (sizes.n != 1 || strides[0] != 1 || stride != 1) return nullptr;
    int64_t signs = 0;
    for (int64_t i = begin; i < begin + n; ++i) signs |= index[i] | (size - 1 - index[i]);
    return signs < 0 ? nullptr : index + begin;
  }

  // offsets[i] += what the index numbered begin + i stands for; false for one out of range.
  bool add(int64_t begin, int64_t n, int64_t* offsets) const {
    int64_t counter[kMaxDims], at = 0;
    for (int d = 0; d < sizes.n; ++d) {
      counter[d] = begin % sizes[d];
      begin /= sizes[d];
      at += counter[d] * strides[d];
    }
    bool good = true;
    while (n > 0) {
      const int64_t m = std::min(n, sizes[0] - counter[0]);
      good = add_run(index + at, strides[0], m, offsets) && good;
      n -= m;
      offsets += m;
      at += m * strides[0];
      counter[0] += m;
      for (int d = 0; d + 1 < sizes.n && counter[d] == sizes[d]; ++d) {
        at += strides[d + 1] - sizes[d] * strides[d];
        counter[d] = 0;
        ++counter[d + 1];
      }
    }
    return good;
  }

 private:
  // Negative indices count from the end; no sign of `signs` is set by one in range.
  bool add_run(const int64_t* from, int64_t step, int64_t n, int64_t* offsets) const {
    int64_t signs = 0;
    auto offset = [&](int64_t value) {
      signs |= (value + size) | (size - 1 - value);
      return (value + (value < 0 ? size : 0)) * stride;
    };
    if (step == 0) {
      const int64_t same = offset(*from);
      for (int64_t i = 0; i < n; ++i) offsets[i] += same;
    } else if (step == 1) {
      for (int64_t i = 0; i < n; ++i) offsets[i] += offset(from[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) offsets[i] += offset(from[i * step]);
    }
    return signs >= 0;
  }
};

// Elements of a block that lies in one piece, else 0.
int64_t block_size(const Places& places) {
  int64_t n = 1;
  for (int d = places.block_sizes.n; d-- > 0;) {
    if (places.block_sizes[d] != 1 && places.block_strides[d] != n) return 0;
    n *= places.block_sizes[d];
  }
  return n;
}

template <class T>
void read_tile(T* to, const T* from, const int64_t* offsets, int64_t n, int64_t block) {
  if (block == 1)
    for (int64_t i = 0; i < n; ++i) to[i] = from[offsets[i]];
  else
    for (int64_t i = 0; i < n; ++i)
      std::memcpy(to + i * block, from + offsets[i], static_cast<size_t>(block) * sizeof(T));
}

}  // namespace

namespace {

struct Tiles {
  std::vector<AxisReader> axes;

  explicit Tiles(const Places& places) {
    for (const IndexAxis& axis : places.axes) axes.emplace_back(axis, places.index_shape);
  }

  // Calls visit(number, offsets, n) for the places from `begin` up to `end`; false, and no further,
  // at one out of range.
  template <class Visit>
  bool each(int64_t begin, int64_t end, const Visit& visit) const {
    int64_t buffer[kTile];
    for (int64_t i = begin, n; i < end; i += n) {
      n = std::min(kTile, end - i);
      const int64_t* offsets = axes.size() == 1 ? axes[0].direct(i, n) : nullptr;
      if (!offsets) {
        std::fill_n(buffer, n, 0);
        bool good = true;
        for (const AxisReader& axis : axes) good = axis.add(i, n, buffer) && good;
        if (!good) return false;
        offsets = buffer;
      }
      visit(i, offsets, n);
    }
    return true;
  }
};

}  // namespace

TensorRef read_tiles(const Places& places, TensorImpl* t) {
  const int64_t block = places.at == 0 ? block_size(places) : 0;
  if (block == 0) return {};
  TensorRef out = TensorImpl::empty(t->dtype(), places.result);
  const Tiles tiles(places);
  std::atomic<bool> outside = false;  // a part may not throw
  with_word(t->dtype(), [&](auto word) {
    using T = decltype(word);
    const auto* from = reinterpret_cast<const T*>(t->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    const int64_t grain = (parallel_grain() / (block + 1) / kTile + 1) * kTile;
    parallel_for(
        out->numel() / block, block >= kTile ? kTile / 8 : grain, [&](int64_t begin, int64_t end) {
          bool good = tiles.each(begin, end, [&](int64_t i, const int64_t* offsets, int64_t n) {
            read_tile(to + i * block, from, offsets, n, block);
          });
          if (!good) outside.store(true, std::memory_order_relaxed);
        });
  });
  return outside ? TensorRef() : out;
}

bool add_tiles(const Places& places, TensorImpl* into, TensorImpl* values) {
  const int64_t block = places.at == 0 ? block_size(places) : 0;
  if (block == 0 || !values->is_contiguous()) return false;
  bool good = true;
  dispatch_dtype(into->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* from = reinterpret_cast<const T*>(values->data());
    auto* to = reinterpret_cast<T*>(into->mut_data());
    good = Tiles(places).each(0, values->numel() / block,
                              [&](int64_t i, const int64_t* offsets, int64_t n) {
                                for (int64_t k = 0; k < n; ++k)
                                  for (int64_t j = 0; j < block; ++j) {
                                    T& place = to[offsets[k] + j];
                                    place = static_cast<T>(place + from[(i + k) * block + j]);
                                  }
                              });
  });
  return good;
}

}  // namespace rl

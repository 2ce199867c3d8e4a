#include "ops/index_kernels.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/mask_kernels.h"
#include "ops/places.h"
#include "ops/tensor.h"

namespace rl {

TensorRef as_places(TensorImpl* index) {
  if (index->dtype() == DType::kInt64) return TensorRef::borrow(index);
  if (index->dtype() != DType::kInt32) return {};
  return to_dtype(Tensor(TensorRef::borrow(index)), DType::kInt64).ref();
}

namespace {

// Calls visit(offset, step, count) for `shape` in row-major order, in runs as long as the strides
// allow.
template <class Visit>
void for_each_run(const Dims& shape, const Dims& strides, const Visit& visit) {
  int64_t n = 1, step = 0, counter[kMaxDims] = {}, at = 0;
  int outer = shape.n;
  for (; outer > 0; --outer) {
    int64_t size = shape[outer - 1];
    if (size == 0) return;
    if (size == 1) continue;
    if (n > 1 && strides[outer - 1] != step * n) break;
    if (n == 1) step = strides[outer - 1];
    n *= size;
  }
  for (int k = 0; k < outer; ++k)
    if (shape[k] == 0) return;
  for (;;) {
    visit(at, step, n);
    int k = outer - 1;
    for (; k >= 0; --k) {
      at += strides[k];
      if (++counter[k] < shape[k]) break;
      at -= strides[k] * shape[k];
      counter[k] = 0;
    }
    if (k < 0) return;
  }
}

// offsets[i] = (or +=, but for the first) index[i] * axis.stride, negative indices counted from the
// end. Throws IndexError for the first index out of range.
void add_offsets(const IndexAxis& axis, const Dims& shape, int64_t* offsets) {
  const auto* from = reinterpret_cast<const int64_t*>(axis.index->data());
  const int64_t size = axis.size;
  for_each_run(shape, axis.strides, [&](int64_t at, int64_t step, int64_t n) {
    bool bad = false;
    for (int64_t i = 0; i < n; ++i) {
      int64_t value = from[at + i * step];
      bad |= value < -size || value >= size;
      int64_t offset = (value < 0 ? value + size : value) * axis.stride;
      offsets[i] = axis.number ? offsets[i] + offset : offset;
    }
    for (int64_t i = 0; bad && i < n; ++i) {
      int64_t value = from[at + i * step];
      check(value >= -size && value < size, ErrorKind::kIndex, "index ", value,
            " is out of bounds for dimension ", axis.number, " with size ", size);
    }
    offsets += n;
  });
}

// One int64 tensor or null for each leading dimension of `t`.
std::vector<TensorRef> expand_masks(TensorImpl* t, const TensorList& indices) {
  std::vector<TensorRef> out;
  for (int i = 0; i < indices.n; ++i) {
    TensorImpl* index = indices.v[i];
    if (!index) {
      out.emplace_back();
      continue;
    }
    TensorRef mask;
    if (index->dtype() == DType::kUInt8) {
      mask = to_dtype(Tensor(TensorRef::borrow(index)), DType::kBool).ref();
      index = mask.get();
    }
    if (index->dtype() != DType::kBool) {
      out.push_back(as_places(index));
      check(static_cast<bool>(out.back()), ErrorKind::kIndex,
            "tensors used as indices must be long, int, byte or bool tensors");
      continue;
    }
    for (int d = 0; d < index->ndim(); ++d) {
      size_t at = out.size() + static_cast<size_t>(d);
      bool fits = at < static_cast<size_t>(t->ndim()) && t->sizes()[at] == index->sizes()[d];
      check(fits, ErrorKind::kIndex, "The shape of the mask ", shown(index->sizes(), index->ndim()),
            " at index ", d, " does not match the shape of the indexed tensor ",
            shown(t->sizes(), t->ndim()), " at index ", at);
    }
    push_nonzero(index, out);
  }
  check(out.size() <= static_cast<size_t>(t->ndim()), ErrorKind::kIndex,
        "too many indices for tensor of dimension ", t->ndim(), " (got ", out.size(), ")");
  return out;
}

void broadcast_indices(const std::vector<TensorRef>& indices, Places& places) {
  std::string shapes;
  bool first = true;
  for (const TensorRef& index : indices) {
    if (!index) continue;
    if (first) {
      places.index_shape = index->shape();
      first = false;
      continue;
    }
    const Dims& so_far = places.index_shape;
    Dims both;
    both.n = std::max(so_far.n, index->ndim());
    bool fits = true;
    for (int d = 0; d < both.n; ++d) {
      int a = d - (both.n - so_far.n), b = d - (both.n - index->ndim());
      int64_t x = a < 0 ? 1 : so_far[a], y = b < 0 ? 1 : index->sizes()[b];
      fits = fits && (x == y || x == 1 || y == 1);
      both[d] = x == 1 ? y : x;
    }
    if (!fits) {
      for (const TensorRef& each : indices)
        if (each) shapes += (shapes.empty() ? "" : ", ") + to_string(each->sizes(), each->ndim());
      fail(ErrorKind::kIndex,
           "shape mismatch: indexing tensors could not be broadcast together with shapes ", shapes);
    }
    places.index_shape = both;
  }
}

// A choice without its offsets.
Places find_axes(TensorImpl* t, const TensorList& list) {
  std::vector<TensorRef> indices = expand_masks(t, list);
  Places places;
  broadcast_indices(indices, places);
  int first = -1, last = -1, count = 0;
  for (int d = 0; d < static_cast<int>(indices.size()); ++d) {
    if (!indices[static_cast<size_t>(d)]) continue;
    if (first < 0) first = d;
    last = d;
    ++count;
  }
  check(count > 0, ErrorKind::kIndex, "an index tensor is expected");
  places.at = last - first + 1 == count ? first : 0;
  for (int d = 0; d < t->ndim(); ++d) {
    if (d < static_cast<int>(indices.size()) && indices[static_cast<size_t>(d)]) continue;
    places.block_sizes.push(t->sizes()[d]);
    places.block_strides.push(t->strides()[d]);
  }
  for (int d = 0; d < places.at; ++d) places.result.push(places.block_sizes[d]);
  for (int64_t size : places.index_shape) places.result.push(size);
  for (int d = places.at; d < places.block_sizes.n; ++d) places.result.push(places.block_sizes[d]);

  int64_t n = checked_numel(places.index_shape.v, places.index_shape.n);
  // As many offsets as the index tensors have elements after broadcasting, which takes memory.
  check(n <= int64_t{1} << 48, ErrorKind::kMemory, "cannot allocate memory for ", n, " indices");
  int number = -1;
  for (int d = 0; d < static_cast<int>(indices.size()); ++d) {
    TensorRef& index = indices[static_cast<size_t>(d)];
    if (!index) continue;
    ++number;
    check(t->sizes()[d] > 0 || n == 0, ErrorKind::kIndex,
          "index is out of bounds for dimension with size 0");
    Dims strides = broadcast_strides(index.get(), places.index_shape);
    places.axes.push_back({std::move(index), strides, t->sizes()[d], t->strides()[d], number});
  }
  return places;
}

void list_offsets(Places& places) {
  int64_t n = checked_numel(places.index_shape.v, places.index_shape.n);
  places.offsets = TensorImpl::empty(DType::kInt64, &n, 1);
  // PyTorch lets any index pass where the kept dimensions are empty.
  if (checked_numel(places.result.v, places.result.n) == 0) return;
  for (const IndexAxis& axis : places.axes) add_offsets(axis, places.index_shape, places.starts());
}

}  // namespace

Places resolve(TensorImpl* t, const TensorList& list) {
  Places places = find_axes(t, list);
  list_offsets(places);
  return places;
}

namespace {

// The blocks of a choice on both sides: in the indexed tensor and in one of the result's shape. The
// dimensions kept before the indices are walked outside, so that blocks are short and near.
struct Blocks {
  Dims lead_sizes, lead_strides, lead_kept;
  Dims sizes, strides, kept;
  Dims index_strides;
  int64_t dense = 1;  // elements of a block that lies in one piece on both sides, else 0

  Blocks(const Places& places, const Dims& result_strides) {
    for (int k = 0; k < places.index_shape.n; ++k)
      index_strides.push(result_strides[places.at + k]);
    Dims all_kept = places.kept(result_strides);
    for (int d = 0; d < places.block_sizes.n; ++d) {
      bool lead = d < places.at;
      (lead ? lead_sizes : sizes).push(places.block_sizes[d]);
      (lead ? lead_strides : strides).push(places.block_strides[d]);
      (lead ? lead_kept : kept).push(all_kept[d]);
    }
    for (int d = sizes.n; d-- > 0;) {
      if (sizes[d] != 1 && (strides[d] != dense || kept[d] != dense)) {
        dense = 0;
        return;
      }
      dense *= sizes[d];
    }
  }

  // Calls visit(offset of `starts` in the indexed tensor, starts of blocks, offset of the first in
  // the other tensor, step there, number of blocks).
  template <class Visit>
  void each_run(const Places& places, const Visit& visit) const {
    int64_t counter[kMaxDims] = {}, base = 0, lead = 0;
    for (;;) {
      const int64_t* starts = places.starts();
      for_each_run(places.index_shape, index_strides, [&](int64_t at, int64_t step, int64_t n) {
        visit(base, starts, lead + at, step, n);
        starts += n;
      });
      int d = lead_sizes.n - 1;
      for (; d >= 0; --d) {
        base += lead_strides[d];
        lead += lead_kept[d];
        if (++counter[d] < lead_sizes[d]) break;
        base -= lead_strides[d] * lead_sizes[d];
        lead -= lead_kept[d] * lead_sizes[d];
        counter[d] = 0;
      }
      if (d < 0) return;
    }
  }
};

template <class T>
void gather(const Places& places, TensorImpl* from, TensorImpl* out, const Dims& result_strides) {
  const auto* all = reinterpret_cast<const T*>(from->data());
  auto* target = reinterpret_cast<T*>(out->mut_data());
  const Blocks blocks(places, result_strides);
  const size_t bytes = static_cast<size_t>(blocks.dense) * sizeof(T);
  const int64_t some = parallel_grain() / (blocks.dense + 1) + 1;
  blocks.each_run(places,
                  [&](int64_t base, const int64_t* starts, int64_t at, int64_t step, int64_t n) {
                    const T* source = all + base;
                    T* to = target + at;
                    if (blocks.dense == 0) {
                      for (int64_t i = 0; i < n; ++i)
                        run_copy(to + i * step, blocks.kept.v, out->dtype(), source + starts[i],
                                 blocks.strides.v, out->dtype(), blocks.sizes.v, blocks.sizes.n);
                      return;
                    }
                    parallel_for(n, some, [&](int64_t begin, int64_t end) {
                      if (blocks.dense == 1)
                        for (int64_t i = begin; i < end; ++i) to[i * step] = source[starts[i]];
                      else
                        for (int64_t i = begin; i < end; ++i)
                          std::memcpy(to + i * step, source + starts[i], bytes);
                    });
                  });
}

// target[offset + ...] (+)= values[at + ...] over the kept dimensions, innermost last.
template <class T, bool kAdd>
void write_block(T* target, const int64_t* to, const T* values, const int64_t* from,
                 const int64_t* sizes, int n) {
  if (n == 1) {
    for (int64_t i = 0; i < sizes[0]; ++i) {
      T& place = target[i * to[0]];
      place = kAdd ? static_cast<T>(place + values[i * from[0]]) : values[i * from[0]];
    }
    return;
  }
  for (int64_t i = 0; i < sizes[0]; ++i)
    write_block<T, kAdd>(target + i * to[0], to + 1, values + i * from[0], from + 1, sizes + 1,
                         n - 1);
}

template <class T, bool kAdd>
void scatter(const Places& places, TensorImpl* into, TensorImpl* values,
             const Dims& result_strides) {
  auto* target = reinterpret_cast<T*>(into->mut_data());
  const auto* source = reinterpret_cast<const T*>(values->data());
  const Blocks blocks(places, result_strides);
  blocks.each_run(
      places, [&](int64_t base, const int64_t* starts, int64_t at, int64_t step, int64_t n) {
        T* to = target + base;
        const T* from = source + at;
        if (blocks.dense == 1)
          for (int64_t i = 0; i < n; ++i) {
            T& place = to[starts[i]];
            place = kAdd ? static_cast<T>(place + from[i * step]) : from[i * step];
          }
        else if (blocks.dense)
          for (int64_t i = 0; i < n; ++i) {
            T* block = to + starts[i];
            for (int64_t k = 0; k < blocks.dense; ++k)
              block[k] = kAdd ? static_cast<T>(block[k] + from[i * step + k]) : from[i * step + k];
          }
        else
          for (int64_t i = 0; i < n; ++i)
            write_block<T, kAdd>(to + starts[i], blocks.strides.v, from + i * step, blocks.kept.v,
                                 blocks.sizes.v, blocks.sizes.n);
      });
}

}  // namespace

TensorRef read_places(TensorImpl* t, const TensorList& indices) {
  Places places = find_axes(t, indices);
  if (checked_numel(places.result.v, places.result.n) == 0)
    return TensorImpl::empty(t->dtype(), places.result);
  if (TensorRef out = read_tiles(places, t)) return out;
  list_offsets(places);
  TensorRef out = TensorImpl::empty(t->dtype(), places.result);
  Dims strides(out->strides(), out->ndim());
  with_word(t->dtype(), [&](auto word) { gather<decltype(word)>(places, t, out.get(), strides); });
  return out;
}

void add_at_places(TensorImpl* into, const TensorList& indices, TensorImpl* values) {
  Places places = find_axes(into, indices);
  if (values->numel() && add_tiles(places, into, values)) return;
  list_offsets(places);
  if (values->numel()) write_places(places, into, values, strides_of(values), true);
}

void write_places(const Places& places, TensorImpl* into, TensorImpl* values, const Dims& strides,
                  bool add) {
  dispatch_dtype(into->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if (add)
      scatter<T, true>(places, into, values, strides);
    else
      scatter<T, false>(places, into, values, strides);
  });
}

}  // namespace rl

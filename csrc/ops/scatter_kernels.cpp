#include "ops/scatter_kernels.h"

#include <algorithm>
#include <atomic>

#include "core/error.h"
#include "graph/view.h"
#include "kernels/pool.h"
#include "ops/copy.h"
#include "ops/places.h"
#include "ops/tensor.h"
#include "ops/wide_part.h"

namespace rl {

IndexedDim::IndexedDim(TensorImpl* t, int64_t the_dim)
    : sizes(t->shape()), strides(t->strides(), t->ndim()), dim(wrap_dim(the_dim, t->ndim())) {
  if (sizes.n) return;
  sizes.push(1);
  strides.push(0);
}

namespace {

TensorRef int64_of(TensorImpl* index) {
  return index->dtype() == DType::kInt64 ? TensorRef::borrow(index)
                                         : converted_copy(index, DType::kInt64);
}

// Three operands over one shape: target without its dimension, index, source.
struct Walk {
  Dims sizes, target, index, source;
  int64_t step = 0;  // of the target's dimension
  bool empty = false;

  // Leaves out dimensions of size 1 and joins those that all three step through alike.
  Walk(const IndexedDim& lines, const IndexView& places, const Dims& from) {
    step = lines.strides[lines.dim];
    for (int d = 0; d < places.shape.n; ++d) {
      int64_t size = places.shape[d];
      empty = empty || size == 0;
      if (size == 1) continue;
      add(size, d == lines.dim ? 0 : lines.strides[d], places.strides[d], from[d]);
    }
    if (sizes.n == 0) add(1, 0, 0, 0);
  }

  // The last dimension's lines.
  int64_t lines() const {
    int64_t n = empty ? 0 : 1;
    for (int d = 0; d + 1 < sizes.n; ++d) n *= sizes[d];
    return n;
  }

  // Calls body(target offset, index offset, source offset) at the start of each line.
  template <class Body>
  void each_line(const Body& body) const {
    some_lines(0, lines(), body);
  }

  // The same for the lines from `begin` up to `end`.
  template <class Body>
  void some_lines(int64_t begin, int64_t end, const Body& body) const {
    if (begin == end) return;  // a dimension may have no size
    int64_t counter[kMaxDims] = {}, a = 0, b = 0, c = 0;
    int64_t rest = begin;
    for (int d = sizes.n - 2; d >= 0; --d) {
      counter[d] = rest % sizes[d];
      rest /= sizes[d];
      a += counter[d] * target[d];
      b += counter[d] * index[d];
      c += counter[d] * source[d];
    }
    for (int64_t i = begin; i < end; ++i) {
      body(a, b, c);
      for (int d = sizes.n - 2; d >= 0; --d) {
        a += target[d];
        b += index[d];
        c += source[d];
        if (++counter[d] < sizes[d]) break;
        a -= target[d] * sizes[d];
        b -= index[d] * sizes[d];
        c -= source[d] * sizes[d];
        counter[d] = 0;
      }
    }
  }

 private:
  void add(int64_t size, int64_t t, int64_t i, int64_t s) {
    int last = sizes.n - 1;
    if (last >= 0 && target[last] == t * size && index[last] == i * size &&
        source[last] == s * size) {
      sizes[last] *= size;
      target[last] = t;
      index[last] = i;
      source[last] = s;
      return;
    }
    sizes.push(size);
    target.push(t);
    index.push(i);
    source.push(s);
  }
};

struct Write {
  template <class T>
  T operator()(T, T b) const {
    return b;
  }
};

// Integers wrap around, bools say "or".
struct Plus {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) return a | b;
    return static_cast<T>(a + b);
  }
};

struct Times {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) return a & b;
    return static_cast<T>(a * b);
  }
};

template <class F>
struct Scaled {
  F factor;
  template <class T>
  T operator()(T a, T b) const {
    return Plus()(a, Times()(static_cast<T>(factor), b));
  }
};

// nan wins.
struct Largest {
  template <class T>
  T operator()(T a, T b) const {
    return (b != b) | (a < b) ? b : a;
  }
};

struct Smallest {
  template <class T>
  T operator()(T a, T b) const {
    return (b != b) | (b < a) ? b : a;
  }
};

template <class T, class F>
void combine_lines(const Walk& w, T* to, const int64_t* index, const T* from, F f) {
  const int last = w.sizes.n - 1;
  const int64_t n = w.sizes[last], step = w.step;
  const int64_t at = w.target[last], is = w.index[last], from_step = w.source[last];
  w.each_line([&](int64_t a, int64_t b, int64_t c) {
    T* target = to + a;
    const int64_t* places = index + b;
    const T* source = from + c;
    if (is == 0 && at == 1 && from_step == 1) {
      T* __restrict block = target + *places * step;
      const T* __restrict values = source;
      for (int64_t k = 0; k < n; ++k) block[k] = f(block[k], values[k]);
    } else if (at == 0) {
      for (int64_t k = 0; k < n; ++k) {
        T& place = target[places[k * is] * step];
        place = f(place, source[k * from_step]);
      }
    } else {
      for (int64_t k = 0; k < n; ++k) {
        T& place = target[k * at + places[k * is] * step];
        place = f(place, source[k * from_step]);
      }
    }
  });
}

template <class T, class F>
void combine_as(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                TensorImpl* source, const Dims& strides, F f) {
  Walk walk(lines, index, strides);
  combine_lines(walk, reinterpret_cast<T*>(target->mut_data()),
                reinterpret_cast<const int64_t*>(index.memory->data()),
                reinterpret_cast<const T*>(source->data()), f);
}

bool is_short_float(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBFloat16; }

// In float, for 16-bit floats: the target's line keeps all bits between two additions.
template <class F>
void combine_in_float(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                      TensorImpl* source, F f) {
  WidePart sum(target, lines, index, DType::kFloat32);
  TensorRef values = converted_copy(source, DType::kFloat32);
  combine_as<float>(sum.part(), sum.lines(), sum.index(), values.get(), strides_under(values.get()),
                    f);
  sum.write_back();
}

template <class F>
void combine(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
             TensorImpl* source, const Dims& strides, F f) {
  dispatch_dtype(target->dtype(), [&](auto zero) {
    combine_as<decltype(zero)>(target, lines, index, source, strides, f);
  });
}

bool overlaps(TensorImpl* a, TensorImpl* b) {
  auto span = [](TensorImpl* t) {
    int64_t last = t->offset(), item = static_cast<int64_t>(item_size(t->dtype()));
    for (int d = 0; d < t->ndim(); ++d) last += (t->sizes()[d] - 1) * t->strides()[d];
    return std::pair(t->offset() * item, (last + 1) * item);
  };
  if (a->storage().get() != b->storage().get() || !a->numel() || !b->numel()) return false;
  auto [from, to] = span(a);
  auto [begin, end] = span(b);
  return from < end && begin < to;
}

}  // namespace

IndexView element_index(TensorImpl* index) {
  IndexView view;
  view.memory = int64_of(index);
  view.shape = index->shape();
  view.strides = strides_under(view.memory.get());
  if (view.shape.n == 0) view.shape.push(1);
  return view;
}

IndexView slice_index(TensorImpl* index, const IndexedDim& lines) {
  IndexView view;
  view.memory = int64_of(index);
  view.shape = lines.sizes;
  view.shape[lines.dim] = index->numel();
  for (int d = 0; d < lines.sizes.n; ++d) view.strides.push(0);
  if (view.memory->ndim()) view.strides[lines.dim] = view.memory->strides()[0];
  return view;
}

void check_places(const IndexView& index, int64_t low, int64_t size,
                  void (*fail)(int64_t value, int dim, int64_t size), int dim) {
  IndexedDim none(index.memory.get(), 0);
  IndexView once = index;
  for (int d = 0; d < once.shape.n; ++d)
    if (once.strides[d] == 0 && once.shape[d] > 1) once.shape[d] = 1;
  Dims zeros = once.shape;
  for (int d = 0; d < zeros.n; ++d) zeros[d] = 0;
  none.strides = zeros;
  Walk walk(none, once, zeros);
  const auto* values = reinterpret_cast<const int64_t*>(index.memory->data());
  const int64_t n = walk.sizes[walk.sizes.n - 1], step = walk.index[walk.sizes.n - 1];
  const uint64_t range = static_cast<uint64_t>(size - low);
  walk.each_line([&](int64_t, int64_t at, int64_t) {
    bool bad = false;
    for (int64_t k = 0; k < n; ++k)
      bad |= static_cast<uint64_t>(values[at + k * step]) - static_cast<uint64_t>(low) >= range;
    if (!bad) return;
    for (int64_t k = 0; k < n; ++k)
      if (int64_t v = values[at + k * step]; v < low || v >= size) fail(v, dim, size);
  });
}

void fail_place(int64_t value, int dim, int64_t size) {
  fail(ErrorKind::kRuntime, "index ", value, " is out of bounds for dimension ", dim, " with size ",
       size);
}

void fail_index(int64_t value, int dim, int64_t size) {
  fail(ErrorKind::kIndex, "index ", value, " is out of bounds for dimension ", dim, " with size ",
       size);
}

void scatter_into(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                  TensorImpl* source, const Dims& strides, Combine how) {
  if (is_short_float(target->dtype()) && source->ndim() == target->ndim()) {
    if (how == Combine::kAdd) return combine_in_float(target, lines, index, source, Plus());
    if (how == Combine::kMultiply) return combine_in_float(target, lines, index, source, Times());
  }
  switch (how) {
    case Combine::kWrite:
      return combine(target, lines, index, source, strides, Write());
    case Combine::kAdd:
      return combine(target, lines, index, source, strides, Plus());
    case Combine::kMultiply:
      return combine(target, lines, index, source, strides, Times());
    case Combine::kLargest:
      return combine(target, lines, index, source, strides, Largest());
    case Combine::kSmallest:
      return combine(target, lines, index, source, strides, Smallest());
  }
}

void scatter_scaled(TensorImpl* target, const IndexedDim& lines, const IndexView& index,
                    TensorImpl* source, const Dims& strides, const Value& factor) {
  if (is_short_float(target->dtype()))
    return combine_in_float(target, lines, index, source,
                            Scaled<float>{static_cast<float>(factor.as_double())});
  if (is_float(target->dtype()))
    return combine(target, lines, index, source, strides, Scaled<double>{factor.as_double()});
  combine(target, lines, index, source, strides, Scaled<int64_t>{factor.as_int()});
}

namespace {

// Whether n indices all lie in 0 .. size - 1: no sign is negative.
bool within(const int64_t* places, int64_t step, int64_t n, int64_t size) {
  int64_t signs = 0;
  if (step == 1)
    for (int64_t k = 0; k < n; ++k) signs |= places[k] | (size - 1 - places[k]);
  else
    for (int64_t k = 0; k < n; ++k) signs |= places[k * step] | (size - 1 - places[k * step]);
  return signs >= 0;
}

// The steps along a line: of the input beside the indexed dimension and along it, of the index and
// of the output.
struct LineSteps {
  int64_t at, step, index, to;
};

// to[k] = from[k, places[k]], with the usual steps as constants.
template <class T>
void read_line(T* to, const T* from, const int64_t* places, int64_t n, const LineSteps& s) {
  if (s.to != 1 || s.index != 1 || s.at > 1)
    for (int64_t k = 0; k < n; ++k) to[k * s.to] = from[k * s.at + places[k * s.index] * s.step];
  else if (s.at == 1)
    for (int64_t k = 0; k < n; ++k) to[k] = from[k + places[k] * s.step];
  else if (s.step == 1)
    for (int64_t k = 0; k < n; ++k) to[k] = from[places[k]];
  else
    for (int64_t k = 0; k < n; ++k) to[k] = from[places[k] * s.step];
}

// The same where each index is checked before it is followed; false for one out of bounds.
template <class T>
bool read_checked(T* to, const T* from, const int64_t* places, int64_t n, const LineSteps& s,
                  const Bounds* bounds) {
  constexpr int64_t kBlock = 512;  // its indices stay in the cache
  for (int64_t k = 0; k < n; k += kBlock) {
    const int64_t m = std::min(kBlock, n - k);
    const int64_t* some = places + k * s.index;
    if (bounds && !within(some, s.index, m, bounds->size)) return false;
    read_line(to + k * s.to, from + k * s.at, some, m, s);
  }
  return true;
}

}  // namespace

void gather_from(TensorImpl* out, TensorImpl* source, const IndexedDim& lines,
                 const IndexView& index, const Bounds* bounds) {
  Dims steps = strides_under(out);
  Walk w(lines, index, steps);
  const int last = w.sizes.n - 1;
  const int64_t n = w.sizes[last];
  const LineSteps s{w.target[last], w.step, w.index[last], w.source[last]};
  const auto* places = reinterpret_cast<const int64_t*>(index.memory->data());
  std::atomic<bool> outside = false;  // a part may not throw
  with_word(out->dtype(), [&](auto word) {
    using T = decltype(word);
    const auto* from = reinterpret_cast<const T*>(source->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    auto read = [&](int64_t a, int64_t b, int64_t c, int64_t count) {
      if (s.index == 0 && s.at == 1 && s.to == 1 && !bounds) {
        std::copy_n(from + a + places[b] * s.step, count, to + c);
      } else if (!read_checked(to + c, from + a, places + b, count, s, bounds)) {
        outside.store(true, std::memory_order_relaxed);
      }
    };
    const int64_t grain = parallel_grain(), count = w.lines();
    if (count == 1)
      return parallel_for(n, grain, [&](int64_t i, int64_t end) {
        read(i * s.at, i * s.index, i * s.to, end - i);
      });
    // Rows far apart: some columns of all of them stay in the cache, all columns would not.
    constexpr int64_t kColumns = 64, kCache = int64_t{1} << 20;
    const auto item = static_cast<int64_t>(sizeof(T));
    if (s.at == 1 && s.index == 1 && n > kColumns && lines.length() * n * item > kCache)
      return parallel_for(n, kColumns, [&](int64_t i, int64_t end) {
        w.each_line([&](int64_t a, int64_t b, int64_t c) { read(a + i, b + i, c + i, end - i); });
      });
    parallel_for(count, grain / (n + 1) + 1, [&](int64_t i, int64_t end) {
      w.some_lines(i, end, [&](int64_t a, int64_t b, int64_t c) { read(a, b, c, n); });
    });
  });
  if (outside) check_places(index, 0, bounds->size, bounds->fail, bounds->dim);
}

Dims strides_under(TensorImpl* t) {
  Dims strides(t->strides(), t->ndim());
  if (strides.n == 0) strides.push(0);
  return strides;
}

TensorRef read_unshared(TensorImpl* target, TensorImpl* input) {
  if (!overlaps(target, input)) return TensorRef::borrow(input);
  auto dense = [](TensorImpl* t) {
    return dense_non_overlapping(t->sizes(), t->strides(), t->ndim());
  };
  check(!dense(target) || !dense(input), ErrorKind::kRuntime,
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation.");
  return converted_copy(input, input->dtype());
}

TensorRef written_copy(Call& call, bool keep_strides) {
  if (call.target) return TensorRef::borrow(call.target);
  TensorImpl* t = call.tensor(0);
  if (!keep_strides || t->is_contiguous()) return converted_copy(t, t->dtype());
  return clone_like(make_detached(t).get(), t).ref();
}

}  // namespace rl

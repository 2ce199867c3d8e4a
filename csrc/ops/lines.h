// A tensor as lines along one dimension or several, and what ops that choose elements share: the
// order of elements, and the way of a gradient back to the chosen ones.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "core/dtype.h"
#include "kernels/pool.h"
#include "ops/custom.h"

namespace rl::ops {

// 16-bit floats are compared as floats.
template <class T>
auto sort_key(T x) {
  if constexpr (kIsFloat<T>)
    return static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(x);
  else
    return x;
}

template <class T>
bool is_nan(T x) {
  if constexpr (kIsFloat<T>) return sort_key(x) != sort_key(x);
  return false;
}

// a comes before b; nan before everything, and so is never passed over.
template <bool largest, class T>
bool before(T a, T b) {
  if (is_nan(a) || is_nan(b)) return is_nan(a) && !is_nan(b);
  return largest ? sort_key(b) < sort_key(a) : sort_key(a) < sort_key(b);
}

// The order of sorting: nan is larger than everything.
template <bool descending, class T>
bool sorts_before(T a, T b) {
  if constexpr (descending) return before<true>(a, b);
  if (is_nan(a) || is_nan(b)) return !is_nan(a) && is_nan(b);
  return sort_key(a) < sort_key(b);
}

// An element and where it stands.
template <class T>
struct Placed {
  T value;
  int64_t index;
};

// Calls f(i, room) for each of `count` lines of `length` elements, on any thread; `room`: memory of
// its own, taken beforehand. 16 are in use at once at most.
template <class Room, class F>
void each_line(int64_t count, int64_t length, int64_t room, const F& f) {
  const int64_t worth = (count * length + parallel_grain() - 1) / parallel_grain();
  const int64_t parts = std::clamp(worth, int64_t{1}, std::clamp(count, int64_t{1}, int64_t{16}));
  std::unique_ptr<Room[]> rooms(new Room[static_cast<size_t>(parts * room)]);
  parallel_parts(parts, [&](int64_t part) {
    for (int64_t i = count * part / parts; i < count * (part + 1) / parts; ++i)
      f(i, rooms.get() + part * room);
  });
}

// Calls f(i, row) likewise; f may reorder its row.
template <class T, class F>
void each_row(const T* first, int64_t count, int64_t length, const F& f) {
  each_line<Placed<T>>(count, length, length, [&](int64_t i, Placed<T>* row) {
    for (int64_t k = 0; k < length; ++k) row[k] = {first[i * length + k], k};
    f(i, row);
  });
}

// Lines along the reduced dimensions, which are moved last and lie row by row.
struct Lines {
  TensorRef memory;
  Dims kept, squeezed;  // the result's sizes with and without the reduced dimensions
  int64_t count = 1, length = 1;

  Lines(TensorImpl* t, const bool* reduced);
};

Lines lines_along(TensorImpl* t, int64_t dim);
Lines whole_line(TensorImpl* t);

// Refuses to choose out of nothing. `told`: the dim as the sentence has it.
void check_length(const char* name, TensorImpl* t, int64_t dim, int64_t told);

// Writes lines of elements, `length` each, to where the dimension was: a tensor of t's shape but
// for that dimension, row-major.
TensorRef unlined(TensorImpl* t, TensorImpl* lines, int64_t length, int64_t dim);
// The same in the layout of t, whose lines are as long.
TensorRef unlined_like(TensorImpl* t, TensorImpl* lines, int64_t dim);

// One element was chosen out of all: those that equal it share the gradient, nan with nan. Slots:
// self, result.
void share_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in);
// Each gradient goes to the element that its index points to.
void scatter_gradient(const TensorRef& grad, int64_t dim, const TensorRef& indices, bool kept,
                      const Dims& sizes, TensorRef* grad_in);
// The same for slots indices, dim, keepdim, self_sym_sizes.
void dim_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in);
// The same for slots indices, dim, self_sym_sizes, of an op that keeps the dimension.
void line_gradient(OpNode& node, const TensorRef& grad, TensorRef* grad_in);

}  // namespace rl::ops

#include "ops/unique.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <vector>

#include "ops/copy.h"
#include "ops/places.h"
#include "ops/radix_sort.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// What the elements are compared as.
template <class T>
auto key(T x) {
  if constexpr (kIsFloat<T> && sizeof(T) == 2)
    return static_cast<float>(x);
  else
    return x;
}

// A total order: nan last.
template <class T>
bool before(T a, T b) {
  if constexpr (kIsFloat<T>) {
    auto x = key(a), y = key(b);
    if (x != x || y != y) return x == x && y != y;
    return x < y;
  } else {
    return a < b;
  }
}

template <class T>
bool alike(T a, T b) {
  return key(a) == key(b);
}

int64_t* numbers(TensorImpl* t) { return reinterpret_cast<int64_t*>(t->mut_data()); }

TensorRef none() { return TensorImpl::empty(DType::kInt64, Dims::of({0})); }

TensorRef comparable(TensorImpl* t) {
  return t->dtype() == DType::kBool ? clean_bools(t) : row_major(t);
}

// Items, of which each starts a group or joins the last one.
struct Groups {
  TensorRef inverse, counts, memory;
  int64_t* firsts = nullptr;  // the item that each group shows
  int64_t found = 0;

  Groups(const Dims& items, bool wants_inverse)
      : inverse(wants_inverse ? TensorImpl::empty(DType::kInt64, items) : none()) {}

  // `order` null: items in their own order. `joins(a, b)`: item b belongs to the group of a.
  template <class Joins>
  void fill(int64_t n, const int64_t* order, bool wants_inverse, bool wants_counts,
            const Joins& joins) {
    memory = TensorImpl::empty(DType::kInt64, Dims::of({n + 1}));
    firsts = numbers(memory.get());
    if (n > 0) find(n, order, wants_inverse ? numbers(inverse.get()) : nullptr, joins);
    firsts[found] = n;
    counts = none();
    if (wants_counts) {
      counts = TensorImpl::empty(DType::kInt64, Dims::of({found}));
      for (int64_t g = 0; g < found; ++g) numbers(counts.get())[g] = firsts[g + 1] - firsts[g];
    }
    if (order)
      for (int64_t g = 0; g < found; ++g) firsts[g] = order[firsts[g]];
  }

 private:
  // Each place is written as if a group started there: a branch could not be foretold.
  template <class Joins>
  void find(int64_t n, const int64_t* order, int64_t* group_of, const Joins& joins) {
    int64_t groups = 1, last = order ? order[0] : 0;
    firsts[0] = 0;
    if (group_of) group_of[last] = 0;
    for (int64_t i = 1; i < n; ++i) {
      const int64_t item = order ? order[i] : i;
      firsts[groups] = i;
      groups += !joins(last, item);
      last = item;
      if (group_of) group_of[item] = groups - 1;
    }
    found = groups;
  }
};

void finish(Call& call, TensorRef values, Groups& groups) {
  call.output = std::move(values);
  call.more.push_back(std::move(groups.inverse));
  call.more.push_back(std::move(groups.counts));
}

template <class T>
TensorRef chosen(const T* from, const Groups& groups, DType dtype) {
  TensorRef out = TensorImpl::empty(dtype, Dims::of({groups.found}));
  auto* to = reinterpret_cast<T*>(out->mut_data());
  for (int64_t i = 0; i < groups.found; ++i) to[i] = from[groups.firsts[i]];
  return out;
}

// Slices of one dimension as rows, and back.
struct Rows {
  TensorRef memory;
  int64_t n, width;
  Dims sizes;  // with the dimension in front
  int dim;

  Rows(TensorImpl* t, int64_t the_dim) {
    Dims order;
    dim = wrap_dim(the_dim, t->ndim());
    check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", the_dim,
          " but tensor has no dimensions");
    order.push(dim);
    int zeros = 0;
    for (int d = 0; d < t->ndim(); ++d) {
      if (d != dim) order.push(d);
      zeros += t->sizes()[d] == 0;
    }
    n = t->sizes()[dim];
    if (n == 0)
      check(zeros == 1, ErrorKind::kRuntime,
            "Number of zero sized dimensions is more than one, so unique cannot be applied ");
    else
      check(zeros == 0, ErrorKind::kRuntime,
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
    Tensor moved = permute(Tensor(make_detached(t)), order);
    sizes = moved->shape();
    memory = comparable(moved.get());
    width = n ? t->numel() / n : 0;
  }

  // The rows that groups show, seen with the dimension where it was.
  template <class T>
  TensorRef pick(const Groups& groups) const {
    Dims shape = sizes;
    shape[0] = groups.found;
    TensorRef out = TensorImpl::empty(memory->dtype(), shape);
    const auto* from = reinterpret_cast<const T*>(memory->data());
    auto* to = reinterpret_cast<T*>(out->mut_data());
    for (int64_t g = 0; g < groups.found; ++g)
      to = std::copy_n(from + groups.firsts[g] * width, width, to);
    Dims strides(out->strides(), out->ndim()), back, steps;
    for (int d = 1; d < shape.n; ++d) {
      back.push(shape[d]);
      steps.push(strides[d]);
    }
    back.insert(dim, shape[0]);
    steps.insert(dim, strides[0]);
    out->set_geometry(back, steps.v, 0);
    return out;
  }
};

void unique_rows(Call& call, int64_t dim, bool sort, bool wants_inverse, bool wants_counts) {
  Rows rows(call.tensor(0), dim);
  Groups groups(Dims::of({rows.n}), wants_inverse);
  dispatch_dtype(rows.memory->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* data = reinterpret_cast<const T*>(rows.memory->data());
    std::vector<int64_t> order(static_cast<size_t>(sort ? rows.n : 0));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const T *x = data + a * rows.width, *y = data + b * rows.width;
      return std::lexicographical_compare(x, x + rows.width, y, y + rows.width,
                                          [](T p, T q) { return before(p, q); });
    });
    groups.fill(rows.n, sort ? order.data() : nullptr, wants_inverse, wants_counts,
                [&](int64_t a, int64_t b) {
                  const T *x = data + a * rows.width, *y = data + b * rows.width;
                  return std::equal(x, x + rows.width, y, [](T p, T q) { return alike(p, q); });
                });
    finish(call, rows.pick<T>(groups), groups);
  });
}

[[noreturn]] void fail_derivative(const char* name) {
  fail(ErrorKind::kNotImplemented, "the derivative for '", name, "' is not implemented.");
}

}  // namespace

namespace {

// Integers of a range that is no larger than their number need no sorting: they are counted.
// False where the range is larger.
template <class T>
bool unique_by_counting(Call& call, const T* data, int64_t n, const Dims& sizes) {
  T low = data[0], high = data[0];
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, data[i]);
    high = std::max(high, data[i]);
  }
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  if (range >= static_cast<uint64_t>(n)) return false;
  auto slot = [low](T x) { return static_cast<size_t>(x) - static_cast<size_t>(low); };
  std::vector<int64_t> counts(static_cast<size_t>(range) + 1);
  for (int64_t i = 0; i < n; ++i) ++counts[slot(data[i])];
  const int64_t found = std::count_if(counts.begin(), counts.end(), [](auto c) { return c > 0; });
  TensorRef values = TensorImpl::empty(call.tensor(0)->dtype(), Dims::of({found}));
  TensorRef inverse = none(), numbers_of = none();
  auto* value = reinterpret_cast<T*>(values->mut_data());
  if (call.args[3].i) numbers_of = TensorImpl::empty(DType::kInt64, Dims::of({found}));
  int64_t* count = numbers(numbers_of.get());
  int64_t place = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    if (!counts[k]) continue;
    value[place] = static_cast<T>(static_cast<size_t>(low) + k);
    if (call.args[3].i) count[place] = counts[k];
    counts[k] = place++;
  }
  if (call.args[2].i) {
    inverse = TensorImpl::empty(DType::kInt64, sizes);
    int64_t* to = numbers(inverse.get());
    for (int64_t i = 0; i < n; ++i) to[i] = counts[slot(data[i])];
  }
  call.output = std::move(values);
  call.more.push_back(std::move(inverse));
  call.more.push_back(std::move(numbers_of));
  return true;
}

}  // namespace

void Unique2::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const bool inverse = call.args[2].i, counts = call.args[3].i;
  TensorRef dense = comparable(t);
  Groups groups(t->shape(), inverse);
  const int64_t n = dense->numel();
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsInt<T>)
      if (n > 0 &&
          unique_by_counting(call, reinterpret_cast<const T*>(dense->data()), n, t->shape()))
        return;
    auto joins_in = [](const T* data) {
      return [data](int64_t a, int64_t b) { return alike(data[a], data[b]); };
    };
    const auto* data = reinterpret_cast<const T*>(dense->data());
    TensorRef sorted = TensorImpl::empty(t->dtype(), &n, 1);
    auto* ordered = reinterpret_cast<T*>(sorted->mut_data());
    std::unique_ptr<int64_t[]> order(inverse ? new int64_t[static_cast<size_t>(n)] : nullptr);
    std::unique_ptr<char[]> room(new char[static_cast<size_t>(radix::room_for<T>(n))]);
    if (!radix_sort<false>(data, n, ordered, order.get(), room.get())) {
      if (inverse) {
        std::iota(order.get(), order.get() + n, int64_t{0});
        std::stable_sort(order.get(), order.get() + n,
                         [&](int64_t a, int64_t b) { return before(data[a], data[b]); });
      } else {
        std::copy_n(data, n, ordered);
        std::sort(ordered, ordered + n, before<T>);
      }
    }
    const T* from = inverse ? data : ordered;
    groups.fill(n, order.get(), inverse, counts, joins_in(from));
    finish(call, chosen(from, groups, t->dtype()), groups);
  });
}

void Unique2::backward(OpNode&, TensorRef*, TensorRef*) { fail_derivative("_unique2"); }

void UniqueDim::forward(Call& call) {
  unique_rows(call, call.args[1].i, true, call.args[3].i, call.args[4].i);
}

void UniqueDim::backward(OpNode&, TensorRef*, TensorRef*) { fail_derivative("unique_dim"); }

namespace {

// The first n elements, in memory of their own where that is much less.
TensorRef head(TensorRef t, int64_t n) {
  const int64_t step = 1, all = t->numel();
  t->set_geometry(Dims::of({n}), &step, 0);
  return n < all / 2 ? row_major_copy(t.get()) : t;
}

// Whether one of n elements differs from the one before it.
template <class T>
bool changes(const T* x, int64_t n) {
  if constexpr (kIsInt<T>) {
    T bits = 0;
    for (int64_t k = 0; k < n; ++k) bits |= x[k] ^ x[k - 1];
    return bits != 0;
  } else {
    bool any = false;
    for (int64_t k = 0; k < n; ++k) any |= !alike(x[k - 1], x[k]);
    return any;
  }
}

// In one pass. Chunks of one group are passed over; in others each element is written as if a group
// started there, since a branch could not be foretold.
template <class T, bool kInverse, bool kCounts>
void unite_neighbours(Call& call, const TensorRef& dense) {
  TensorImpl* t = call.tensor(0);
  const int64_t n = dense->numel();
  TensorRef values = TensorImpl::empty(t->dtype(), Dims::of({n + 1}));
  TensorRef inverse = kInverse ? TensorImpl::empty(DType::kInt64, t->shape()) : none();
  TensorRef counts = kCounts ? TensorImpl::empty(DType::kInt64, Dims::of({n + 1})) : none();
  const auto* data = reinterpret_cast<const T*>(dense->data());
  auto* to = reinterpret_cast<T*>(values->mut_data());
  int64_t *group_of = numbers(inverse.get()), *starts = numbers(counts.get()), found = 0;
  if (n > 0) {
    to[found++] = data[0];
    if (kCounts) starts[0] = 0;
    if (kInverse) group_of[0] = 0;
  }
  constexpr int64_t kChunk = 64;
  for (int64_t begin = 1; begin < n; begin += kChunk) {
    const int64_t end = std::min(begin + kChunk, n);
    if (!changes(data + begin, end - begin)) {
      if (kInverse) std::fill(group_of + begin, group_of + end, found - 1);
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      to[found] = data[i];
      if (kCounts) starts[found] = i;
      found += !alike(data[i - 1], data[i]);
      if (kInverse) group_of[i] = found - 1;
    }
  }
  if (kCounts) {
    starts[found] = n;
    for (int64_t g = 0; g < found; ++g) starts[g] = starts[g + 1] - starts[g];
    counts = head(std::move(counts), found);
  }
  call.output = head(std::move(values), found);
  call.more.push_back(std::move(inverse));
  call.more.push_back(std::move(counts));
}

}  // namespace

void UniqueConsecutive::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  const bool inverse = call.args[1].i, counts = call.args[2].i;
  if (!call.args[3].is_none()) return unique_rows(call, call.args[3].i, false, inverse, counts);
  TensorRef dense = comparable(t);
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    if (inverse)
      counts ? unite_neighbours<T, true, true>(call, dense)
             : unite_neighbours<T, true, false>(call, dense);
    else
      counts ? unite_neighbours<T, false, true>(call, dense)
             : unite_neighbours<T, false, false>(call, dense);
  });
}

void UniqueConsecutive::backward(OpNode&, TensorRef*, TensorRef*) {
  fail_derivative("unique_consecutive");
}

namespace {

// nan is in no set.
void is_in(Call& call, TensorImpl* elements, TensorImpl* tests, DType type, const Dims& sizes) {
  check(elements->dtype() != DType::kBool && tests->dtype() != DType::kBool, ErrorKind::kRuntime,
        "Unsupported input type encountered for isin(): Bool");
  const bool invert = call.args[3].i;
  TensorRef from = converted_copy(elements, type), set = converted_copy(tests, type);
  call.output = TensorImpl::empty(DType::kBool, sizes);
  auto* to = reinterpret_cast<bool*>(call.output->mut_data());
  dispatch_dtype(type, [&](auto zero) {
    using T = decltype(zero);
    auto* begin = reinterpret_cast<T*>(set->mut_data());
    std::sort(begin, begin + set->numel(), before<T>);
    const T* end =
        std::partition_point(begin, begin + set->numel(), [](T x) { return alike(x, x); });
    const auto* data = reinterpret_cast<const T*>(from->data());
    for (int64_t i = 0, n = from->numel(); i < n; ++i) {
      const T* at = std::lower_bound(static_cast<const T*>(begin), end, data[i], before<T>);
      to[i] = (at != end && alike(*at, data[i])) != invert;
    }
  });
}

}  // namespace

void IsIn::forward(Call& call) {
  TensorImpl *a = call.tensor(0), *b = call.tensor(1);
  ResultType type;
  type.add_tensor(a->dtype(), a->ndim());
  type.add_tensor(b->dtype(), b->ndim());
  is_in(call, a, b, type.get(), a->shape());
}

void IsInNumber::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  ResultType type;
  type.add_tensor(t->dtype(), t->ndim());
  type.add_number(call.args[1].number_category());
  is_in(call, t, number_tensor(call.args[1], type.get()).get(), type.get(), t->shape());
}

void NumberIsIn::forward(Call& call) {
  TensorImpl* t = call.tensor(1);
  ResultType type;
  type.add_tensor(t->dtype(), t->ndim());
  type.add_number(call.args[0].number_category());
  is_in(call, number_tensor(call.args[0], type.get()).get(), t, type.get(), Dims());
}

}  // namespace rl::ops

namespace rl {

void add_unique_ops(std::vector<Op*>& table) { add_ops(ops::UniqueOps{}, table); }

}  // namespace rl

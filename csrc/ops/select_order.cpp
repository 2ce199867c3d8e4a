#include "ops/select_order.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "ops/lines.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

void refuse_bool(const char* kernel, TensorImpl* t) {
  check(t->dtype() != DType::kBool, ErrorKind::kNotImplemented, '"', kernel,
        "\" not implemented for 'Bool'\n  fix: convert first, as in x.int().");
}

// Chooses one element of each line: `choose` takes the row as pairs that it may reorder and
// returns a pointer to one of them.
template <class Choose>
void choose_one(Call& call, const Value& dim, const Value& keepdim, const char* name,
                const Choose& choose) {
  TensorImpl* t = call.tensor(0);
  int last = wrap_dim(dim.i, t->ndim());
  check_length(name, t, dim.i, last);
  Lines lines = lines_along(t, dim.i);
  const Dims& sizes = keepdim.i ? lines.kept : lines.squeezed;
  call.output = TensorImpl::empty(t->dtype(), sizes);
  call.more.push_back(TensorImpl::empty(DType::kInt64, sizes));
  auto* indices = reinterpret_cast<int64_t*>(call.more[0]->mut_data());
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* values = reinterpret_cast<T*>(call.output->mut_data());
    each_row(line, lines.count, lines.length, [&](int64_t i, Placed<T>* row) {
      const Placed<T>& chosen = *choose(row, lines.length);
      values[i] = chosen.value;
      indices[i] = chosen.index;
    });
  });
}

// Hoare's selection with the median of three as pivot, nan the largest. Which of several equal
// elements ends at k depends on these very exchanges, which are PyTorch's.
template <class T>
Placed<T>* select_kth(Placed<T>* row, int64_t n, int64_t k) {
  auto larger = [&](int64_t a, int64_t b) { return before<true>(row[a].value, row[b].value); };
  auto exchange = [&](int64_t a, int64_t b) { std::swap(row[a], row[b]); };
  int64_t low = 0, high = n - 1;
  while (high > low + 1) {
    exchange(low + (high - low) / 2, low + 1);
    if (larger(low + 1, high)) exchange(low + 1, high);
    if (larger(low, high)) exchange(low, high);
    if (larger(low + 1, low)) exchange(low + 1, low);
    int64_t up = low + 1, down = high;
    for (;;) {
      do ++up;
      while (larger(low, up));
      do --down;
      while (larger(down, low));
      if (down < up) break;
      exchange(up, down);
    }
    exchange(low, down);
    if (down <= k) low = up;
    if (down >= k) high = down - 1;
  }
  if (high == low + 1 && larger(low, high)) exchange(low, high);
  return row + k;
}

// The middle of the row, or of what is not nan in it; a nan that counts is the median itself.
template <bool skip_nan, class T>
Placed<T>* select_middle(Placed<T>* row, int64_t n) {
  int64_t nans = 0;
  if constexpr (kIsFloat<T>)
    for (int64_t i = 0; i < n; ++i) {
      if (!is_nan(row[i].value)) continue;
      if (!skip_nan) return row + i;
      ++nans;
    }
  int64_t middle = nans == n ? 0 : (n - nans - 1) / 2;
  // Of equal elements the one whose turn it is in their own order.
  std::nth_element(row, row + middle, row + n, [](const Placed<T>& a, const Placed<T>& b) {
    if (sorts_before<false>(a.value, b.value)) return true;
    return !sorts_before<false>(b.value, a.value) && a.index < b.index;
  });
  return row + middle;
}

// The end of the longest run of equal elements, as introsort leaves it.
template <class T>
Placed<T>* select_mode(Placed<T>* row, int64_t n) {
  std::sort(row, row + n, [](const Placed<T>& a, const Placed<T>& b) {
    return sorts_before<false>(a.value, b.value);
  });
  int64_t run = 0, longest = 0;
  Placed<T>* best = row;
  for (int64_t i = 0; i < n; ++i) {
    ++run;
    if (i + 1 < n && sort_key(row[i].value) == sort_key(row[i + 1].value)) continue;
    if (run > longest) {
      longest = run;
      best = row + i;
    }
    run = 0;
  }
  return best;
}

// The value alone needs no places beside the elements, unless it is a zero, whose sign is that of
// the one whose turn it is.
template <bool skip_nan, class T>
T middle_value(const T* line, int64_t n) {
  if constexpr (!std::is_same_v<T, bool>) {
    std::unique_ptr<T[]> values(new T[static_cast<size_t>(n)]);
    T* end = std::copy_n(line, n, values.get());
    T* numbers = std::partition(values.get(), end, [](T x) { return !is_nan(x); });
    const int64_t count = numbers - values.get();
    if (count == n || (skip_nan && count > 0)) {
      T* middle = values.get() + (count - 1) / 2;
      std::nth_element(values.get(), middle, numbers,
                       [](T a, T b) { return sort_key(a) < sort_key(b); });
      if (sort_key(*middle) != 0) return *middle;
    }
  }
  std::vector<Placed<T>> row(static_cast<size_t>(n));
  for (Placed<T>& place : row) place = {*line++, &place - row.data()};
  return select_middle<skip_nan>(row.data(), n)->value;
}

template <bool skip_nan>
void middle_of_all(Call& call) {
  TensorImpl* t = call.tensor(0);
  if (t->numel()) refuse_bool("median_cpu", t);
  call.output = TensorImpl::empty(t->dtype(), nullptr, 0);
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    auto* value = reinterpret_cast<T*>(call.output->mut_data());
    if (t->numel() == 0) {  // nan, or what PyTorch's conversion of it gives
      if constexpr (kIsFloat<T>)
        *value = static_cast<T>(std::numeric_limits<float>::quiet_NaN());
      else if constexpr (std::is_same_v<T, bool>)
        *value = true;
      else
        *value = sizeof(T) >= 4 ? std::numeric_limits<T>::min() : T(0);
      return;
    }
    Lines lines = whole_line(t);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    *value = middle_value<skip_nan>(line, lines.length);
  });
}

template <bool skip_nan>
void middle_along(Call& call) {
  TensorImpl* t = call.tensor(0);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check_length("median", t, dim, dim);
  refuse_bool("median_out", t);
  choose_one(call, call.args[1], call.args[2], "median",
             [](auto* row, int64_t n) { return select_middle<skip_nan>(row, n); });
}

// The first k of a row in the order `first`. Few out of many by a heap, else by selection: which of
// several equal elements are taken is as in PyTorch, which decides in the same way.
template <class T, class First>
void take_first(Placed<T>* begin, int64_t n, int64_t k, bool sorted, First first) {
  Placed<T>* end = begin + n;
  if (k * 64 <= n) {
    std::partial_sort(begin, begin + k, end, first);
    return;
  }
  std::nth_element(begin, begin + k - 1, end, first);
  if (sorted) std::sort(begin, begin + k - 1, first);
}

}  // namespace

void Kthvalue::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t k = call.args[1].i;
  int dim = wrap_dim(call.args[2].i, t->ndim());
  check_length("kthvalue", t, dim, dim);
  check(k >= 1 && k <= (t->ndim() ? t->sizes()[dim] : 1), ErrorKind::kRuntime,
        "kthvalue(): selected number k out of range for dimension ", dim,
        "\n  k counts from 1 for the smallest to ", t->ndim() ? t->sizes()[dim] : 1,
        " for the largest; got ", k, ".");
  if (t->ndim()) refuse_bool("kthvalue_cpu", t);
  choose_one(call, call.args[2], call.args[3], "kthvalue",
             [k](auto* row, int64_t n) { return select_kth(row, n, k - 1); });
}
void Kthvalue::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}

void Median::forward(Call& call) { middle_of_all<false>(call); }
void Median::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradient(node, grad_out[0], grad_in);
}
void MedianDim::forward(Call& call) { middle_along<false>(call); }
void MedianDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}
void NanMedian::forward(Call& call) { middle_of_all<true>(call); }
void NanMedian::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  share_gradient(node, grad_out[0], grad_in);
}
void NanMedianDim::forward(Call& call) { middle_along<true>(call); }
void NanMedianDim::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}

void Mode::forward(Call& call) {
  choose_one(call, call.args[1], call.args[2], "mode",
             [](auto* row, int64_t n) { return select_mode(row, n); });
}
void Mode::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  dim_gradient(node, grad_out[0], grad_in);
}

void Topk::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t k = call.args[1].i;
  int dim = wrap_dim(call.args[2].i, t->ndim());
  int64_t length = t->ndim() ? t->sizes()[dim] : 1;
  check(k >= 0 && k <= length, ErrorKind::kRuntime, "selected index k out of range\n  k = ", k,
        " of ", length, " elements in dimension ", dim, ".");
  check(t->dtype() != DType::kBool, ErrorKind::kRuntime,
        "topk does not support bool dtypes on CPU\n  fix: convert first, as in x.int().");
  if (t->ndim() == 0) k = 1;  // a 0-d tensor has no dimension to take less of
  bool largest = call.args[3].i != 0, sorted = call.args[4].i != 0;
  Lines lines = lines_along(t, dim);
  const int64_t n = lines.count * k;
  TensorRef values = TensorImpl::empty(t->dtype(), &n, 1);
  TensorRef places = TensorImpl::empty(DType::kInt64, &n, 1);
  dispatch_dtype(t->dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto* line = reinterpret_cast<const T*>(lines.memory->data());
    auto* value = reinterpret_cast<T*>(values->mut_data());
    auto* index = reinterpret_cast<int64_t*>(places->mut_data());
    if (k == 0) return;
    each_row(line, lines.count, lines.length, [&](int64_t i, Placed<T>* row) {
      auto take = [&](auto first) { take_first(row, lines.length, k, sorted, first); };
      using Row = const Placed<T>&;
      if (largest)
        take([](Row a, Row b) { return sorts_before<true>(a.value, b.value); });
      else
        take([](Row a, Row b) { return sorts_before<false>(a.value, b.value); });
      for (int64_t j = 0; j < k; ++j) {
        value[i * k + j] = row[j].value;
        index[i * k + j] = row[j].index;
      }
    });
  });
  call.output = unlined(t, values.get(), k, dim);
  call.more.push_back(unlined(t, places.get(), k, dim));
}
void Topk::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  line_gradient(node, grad_out[0], grad_in);
}

}  // namespace rl::ops

namespace rl {

void add_select_order_ops(std::vector<Op*>& table) { add_ops(ops::SelectOrderOps{}, table); }

}  // namespace rl

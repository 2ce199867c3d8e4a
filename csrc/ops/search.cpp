#include "ops/search.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

// Whether the place of a value is behind `at`. nan is above all.
template <class T, bool kRight>
bool is_behind(T at, T value) {
  return kRight ? !(at > value) : !(at >= value);
}

// In a line of `n` boundaries, read through `sorter` where there is one. Steps by arithmetic: which
// way a search turns is a coin's toss to the branch predictor.
template <class T, bool kRight>
int64_t place_of(const T* line, const int64_t* sorter, int64_t n, T value) {
  if (n == 0) return 0;
  int64_t low = 0;
  while (n > 1) {
    int64_t half = n / 2, mid = low + half - 1;
    low += is_behind<T, kRight>(line[sorter ? sorter[mid] : mid], value) ? half : 0;
    n -= half;
  }
  return low + is_behind<T, kRight>(line[sorter ? sorter[low] : low], value);
}

struct Search {
  TensorImpl *boundaries, *input, *sorter;
  bool out_int32, right;
  DType type;  // in which values are compared
};

template <class T, class Index>
void search_as(const Search& s, TensorImpl* boundaries, TensorImpl* input, TensorImpl* sorter,
               TensorImpl* out) {
  const auto* line = reinterpret_cast<const T*>(boundaries->data());
  const auto* values = reinterpret_cast<const T*>(input->data());
  const auto* order = sorter ? reinterpret_cast<const int64_t*>(sorter->data()) : nullptr;
  auto* to = reinterpret_cast<Index*>(out->mut_data());
  const bool shared = s.boundaries->ndim() == 1;
  const int64_t n = boundaries->sizes()[boundaries->ndim() - 1];
  const int64_t width = input->ndim() ? input->sizes()[input->ndim() - 1] : 1;
  for (int64_t i = 0, count = input->numel(); i < count; ++i) {
    int64_t start = shared ? 0 : i / width * n;
    const int64_t* by = order ? order + start : nullptr;
    int64_t place = s.right ? place_of<T, true>(line + start, by, n, values[i])
                            : place_of<T, false>(line + start, by, n, values[i]);
    to[i] = static_cast<Index>(place);
  }
}

TensorRef search(const Search& s) {
  check(s.type != DType::kBool, ErrorKind::kNotImplemented,
        "\"searchsorted_out_cpu\" not implemented for 'Bool'");
  auto ready = [&](TensorImpl* t) {
    return t->is_contiguous() && t->dtype() == s.type ? TensorRef::borrow(t)
                                                      : converted_copy(t, s.type);
  };
  TensorRef boundaries = ready(s.boundaries), input = ready(s.input), sorter;
  if (s.sorter) sorter = converted_copy(s.sorter, DType::kInt64);
  TensorRef out = TensorImpl::empty(s.out_int32 ? DType::kInt32 : DType::kInt64, s.input->shape());
  dispatch_dtype(s.type, [&](auto zero) {
    using T = decltype(zero);
    if (s.out_int32)
      search_as<T, int32_t>(s, boundaries.get(), input.get(), sorter.get(), out.get());
    else
      search_as<T, int64_t>(s, boundaries.get(), input.get(), sorter.get(), out.get());
  });
  return out;
}

// Whether the places above equal values are wanted: `right`, or its newer name.
bool goes_right(bool right, const Value& side) {
  if (side.is_none()) return right;
  bool is_right = std::strcmp(side.s, "right") == 0;
  check(is_right || std::strcmp(side.s, "left") == 0, ErrorKind::kRuntime,
        "torch.searchsorted(): side can only be 'left' or 'right' but got ", side.s);
  check(is_right || !right, ErrorKind::kRuntime,
        "torch.searchsorted(): side and right can't be set to opposites, got side of ", side.s,
        " while right was True");
  return is_right;
}

void check_sorter(TensorImpl* sorter, TensorImpl* boundaries) {
  check(
      sorter->shape() == boundaries->shape(), ErrorKind::kRuntime,
      "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor ",
      shown(boundaries->sizes(), boundaries->ndim()), "and got sorter tensor ",
      shown(sorter->sizes(), sorter->ndim()));
  check(sorter->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype ",
        dtype_title(sorter->dtype()));
  if (sorter->numel() == 0) return;
  int64_t size = sorter->ndim() ? sorter->sizes()[sorter->ndim() - 1] : 1;
  check_places(
      element_index(sorter), 0, size,
      [](int64_t, int, int64_t) {
        fail(ErrorKind::kRuntime, "torch.searchsorted(): sorter index out of range");
      },
      0);
}

// `scalar`: the input is a 0-d tensor made of a number.
void search_sorted(Call& call, TensorImpl* input, DType type) {
  TensorImpl* boundaries = call.tensor(0);
  bool right = goes_right(call.args[3].i, call.args[4]);
  TensorImpl* sorter = call.args[5].is_none() ? nullptr : call.tensor(5);
  if (sorter) check_sorter(sorter, boundaries);
  check(input->ndim() > 0 || boundaries->ndim() == 1, ErrorKind::kRuntime,
        "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension "
        "is 1, but we got boundaries tensor dim(",
        boundaries->ndim(), ") and input value's dim(", input->ndim(), ") numel(", input->numel(),
        ")");
  check(boundaries->ndim() > 0, ErrorKind::kRuntime,
        "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 "
        "dimension");
  bool fits = boundaries->ndim() == input->ndim();
  for (int d = 0; fits && d < input->ndim() - 1; ++d)
    fits = input->sizes()[d] == boundaries->sizes()[d];
  check(boundaries->ndim() == 1 || fits, ErrorKind::kRuntime,
        "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions "
        "of boundaries tensor and input value tensor must match, but we got boundaries tensor ",
        shown(boundaries->sizes(), boundaries->ndim()), " and input value tensor ",
        shown(input->sizes(), input->ndim()));
  call.output = search({boundaries, input, sorter, call.args[2].i != 0, right, type});
}

DType common_type(TensorImpl* a, TensorImpl* b) {
  ResultType type;
  type.add_tensor(a->dtype(), a->ndim());
  type.add_tensor(b->dtype(), b->ndim());
  return type.get();
}

DType common_type(TensorImpl* t, const Value& number) {
  ResultType type;
  type.add_tensor(t->dtype(), t->ndim());
  type.add_number(number.number_category());
  return type.get();
}

TensorRef of_number(const Value& number, DType type) {
  TensorRef t = TensorImpl::empty(type, nullptr, 0);
  fill(t.get(), number);
  return t;
}

void bucketize(Call& call, TensorImpl* input, TensorImpl* boundaries, DType type) {
  check(boundaries->ndim() == 1, ErrorKind::kRuntime,
        "boundaries tensor must be 1 dimension, but got dim(", boundaries->ndim(), ")");
  call.output =
      search({boundaries, input, nullptr, call.args[2].i != 0, call.args[3].i != 0, type});
}

}  // namespace

void SearchSorted::forward(Call& call) {
  search_sorted(call, call.tensor(1), common_type(call.tensor(0), call.tensor(1)));
}

void SearchSortedNumber::forward(Call& call) {
  DType type = common_type(call.tensor(0), call.args[1]);
  search_sorted(call, of_number(call.args[1], type).get(), type);
}

void Bucketize::forward(Call& call) {
  bucketize(call, call.tensor(0), call.tensor(1), common_type(call.tensor(0), call.tensor(1)));
}

void BucketizeNumber::forward(Call& call) {
  DType type = common_type(call.tensor(1), call.args[0]);
  bucketize(call, of_number(call.args[0], type).get(), call.tensor(1), type);
}

namespace {

template <class W>
TensorRef sum_weights(const int64_t* numbers, int64_t n, TensorImpl* weights, int64_t bins) {
  constexpr DType kType = dtype_of<W>();
  TensorRef out = full(Dims::of({bins}), kType, 0).ref();
  auto* to = reinterpret_cast<W*>(out->mut_data());
  if (!weights) {
    for (int64_t i = 0; i < n; ++i) to[numbers[i]] += 1;
    return out;
  }
  TensorRef dense = converted_copy(weights, kType);
  const auto* from = reinterpret_cast<const W*>(dense->data());
  for (int64_t i = 0; i < n; ++i) to[numbers[i]] += from[i];
  return out;
}

}  // namespace

void Bincount::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* weights = call.args[1].is_none() ? nullptr : call.tensor(1);
  int64_t least = call.args[2].i, n = t->numel();
  check(category(t->dtype()) == Category::kInt, ErrorKind::kNotImplemented,
        "\"bincount_cpu\" not implemented for '", dtype_title(t->dtype()), "'");
  check(least >= 0, ErrorKind::kRuntime, "minlength should be >= 0");
  constexpr char kNumbers[] = "bincount only supports 1-d non-negative integral inputs.";
  check(t->ndim() == 1, ErrorKind::kRuntime, kNumbers);
  if (n == 0) {
    call.output = full(Dims::of({least}), DType::kInt64, 0).ref();
    return;
  }
  TensorRef dense = t->dtype() == DType::kInt64 && t->is_contiguous()
                        ? TensorRef::borrow(t)
                        : converted_copy(t, DType::kInt64);
  const auto* numbers = reinterpret_cast<const int64_t*>(dense->data());
  int64_t low = numbers[0], high = numbers[0];
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, numbers[i]);
    high = std::max(high, numbers[i]);
  }
  check(low >= 0, ErrorKind::kRuntime, kNumbers);
  check(!weights || (weights->ndim() == 1 && weights->numel() == n), ErrorKind::kRuntime,
        "weights should be 1-d and have the same length as input");
  check(high < INT64_MAX, ErrorKind::kRuntime, "maximum value of input overflowed, it should be < ",
        INT64_MAX, " but got ", high);
  int64_t bins = std::max(high + 1, least);
  if (!weights)
    call.output = sum_weights<int64_t>(numbers, n, nullptr, bins);
  else if (weights->dtype() == DType::kFloat32)
    call.output = sum_weights<float>(numbers, n, weights, bins);
  else
    call.output = sum_weights<double>(numbers, n, weights, bins);
}

namespace {

struct Ends {
  double low, high;
};

template <class T>
Ends ends_of(const T* data, int64_t n) {
  T low = data[0], high = data[0];
  for (int64_t i = 0; i < n; ++i) {
    if (data[i] != data[i]) return {NAN, NAN};
    low = std::min(low, data[i]);
    high = std::max(high, data[i]);
  }
  return {static_cast<double>(low), static_cast<double>(high)};
}

bool finite(const Ends& ends) { return std::isfinite(ends.low) && std::isfinite(ends.high); }

// Edges of equal distance, from both ends, as linspace has them.
template <class T>
void fill_edges(T* edges, int64_t bins, T low, T high) {
  const T step = (high - low) / static_cast<T>(bins);
  for (int64_t i = 0; i <= bins; ++i)
    edges[i] = i < (bins + 1) / 2 ? low + step * static_cast<T>(i)
                                  : high - step * static_cast<T>(bins - i);
}

// By division alone, as histc does; `edges` given: put right by the edges next to it, or found
// among them where they are not `even`. -1 where the range is too wide for the dtype.
template <class T>
int64_t bin_of(T x, T low, T high, int64_t bins, const T* edges, bool even) {
  int64_t at;
  if (edges && !even) {
    at = std::upper_bound(edges, edges + bins + 1, x) - edges - 1;
  } else {
    const T place = (x - low) * static_cast<T>(bins) / (high - low);
    if (!(place >= 0 && place <= static_cast<T>(bins))) return -1;
    at = std::min(static_cast<int64_t>(place), bins);
    if (edges) {
      int64_t from = std::max<int64_t>(0, at - 1), to = std::min(at + 2, bins + 1);
      at = std::upper_bound(edges + from, edges + to, x) - edges - 1;
    }
  }
  return at == bins ? bins - 1 : at;
}

void check_bins(int64_t bins) {
  check(bins > 0, ErrorKind::kRuntime, "torch.histogram(): bins must be > 0, but got ", bins,
        " for dimension 0");
  check(bins < INT64_MAX, ErrorKind::kRuntime, "numel: integer multiplication overflow");
}

}  // namespace

void Histc::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  int64_t bins = call.args[1].as_int(), n = t->numel();
  check_bins(bins);
  check(is_float(t->dtype()), ErrorKind::kNotImplemented,
        t->dtype() == DType::kBool ? "\"linspace_cpu" : "\"histogram_cpu",
        "\" not implemented for '", dtype_title(t->dtype()), "'");
  const DType wide = t->dtype() == DType::kFloat64 ? t->dtype() : DType::kFloat32;
  TensorRef dense = converted_copy(t, wide), out = full(Dims::of({bins}), wide, 0).ref();
  Ends ends{call.args[2].as_double(), call.args[3].as_double()};
  auto run = [&](auto zero) {
    using T = decltype(zero);
    const auto* data = reinterpret_cast<const T*>(dense->data());
    if (ends.low == ends.high && n > 0) ends = ends_of(data, n);
    if (ends.low == ends.high) ends = {ends.low - 1, ends.high + 1};
    check(finite(ends), ErrorKind::kRuntime, "torch.histc: range of [", ends.low, ", ", ends.high,
          "] is not finite");
    check(ends.low < ends.high, ErrorKind::kRuntime, "torch.histc: max must be larger than min");
    const T low = static_cast<T>(ends.low), high = static_cast<T>(ends.high);
    auto* counts = reinterpret_cast<T*>(out->mut_data());
    for (int64_t i = 0; i < n; ++i)
      if (data[i] >= low && data[i] <= high)
        if (int64_t bin = bin_of<T>(data[i], low, high, bins, nullptr, true); bin >= 0)
          counts[bin] += 1;
  };
  if (wide == DType::kFloat64)
    run(double{});
  else
    run(float{});
  call.output = wide == t->dtype() ? std::move(out) : converted_copy(out.get(), t->dtype());
}

namespace {

void check_edges(TensorImpl* t, TensorImpl* edges) {
  check(edges->dtype() == t->dtype(), ErrorKind::kRuntime,
        "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got "
        "input with dtype ",
        dtype_cpp_name(t->dtype()), " and bins for dimension 0 with dtype ",
        dtype_cpp_name(edges->dtype()));
  check(edges->ndim() == 1, ErrorKind::kRuntime,
        "torch.histogramdd: bins tensor should have one dimension, but got ", edges->ndim(),
        " dimensions in the bins tensor for dimension 0");
  check(edges->numel() > 0, ErrorKind::kRuntime,
        "torch.histogramdd: bins tensor should have at least 1 element, but got 0 elements in the "
        "bins tensor for dimension 0");
}

void check_weight(TensorImpl* t, TensorImpl* weight) {
  check(weight->dtype() == t->dtype(), ErrorKind::kRuntime,
        "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should "
        "have the same dtype, but got input(",
        dtype_cpp_name(t->dtype()), "), and weight(", dtype_cpp_name(weight->dtype()), ")");
  check(weight->numel() == t->numel(), ErrorKind::kRuntime,
        "torch.histogramdd: if weight tensor is provided it should have the same shape as the "
        "input tensor excluding its innermost dimension, but got input with shape [",
        t->numel(), ", 1] and weight with shape [", weight->numel(), "]");
}

// The ends that were given, or those of the elements; of an empty tensor 0 and 1.
template <class T>
Ends histogram_ends(Call& call, const T* data, int64_t n) {
  Ends ends{0, 1};
  if (call.args[4].i)
    ends = {call.args[2].as_double(), call.args[3].as_double()};
  else if (n > 0)
    ends = ends_of(data, n);
  check(finite(ends), ErrorKind::kRuntime, "torch.histogramdd: dimension 0's range [", ends.low,
        ", ", ends.high, "] is not finite");
  check(ends.low <= ends.high, ErrorKind::kRuntime,
        "torch.histogramdd: min should not exceed max, but got min ", ends.low, " max ", ends.high,
        " for dimension 0");
  if (ends.low == ends.high) ends = {ends.low - 0.5, ends.high + 0.5};
  return ends;
}

template <class T>
void histogram_as(Call& call, TensorImpl* edges, TensorImpl* weight) {
  TensorImpl* t = call.tensor(0);
  constexpr DType kWide = dtype_of<T>();
  TensorRef dense = converted_copy(t, kWide);
  const auto* data = reinterpret_cast<const T*>(dense->data());
  const int64_t n = t->numel();
  const bool even = !edges;
  int64_t bins = even ? call.args[1].as_int() : edges->numel() - 1;
  TensorRef bounds =
      even ? TensorImpl::empty(kWide, Dims::of({bins + 1})) : converted_copy(edges, kWide);
  auto* at = reinterpret_cast<T*>(bounds->mut_data());
  if (even) {
    Ends ends = histogram_ends(call, data, n);
    fill_edges(at, bins, static_cast<T>(ends.low), static_cast<T>(ends.high));
  }
  TensorRef weights = weight ? converted_copy(weight, kWide) : TensorRef();
  const auto* weigh = weight ? reinterpret_cast<const T*>(weights->data()) : nullptr;
  TensorRef hist = full(Dims::of({bins}), kWide, 0).ref();
  auto* counts = reinterpret_cast<T*>(hist->mut_data());
  for (int64_t i = 0; i < n && bins > 0; ++i)
    if (data[i] >= at[0] && data[i] <= at[bins]) {
      int64_t bin = bin_of<T>(data[i], at[0], at[bins], bins, at, even);
      if (bin >= 0) counts[bin] += weigh ? weigh[i] : T(1);
    }
  if (call.args[6].i) {
    double total = 0;
    for (int64_t i = 0; i < bins; ++i) total += static_cast<double>(counts[i]);
    for (int64_t i = 0; i < bins; ++i)
      counts[i] = counts[i] / static_cast<T>(total) / (at[i + 1] - at[i]);
  }
  const bool narrow = t->dtype() != kWide;
  call.output = narrow ? converted_copy(hist.get(), t->dtype()) : std::move(hist);
  call.more.push_back(narrow ? converted_copy(bounds.get(), t->dtype()) : std::move(bounds));
}

}  // namespace

void Histogram::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* edges = call.args[1].is_tensor() ? call.tensor(1) : nullptr;
  TensorImpl* weight = call.args[5].is_none() ? nullptr : call.tensor(5);
  if (edges) check_edges(t, edges);
  check_bins(edges ? edges->numel() - 1 : call.args[1].as_int());
  if (weight) check_weight(t, weight);
  const bool given = edges || call.args[4].i;
  // PyTorch finds the ends of 32-bit and 64-bit floats only.
  bool fits = given ? is_float(t->dtype()) : t->dtype() >= DType::kFloat32;
  bool lines = !edges && given && t->dtype() == DType::kBool;
  check(fits, ErrorKind::kNotImplemented, "\"",
        lines   ? "linspace_cpu"
        : given ? "histogram_cpu"
                : "histogramdd",
        "\" not implemented for '", dtype_title(t->dtype()), "'");
  if (t->dtype() == DType::kFloat64)
    histogram_as<double>(call, edges, weight);
  else
    histogram_as<float>(call, edges, weight);
}

void NonzeroStatic::forward(Call& call) {
  int64_t size = call.args[1].i;
  check(size >= 0, ErrorKind::kRuntime, "nonzero_static: 'size' must be an non-negative integer");
  Tensor found = call_op(op_of<Nonzero>(), {call.args[0]});
  int64_t width = found->sizes()[1], rows = std::min(size, found->sizes()[0]);
  call.output = TensorImpl::empty(DType::kInt64, Dims::of({size, width}));
  auto* to = reinterpret_cast<int64_t*>(call.output->mut_data());
  const auto* from = reinterpret_cast<const int64_t*>(found->data());
  std::copy_n(from, rows * width, to);
  std::fill(to + rows * width, to + size * width, call.args[2].i);
}

void Argwhere::forward(Call& call) {
  call.output = call_op(op_of<Nonzero>(), {call.args[0]}).ref();
}

}  // namespace rl::ops

namespace rl {

void add_search_ops(std::vector<Op*>& table) { add_ops(ops::SearchOps{}, table); }

}  // namespace rl

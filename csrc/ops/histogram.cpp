#include "ops/histogram.h"

#include <algorithm>
#include <cmath>

#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

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
    if (!std::isfinite(high - low)) return;  // no bins to speak of, and PyTorch counts nothing
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

}  // namespace rl::ops

namespace rl {

void add_histogram_ops(std::vector<Op*>& table) { add_ops(ops::HistogramOps{}, table); }

}  // namespace rl

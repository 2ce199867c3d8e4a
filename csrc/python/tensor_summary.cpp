#include "python/tensor_summary.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rl::python {

namespace {

template <class T>
double number_of(T value) {
  if constexpr (requires { value.bits; })
    return static_cast<double>(static_cast<float>(value));
  else
    return static_cast<double>(value);
}

// Along a dimension that is expanded all elements are one.
bool is_expanded(const TensorImpl& t, int d) { return t.strides()[d] == 0 && t.sizes()[d] > 1; }

// f(element) for each, row-major; `once`: of those that are one, for one.
template <class T, class F>
void each_of(const TensorImpl& t, bool once, F&& f) {
  const auto* data = reinterpret_cast<const T*>(t.data());
  if (t.is_contiguous()) {
    const int64_t n = t.numel();
    for (int64_t i = 0; i < n; ++i) f(number_of(data[i]));
    return;
  }
  const int last = t.ndim() - 1;
  std::vector<int64_t> sizes(t.sizes(), t.sizes() + t.ndim()), index(sizes.size());
  for (int d = 0; once && d <= last; ++d)
    if (is_expanded(t, d)) sizes[static_cast<size_t>(d)] = 1;
  int64_t n = 1;
  for (int64_t size : sizes) n *= size;
  for (int64_t done = 0; done < n; done += sizes.back()) {
    int64_t at = 0;
    for (int d = 0; d < last; ++d) at += index[static_cast<size_t>(d)] * t.strides()[d];
    for (int64_t i = 0; i < sizes.back(); ++i) f(number_of(data[at + i * t.strides()[last]]));
    for (auto d = static_cast<size_t>(last); d-- > 0;) {
      if (++index[d] < sizes[d]) break;
      index[d] = 0;
    }
  }
}

template <class F>
void each_element(const TensorImpl& t, bool once, F&& f) {
  switch (t.dtype()) {
    case DType::kBool:
    case DType::kUInt8:
      return each_of<uint8_t>(t, once, f);
    case DType::kInt8:
      return each_of<int8_t>(t, once, f);
    case DType::kInt16:
      return each_of<int16_t>(t, once, f);
    case DType::kInt32:
      return each_of<int32_t>(t, once, f);
    case DType::kInt64:
      return each_of<int64_t>(t, once, f);
    case DType::kFloat16:
      return each_of<Half>(t, once, f);
    case DType::kBFloat16:
      return each_of<BFloat16>(t, once, f);
    case DType::kFloat32:
      return each_of<float>(t, once, f);
    case DType::kFloat64:
      return each_of<double>(t, once, f);
  }
}

// Where the square of an element, or their sum, leaves the range of float64.
double scaled_norm(const TensorImpl& t, double largest, double copies) {
  double squares = 0;
  each_element(t, true, [&](double v) {
    if (std::isfinite(v)) squares += (v / largest) * (v / largest);
  });
  return largest * std::sqrt(squares * copies);
}

uint32_t saturated(double count) {
  return static_cast<uint32_t>(std::min<double>(count, std::numeric_limits<uint32_t>::max()));
}

// Elements from low to high by their place between both.
std::vector<uint32_t> bins_of(const TensorImpl& t, double low, double high, double copies) {
  std::vector<uint32_t> bins(kBins);
  each_element(t, true, [&](double v) {
    if (!std::isfinite(v)) return;
    const double at = (v - low) / (high - low) * kBins;
    ++bins[at < kBins ? static_cast<size_t>(at) : kBins - 1];
  });
  for (uint32_t& bin : bins) bin = saturated(bin * copies);
  return bins;
}

}  // namespace

Summary summary_of(const TensorImpl& t) {
  Summary s;
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0, squares = 0;
  double copies = 1;  // of each element in memory
  for (int d = 0; d < t.ndim(); ++d)
    if (is_expanded(t, d)) copies *= static_cast<double>(t.sizes()[d]);
  int64_t finite = 0, nan = 0, inf = 0;
  each_element(t, true, [&](double v) {
    if (std::isfinite(v)) [[likely]] {
      low = std::min(low, v);
      high = std::max(high, v);
      sum += v;
      squares += v * v;
      ++finite;
    } else if (std::isnan(v)) {
      ++nan;
    } else {
      ++inf;
    }
  });
  s.count = static_cast<double>(t.numel());
  s.nan = saturated(static_cast<double>(nan) * copies);
  s.inf = saturated(static_cast<double>(inf) * copies);
  if (t.numel() <= kWhole) each_element(t, false, [&](double v) { s.data.push_back(v); });
  if (!finite) {
    s.min = s.max = s.mean = s.norm = std::numeric_limits<double>::quiet_NaN();
    if (!t.numel()) s.norm = 0;
    return s;
  }
  s.min = low;
  s.max = high;
  s.mean = sum / static_cast<double>(finite);
  if (!std::isfinite(sum)) {
    s.mean = 0;
    each_element(t, true, [&](double v) {
      if (std::isfinite(v)) s.mean += v / static_cast<double>(finite);
    });
  }
  s.norm = std::sqrt(squares * copies);
  const double largest = std::max(std::abs(low), std::abs(high));
  const bool tiny = squares < std::numeric_limits<double>::min() && largest > 0;
  if (!std::isfinite(squares * copies) || tiny) s.norm = scaled_norm(t, largest, copies);
  if (high > low && std::isfinite(high - low)) s.bins = bins_of(t, low, high, copies);
  return s;
}

namespace {

template <class T>
PyObject* bytes_or_none(const std::vector<T>& column) {
  if (column.empty()) Py_RETURN_NONE;
  return checked(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(column.data()),
                                           static_cast<Py_ssize_t>(column.size() * sizeof(T))));
}

PyObject* tensor_summary(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kType, "expected a tensor");
    return summary_tuple(summary_of(*impl_of(tensor)));
  });
}

PyMethodDef kFunctions[] = {
    {"_tensor_summary", tensor_summary, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* summary_tuple(const Summary& s) {
  return checked(Py_BuildValue("(ddddIIdNN)", s.min, s.max, s.mean, s.norm, s.nan, s.inf, s.count,
                               bytes_or_none(s.bins), bytes_or_none(s.data)));
}

bool init_tensor_summary(PyObject* module) {
  return PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

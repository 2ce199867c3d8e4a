// What is told of a tensor in a few numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "python/python.h"

namespace rl::python {

constexpr int kBins = 32;
// Tensors of up to so many elements are written down whole.
constexpr int64_t kWhole = 16;

// Of the finite elements, in float64; nan where there is none.
struct Summary {
  double min, max, mean, norm;
  uint32_t nan = 0, inf = 0;   // at most 2^32 - 1, and so are the bins
  double count = 0;            // of all elements
  std::vector<uint32_t> bins;  // from min to max; empty where these are equal
  std::vector<double> data;    // row-major
};

// Cost: two passes over the elements in memory, the second for the bins.
Summary summary_of(const TensorImpl& t);
// (min, max, mean, norm, nan, inf, count, bytes of bins, bytes of data), None for what is empty.
PyObject* summary_tuple(const Summary& s);
bool init_tensor_summary(PyObject* module);

}  // namespace rl::python

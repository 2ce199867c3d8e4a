// Kernels of scans that need elementary functions.
#pragma once

#include <cstdint>

namespace rl {

struct ScanKernels {
  // carry[j] = log(e^carry[j] + e^x[j]) for j < n.
  void (*add_exponentials)(double* carry, const double* x, int64_t n);
  // x[k] = the same of carry and x[0], ..., x[k]; returns the last. n > 0.
  double (*scan_exponentials)(double carry, double* x, int64_t n);
};

// Of the chosen kernel set.
extern const ScanKernels* scan_kernels;

}  // namespace rl

// Conversions between element types.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace rl {

// n elements side by side; null where both types are the same.
using ConvertFn = void (*)(void* out, const void* in, int64_t n);

struct ConvertKernels {
  ConvertFn to_from[kDTypes][kDTypes];
};

// Of the chosen kernel set.
extern const ConvertKernels* convert_kernels;

// n elements with a step, converted.
void convert_strided(void* out, int64_t out_step, DType out_dtype, const void* in, int64_t in_step,
                     DType in_dtype, int64_t n);

}  // namespace rl

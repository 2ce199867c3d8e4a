// The one overlap within a tensor that writing into it is refused for.
#pragma once

#include "core/tensor.h"

namespace rl {

// Repeats its elements along some dimension without memory, as an expanded tensor does. Windows
// that only overlap are not meant.
inline bool is_expanded(const TensorImpl* t) {
  if (t->is_contiguous()) return false;
  for (int d = 0; d < t->ndim(); ++d)
    if (t->strides()[d] == 0 && t->sizes()[d] > 1) return true;
  return false;
}

}  // namespace rl

// Who else might look at a tensor's memory.
#pragma once

#include "core/tensor.h"

namespace rl {

// Whether a gradient's memory may take what is computed from it: nobody else looks at it
// afterwards, and it is dense.
inline bool sole_owner(TensorImpl* grad) {
  return grad->refs() == 1 && grad->storage()->refs() == 1 && grad->is_contiguous() &&
         !grad->is_view() && grad->storage()->resizable();
}

}  // namespace rl

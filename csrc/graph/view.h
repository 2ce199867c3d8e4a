// What it means to be a view, and to be written in place. Ops only declare "view of input 0" and
// "mutates input 0".
#pragma once

#include "core/tensor.h"

namespace rl {

// Another geometry over t's bytes: shares its version, remembers its root and the mode it was made
// in.
TensorRef make_view(TensorImpl* t, const Dims& sizes, const int64_t* strides, int64_t offset);

// detach(): the same bytes and version, no history, not a differentiable view.
TensorRef make_detached(TensorImpl* t);

// Throws where `t` may not be written now. `recorded`: the write becomes part of the graph.
void check_inplace(TensorImpl* t, bool recorded);

}  // namespace rl

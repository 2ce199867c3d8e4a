// What it means to be a view, and to be written in place. Ops only declare "view of input 0" and
// "mutates input 0".
#pragma once

#include "core/tensor.h"
#include "graph/node.h"

namespace rl {

// Another geometry over t's bytes: shares its version, remembers its root and the mode it was made
// in.
TensorRef make_view(TensorImpl* t, const Dims& sizes, const int64_t* strides, int64_t offset,
                    Creation creation = Creation::kDefault);

// detach(): the same bytes and version, no history, not a differentiable view.
TensorRef make_detached(TensorImpl* t);

// After a write through another alias, a view's grad_fn is computed anew from its base. Throws for
// a view that may not outlive such a write. Does nothing for other tensors.
void refresh_view(TensorImpl* t);
// The view's grad_fn belongs to the present version.
void mark_view_current(TensorImpl* t);

// Throws for an inference tensor outside inference mode.
void check_inference(TensorImpl* t);
// Throws where the graph has no place for a change of `t`.
void check_recorded(TensorImpl* t);
// Throws where `t` may not be written now. `recorded`: in the graph. `expanded`: it may be that.
void check_inplace(TensorImpl* t, bool recorded, bool expanded = false);

// The write by `node` into `target` becomes part of its history, through its base when it is a
// view. The version has been raised already. `edge` of the node leads to the target's old history.
void rebase_history(TensorImpl* target, Ref<Node> node, uint32_t edge = 0);

}  // namespace rl

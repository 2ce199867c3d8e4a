// How views were made: kept while view replay is on, so that a view whose base was written gets
// its history by the same operations instead of one as_strided.
#pragma once

#include "graph/node.h"
#include "ops/op.h"

namespace rl {

// The call has made a view: it keeps the operations since its base.
void remember_view(Call& call);

// The node of `view`, made anew from `base`; null where its operations are not known.
Ref<Node> replayed_node(TensorImpl* base, TensorImpl* view);

}  // namespace rl

// Whether graphs pile up from one backward pass to the next.
#pragma once

#include "python/python.h"

namespace rl::python {

// Passes between two looks at the number of nodes.
constexpr uint32_t kPassesPerLook = 32;
extern uint32_t passes_done;
// Warns where the number has grown for long. Throws where warnings are errors.
[[gnu::cold]] void look_for_growth();

// After each backward pass. One that makes a graph, as in an unrolled loop, is meant to leave
// nodes.
inline void pass_done(bool create_graph) {
  if (!create_graph && ++passes_done % kPassesPerLook == 0) [[unlikely]]
    look_for_growth();
}

bool init_graph_growth(PyObject* module);

}  // namespace rl::python

// The graph behind a node, for what is told of it.
#pragma once

#include <functional>

#include "graph/node.h"

namespace rl {

// Every edge behind `root`, once, in no order, without recursion; nodes with a number of `floor` or
// below are not entered.
void each_edge(Node* root, uint64_t floor, const std::function<void(Node&, const Edge&)>& see);

}  // namespace rl

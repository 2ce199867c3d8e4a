// For ops that are not elementwise: they write forward and backward over Calls and Nodes.
#pragma once

#include "graph/view.h"
#include "ops/formula.h"
#include "ops/op_node.h"
#include "ops/tensor.h"

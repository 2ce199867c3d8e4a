#include "graph/edges.h"

#include <unordered_set>

namespace rl {

void each_edge(Node* root, uint64_t floor, const std::function<void(Node&, const Edge&)>& see) {
  std::unordered_set<Node*> seen{root};
  std::vector<Node*> left{root};
  while (!left.empty()) {
    Node* node = left.back();
    left.pop_back();
    for (uint32_t i = 0; i < node->n_edges(); ++i) {
      const Edge& edge = node->edges()[i];
      if (!edge.node) continue;
      see(*node, edge);
      if (edge.node->sequence() > floor && seen.insert(edge.node).second) left.push_back(edge.node);
    }
  }
}

}  // namespace rl

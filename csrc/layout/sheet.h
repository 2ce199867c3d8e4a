// Inside csrc/layout: one connected part of a graph while it is laid out.
#pragma once

#include <algorithm>
#include <limits>

#include "layout/layered.h"

namespace rl::layout {

// Every x is a multiple of it.
inline constexpr double kGrid = 0.25;
inline constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

// An arrow turned so that it leads down, with one bend per rank that it passes.
struct Wire {
  uint32_t arrow;         // its number outside
  uint32_t upper, lower;  // vertices
  double upper_port, lower_port;
  bool flipped;           // the arrow leads up
  bool lane = false;      // passes the ranks between at the side of the picture, without bends
  bool heavy = false;     // on the longest way of both its boxes: drawn straight where possible
  bool main = false;      // on the longest path of all
  uint32_t bend = kNone;  // first vertex of its bends, which are numbered in a row
  uint32_t bends = 0;
  double lane_x = 0;
};

struct Neighbour {
  uint32_t vertex;
  double weight;  // of the wish to stand one below the other
  double shift;   // the neighbour's x minus this x where the wire between them is vertical
};

// The neighbours of each vertex, one list after the other.
struct Neighbours {
  std::vector<uint32_t> first;
  std::vector<Neighbour> all;

  std::span<const Neighbour> of(uint32_t vertex) const {
    return {all.data() + first[vertex], all.data() + first[vertex + 1]};
  }
};

// Vertices are the boxes, then the bends.
struct Sheet {
  uint32_t boxes = 0;
  std::vector<double> left, right;  // from x to where the vertex ends
  std::vector<double> height;
  std::vector<Place> place;
  std::vector<Wire> wires;
  Spacing spacing;

  std::vector<uint32_t> rank;
  std::vector<std::vector<uint32_t>> ranks;  // from left to right
  std::vector<uint32_t> slot;                // of a vertex in its rank
  Neighbours up, down;
  std::vector<uint8_t> main;                // whether a vertex lies on the longest path
  std::vector<std::vector<uint32_t>> runs;  // vertices along heavy wires, from the top; main first
  std::vector<double> x;

  uint32_t vertices() const { return static_cast<uint32_t>(left.size()); }
  bool is_bend(uint32_t vertex) const { return vertex >= boxes; }
  // What must lie between a vertex's x and that of its right neighbour.
  double apart(uint32_t a, uint32_t b) const {
    const double gap = is_bend(a) && is_bend(b)   ? spacing.boxes / 4
                       : is_bend(a) || is_bend(b) ? spacing.boxes / 2
                                                  : spacing.boxes;
    return right[a] + std::max(gap, kGrid) + left[b];
  }
};

// The stages, in order. Each reads what the ones before it have set.
void make_ranks(Sheet& sheet);   // layers.cpp: flipped, rank, bends, neighbours, main, runs
void order_ranks(Sheet& sheet);  // order.cpp: ranks, slot
void set_x(Sheet& sheet);        // coordinates.cpp: x, lane_x

}  // namespace rl::layout

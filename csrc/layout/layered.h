// Boxes in ranks along their arrows, and the ways of the arrows: the picture of a graph as numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace rl::layout {

struct Point {
  double x, y;
};

enum class Place : uint8_t { kAnywhere, kFirst, kLast };

// One entry per box. Finite, not negative; `place` may be empty.
struct Boxes {
  std::span<const double> width, height;
  std::span<const double> dock;  // room kept free at the left, where chips are docked
  std::span<const uint8_t> place;
};

// One entry per arrow, which points down where it can. Ports are places along a box's border from
// its middle; nan, or no ports at all: chosen here.
struct Arrows {
  std::span<const uint32_t> source, target;
  std::span<const double> source_port, target_port;
};

struct Spacing {
  double boxes = 24;  // between neighbours of a rank
  double ranks = 34;  // between ranks; more where arrows go far to the side
};

struct Picture {
  std::vector<Point> middle;    // of each box, without its dock
  std::vector<uint32_t> first;  // arrow i: points[first[i]] to points[first[i + 1]]
  std::vector<Point> points;    // a cubic Bezier curve: its start, then three points per piece
  std::vector<uint8_t> main;    // whether an arrow lies on its component's longest path
  double width, height;         // everything lies in [0, width] x [0, height]
};

// Boxes do not overlap. An arrow starts and ends on a border of its boxes and crosses no box; one
// from a box to itself has no points. The longest path of each component runs straight down.
// O((boxes + arrows) log) time and memory; the same input gives the same bits.
Picture layered(const Boxes& boxes, const Arrows& arrows, const Spacing& spacing);

}  // namespace rl::layout

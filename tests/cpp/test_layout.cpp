// The layout of pictures: ranks, order, coordinates, ways. Many graphs more: tests/viz.
#include <cmath>
#include <string>

#include "check.h"
#include "core/error.h"
#include "layout/sheet.h"

namespace rl::layout {

namespace {

using Edges = std::vector<std::pair<uint32_t, uint32_t>>;

Picture lay_out(size_t boxes, const Edges& edges, const std::vector<uint8_t>& place = {}) {
  const std::vector<double> width(boxes, 100), height(boxes, 30), dock(boxes, 0);
  std::vector<uint32_t> source, target;
  for (auto [from, to] : edges) {
    source.push_back(from);
    target.push_back(to);
  }
  return layered({width, height, dock, place}, {source, target, {}, {}}, {});
}

Sheet sheet_of(uint32_t boxes, const Edges& edges) {
  Sheet s;
  s.boxes = boxes;
  s.left.assign(boxes, 50);
  s.right.assign(boxes, 50);
  s.height.assign(boxes, 30);
  s.place.assign(boxes, Place::kAnywhere);
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (uint32_t i = 0; i < edges.size(); ++i)
    s.wires.push_back({i, edges[i].first, edges[i].second, kNan, kNan, false});
  return s;
}

// Pairs of wires of neighbouring ranks that cross, by looking at all of them.
size_t crossings(const Sheet& s) {
  size_t found = 0;
  for (const auto& rank : s.ranks)
    for (uint32_t a : rank)
      for (uint32_t b : rank)
        for (const Neighbour& x : s.down.of(a))
          for (const Neighbour& y : s.down.of(b))
            found += s.slot[a] < s.slot[b] && s.slot[x.vertex] > s.slot[y.vertex];
  return found;
}

}  // namespace

TEST(a_rank_is_one_more_than_the_greatest_above) {
  Sheet s = sheet_of(5, {{0, 1}, {1, 2}, {0, 2}, {2, 3}, {4, 3}});
  make_ranks(s);
  const std::vector<uint32_t> want{0, 1, 2, 3, 2};  // 4 stands next to its user
  for (uint32_t v = 0; v < 5; ++v) CHECK_EQ(s.rank[v], want[v]);
  CHECK_EQ(s.vertices(), 6u);  // one bend, of 0 -> 2
  CHECK_EQ(s.rank[5], 1u);
}

TEST(a_cycle_is_broken_at_one_arrow) {
  Sheet s = sheet_of(3, {{0, 1}, {1, 2}, {2, 0}});
  make_ranks(s);
  int flipped = 0;
  for (const Wire& wire : s.wires) {
    CHECK(s.rank[wire.upper] < s.rank[wire.lower]);
    flipped += wire.flipped;
  }
  CHECK_EQ(flipped, 1);
}

TEST(a_tree_is_ordered_without_a_crossing) {
  Edges edges;
  for (uint32_t i = 1; i < 63; ++i) edges.push_back({(i - 1) / 2, (i * 37) % 62 + 1});
  // The children's numbers are mixed, so that the order given is no help.
  Edges tree;
  for (uint32_t i = 1; i < 63; ++i)
    tree.push_back({i < 3 ? 0 : edges[(i - 1) / 2 - 1].second, edges[i - 1].second});
  Sheet s = sheet_of(63, tree);
  make_ranks(s);
  order_ranks(s);
  CHECK_EQ(crossings(s), size_t{0});
}

TEST(crossed_pairs_are_uncrossed) {
  Sheet s = sheet_of(8, {{0, 7}, {1, 6}, {2, 5}, {3, 4}, {0, 6}, {3, 5}});
  make_ranks(s);
  order_ranks(s);
  CHECK_EQ(crossings(s), size_t{0});
}

// 40 boxes above 40, three arrows each, in no order: by chance half of all pairs would cross.
TEST(crossings_are_few_where_they_cannot_be_avoided) {
  Edges edges;
  for (uint32_t i = 0; i < 40; ++i)
    for (uint32_t k = 0; k < 3; ++k) edges.push_back({i, 40 + (i * 17 + k * k * 29 + k) % 40});
  Sheet s = sheet_of(80, edges);
  make_ranks(s);
  order_ranks(s);
  const size_t found = crossings(s);
  CHECK(found > 0);
  CHECK(found <= 640);  // of 7,140 pairs; the last sweep alone leaves 712
}

TEST(bends_stay_linear_in_the_size_of_the_graph) {
  constexpr uint32_t kN = 2000;
  Edges edges;
  for (uint32_t i = 0; i + 1 < kN; ++i) {
    edges.push_back({i, i + 1});
    edges.push_back({i, kN - 1});
  }
  Sheet s = sheet_of(kN, edges);
  make_ranks(s);
  CHECK(s.vertices() < 6 * kN);
}

TEST(the_longest_path_is_vertical) {
  const Picture p = lay_out(7, {{0, 1}, {1, 2}, {2, 3}, {0, 4}, {4, 3}, {5, 2}, {6, 3}});
  CHECK(p.main[0] && p.main[1] && p.main[2]);
  for (uint32_t v = 1; v < 4; ++v) CHECK_EQ(p.middle[v].x, p.middle[0].x);
  // A vertical arrow is one straight piece, from border to border.
  CHECK_EQ(p.first[1] - p.first[0], 4u);
  CHECK_EQ(p.points[0].y, p.middle[0].y + 15);
  CHECK_EQ(p.points[3].y, p.middle[1].y - 15);
}

TEST(an_arrow_against_the_others_is_drawn_from_its_source) {
  const Picture p = lay_out(2, {{0, 1}, {1, 0}});
  const Point begin = p.points[p.first[1]], end = p.points[p.first[2] - 1];
  CHECK_EQ(begin.y, p.middle[1].y - 15);
  CHECK_EQ(end.y, p.middle[0].y + 15);
}

TEST(parts_stand_beside_each_other) {
  const Picture p = lay_out(4, {{0, 1}, {2, 3}});
  CHECK_EQ(p.middle[0].y, p.middle[2].y);
  CHECK(p.middle[2].x - p.middle[0].x >= 100);
}

TEST(two_boxes_of_the_last_rank_cannot_be_joined) {
  bool told = false;
  try {
    lay_out(2, {{0, 1}}, {2, 2});
  } catch (const Error& e) {
    told = e.kind() == ErrorKind::kValue;
  }
  CHECK(told);
}

TEST(the_same_graph_gives_the_same_bits) {
  Edges edges;
  for (uint32_t i = 1; i < 300; ++i) edges.push_back({(i * 7919) % i, i});
  const Picture a = lay_out(300, edges), b = lay_out(300, edges);
  CHECK_EQ(std::memcmp(a.points.data(), b.points.data(), a.points.size() * sizeof(Point)), 0);
  CHECK_EQ(std::memcmp(a.middle.data(), b.middle.data(), a.middle.size() * sizeof(Point)), 0);
}

}  // namespace rl::layout

TEST_MAIN

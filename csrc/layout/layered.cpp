// Parts laid out one by one, arrows drawn along their bends, parts packed into one picture.
#include "layout/layered.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "layout/sheet.h"

namespace rl::layout {

namespace {

// The number of each box's part, numbered by its first box; one part where places are asked for.
std::vector<uint32_t> find_parts(const Boxes& boxes, const Arrows& arrows, uint32_t& parts) {
  const size_t n = boxes.width.size();
  std::vector<uint32_t> root(n);
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](uint32_t v) {
    while (root[v] != v) v = root[v] = root[root[v]];
    return v;
  };
  for (size_t i = 0; i < arrows.source.size(); ++i) {
    const uint32_t a = find(arrows.source[i]), b = find(arrows.target[i]);
    root[std::max(a, b)] = std::min(a, b);
  }
  const bool one = std::ranges::any_of(boxes.place, [](uint8_t place) { return place != 0; });
  std::vector<uint32_t> part(n);
  parts = 0;
  for (uint32_t v = 0; v < n; ++v) part[v] = one ? 0 : find(v) == v ? parts++ : part[find(v)];
  if (one) parts = 1;
  return part;
}

// Where a wire goes to first, seen from one of its ends.
double next_x(const Sheet& s, const Wire& wire, bool from_upper) {
  if (wire.lane) return wire.lane_x;
  if (wire.bends > 0) return s.x[from_upper ? wire.bend : wire.bend + wire.bends - 1];
  const double port = from_upper ? wire.lower_port : wire.upper_port;
  return s.x[from_upper ? wire.lower : wire.upper] + (std::isnan(port) ? 0 : port);
}

// Sets the ends of wires along the borders of their boxes, in the order in which they leave: the
// heavy one in the middle, where it is straight, the others beside it.
void spread_ports(Sheet& s, uint32_t Wire::* end, double Wire::* port) {
  constexpr double kStep = 16, kCorner = 8, kApart = 6;
  std::vector<std::vector<uint32_t>> wires(s.boxes);
  std::vector<double> next(s.wires.size());
  for (uint32_t i = 0; i < s.wires.size(); ++i) {
    if (!std::isnan(s.wires[i].*port)) continue;
    wires[s.wires[i].*end].push_back(i);
    next[i] = next_x(s, s.wires[i], end == &Wire::upper);
  }
  std::vector<double> place;
  for (uint32_t v = 0; v < s.boxes; ++v) {
    auto& own = wires[v];
    if (own.empty()) continue;
    std::ranges::stable_sort(own, {}, [&](uint32_t i) { return next[i]; });
    place.assign(own.size(), 0);
    for (size_t i = 1; i < own.size(); ++i) {
      const Wire &a = s.wires[own[i - 1]], &b = s.wires[own[i]];
      const bool one = a.lane && b.lane && a.lane_x == b.lane_x;  // of a lane: one end for all
      place[i] = place[i - 1] + (one ? 0 : 1);
    }
    double middle = place.back() / 2;
    for (size_t i = 0; i < own.size(); ++i)
      if (s.wires[own[i]].heavy) middle = place[i];
    const double most = std::max({middle, place.back() - middle, 1.0});
    const double half = std::max(0.0, s.right[v] - kCorner), step = std::min(kStep, half / most);
    double last = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < own.size(); ++i) {
      Wire& wire = s.wires[own[i]];
      double at = (place[i] - middle) * step;
      // A little further to the side, where the wire is straight then. The lower ends come second.
      const double straight = next[own[i]] - s.x[v];
      if (!wire.heavy && (wire.bends > 0 || end == &Wire::lower) &&
          std::abs(straight - at) <= step / 2 && std::abs(straight) <= half &&
          straight - last >= kApart)
        at = straight;
      wire.*port = std::round(at * 4) / 4;
      last = at;
    }
  }
}

// The bands in which the ranks stand, from the top.
struct Bands {
  std::vector<double> top, bottom;

  explicit Bands(const Sheet& s) : top(s.ranks.size()), bottom(s.ranks.size()) {
    std::vector<double> far(s.ranks.size());  // the longest way to the side below a rank
    auto sideways = [&](uint32_t rank, double a, double b) {
      far[rank] = std::max(far[rank], std::abs(a - b));
    };
    for (const Wire& wire : s.wires) {
      if (wire.lane) {
        sideways(s.rank[wire.upper], s.x[wire.upper], wire.lane_x);
        sideways(s.rank[wire.lower] - 1, s.x[wire.lower], wire.lane_x);
        continue;
      }
      double x = s.x[wire.upper] + wire.upper_port;
      for (uint32_t k = 0; k <= wire.bends; ++k) {
        const bool last = k == wire.bends;
        const double to = last ? s.x[wire.lower] + wire.lower_port : s.x[wire.bend + k];
        sideways(s.rank[wire.upper] + k, x, to);
        x = to;
      }
    }
    double y = 0;
    for (size_t r = 0; r < s.ranks.size(); ++r) {
      top[r] = y;
      for (uint32_t v : s.ranks[r]) y = std::max(y, top[r] + s.height[v]);
      bottom[r] = y;
      y += std::round(s.spacing.ranks * (1 + std::min(2.0, far[r] / 400)));
    }
  }
};

// One wire as a curve: vertical beside boxes, bent only between two bands.
struct Way {
  Way(double x, double y) : points{{x, y}} {}

  // Down to y, then on at x from a band that begins at `below`.
  void go(double y, double x, double below) {
    if (std::abs(x - points.back().x) < 0.5) return;
    drop(y);
    const Point from = points.back();
    const double middle = (from.y + below) / 2;
    points.insert(points.end(), {{from.x, middle}, {x, middle}, {x, below}});
  }
  void drop(double y) {
    const Point from = points.back();
    if (y <= from.y) return;
    const double third = (y - from.y) / 3;
    points.insert(points.end(), {{from.x, from.y + third}, {from.x, y - third}, {from.x, y}});
  }
  std::vector<Point> points;
};

std::vector<Point> way_of(const Sheet& s, const Bands& bands, const Wire& wire) {
  const uint32_t upper = s.rank[wire.upper], lower = s.rank[wire.lower];
  const auto &top = bands.top, &bottom = bands.bottom;
  Way way(s.x[wire.upper] + wire.upper_port,
          (top[upper] + bottom[upper] + s.height[wire.upper]) / 2);
  if (wire.lane) way.go(bottom[upper], wire.lane_x, top[upper + 1]);
  for (uint32_t k = 0; k < wire.bends; ++k)
    way.go(bottom[upper + k], s.x[wire.bend + k], top[upper + k + 1]);
  way.go(bottom[lower - 1], s.x[wire.lower] + wire.lower_port, top[lower]);
  way.drop((top[lower] + bottom[lower] - s.height[wire.lower]) / 2);
  if (wire.flipped) std::ranges::reverse(way.points);
  return std::move(way.points);
}

struct Part {
  Sheet sheet;
  std::vector<uint32_t> outside;  // the boxes' numbers in the whole graph
  std::vector<double> y;          // of the boxes' middles
  double low = 0, high = 0, height = 0;
  double left = 0, top = 0;  // where it stands
};

void lay_out(Part& part, std::vector<std::vector<Point>>& ways, std::vector<uint8_t>& main) {
  Sheet& s = part.sheet;
  make_ranks(s);
  order_ranks(s);
  set_x(s);
  spread_ports(s, &Wire::upper, &Wire::upper_port);
  spread_ports(s, &Wire::lower, &Wire::lower_port);
  const Bands bands(s);
  for (const Wire& wire : s.wires) {
    ways[wire.arrow] = way_of(s, bands, wire);
    main[wire.arrow] = wire.main;
    if (!wire.lane) continue;
    part.low = std::min(part.low, wire.lane_x);
    part.high = std::max(part.high, wire.lane_x);
  }
  for (uint32_t v = 0; v < s.vertices(); ++v) {
    part.low = std::min(part.low, s.x[v] - s.left[v]);
    part.high = std::max(part.high, s.x[v] + s.right[v]);
  }
  for (uint32_t v = 0; v < s.boxes; ++v)
    part.y.push_back((bands.top[s.rank[v]] + bands.bottom[s.rank[v]]) / 2);
  part.height = bands.bottom.back();
}

std::vector<Part> cut(const Boxes& boxes, const Arrows& arrows, const Spacing& spacing) {
  uint32_t count = 0;
  const std::vector<uint32_t> part_of = find_parts(boxes, arrows, count);
  std::vector<uint32_t> inside(part_of.size());
  std::vector<Part> parts(count);
  for (uint32_t v = 0; v < part_of.size(); ++v) {
    Part& part = parts[part_of[v]];
    Sheet& s = part.sheet;
    inside[v] = s.boxes++;
    part.outside.push_back(v);
    s.left.push_back(boxes.width[v] / 2 + boxes.dock[v]);
    s.right.push_back(boxes.width[v] / 2);
    s.height.push_back(boxes.height[v]);
    s.place.push_back(boxes.place.empty() ? Place::kAnywhere : Place{boxes.place[v]});
    s.spacing = spacing;
  }
  for (uint32_t i = 0; i < arrows.source.size(); ++i) {
    const uint32_t from = arrows.source[i], to = arrows.target[i];
    if (from == to) continue;
    Sheet& s = parts[part_of[from]].sheet;
    const Place place = s.place[inside[from]];
    check(place == Place::kAnywhere || place != s.place[inside[to]], ErrorKind::kValue, "arrow ", i,
          " leads from one box of the ", place == Place::kFirst ? "first" : "last",
          " rank to another");
    auto port = [&](std::span<const double> ports, uint32_t box) {
      const double half = boxes.width[box] / 2;
      return ports.empty() || std::isnan(ports[i]) ? std::numeric_limits<double>::quiet_NaN()
                                                   : std::clamp(ports[i], -half, half);
    };
    s.wires.push_back({.arrow = i,
                       .upper = inside[from],
                       .lower = inside[to],
                       .upper_port = port(arrows.source_port, from),
                       .lower_port = port(arrows.target_port, to),
                       .flipped = false});
  }
  return parts;
}

// Rows of parts, side by side while the row is not much wider than the picture will be high.
void pack(std::vector<Part>& parts, double gap, double& width, double& height) {
  double widest = 0, area = 0;
  for (const Part& part : parts) {
    widest = std::max(widest, part.high - part.low);
    area += (part.high - part.low + gap) * (part.height + gap);
  }
  const double most = std::max(widest, 1.4 * std::sqrt(area));
  double x = 0, y = 0, row = 0;
  width = height = 0;
  for (Part& part : parts) {
    if (x > 0 && x + part.high - part.low > most) {
      y += row + gap;
      x = row = 0;
    }
    part.left = x - part.low;
    part.top = y;
    row = std::max(row, part.height);
    width = std::max(width, x + part.high - part.low);
    height = std::max(height, y + part.height);
    x += part.high - part.low + gap;
  }
}

}  // namespace

Picture layered(const Boxes& boxes, const Arrows& arrows, const Spacing& spacing) {
  std::vector<Part> parts = cut(boxes, arrows, spacing);
  Picture picture;
  std::vector<std::vector<Point>> ways(arrows.source.size());
  picture.main.assign(ways.size(), 0);
  std::vector<uint32_t> part_of(boxes.width.size());
  for (uint32_t p = 0; p < parts.size(); ++p) {
    lay_out(parts[p], ways, picture.main);
    for (uint32_t v : parts[p].outside) part_of[v] = p;
  }
  pack(parts, 2 * spacing.boxes, picture.width, picture.height);
  picture.middle.resize(boxes.width.size());
  for (const Part& part : parts)
    for (uint32_t v = 0; v < part.outside.size(); ++v)
      picture.middle[part.outside[v]] = {part.left + part.sheet.x[v], part.top + part.y[v]};
  picture.first.push_back(0);
  for (size_t i = 0; i < ways.size(); ++i) {
    const Part& part = parts[part_of[arrows.source[i]]];
    for (const Point& p : ways[i]) picture.points.push_back({part.left + p.x, part.top + p.y});
    picture.first.push_back(static_cast<uint32_t>(picture.points.size()));
  }
  return picture;
}

}  // namespace rl::layout

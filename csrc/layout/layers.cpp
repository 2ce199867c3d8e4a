// Cycles broken, ranks, bends, and the paths that are to run straight.
#include <algorithm>
#include <cmath>
#include <ranges>

#include "layout/sheet.h"

namespace rl::layout {

namespace {

// Wires by one of their ends, in their own order.
struct Fan {
  std::vector<uint32_t> first, wires;

  Fan(const Sheet& sheet, uint32_t Wire::* end)
      : first(sheet.boxes + 1), wires(sheet.wires.size()) {
    for (const Wire& wire : sheet.wires) ++first[wire.*end + 1];
    for (uint32_t v = 0; v < sheet.boxes; ++v) first[v + 1] += first[v];
    std::vector<uint32_t> next(first.begin(), first.end() - 1);
    for (uint32_t i = 0; i < wires.size(); ++i) wires[next[sheet.wires[i].*end]++] = i;
  }
  std::span<const uint32_t> of(uint32_t box) const {
    return {wires.data() + first[box], wires.data() + first[box + 1]};
  }
  uint32_t size(uint32_t box) const { return first[box + 1] - first[box]; }
};

// Turns the arrows that close a cycle on a walk from the sources. Depth first, without recursion.
void break_cycles(Sheet& sheet) {
  const Fan out(sheet, &Wire::upper), in(sheet, &Wire::lower);
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(sheet.boxes, kNew);
  std::vector<uint32_t> next(out.first.begin(), out.first.end() - 1), path, turned;
  auto walk = [&](uint32_t start) {
    path.push_back(start);
    state[start] = kOpen;
    while (!path.empty()) {
      const uint32_t v = path.back();
      if (next[v] == out.first[v + 1]) {
        state[v] = kDone;
        path.pop_back();
        continue;
      }
      const uint32_t wire = out.wires[next[v]++], to = sheet.wires[wire].lower;
      if (state[to] == kOpen) turned.push_back(wire);
      if (state[to] != kNew) continue;
      state[to] = kOpen;
      path.push_back(to);
    }
  };
  for (uint32_t v = 0; v < sheet.boxes; ++v)
    if (state[v] == kNew && in.size(v) == 0) walk(v);
  for (uint32_t v = 0; v < sheet.boxes; ++v)
    if (state[v] == kNew) walk(v);
  auto turn = [&](Wire& wire) {
    std::swap(wire.upper, wire.lower);
    std::swap(wire.upper_port, wire.lower_port);
    wire.flipped = !wire.flipped;
  };
  for (uint32_t wire : turned) turn(sheet.wires[wire]);
  // A box of the first rank has nothing above it, one of the last nothing below.
  for (Wire& wire : sheet.wires)
    if ((sheet.place[wire.lower] == Place::kFirst && sheet.place[wire.upper] != Place::kFirst) ||
        (sheet.place[wire.upper] == Place::kLast && sheet.place[wire.lower] != Place::kLast))
      turn(wire);
}

// Boxes from the top; all of them, as no cycle is left.
std::vector<uint32_t> downwards(const Sheet& sheet, const Fan& out, const Fan& in) {
  std::vector<uint32_t> order, missing(sheet.boxes);
  order.reserve(sheet.boxes);
  for (uint32_t v = 0; v < sheet.boxes; ++v)
    if ((missing[v] = in.size(v)) == 0) order.push_back(v);
  for (size_t i = 0; i < order.size(); ++i)
    for (uint32_t wire : out.of(order[i]))
      if (--missing[sheet.wires[wire].lower] == 0) order.push_back(sheet.wires[wire].lower);
  return order;
}

// Dozens of boxes that all lead to the same one alone stand in several ranks above it, not in one.
void stack_sources(Sheet& sheet, const Fan& out, const Fan& in, uint32_t top) {
  constexpr size_t kMost = 12;
  std::vector<uint32_t>& rank = sheet.rank;
  uint32_t missing = 0;  // ranks above the first
  std::vector<std::pair<uint32_t, uint32_t>> raised;
  for (uint32_t v = 0; v < sheet.boxes; ++v) {
    if (in.size(v) <= kMost) continue;
    std::vector<uint32_t> sources;  // their wires
    for (uint32_t wire : in.of(v)) {
      const uint32_t source = sheet.wires[wire].upper;
      if (in.size(source) == 0 && out.size(source) == 1 && sheet.place[source] == Place::kAnywhere)
        sources.push_back(wire);
    }
    if (sources.size() <= kMost) continue;
    const auto row = static_cast<size_t>(std::sqrt(2.0 * static_cast<double>(sources.size())));
    for (size_t i = row; i < sources.size(); ++i) {
      const uint32_t up = static_cast<uint32_t>(i / row), source = sheet.wires[sources[i]].upper;
      sheet.wires[sources[i]].lane = true;
      raised.emplace_back(source, up);
      missing = std::max(missing, up + top - std::min(up + top, rank[source]));
    }
  }
  for (uint32_t v = 0; v < sheet.boxes; ++v)
    if (sheet.place[v] != Place::kFirst) rank[v] += missing;
  for (auto [source, up] : raised) rank[source] -= up;
}

void choose_ranks(Sheet& sheet, const std::vector<uint32_t>& order, const Fan& out, const Fan& in) {
  std::vector<uint32_t>& rank = sheet.rank;
  rank.assign(sheet.boxes, 0);
  auto any = [&](Place place) {
    return std::ranges::find(sheet.place, place) != sheet.place.end();
  };
  const uint32_t top = any(Place::kFirst);
  auto above = [&](uint32_t v) {
    uint32_t least = sheet.place[v] == Place::kFirst ? 0 : top;
    for (uint32_t wire : in.of(v)) least = std::max(least, rank[sheet.wires[wire].upper] + 1);
    return least;
  };
  for (uint32_t v : order) rank[v] = above(v);
  // Short wires: a box moves to where it has more of them. A box with one above and one below goes
  // up, or down where the chain begins at a box with many chains: they would all stand in a row.
  std::vector<uint32_t> fan_above(sheet.boxes), fan_below(sheet.boxes);
  auto in_chain = [&](uint32_t v) { return in.size(v) == 1 && out.size(v) == 1; };
  for (uint32_t v : order)
    fan_above[v] = in_chain(v) ? fan_above[sheet.wires[in.of(v)[0]].upper] : out.size(v);
  for (uint32_t v : std::views::reverse(order))
    fan_below[v] = in_chain(v) ? fan_below[sheet.wires[out.of(v)[0]].lower] : in.size(v);
  for (int round = 0; round < 2; ++round) {
    for (uint32_t v : std::views::reverse(order)) {
      if (sheet.place[v] != Place::kAnywhere || out.size(v) == 0 || out.size(v) < in.size(v))
        continue;
      uint32_t most = kNone;
      for (uint32_t wire : out.of(v)) most = std::min(most, rank[sheet.wires[wire].lower] - 1);
      rank[v] = most;
    }
    for (uint32_t v : order)
      if (sheet.place[v] == Place::kAnywhere && in.size(v) > 0 && out.size(v) <= in.size(v) &&
          !(in_chain(v) && fan_above[v] > fan_below[v]))
        rank[v] = above(v);
  }
  stack_sources(sheet, out, in, top);
  if (any(Place::kLast)) {
    uint32_t last = top;
    for (uint32_t v = 0; v < sheet.boxes; ++v)
      if (sheet.place[v] != Place::kLast) last = std::max(last, rank[v] + 1);
    for (uint32_t v = 0; v < sheet.boxes; ++v)
      if (sheet.place[v] == Place::kLast) rank[v] = last;
  }
}

// Marks the wires that lie on the longest way up of their lower box and down of their upper box.
void find_heavy(Sheet& sheet, const std::vector<uint32_t>& order, const Fan& out, const Fan& in) {
  std::vector<uint32_t> above(sheet.boxes), below(sheet.boxes);  // lengths of the longest ways
  std::vector<uint32_t> best_up(sheet.boxes, kNone), best_down(sheet.boxes, kNone);
  // What comes in at the top and leaves at the bottom goes before what begins or ends inside.
  constexpr uint32_t kBorder = 1u << 30;
  for (uint32_t v = 0; v < sheet.boxes; ++v) {
    above[v] = sheet.place[v] == Place::kFirst ? kBorder : 0;
    below[v] = sheet.place[v] == Place::kLast ? kBorder : 0;
  }
  for (uint32_t v : order) {
    // Of equal ways the one with the nearest box, of several such the middle one.
    auto key = [&](uint32_t wire) {
      return std::pair(above[sheet.wires[wire].upper], sheet.rank[sheet.wires[wire].upper]);
    };
    std::pair<uint32_t, uint32_t> most;
    std::vector<uint32_t> equal;
    for (uint32_t wire : in.of(v)) {
      if (equal.empty() || key(wire) > most) {
        most = key(wire);
        equal.clear();
      }
      if (key(wire) == most) equal.push_back(wire);
    }
    if (equal.empty()) continue;
    above[v] = most.first + 1;
    best_up[v] = equal[(equal.size() - 1) / 2];
  }
  for (uint32_t v : std::views::reverse(order))
    for (uint32_t wire : out.of(v))
      if (below[sheet.wires[wire].lower] + 1 > below[v]) {
        below[v] = below[sheet.wires[wire].lower] + 1;
        best_down[v] = wire;
      }
  uint32_t end = 0;
  for (uint32_t v = 1; v < sheet.boxes; ++v)
    if (above[v] + below[v] > above[end] + below[end] ||
        (above[v] + below[v] == above[end] + below[end] && above[v] > above[end]))
      end = v;
  sheet.main.assign(sheet.boxes, 0);
  for (uint32_t v = end;; v = sheet.wires[best_up[v]].upper) {
    sheet.main[v] = 1;
    if (best_up[v] == kNone) break;
    Wire& wire = sheet.wires[best_up[v]];
    best_down[wire.upper] = best_up[v];
    wire.main = true;
  }
  for (uint32_t v = 0; v < sheet.boxes; ++v)
    if (best_up[v] != kNone && best_down[sheet.wires[best_up[v]].upper] == best_up[v])
      sheet.wires[best_up[v]].heavy = true;
}

// The longest span that still gets a bend in every rank: bends stay linear in the graph's size.
uint32_t longest_span(const Sheet& sheet) {
  constexpr uint32_t kLongest = 32;
  std::vector<size_t> spans(kLongest + 1);
  for (const Wire& wire : sheet.wires) {
    const uint32_t span = sheet.rank[wire.lower] - sheet.rank[wire.upper];
    if (span <= kLongest) spans[span] += span - 1;
  }
  const size_t most = 4 * sheet.wires.size() + 1000;
  size_t bends = 0;
  uint32_t span = 1;
  while (span < kLongest && (bends += spans[span + 1]) <= most) ++span;
  return span;
}

void add_bends(Sheet& sheet) {
  constexpr double kBend = 5;  // half of the room that a passing wire takes
  constexpr uint32_t kLong = 5, kMany = 4;
  const uint32_t longest = longest_span(sheet);
  auto span_of = [&](const Wire& wire) { return sheet.rank[wire.lower] - sheet.rank[wire.upper]; };
  // Many long wires of one box, a weight that a loop uses, say, share a lane.
  std::vector<uint32_t> from(sheet.boxes), to(sheet.boxes);
  for (const Wire& wire : sheet.wires)
    if (span_of(wire) > kLong) {
      ++from[wire.upper];
      ++to[wire.lower];
    }
  for (Wire& wire : sheet.wires) {
    const uint32_t span = span_of(wire);
    const bool shares = span > kLong && std::max(from[wire.upper], to[wire.lower]) >= kMany;
    if ((wire.lane || span > longest || shares) && !wire.main) {
      wire.lane = true;
      wire.heavy = false;
      continue;
    }
    wire.bend = sheet.vertices();
    wire.bends = span - 1;
    const size_t vertices = sheet.vertices() + wire.bends;
    sheet.left.resize(vertices, kBend);
    sheet.right.resize(vertices, kBend);
    sheet.height.resize(vertices, 0);
    sheet.main.resize(vertices, wire.main);
    for (uint32_t i = 1; i < span; ++i) sheet.rank.push_back(sheet.rank[wire.upper] + i);
  }
}

// Vertex k of a wire, counted from its upper box.
uint32_t vertex_of(const Wire& wire, uint32_t k) {
  return k == 0 ? wire.upper : k <= wire.bends ? wire.bend + k - 1 : wire.lower;
}

double port_or_middle(double port) { return std::isnan(port) ? 0 : port; }

void link(Sheet& sheet) {
  std::vector<uint32_t> ups(sheet.vertices() + 1), downs(sheet.vertices() + 1);
  auto each_link = [&](auto&& take) {
    for (const Wire& wire : sheet.wires)
      for (uint32_t k = 0; !wire.lane && k <= wire.bends; ++k)
        take(wire, vertex_of(wire, k), vertex_of(wire, k + 1), k);
  };
  each_link([&](const Wire&, uint32_t from, uint32_t to, uint32_t) {
    ++downs[from + 1];
    ++ups[to + 1];
  });
  for (uint32_t v = 0; v < sheet.vertices(); ++v) {
    ups[v + 1] += ups[v];
    downs[v + 1] += downs[v];
  }
  sheet.up = {ups, std::vector<Neighbour>(ups.back())};
  sheet.down = {downs, std::vector<Neighbour>(downs.back())};
  each_link([&](const Wire& wire, uint32_t from, uint32_t to, uint32_t k) {
    // Bends in a row stand straight before boxes do, and the longest ways before all others.
    const double weight = (sheet.is_bend(from) && sheet.is_bend(to) ? 4 : 1) * (wire.heavy ? 4 : 1);
    const double shift = (k == 0 ? port_or_middle(wire.upper_port) : 0) -
                         (k == wire.bends ? port_or_middle(wire.lower_port) : 0);
    sheet.down.all[downs[from]++] = {to, weight, shift};
    sheet.up.all[ups[to]++] = {from, weight, -shift};
  });
}

// Chains of heavy wires, and the bends of every other wire.
void find_runs(Sheet& sheet) {
  std::vector<uint32_t> heavy_down(sheet.boxes, kNone);
  std::vector<uint8_t> inside(sheet.boxes);
  for (uint32_t i = 0; i < sheet.wires.size(); ++i)
    if (sheet.wires[i].heavy) {
      heavy_down[sheet.wires[i].upper] = i;
      inside[sheet.wires[i].lower] = 1;
    }
  for (uint32_t v = 0; v < sheet.boxes; ++v) {
    if (inside[v] || heavy_down[v] == kNone) continue;
    std::vector<uint32_t>& run = sheet.runs.emplace_back(1, v);
    for (uint32_t wire = heavy_down[v]; wire != kNone; wire = heavy_down[run.back()])
      for (uint32_t k = 1; k <= sheet.wires[wire].bends + 1; ++k)
        run.push_back(vertex_of(sheet.wires[wire], k));
  }
  for (const Wire& wire : sheet.wires)
    if (!wire.heavy && wire.bends > 1) {
      std::vector<uint32_t>& run = sheet.runs.emplace_back();
      for (uint32_t k = 1; k <= wire.bends; ++k) run.push_back(vertex_of(wire, k));
    }
  std::ranges::stable_sort(sheet.runs, [&](const auto& a, const auto& b) {
    return std::pair(sheet.main[a[0]], a.size()) > std::pair(sheet.main[b[0]], b.size());
  });
}

}  // namespace

void make_ranks(Sheet& sheet) {
  break_cycles(sheet);
  const Fan out(sheet, &Wire::upper), in(sheet, &Wire::lower);
  const std::vector<uint32_t> order = downwards(sheet, out, in);
  choose_ranks(sheet, order, out, in);
  find_heavy(sheet, order, out, in);
  add_bends(sheet);
  link(sheet);
  find_runs(sheet);
}

}  // namespace rl::layout

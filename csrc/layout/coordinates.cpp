// From the order inside the ranks to x: the longest path straight, all else near its neighbours.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "layout/sheet.h"

namespace rl::layout {

namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

class Coordinates {
 public:
  explicit Coordinates(Sheet& sheet) : s_(sheet) {}

  void run() {
    start();
    // Small graphs can afford more: what they hang on moves through all ranks in a few sweeps.
    const int sweeps = std::clamp(static_cast<int>(60'000 / s_.vertices()), 4, 40);
    for (int i = 0; i < sweeps; ++i) {
      for (bool downwards : {true, false}) {
        if (i > 0) gather();
        sweep(downwards, i > 1);
      }
      if (i > 0) straighten();
    }
  }

 private:
  // The main path at its x, the others packed beside it.
  void start() {
    s_.x.assign(s_.vertices(), 0);
    home_.assign(s_.vertices(), std::numeric_limits<double>::quiet_NaN());
    for (const auto& run : s_.runs)
      if (s_.main[run[0]])
        for (size_t i = 1; i < run.size(); ++i) s_.x[run[i]] = s_.x[run[i - 1]] + shift(run, i);
    for (const auto& rank : s_.ranks) {
      if (rank.empty()) continue;
      const size_t fixed = main_slot(rank);
      const size_t from = std::min(fixed, rank.size() - 1);
      if (fixed == rank.size()) s_.x[rank[from]] = 0;
      for (size_t i = from; i + 1 < rank.size(); ++i)
        s_.x[rank[i + 1]] = s_.x[rank[i]] + s_.apart(rank[i], rank[i + 1]);
      for (size_t i = from; i > 0; --i)
        s_.x[rank[i - 1]] = s_.x[rank[i]] - s_.apart(rank[i - 1], rank[i]);
      if (fixed < rank.size()) continue;
      const double middle = s_.x[rank[0]] / 2;  // the last stands at 0
      for (uint32_t v : rank) s_.x[v] -= middle;
    }
  }

  // x of run[i] less x of run[i - 1] where the wire between them is vertical.
  double shift(const std::vector<uint32_t>& run, size_t i) const {
    for (const Neighbour& n : s_.down.of(run[i - 1]))
      if (n.vertex == run[i]) return n.shift;
    return 0;
  }

  // Each run's vertices are to come together at their mean.
  void gather() {
    for (const auto& run : s_.runs) {
      double from = 0, sum = 0;
      for (size_t i = 0; i < run.size(); ++i) {
        if (i > 0) from += shift(run, i);
        home_[run[i]] = from;
        sum += s_.x[run[i]] - from;
      }
      for (uint32_t v : run) home_[v] += sum / static_cast<double>(run.size());
    }
  }

  size_t main_slot(const std::vector<uint32_t>& rank) const {
    return static_cast<size_t>(
        std::ranges::find_if(rank, [&](uint32_t v) { return s_.main[v] != 0; }) - rank.begin());
  }

  void sweep(bool downwards, bool by_both) {
    for (size_t i = 0; i < s_.ranks.size(); ++i) {
      const auto& rank = s_.ranks[downwards ? i : s_.ranks.size() - 1 - i];
      want_.resize(rank.size());
      weight_.resize(rank.size());
      for (size_t k = 0; k < rank.size(); ++k) {
        double weight = std::isnan(home_[rank[k]]) ? 0 : kHome;
        double sum = weight > 0 ? weight * home_[rank[k]] : 0;
        auto add = [&](const Neighbours& by) {
          for (const Neighbour& n : by.of(rank[k])) {
            sum += n.weight * (s_.x[n.vertex] - n.shift);
            weight += n.weight;
          }
        };
        if (downwards || by_both) add(s_.up);
        if (!downwards || by_both) add(s_.down);
        want_[k] = weight > 0 ? sum / weight : s_.x[rank[k]];
        weight_[k] = std::max(weight, 0.1);
      }
      const size_t fixed = main_slot(rank);
      if (fixed == rank.size()) {
        settle(rank, 0, fixed, -kFar, kFar);
        continue;
      }
      const double x = s_.x[rank[fixed]];
      if (fixed > 0) settle(rank, 0, fixed, -kFar, x - s_.apart(rank[fixed - 1], rank[fixed]));
      if (fixed + 1 < rank.size())
        settle(rank, fixed + 1, rank.size(), x + s_.apart(rank[fixed], rank[fixed + 1]), kFar);
    }
  }

  // Slots [begin, end) of a rank as near as possible to where they want to be, by least squares:
  // with the distances taken off this is an isotonic regression, solved by pooling (PAVA).
  void settle(const std::vector<uint32_t>& rank, size_t begin, size_t end, double low,
              double high) {
    offset_.resize(rank.size());
    pools_.clear();
    for (size_t i = begin; i < end; ++i) {
      offset_[i] = i == begin ? 0 : offset_[i - 1] + s_.apart(rank[i - 1], rank[i]);
      pools_.push_back({weight_[i] * (want_[i] - offset_[i]), weight_[i], i + 1});
      while (pools_.size() > 1 && pools_.end()[-2].mean() >= pools_.back().mean()) {
        const Pool last = pools_.back();
        pools_.pop_back();
        pools_.back() = {pools_.back().sum + last.sum, pools_.back().weight + last.weight,
                         last.end};
      }
    }
    if (begin == end) return;
    const double most = high - offset_[end - 1];
    size_t i = begin;
    for (const Pool& pool : pools_)
      for (const double at = std::min(std::max(pool.mean(), low), most); i < pool.end; ++i)
        s_.x[rank[i]] = at + offset_[i];
  }

  // Runs made vertical, in as few pieces as their neighbours at both sides leave room for.
  void straighten() {
    for (const auto& run : s_.runs) {
      if (s_.main[run[0]]) continue;
      low_.resize(run.size());
      high_.resize(run.size());
      from_.resize(run.size());
      for (size_t i = 0; i < run.size(); ++i) {
        const auto& rank = s_.ranks[s_.rank[run[i]]];
        const uint32_t slot = s_.slot[run[i]];
        from_[i] = i == 0 ? 0 : from_[i - 1] + shift(run, i);
        const double x = from_[i];
        low_[i] = slot == 0 ? -kFar : s_.x[rank[slot - 1]] + s_.apart(rank[slot - 1], run[i]) - x;
        high_[i] = slot + 1 == rank.size()
                       ? kFar
                       : s_.x[rank[slot + 1]] - s_.apart(run[i], rank[slot + 1]) - x;
      }
      for (size_t begin = 0, end; begin < run.size(); begin = end) {
        double low = -kFar, high = kFar;
        for (end = begin; end < run.size(); ++end) {
          const double l = std::max(low, low_[end]), h = std::min(high, high_[end]);
          if (l > h && end > begin) break;
          low = l, high = h;
        }
        const double at = std::max(low, std::min(pull(run, begin, end), high));
        for (size_t i = begin; i < end; ++i) s_.x[run[i]] = at + from_[i];
      }
    }
  }

  // Where the neighbours outside a run want its part [begin, end) to be.
  double pull(const std::vector<uint32_t>& run, size_t begin, size_t end) const {
    double sum = 0, weight = 0;
    for (size_t i = begin; i < end; ++i) {
      const uint32_t above = i == 0 ? kNone : run[i - 1];
      const uint32_t below = i + 1 == run.size() ? kNone : run[i + 1];
      auto add = [&](const Neighbours& by, uint32_t inside) {
        for (const Neighbour& n : by.of(run[i])) {
          if (n.vertex == inside) continue;
          sum += n.weight * (s_.x[n.vertex] - n.shift - from_[i]);
          weight += n.weight;
        }
      };
      add(s_.up, above);
      add(s_.down, below);
    }
    return weight > 0 ? sum / weight : s_.x[run[begin]] - from_[begin];
  }

  struct Pool {
    double sum, weight;
    size_t end;
    double mean() const { return sum / weight; }
  };

  Sheet& s_;
  static constexpr double kHome = 8;  // against weights of 1 to 16
  std::vector<double> home_;          // where its run wants a vertex; nan: in no run
  std::vector<double> want_, weight_, offset_, low_, high_, from_;
  std::vector<Pool> pools_;
};

// Long wires pass at the side, those of one box together, the short ones inside.
void place_lanes(Sheet& s) {
  constexpr double kLane = 10;
  std::vector<uint32_t> uppers(s.boxes), lowers(s.boxes);
  std::vector<uint32_t> lanes;
  for (uint32_t i = 0; i < s.wires.size(); ++i)
    if (s.wires[i].lane) {
      lanes.push_back(i);
      ++uppers[s.wires[i].upper];
      ++lowers[s.wires[i].lower];
    }
  if (lanes.empty()) return;
  struct Lane {
    uint32_t key, top = kNone, bottom = 0;
    double sum = 0;
    std::vector<uint32_t> wires;
  };
  std::vector<Lane> all;
  std::vector<uint32_t> lane_of(2 * s.boxes, kNone);
  for (uint32_t i : lanes) {
    const Wire& wire = s.wires[i];
    const uint32_t key =
        uppers[wire.upper] >= lowers[wire.lower] ? wire.upper : s.boxes + wire.lower;
    if (lane_of[key] == kNone) {
      lane_of[key] = static_cast<uint32_t>(all.size());
      all.push_back({.key = key, .wires = {}});
    }
    Lane& lane = all[lane_of[key]];
    lane.top = std::min(lane.top, s.rank[wire.upper] + 1);
    lane.bottom = std::max(lane.bottom, s.rank[wire.lower] - 1);
    lane.sum += s.x[wire.upper] + s.x[wire.lower];
    lane.wires.push_back(i);
  }
  std::ranges::stable_sort(all, {}, [](const Lane& lane) { return lane.bottom - lane.top; });
  // How far the picture reaches, by bands of ranks: their number bounds the work of a lane.
  const size_t band = s.ranks.size() / 512 + 1;
  std::vector<double> least(s.ranks.size() / band + 1, kFar), most(least.size(), -kFar);
  for (size_t r = 0; r < s.ranks.size(); ++r) {
    if (s.ranks[r].empty()) continue;
    const uint32_t a = s.ranks[r].front(), b = s.ranks[r].back();
    least[r / band] = std::min(least[r / band], s.x[a] - s.left[a]);
    most[r / band] = std::max(most[r / band], s.x[b] + s.right[b]);
  }
  // Hundreds of lanes come closer together.
  const double step = std::max(
      0.25, std::floor(kLane * std::min(1.0, 64.0 / static_cast<double>(all.size())) * 4) / 4);
  for (const Lane& lane : all) {
    auto cut = [&](std::vector<double>& side) {
      return std::span(side).subspan(lane.top / band, lane.bottom / band - lane.top / band + 1);
    };
    const auto left = cut(least), right = cut(most);
    const double low = std::ranges::min(left) - step, high = std::ranges::max(right) + step;
    const double middle = lane.sum / (2.0 * static_cast<double>(lane.wires.size()));
    const bool at_left = middle - low < high - middle;
    for (double& edge : at_left ? left : right) edge = at_left ? low : high;
    for (uint32_t i : lane.wires) s.wires[i].lane_x = at_left ? low : high;
  }
}

}  // namespace

void set_x(Sheet& sheet) {
  Coordinates(sheet).run();
  // Quarters: borders, middles and ends of arrows are equal as numbers and short as text.
  for (double& x : sheet.x) x = std::round(x / kGrid) * kGrid;
  place_lanes(sheet);
}

}  // namespace rl::layout

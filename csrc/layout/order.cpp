// The order inside the ranks: few crossings, by sweeps of means and exchanges of neighbours.
#include <algorithm>

#include "layout/sheet.h"

namespace rl::layout {

namespace {

class Order {
 public:
  explicit Order(Sheet& sheet) : s_(sheet), mean_(sheet.vertices()) {}

  void run() {
    // What is big gets fewer attempts: time stays linear but for the sorting.
    const int sweeps = s_.vertices() < 4000 ? 12 : 6;
    Ranks best;
    uint64_t least = UINT64_MAX;
    for (bool from_top : {true, false}) {
      start(from_top);
      for (int i = 0; i <= sweeps && least > 0; ++i) {
        if (i > 0) sweep((i % 2 == 1) == from_top);
        if (i + 2 > sweeps) exchange();
        if (uint64_t n = crossings(); n < least) {
          least = n;
          best = s_.ranks;
        }
      }
    }
    s_.ranks = std::move(best);
    for (auto& rank : s_.ranks) number(rank);
    exchange();
  }

 private:
  using Ranks = std::vector<std::vector<uint32_t>>;

  void number(const std::vector<uint32_t>& rank) {
    for (uint32_t i = 0; i < rank.size(); ++i) s_.slot[rank[i]] = i;
  }

  // Each rank in the order of a walk, depth first: trees come out without a crossing.
  void start(bool from_top) {
    const Neighbours& onward = from_top ? s_.down : s_.up;
    const Neighbours& back = from_top ? s_.up : s_.down;
    s_.ranks.assign(*std::ranges::max_element(s_.rank) + 1, {});
    s_.slot.assign(s_.vertices(), kNone);
    std::vector<uint32_t> path;
    for (uint32_t v = 0; v < s_.vertices(); ++v) {
      if (!back.of(v).empty()) continue;
      path.push_back(v);
      while (!path.empty()) {
        const uint32_t at = path.back();
        path.pop_back();
        if (s_.slot[at] != kNone) continue;
        auto& rank = s_.ranks[s_.rank[at]];
        s_.slot[at] = static_cast<uint32_t>(rank.size());
        rank.push_back(at);
        const auto next = onward.of(at);
        for (size_t i = next.size(); i-- > 0;) path.push_back(next[i].vertex);
      }
    }
  }

  // Each vertex goes to the mean of its neighbours; one without any keeps its slot.
  void sweep(bool downwards) {
    const Neighbours& by = downwards ? s_.up : s_.down;
    std::vector<uint32_t> moving;
    for (size_t i = 1; i < s_.ranks.size(); ++i) {
      auto& rank = s_.ranks[downwards ? i : s_.ranks.size() - 1 - i];
      moving.clear();
      for (uint32_t v : rank) {
        const auto neighbours = by.of(v);
        if (neighbours.empty()) continue;
        uint64_t sum = 0;
        for (const Neighbour& n : neighbours) sum += s_.slot[n.vertex];
        mean_[v] = static_cast<double>(sum) / static_cast<double>(neighbours.size());
        moving.push_back(v);
      }
      std::ranges::stable_sort(moving, {}, [&](uint32_t v) { return mean_[v]; });
      auto next = moving.begin();
      for (uint32_t& v : rank)
        if (!by.of(v).empty()) v = *next++;
      number(rank);
    }
  }

  // Inversions of the lower ends, by a tree of partial sums (Fenwick).
  uint64_t crossings() {
    uint64_t total = 0;
    std::vector<uint32_t> seen;
    for (size_t r = 0; r + 1 < s_.ranks.size(); ++r) {
      const auto width = static_cast<uint32_t>(s_.ranks[r + 1].size());
      seen.assign(width + 1, 0);
      uint64_t links = 0;
      for (uint32_t v : s_.ranks[r]) {
        for (const Neighbour& n : s_.down.of(v)) {
          uint64_t before = 0;  // links so far that end here or further left
          for (uint32_t i = s_.slot[n.vertex] + 1; i > 0; i &= i - 1) before += seen[i];
          total += links - before;
        }
        for (const Neighbour& n : s_.down.of(v))
          for (uint32_t i = s_.slot[n.vertex] + 1; i <= width; i += i & -i) ++seen[i];
        links += s_.down.of(v).size();
      }
    }
    return total;
  }

  void slots_of(std::span<const Neighbour> neighbours, std::vector<uint32_t>& slots) {
    slots.clear();
    for (const Neighbour& n : neighbours) slots.push_back(s_.slot[n.vertex]);
    std::ranges::sort(slots);
  }

  // Pairs (a, b) of two sorted lists with a > b less those with a < b.
  static int64_t excess(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
    int64_t sum = 0;
    size_t less = 0, not_greater = 0;
    for (uint32_t slot : a) {
      while (less < b.size() && b[less] < slot) ++less;
      while (not_greater < b.size() && b[not_greater] <= slot) ++not_greater;
      sum += static_cast<int64_t>(less) - static_cast<int64_t>(b.size() - not_greater);
    }
    return sum;
  }

  // Neighbours of a rank change places while that saves a crossing.
  void exchange() {
    for (int round = 0; round < 4; ++round) {
      bool changed = false;
      for (auto& rank : s_.ranks) {
        if (rank.size() < 2) continue;
        slots_of(s_.up.of(rank[0]), up_a_);
        slots_of(s_.down.of(rank[0]), down_a_);
        for (size_t i = 0; i + 1 < rank.size(); ++i) {
          slots_of(s_.up.of(rank[i + 1]), up_b_);
          slots_of(s_.down.of(rank[i + 1]), down_b_);
          if (excess(up_a_, up_b_) + excess(down_a_, down_b_) > 0) {
            std::swap(rank[i], rank[i + 1]);
            std::swap(s_.slot[rank[i]], s_.slot[rank[i + 1]]);
            changed = true;
          } else {
            std::swap(up_a_, up_b_);
            std::swap(down_a_, down_b_);
          }
        }
      }
      if (!changed) return;
    }
  }

  Sheet& s_;
  std::vector<double> mean_;
  std::vector<uint32_t> up_a_, up_b_, down_a_, down_b_;  // slots of neighbours of two vertices
};

}  // namespace

void order_ranks(Sheet& sheet) { Order(sheet).run(); }

}  // namespace rl::layout

// Trial deletion (Christopher, "Reference count garbage collection", 1984), of the part of the
// graph that one object leads to. What is found alive costs nothing until the one outside reference
// that proved it may be gone: its target is watched (kWatched), with every suspect it leads to.
#include "graph/cycles.h"

#include <algorithm>
#include <new>
#include <unordered_map>

namespace rl {

constinit bool cycles_due = false;

namespace {

// A TensorImpl*, or a Node* with the lowest bit set.
using Object = uintptr_t;
Object object_of(const TensorImpl* t) { return reinterpret_cast<Object>(t); }
Object object_of(const Node* node) { return reinterpret_cast<Object>(node) | 1; }
TensorImpl* as_tensor(Object o) { return o & 1 ? nullptr : reinterpret_cast<TensorImpl*>(o); }
Node* as_node(Object o) { return o & 1 ? reinterpret_cast<Node*>(o - 1) : nullptr; }

void visit_held(Object object, HeldVisitor& visitor) {
  if (Node* node = as_node(object)) {
    for (uint32_t i = 0; i < node->n_edges(); ++i) visitor.node(node->edges()[i].node);
    return node->visit_saved(visitor);
  }
  TensorImpl* t = as_tensor(object);
  visitor.node(t->grad_fn());
  visitor.tensor(t->grad().get());
  if (Extension* extension = t->extension()) {
    visitor.tensor(extension->base);
    visitor.node(extension->accumulator);
  }
}

void set_watched(Object object, bool on) {
  if (Node* node = as_node(object))
    node->set_watched(on);
  else
    as_tensor(object)->set_watched(on);
}

bool is_watched(Object object) {
  Node* node = as_node(object);
  return node ? node->watched() : as_tensor(object)->watched();
}

struct Item {
  Object object;
  uint32_t count;     // references
  uint32_t seen = 0;  // those that lead here from what was visited
  bool marked = false;
};

// The objects seen so far, in the order in which they were seen.
class Walk : public HeldVisitor {
 public:
  // `exempt`: a tensor whose Python object, though in use, does not count.
  Walk(size_t limit, const TensorImpl* exempt) : limit_(limit), exempt_(exempt) {}

  void tensor(TensorImpl* t) override {
    if (t) see(object_of(t));
  }
  void node(Node* node) override {
    if (node) see(object_of(node));
  }
  const std::vector<Item>& items() const { return items_; }

  // Follows everything. False: more than the limit, or counts that do not fit together. With a
  // reference from outside it also ends at another tensor in a cycle that Python uses: that one
  // leads to the root as well.
  bool follow_all(Object root, uint32_t outside) {
    items_[find(root)].seen = outside;
    for (size_t i = 0; i < items_.size(); ++i) {
      if (items_.size() > limit_) return false;
      const TensorImpl* t = as_tensor(items_[i].object);
      if (outside && i && t && !left_by_python(t) && may_close_cycle(t)) return false;
      visit_held(items_[i].object, *this);
    }
    for (const Item& item : items_)
      if (item.seen > item.count) return false;
    return true;
  }

  // Follows only what all references have been seen to.
  void follow_owned(Object root) {
    owned_.clear();
    collect_ = true;
    see(root);
    for (size_t i = 0; i < owned_.size() && items_.size() <= limit_; ++i)
      visit_held(items_[owned_[i]].object, *this);
    collect_ = false;
  }
  const std::vector<uint32_t>& owned() const { return owned_; }

  // Marks what item `i` leads to; the items marked by this call.
  const std::vector<uint32_t>& mark_from(uint32_t i) {
    owned_.clear();
    mark_ = true;
    mark(i);
    for (size_t k = 0; k < owned_.size(); ++k) visit_held(items_[owned_[k]].object, *this);
    mark_ = false;
    return owned_;
  }

 private:
  void see(Object object) {
    uint32_t i = find(object);
    if (mark_) return mark(i);
    if (++items_[i].seen == items_[i].count && collect_) owned_.push_back(i);
  }
  void mark(uint32_t i) {
    if (!items_[i].marked) owned_.push_back(i);
    items_[i].marked = true;
  }
  uint32_t count_of(Object object) const {
    if (Node* node = as_node(object)) return node->count();
    TensorImpl* t = as_tensor(object);
    bool in_use = t->owns_wrapper() && t != exempt_ && host().wrapper_in_use(t->wrapper());
    return in_use ? kWatched : t->count();
  }
  size_t place(Object object) const {
    size_t mask = table_.size() - 1;
    size_t at = (object >> 4) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (table_[at] && items_[table_[at] - 1].object != object) at = (at + 1) & mask;
    return at;
  }
  uint32_t find(Object object) {
    if (table_.size() < 2 * (items_.size() + 1)) {
      table_.assign(table_.empty() ? 64 : 4 * table_.size(), 0);
      for (uint32_t i = 0; i < items_.size(); ++i) table_[place(items_[i].object)] = i + 1;
    }
    uint32_t& entry = table_[place(object)];
    if (!entry) {
      items_.push_back({object, count_of(object)});
      entry = static_cast<uint32_t>(items_.size());
    }
    return entry - 1;
  }

  size_t limit_;
  const TensorImpl* exempt_;
  std::vector<Item> items_;
  std::vector<uint32_t> table_;  // of items, by object: index + 1
  std::vector<uint32_t> owned_;
  bool collect_ = false, mark_ = false;
};

// Remembered: an object which something outside refers to.
struct Watch {
  uint32_t inside;    // the references to it that are not from outside
  uint32_t patience;  // releases until it is looked at anyway: as many as the walk had objects
  std::vector<TensorImpl*> suspects;  // it leads to; some may be gone
};

// Only used by the thread that holds the GIL.
struct Cycles {
  std::unordered_map<Object, Watch> watches;
  // What a suspect waits for; 0 where it is in `due` or `later`.
  std::unordered_map<TensorImpl*, Object> waiting;
  std::vector<TensorImpl*> due, later;
  uint32_t turn = 0;
  bool busy = false;
};
Cycles& cycles() {
  static auto* instance = new Cycles;
  return *instance;
}

void look_again(Object object) {
  auto watch = cycles().watches.extract(object);
  set_watched(object, false);
  for (TensorImpl* t : watch.mapped().suspects) {
    auto at = cycles().waiting.find(t);
    if (at == cycles().waiting.end() || at->second != object) continue;
    at->second = 0;
    cycles().due.push_back(t);
  }
  if (cycles().due.empty()) return;
  cycles_due = true;
  host().break_cycles_soon();
}

bool released(Object object, uint32_t count) {
  Watch& watch = cycles().watches.at(object);
  if (count <= watch.inside || --watch.patience == 0) look_again(object);
  return count == 0;
}

bool is_suspect(Object object) {
  TensorImpl* t = as_tensor(object);
  return t && may_close_cycle(t);
}

// The suspects that `item` leads to wait for it to lose its references from outside.
void watch(Walk& walk, uint32_t item, const std::vector<uint32_t>& led_to) {
  const Item& target = walk.items()[item];
  auto patience = static_cast<uint32_t>(walk.items().size());
  Watch& watch = cycles().watches.try_emplace(target.object, Watch{0, patience, {}}).first->second;
  watch.inside = std::max(watch.inside, target.seen);
  set_watched(target.object, true);
  for (uint32_t i : led_to) {
    if (!is_suspect(walk.items()[i].object)) continue;
    TensorImpl* t = as_tensor(walk.items()[i].object);
    Object& waits_for = cycles().waiting.try_emplace(t, 0).first->second;
    if (waits_for) continue;
    waits_for = target.object;
    t->set_waiting(true);
    watch.suspects.push_back(t);
  }
}

// Breaks the cycles which `suspect` is part of, where nothing else holds them. `leaving` becomes
// null where it is part of them.
void break_cycles_of(TensorImpl* suspect, TensorImpl*& leaving) {
  constexpr size_t kMaxObjects = size_t{1} << 20;  // some tenths of a second
  Walk walk(kMaxObjects, leaving);
  if (!walk.follow_all(object_of(suspect), 0)) return;
  const std::vector<Item>& items = walk.items();
  std::vector<uint32_t> held;  // from outside
  for (uint32_t i = 0; i < items.size(); ++i)
    if (items[i].seen < items[i].count) held.push_back(i);
  // Begun at another one each time: parameters that go in order would be the proof one by one.
  cycles().turn += 0x9E3779B9u;
  for (size_t k = 0; k < held.size(); ++k) {
    uint32_t i = held[(cycles().turn + k) % held.size()];
    if (items[i].marked) continue;
    const std::vector<uint32_t>& led_to = walk.mark_from(i);
    if (!items[0].marked) continue;
    watch(walk, i, led_to);
    return;
  }
  // Nothing dies before all has been seen.
  std::vector<TensorRef> gradients, moved;
  for (const Item& item : items) {
    if (item.marked) continue;
    if (leaving && item.object == object_of(leaving)) leaving = nullptr;
    if (!is_suspect(item.object)) continue;
    TensorImpl* t = as_tensor(item.object);
    if (t->moved()) moved.push_back(TensorRef::borrow(t));
    gradients.push_back(t->take_grad());
  }
  for (TensorRef& t : moved) t->set_grad_fn(nullptr, 0);
}

constexpr size_t kMaxOwned = 4096;          // what one Python object is searched for
constexpr size_t kMaxOwnedInCycles = 2048;  // several may search the same part

template <class Root>
void find_owned_from(Root* root, Owned& owned) {
  auto add = [&](Object object) {
    if (Node* node = as_node(object))
      owned.nodes.push_back(node);
    else
      owned.tensors.push_back(as_tensor(object));
  };
  owned.nodes.clear();
  owned.tensors.clear();
  Walk walk(kMaxOwned, nullptr);
  walk.follow_owned(object_of(root));
  bool in_cycle = walk.owned().empty();
  for (const Item& item : walk.items())
    in_cycle |= item.seen < item.count && (is_suspect(item.object) || is_watched(item.object));
  Walk all(kMaxOwnedInCycles, nullptr);
  if (in_cycle && all.follow_all(object_of(root), 1)) {
    for (uint32_t i = 0; i < all.items().size(); ++i)
      if (all.items()[i].seen < all.items()[i].count) all.mark_from(i);
    for (const Item& item : all.items())
      if (!item.marked) add(item.object);
    return;
  }
  for (uint32_t i : walk.owned()) add(walk.items()[i].object);
}

}  // namespace

void suspect_cycle(TensorImpl* t) {
  // One that waits is alive until it is looked at.
  if (!cycles().waiting.try_emplace(t, 0).second) return;
  t->set_waiting(true);
  cycles().due.push_back(t);
  cycles_due = true;
}

void suspect_cycle_later(TensorImpl* t) {
  if (!cycles().waiting.try_emplace(t, 0).second) return;
  t->set_waiting(true);
  cycles().later.push_back(t);
  host().break_cycles_soon();
}

void break_cycles(TensorImpl* leaving) noexcept {
  Cycles& all = cycles();
  if (all.busy) return;  // the outer call goes on until nothing is due
  all.busy = true;
  while (!all.due.empty()) {
    TensorImpl* t = all.due.back();
    all.due.pop_back();
    auto at = all.waiting.find(t);
    if (at == all.waiting.end() || at->second) continue;
    all.waiting.erase(at);
    t->set_waiting(false);
    if (!left_by_python(t) || !may_close_cycle(t)) continue;
    try {
      break_cycles_of(t, leaving);
    } catch (const std::bad_alloc&) {
      continue;  // a cycle stays, as where it is too large
    }
  }
  cycles_due = false;
  all.busy = false;
}

void break_later_cycles() noexcept {
  auto later = std::move(cycles().later);
  cycles().later.clear();
  cycles().due.insert(cycles().due.end(), later.begin(), later.end());
  break_cycles();
}

void cycle_changed(TensorImpl* t) {
  if (Object object = cycles().waiting.at(t)) look_again(object);
}

void cycle_moved(TensorImpl* t) {
  if (t->waiting())
    cycle_changed(t);
  else if (left_by_python(t))
    suspect_cycle(t);
}

void cycle_forget(TensorImpl* t) noexcept {
  cycles().waiting.erase(t);
  t->set_waiting(false);
}

bool cycle_released(TensorImpl* t) noexcept { return released(object_of(t), t->count()); }
bool cycle_released(Node* node) noexcept { return released(object_of(node), node->count()); }

void find_owned(TensorImpl* root, Owned& owned) { find_owned_from(root, owned); }
void find_owned(Node* root, Owned& owned) { find_owned_from(root, owned); }

}  // namespace rl

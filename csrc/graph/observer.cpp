#include "graph/observer.h"

namespace rl {

Observer* observers = nullptr;
uint8_t observed = 0;

namespace {

void update_observed() {
  observed = 0;
  for_each_observer([](Observer& o) { observed |= o.observes(); });
}

}  // namespace

void add_observer(Observer& observer) {
  Observer** end = &observers;
  while (*end) end = &(*end)->next_;
  *end = &observer;
  observer.next_ = nullptr;
  update_observed();
}

void remove_observer(Observer& observer) {
  for (Observer** at = &observers; *at; at = &(*at)->next_) {
    if (*at != &observer) continue;
    *at = observer.next_;
    return update_observed();
  }
}

}  // namespace rl

#include "graph/observer.h"

namespace rl {

Observer* observers = nullptr;

void add_observer(Observer& observer) {
  Observer** end = &observers;
  while (*end) end = &(*end)->next_;
  *end = &observer;
  observer.next_ = nullptr;
}

void remove_observer(Observer& observer) {
  for (Observer** at = &observers; *at; at = &(*at)->next_) {
    if (*at != &observer) continue;
    *at = observer.next_;
    return;
  }
}

}  // namespace rl

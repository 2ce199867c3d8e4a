#include "python/graph_growth.h"

#include <algorithm>

#include "graph/node.h"
#include "python/type_tools.h"

namespace rl::python {

uint32_t passes_done = 0;

namespace {

// The number must have grown from each of so many looks to the next before anything is searched.
constexpr int kLooks = 7;
// By at least one node in so many passes.
constexpr int64_t kSlowest = 8;

struct Look {
  int64_t live;
  uint64_t sequence;
};

struct Watch {
  bool on = true;
  Look looks[kLooks] = {};
  int n = 0;
  uint64_t count = 0;
  uint64_t search_from = 0;  // count from which a search is worth its cost
};
Watch g_watch;

bool grew() {
  for (int i = 1; i < g_watch.n; ++i)
    if (g_watch.looks[i].live < g_watch.looks[i - 1].live + kPassesPerLook / kSlowest) return false;
  return g_watch.n == kLooks;
}

// _set_growth_watch(on): what it was.
PyObject* set_growth_watch(PyObject*, PyObject* on) {
  return guarded([&]() -> PyObject* {
    bool value = bool_argument("warn_growth", "on", on, true);
    bool before = std::exchange(g_watch.on, value);
    if (value != before) g_watch = {.on = value};
    return PyBool_FromLong(before);
  });
}

PyMethodDef kFunctions[] = {
    {"_set_growth_watch", set_growth_watch, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void look_for_growth() {
  Watch& w = g_watch;
  if (!w.on) return;
  ++w.count;
  if (w.n == kLooks)
    std::rotate(w.looks, w.looks + 1, w.looks + kLooks);
  else
    ++w.n;
  w.looks[w.n - 1] = {live_nodes, last_sequence()};
  if (w.count < w.search_from || !grew()) return;
  // Searches, which take milliseconds, become rare where they do not help.
  w.search_from = 2 * w.count;
  PyRef bounds(checked(PyTuple_New(kLooks)));
  for (int i = 0; i < kLooks; ++i)
    PyTuple_SET_ITEM(bounds.get(), i, checked(PyLong_FromUnsignedLongLong(w.looks[i].sequence)));
  PyRef module(checked(PyImport_ImportModule("rushlight.debug.growth")));
  PyRef done(checked(PyObject_CallMethod(module.get(), "look", "OI", bounds.get(),
                                         kPassesPerLook * (kLooks - 1))));
}

bool init_graph_growth(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

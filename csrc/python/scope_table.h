// The modules and functions that a node was recorded in, each path once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "python/heap.h"

namespace rl::python {

// A str as UTF-8; half of a pair of surrogates becomes a question mark.
std::string text_of(PyObject* str);

struct Scope {
  uint32_t parent;  // UINT32_MAX: none
  bool is_function;
  PyRef object;  // the code, or the module
  std::string name;
};

class ScopeTable {
 public:
  // Frames from this one on are outside.
  void begin(PyFrameObject* outside) { outside_ = outside; }
  // The number of the path that this thread is in; UINT32_MAX outside of any. Cost: a step for each
  // frame.
  uint32_t now();
  const std::vector<Scope>& scopes() const { return scopes_; }
  // Takes the objects out: letting go of them may run Python code.
  std::vector<PyRef> take_objects();

 private:
  uint32_t child(uint32_t parent, bool is_function, PyObject* object);

  std::vector<Scope> scopes_;
  std::map<std::pair<uint32_t, const void*>, uint32_t> at_;
  const void* outside_ = nullptr;  // compared only
};

}  // namespace rl::python

// The objects of the program as the garbage collector sees them, and who refers to whom.
#pragma once

#include <vector>

#include "python/frame.h"
#include "python/python.h"

namespace rl::python {

// From addresses to numbers; open addressing.
class PointerMap {
 public:
  // The number of `p`, and whether it is new and so is `value`.
  std::pair<uint32_t, bool> insert(const void* p, uint32_t value) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = at(p);
    if (slot.key) return {slot.value, false};
    slot = {p, value};
    ++size_;
    return {value, true};
  }
  // UINT32_MAX where it is not there.
  uint32_t find(const void* p) const {
    return slots_.empty() ? UINT32_MAX : const_cast<PointerMap*>(this)->at(p).value;
  }
  void set(const void* p, uint32_t value) { at(p).value = value; }

 private:
  struct Slot {
    const void* key = nullptr;
    uint32_t value = UINT32_MAX;
  };
  Slot& at(const void* p) {
    const size_t mask = slots_.size() - 1;
    size_t i = (reinterpret_cast<size_t>(p) >> 3) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (slots_[i].key && slots_[i].key != p) i = (i + 1) & mask;
    return slots_[i];
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key) at(slot.key) = slot;
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

// Who refers to an object. `name`: the variable, where the holder is a frame; else null.
struct Holder {
  PyObject* object;
  PyObject* name;
};

class Heap {
 public:
  // Lists of gc.get_objects() and of frames, which the collector does not show while they run. Both
  // keep what is in them alive.
  Heap(PyObject* objects, PyObject* frames);

  template <class F>
  void for_each_object(F&& f) const {
    for (PyObject* object : objects_) f(object);
  }
  // f(child, holder) for each reference, borrowed. f must not run Python code.
  template <class F>
  void for_each_reference(F&& f) const {
    struct State {
      F& f;
      Holder holder;
    } state{f, {}};
    for (PyObject* object : objects_) {
      state.holder = {object, nullptr};
      if (is_tensor(object)) {
        // What else it leads to is a part of the graph, of which its tp_traverse shows pieces.
        if (PyObject* dict = reinterpret_cast<PyTensor*>(object)->dict) f(dict, state.holder);
        continue;
      }
      Py_TYPE(object)->tp_traverse(
          object,
          [](PyObject* child, void* arg) {
            auto* s = static_cast<State*>(arg);
            s->f(child, s->holder);
            return 0;
          },
          &state);
    }
    for (PyObject* frame : frames_) {
      state.holder.object = frame;
      rl_frame_variables(
          reinterpret_cast<PyFrameObject*>(frame),
          [](void* arg, PyObject* name, PyObject* value) {
            auto* s = static_cast<State*>(arg);
            s->holder.name = name;
            s->f(value, s->holder);
            return 0;
          },
          &state);
    }
  }

 private:
  std::vector<PyObject*> objects_, frames_;
};

// Whether the object is a dict whose names are variables: the globals of a module.
bool is_namespace(PyObject* object);

bool init_heap(PyObject* module);
bool init_graph_report(PyObject* module);

}  // namespace rl::python

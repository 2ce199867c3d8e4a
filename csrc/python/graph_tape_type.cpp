// rushlight._C._Tape: the Python side of a recording.
#include <algorithm>
#include <cmath>

#include "python/graph_tape.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

// Those that are running, of all threads. Never destroyed: a process ends with some of them open.
struct Running {
  uint64_t thread;
  std::shared_ptr<Tape> tape;
};
std::vector<Running>& running() {
  static auto* list = new std::vector<Running>;
  return *list;
}

uint64_t this_thread() { return PyThreadState_GetID(PyThreadState_Get()); }

class TapeObserver final : public Observer {
 public:
  uint8_t observes() const override { return kObservesOps | kObservesNodes | kObservesPasses; }
  void op_begins(Call& call) override {
    each([&](Tape& t) { t.op_begins(call); });
  }
  void op_ended(Call& call) override {
    each([&](Tape& t) { t.op_ended(call); });
  }
  void op_failed(Call& call) override {
    each([&](Tape& t) { t.op_failed(call); });
  }
  void function_begins(const char*) override {
    each([](Tape& t) { t.function_begins(); });
  }
  void function_ended(const char*) override {
    each([](Tape& t) { t.function_ended(); });
  }
  void recorded(Node& node) override {
    each([&](Tape& t) { t.recorded(node); });
  }
  void pass_begins(Pass& pass) override {
    each([&](Tape& t) { t.pass_begins(pass); });
  }
  // A pass in steps may end on another thread than its tape's, or while a tape asks Python.
  void pass_ended(Pass& pass, bool failed) override {
    Busy working;
    for (const auto& tape : tapes_where([&](const Running& r) { return r.tape->records(pass); }))
      if (tape->records(pass)) tape->pass_ended(pass, failed);
  }
  void node_begins(Node& node, TensorRef* grads) override {
    each([&](Tape& t) { t.node_begins(node, grads); });
  }
  void node_ended(Node& node, TensorRef* gradients) override {
    each([&](Tape& t) { t.node_ended(node, gradients); });
  }

 private:
  // What a tape asks of Python may compute, which is no part of the program.
  struct Busy {
    Busy() { busy = true; }
    ~Busy() { busy = before; }
    const bool before = busy;
  };

  template <class F>
  static std::vector<std::shared_ptr<Tape>> tapes_where(F&& wanted) {
    std::vector<std::shared_ptr<Tape>> tapes;
    for (const Running& r : running())
      if (wanted(r)) tapes.push_back(r.tape);
    return tapes;
  }

  template <class F>
  static void each(F&& f) {
    if (busy) return;
    Busy working;
    const auto tapes =
        tapes_where([me = this_thread()](const Running& r) { return r.thread == me; });
    for (size_t i = tapes.size(); i-- > 0;) {
      if (tapes[i]->is_over()) continue;  // ended by one before it, or by another thread
      f(*tapes[i]);
      if (tapes[i]->is_alone()) break;
    }
  }

  static thread_local bool busy;
};
thread_local bool TapeObserver::busy = false;

// As observers are, never destroyed.
TapeObserver& observer() {
  static auto* instance = new TapeObserver;
  return *instance;
}

struct PyTape {
  PyObject_HEAD
  std::shared_ptr<Tape> tape;
  bool runs;
};

PyTape* self_of(PyObject* self) { return reinterpret_cast<PyTape*>(self); }

// (values, limit, name_leaves, alone = False)
PyObject* new_tape(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    int values, alone = 0;
    long long limit;
    PyObject* name_leaves;
    if (!PyArg_ParseTuple(args, "pLO|p", &values, &limit, &name_leaves, &alone)) throw_python();
    check(PyCallable_Check(name_leaves), ErrorKind::kType, "expected a callable");
    auto tape = std::make_shared<Tape>(values != 0, limit, PyRef::borrow(name_leaves), alone != 0);
    PyObject* self = checked(type->tp_alloc(type, 0));
    new (&self_of(self)->tape) std::shared_ptr<Tape>(std::move(tape));
    return self;
  });
}

// Records what this thread does. The frames from the caller's caller on are outside.
PyObject* start(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    PyTape* tape = self_of(self);
    check(!tape->runs, ErrorKind::kRuntime, "the recording has begun already");
    PyRef frame(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get())));
    PyRef outside;
    if (frame)
      outside = PyRef(reinterpret_cast<PyObject*>(
          PyFrame_GetBack(reinterpret_cast<PyFrameObject*>(frame.get()))));
    tape->tape->begin(reinterpret_cast<PyFrameObject*>(outside.get()));
    running().push_back({this_thread(), tape->tape});
    tape->runs = true;
    if (running().size() == 1) add_observer(observer());
    Py_RETURN_NONE;
  });
}

void end(PyTape* self) {
  if (!self->runs) return;
  self->runs = false;
  std::erase_if(running(), [&](const Running& r) { return r.tape == self->tape; });
  if (running().empty()) remove_observer(observer());
}

PyObject* stop(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    end(self_of(self));
    self_of(self)->tape->settle();
    Py_RETURN_NONE;
  });
}

PyObject* result(PyObject* self, PyObject*) {
  return guarded([&] { return self_of(self)->tape->result(); });
}

PyObject* forget(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    self_of(self)->tape->forget_objects();
    Py_RETURN_NONE;
  });
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const Tape* tape = self_of(self)->tape.get();
  return tape ? tape->visit(visit, arg) : 0;
}

// Of a recording that was left open.
int clear(PyObject* self) {
  end(self_of(self));
  self_of(self)->tape->forget_objects();
  return 0;
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  end(self_of(self));
  self_of(self)->tape->end();  // a call on another thread may have it in hand
  std::destroy_at(&self_of(self)->tape);
  type->tp_free(self);
  Py_DECREF(type);
}

PyMethodDef kMethods[] = {
    {"start", start, METH_NOARGS, nullptr},   {"stop", stop, METH_NOARGS, nullptr},
    {"result", result, METH_NOARGS, nullptr}, {"forget", forget, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_new, slot(new_tape)}, {Py_tp_dealloc, slot(dealloc)}, {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},  {Py_tp_methods, kMethods},      {0, nullptr},
};

PyType_Spec kSpec = {"rushlight._C._Tape", sizeof(PyTape), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, kSlots};

using Summed = std::vector<std::pair<uint64_t, std::shared_ptr<const Summary>>>;

// In the order of the nodes.
Summed summed(std::vector<std::pair<uint64_t, Seen>>& seen) {
  Summed found;
  for (auto& [key, item] : seen)
    if (const auto& summary = item.summary()) found.emplace_back(key, summary);
  std::ranges::stable_sort(found, {}, &Summed::value_type::first);
  return found;
}

// A list of what item() makes of each. A copy of the items: what Python runs meanwhile, a
// finalizer, say, may add to those that it was made of.
template <class Items, class F>
PyObject* list_of(const Items items, F&& item) {
  PyRef list(checked(PyList_New(0)));
  for (const auto& i : items) {
    PyRef row(checked(item(i)));
    checked(PyList_Append(list.get(), row.get()));
  }
  return list.release();
}

PyObject* str_of(const std::string& text) {
  return checked(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// (number, output, summary).
PyObject* summary_row(const Summed::value_type& item) {
  return Py_BuildValue("(IIN)", static_cast<unsigned>(item.first >> 8),
                       static_cast<unsigned>(item.first & 0xff), summary_tuple(*item.second));
}

}  // namespace

PyObject* Tape::result() {
  const std::shared_ptr<PassRecord> last = last_;  // another pass may end meanwhile
  if (!last) Py_RETURN_NONE;
  PassRecord& pass = *last;
  PyRef dict = pass.graph.result();
  auto put = [&](const char* name, PyObject* owned) {
    PyRef value(checked(owned));
    checked(PyDict_SetItemString(dict.get(), name, value.get()));
  };
  std::vector<float> forward, backward;
  std::vector<double> alive;
  std::vector<uint32_t> scope;
  for (const NodeTimes& t : pass.times) {
    forward.push_back(t.forward < 0 ? NAN : t.forward);
    backward.push_back(t.backward < 0 ? NAN : t.backward);
    alive.push_back(t.alive < 0 ? NAN : t.alive);
    scope.push_back(t.scope);
  }
  put("fwd", bytes_of(forward));
  put("bwd", bytes_of(backward));
  put("alive", bytes_of(alive));
  put("scope", bytes_of(scope));
  put("edge_grads", bytes_of(pass.edge_grads));
  put("failed", PyBool_FromLong(pass.failed));
  put("values", list_of(summed(pass.values), summary_row));
  put("grads", list_of(summed(pass.grads), summary_row));
  put("scopes", list_of(scopes_.scopes(), [](const Scope& s) {
        return Py_BuildValue("(INi)", s.parent, str_of(s.name), s.is_function ? 1 : 0);
      }));
  put("steps", list_of(steps_, [](const Step& s) {
        return Py_BuildValue("(IId)", s.step, s.leaf, s.norm);
      }));
  put("leaf_names", list_of(leaf_names_, str_of));
  std::vector<std::pair<uint32_t, std::string>> named;
  for (const auto& [number, leaf] : pass.graph.leaves())
    if (auto at = leaf_at_.find(leaf.get()); at != leaf_at_.end())
      named.emplace_back(number, leaf_names_[at->second]);
  put("named", list_of(std::move(named), [](const auto& item) {
        return Py_BuildValue("(IN)", item.first, str_of(item.second));
      }));
  std::vector<LineTimes> lines;
  for (const auto& [key, same] : lines_) lines.insert(lines.end(), same.begin(), same.end());
  put("lines", list_of(std::move(lines), [](const LineTimes& line) {
        return Py_BuildValue("(OiddK)", static_cast<PyObject*>(line.site.code()),
                             line.site.offset(), line.us, line.bytes,
                             static_cast<unsigned long long>(line.calls));
      }));
  return dict.release();
}

bool init_graph_tape(PyObject* module) { return add_type(module, kSpec); }

}  // namespace rl::python

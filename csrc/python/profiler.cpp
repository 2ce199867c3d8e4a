// The profiler's recording: an observer that takes the time of operations and nodes. A profile sees
// the thread that began it; profiles of one thread share a log, of which each shows its part.
#include "python/profiler.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include <ctime>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/allocator.h"
#include "graph/observer.h"
#include "ops/op.h"
#include "python/profile_log.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

int64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A clock read costs 20 ns through the system and 7 by this counter, which runs evenly.
uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<uint64_t>(nanoseconds());
#endif
}

struct Moment {
  uint64_t ticks = 0;
  int64_t ns = 0;
  static Moment now() { return {python::ticks(), nanoseconds()}; }
};

struct Wants {
  bool shapes = false, memory = false, stack = false;
  bool any() const { return shapes | memory | stack; }
};

// What a thread with a profile records into.
struct Recorder {
  // An event under way, and what ends it: the Call, the Node, the label.
  struct Open {
    const void* subject;
    uint32_t index;
    EventKind kind;
  };
  std::shared_ptr<EventLog> log;
  std::vector<Open> open;
  std::vector<int64_t> profiles;
  Wants wants;
  uint64_t last = 0;  // the clock as it was read last
  // A turn has just ended: the pass has nothing to do until the next one but to find it.
  bool between_turns = false;
  uint64_t read_clock() {
    between_turns = false;
    return last = ticks();
  }
};

struct Profile {
  std::shared_ptr<Recorder> recorder;
  uint32_t begin = 0;
  Wants wants;
  Moment start;
  unsigned long thread = 0;
};

// A profile that is over: its part of a log.
struct Recording {
  std::shared_ptr<EventLog> log;
  uint32_t begin = 0, end = 0;
  Wants wants;
  Moment start, stop;
  unsigned long thread = 0;

  int64_t ns_of(uint64_t at) const {
    const double per_tick = stop.ticks > start.ticks
                                ? static_cast<double>(stop.ns - start.ns) /
                                      static_cast<double>(stop.ticks - start.ticks)
                                : 1.0;
    return start.ns + static_cast<int64_t>(static_cast<double>(at - start.ticks) * per_tick);
  }
};

std::unordered_map<int64_t, Profile>& profiles() {
  static auto* instance = new std::unordered_map<int64_t, Profile>;
  return *instance;
}

// Of a thread that ever had a profile; a profile holds it, too, and may be ended by another thread.
[[gnu::tls_model("initial-exec")]] constinit thread_local Recorder* t_recorder = nullptr;

std::shared_ptr<Recorder>& own_recorder() {
  static thread_local auto instance = std::make_shared<Recorder>();
  return instance;
}

// Null in a thread without a profile.
Recorder* active() {
  Recorder* r = t_recorder;
  return r && r->log ? r : nullptr;
}

std::vector<int64_t> shape_of(const TensorImpl* t) {
  return t ? std::vector<int64_t>(t->sizes(), t->sizes() + t->ndim()) : std::vector<int64_t>();
}

std::vector<std::vector<int64_t>> shapes_of(const Call& call) {
  std::vector<std::vector<int64_t>> shapes;
  const auto& params = call.op->signature.params;
  for (size_t i = 0; i < params.size(); ++i) {
    if (params[i].names[0] == "out") break;
    shapes.push_back(call.args[i].is_tensor() ? shape_of(call.args[i].t) : std::vector<int64_t>());
  }
  return shapes;
}

// (code, line number) of the frames that run, the innermost first; the package's own are left out.
PyRef stack_now() {
  PyRef list(checked(PyList_New(0)));
  PyRef frame(reinterpret_cast<PyObject*>(PyThreadState_GetFrame(PyThreadState_Get())));
  while (frame) {
    auto* f = reinterpret_cast<PyFrameObject*>(frame.get());
    PyRef globals(checked(PyObject_GetAttrString(frame.get(), "f_globals")));
    if (!is_package_globals(globals.get())) {
      PyRef code(reinterpret_cast<PyObject*>(PyFrame_GetCode(f)));
      PyRef entry(checked(Py_BuildValue("(Oi)", code.get(), PyFrame_GetLineNumber(f))));
      checked(PyList_Append(list.get(), entry.get()));
    }
    frame = PyRef(reinterpret_cast<PyObject*>(PyFrame_GetBack(f)));
  }
  return PyRef(checked(PyList_AsTuple(list.get())));
}

class ProfileObserver final : public Observer {
 public:
  void op_begins(Call& call) override {
    Recorder* r = active();
    if (!r) return;
    Event& event = begin(*r, EventKind::kOp, &call, call.op->record->name);
    event.in_place = call.target && call.args[0].is_tensor() && call.args[0].t == call.target;
    if (r->wants.any()) [[unlikely]] {
      describe(*r, event);
      if (r->wants.shapes) r->log->details_of(event).shapes = shapes_of(call);
    }
    event.start = r->read_clock();
  }
  void op_ended(Call& call) override { end(EventKind::kOp, &call); }
  void op_failed(Call& call) override { end(EventKind::kOp, &call); }

  void function_begins(const char* name) override {
    if (Recorder* r = active()) start(EventKind::kFunction, name, r->log->intern(name));
  }
  void function_ended(const char* name) override { end(EventKind::kFunction, name); }

  void recorded(Node& node) override {
    Recorder* r = active();
    if (!r) return;
    // The first node of an operation that is made of others is also theirs.
    for (size_t i = r->open.size(); i-- > 0;) {
      const Recorder::Open& open = r->open[i];
      if (open.kind == EventKind::kLabel) continue;
      if (open.kind != EventKind::kOp && open.kind != EventKind::kFunction) return;
      Event& event = r->log->at(open.index);
      if (event.sequence >= 0) return;
      event.sequence = static_cast<int64_t>(node.sequence());
      if (event.outermost && !event.code) event.set_site(node.site());
    }
  }

  void pass_begins(Pass&) override { pass_goes_on(); }
  void pass_goes_on() override {
    if (Recorder* r = active()) r->between_turns = false;
  }
  void turn_begins(Node& node) override {
    if (active()) start_node(EventKind::kTurn, node);
  }
  // No time to speak of passes between the last event in a turn and its end.
  void turn_ended(Node& node) override {
    Recorder* r = active();
    if (!r) return;
    end_at(*r, EventKind::kTurn, &node, r->last);
    r->between_turns = true;
  }
  void turn_failed(Node& node) override { turn_ended(node); }
  void node_begins(Node& node, TensorRef* grads) override {
    Recorder* r = active();
    if (!r) return;
    // The node shares its turn's event where no hook did anything before it.
    if (!r->wants.any() && !r->open.empty() && r->open.back().index + 1 == r->log->size() &&
        r->open.back().subject == &node)
      return;
    Event& event = start_node(EventKind::kNode, node);
    if (!r->wants.shapes) return;
    auto& shapes = r->log->details_of(event).shapes;
    for (uint32_t i = 0; i < node.n_outputs(); ++i) shapes.push_back(shape_of(grads[i].get()));
  }
  void node_ended(Node& node, TensorRef*) override { node_failed(node); }
  void node_failed(Node& node) override {
    Recorder* r = active();
    if (!r || r->open.empty()) return;
    const Recorder::Open& last = r->open.back();
    if (last.kind == EventKind::kTurn && last.subject == &node)
      r->log->at(last.index).node_end = r->read_clock();
    else
      end(EventKind::kNode, &node);
  }

  Event& start(EventKind kind, const void* subject, const char* name) {
    Recorder& r = *t_recorder;
    Event& event = begin(r, kind, subject, name);
    if (r.wants.any()) [[unlikely]]
      describe(r, event);
    event.start = r.read_clock();
    return event;
  }

  void end(EventKind kind, const void* subject) {
    if (Recorder* r = active()) end_at(*r, kind, subject, r->read_clock());
  }

 private:
  static void end_at(Recorder& r, EventKind kind, const void* subject, uint64_t now) {
    // Nearly always the last; a label may end before what began inside it.
    for (size_t i = r.open.size(); i-- > 0;) {
      if (r.open[i].subject != subject || r.open[i].kind != kind) continue;
      Event& event = r.log->at(r.open[i].index);
      event.end = now;
      if (event.outermost && !event.code) event.set_site(Site::capture());
      if (event.details != kNoEvent && r.wants.memory) {
        int64_t& memory = r.log->details[event.details].memory;
        memory = data_stats().allocated.current - memory;
      }
      if (i + 1 == r.open.size()) [[likely]]
        r.open.pop_back();
      else
        r.open.erase(r.open.begin() + static_cast<ptrdiff_t>(i));
      return;
    }
  }

  static Event& begin(Recorder& r, EventKind kind, const void* subject, const char* name) {
    const uint32_t index = r.log->size();
    Event& event = r.log->append();
    event.name = name;
    event.kind = kind;
    if (!r.open.empty()) event.parent = r.open.back().index;
    event.outermost = (kind == EventKind::kOp || kind == EventKind::kFunction) && lies_free(r);
    r.open.push_back({subject, index, kind});
    return event;
  }

  static bool lies_free(Recorder& r) {
    for (size_t i = r.open.size(); i-- > 0;)
      if (r.open[i].kind != EventKind::kLabel) return false;
    return true;
  }

  Event& start_node(EventKind kind, Node& node) {
    Recorder& r = *t_recorder;
    const char* name = node.holds_python() ? r.log->intern(node.name()) : node.name();
    Event& event = begin(r, kind, &node, name);
    if (r.wants.any()) [[unlikely]]
      describe(r, event);
    event.start = kind == EventKind::kTurn && r.between_turns ? r.last : r.read_clock();
    r.between_turns = false;
    event.sequence = node.is_accumulate_grad() ? -1 : static_cast<int64_t>(node.sequence());
    event.set_site(node.site());
    return event;
  }

  static void describe(Recorder& r, Event& event) {
    EventDetails& details = r.log->details_of(event);
    if (r.wants.stack) details.stack = stack_now();
    details.memory = data_stats().allocated.current;
  }
};

ProfileObserver& observer() {
  static auto* instance = new ProfileObserver;
  return *instance;
}

void sum_wants(Recorder& r) {
  r.wants = Wants();
  for (int64_t id : r.profiles) {
    const Wants& w = profiles().at(id).wants;
    r.wants.shapes |= w.shapes;
    r.wants.memory |= w.memory;
    r.wants.stack |= w.stack;
  }
}

// --- Python

constexpr char kCapsule[] = "rushlight._C._Recording";

PyObject* start_profile(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    int shapes, memory, stack;
    if (!PyArg_ParseTuple(args, "ppp:_start_profile", &shapes, &memory, &stack)) throw_python();
    static int64_t last = 0;
    const int64_t id = ++last;
    const std::shared_ptr<Recorder>& recorder = own_recorder();
    t_recorder = recorder.get();
    EventLog::prepare();
    if (!recorder->log) recorder->log = std::make_shared<EventLog>();
    if (profiles().empty()) add_observer(observer());
    recorder->profiles.push_back(id);
    Profile& profile = profiles()[id];
    profile.recorder = recorder;
    profile.begin = recorder->log->size();
    profile.wants = {shapes != 0, memory != 0, stack != 0};
    profile.thread = PyThread_get_thread_native_id();
    sum_wants(*recorder);
    profile.start = Moment::now();
    recorder->read_clock();  // a turn under way may end or follow without reading it
    return PyLong_FromLongLong(id);
  });
}

PyObject* stop_profile(PyObject*, PyObject* id_object) {
  return guarded([&]() -> PyObject* {
    const int64_t id = PyLong_AsLongLong(id_object);
    if (id == -1 && PyErr_Occurred()) throw_python();
    auto at = profiles().find(id);
    if (at == profiles().end()) Py_RETURN_NONE;
    auto recording = std::make_unique<Recording>();
    Profile profile = at->second;
    Recorder& r = *profile.recorder;
    *recording = {r.log,         profile.begin, r.log->size(), profile.wants,
                  profile.start, Moment::now(), profile.thread};
    std::erase(r.profiles, id);
    profiles().erase(at);
    sum_wants(r);
    if (r.profiles.empty()) {
      r.open.clear();
      r.log.reset();
    }
    if (profiles().empty()) remove_observer(observer());
    PyRef capsule(checked(PyCapsule_New(recording.get(), kCapsule, [](PyObject* self) {
      delete static_cast<Recording*>(PyCapsule_GetPointer(self, kCapsule));
    })));
    (void)recording.release();
    return capsule.release();
  });
}

PyObject* shapes_list(const std::vector<std::vector<int64_t>>& shapes) {
  PyRef list(checked(PyList_New(0)));
  for (const auto& shape : shapes) {
    PyRef sizes(checked(PyList_New(0)));
    for (int64_t size : shape) {
      PyRef number(checked(PyLong_FromLongLong(size)));
      checked(PyList_Append(sizes.get(), number.get()));
    }
    checked(PyList_Append(list.get(), sizes.get()));
  }
  return list.release();
}

PyObject* event_tuple(Recording& rec, uint32_t i) {
  Event& e = rec.log->at(i);
  const bool open = e.end == 0 || e.end > rec.stop.ticks;
  EventDetails* details = e.details == kNoEvent ? nullptr : &rec.log->details[e.details];
  PyRef shapes(rec.wants.shapes && details ? shapes_list(details->shapes) : Py_NewRef(Py_None));
  const bool traced = rec.wants.stack && details && details->stack;
  PyObject* stack = traced ? details->stack.get() : Py_None;
  const int64_t memory = rec.wants.memory && details && !open ? details->memory : 0;
  const int64_t parent =
      e.parent == kNoEvent || e.parent < rec.begin ? -1 : int64_t{e.parent} - rec.begin;
  PyObject* code = e.code ? static_cast<PyObject*>(e.code) : Py_None;
  const char* text = details && !details->text.empty() ? details->text.c_str() : nullptr;
  const bool ran = e.node_end && e.node_end <= rec.stop.ticks;
  return checked(Py_BuildValue("(LLL)(isNL)(LOi)(NOLz)", static_cast<long long>(rec.ns_of(e.start)),
                               static_cast<long long>(rec.ns_of(open ? rec.stop.ticks : e.end)),
                               static_cast<long long>(ran ? rec.ns_of(e.node_end) : 0),
                               static_cast<int>(e.kind), e.name, PyBool_FromLong(e.in_place),
                               static_cast<long long>(e.sequence), static_cast<long long>(parent),
                               code, e.offset, shapes.release(), stack,
                               static_cast<long long>(memory), text));
}

PyObject* profile_events(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    auto* rec = static_cast<Recording*>(PyCapsule_GetPointer(capsule, kCapsule));
    if (!rec) throw_python();
    PyRef list(checked(PyList_New(0)));
    for (uint32_t i = rec->begin; i < rec->end; ++i) {
      PyRef event(event_tuple(*rec, i));
      checked(PyList_Append(list.get(), event.get()));
    }
    return checked(Py_BuildValue("(kLLO)", rec->thread, static_cast<long long>(rec->start.ns),
                                 static_cast<long long>(rec->stop.ns), list.get()));
  });
}

// Labels are known by a number: they may end after the profile, or in another thread.
PyObject* begin_label(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* name;
    const char* beside = nullptr;
    int sited = 0;
    if (!PyArg_ParseTuple(args, "U|zp:_begin_label", &name, &beside, &sited)) throw_python();
    Recorder* r = active();
    if (!r) Py_RETURN_NONE;
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) throw_python();
    static uintptr_t last = 0;
    const uintptr_t id = ++last;
    Event& event = observer().start(EventKind::kLabel, reinterpret_cast<const void*>(id),
                                    r->log->intern(text));
    if (beside) r->log->details_of(event).text = beside;
    if (sited) event.set_site(Site::capture());
    return PyLong_FromSize_t(id);
  });
}

PyObject* end_label(PyObject*, PyObject* id_object) {
  return guarded([&]() -> PyObject* {
    const size_t id = PyLong_AsSize_t(id_object);
    if (PyErr_Occurred()) throw_python();
    observer().end(EventKind::kLabel, reinterpret_cast<const void*>(id));
    Py_RETURN_NONE;
  });
}

PyMethodDef kMethods[] = {
    {"_start_profile", start_profile, METH_VARARGS,
     "(shapes, memory, stack): begin to record what this thread does; a number for the profile."},
    {"_stop_profile", stop_profile, METH_O,
     "(profile): end it; what it recorded, or None where it has ended before."},
    {"_profile_events", profile_events, METH_O,
     "(recording): (thread, start, stop, events); times in ns."},
    {"_begin_label", begin_label, METH_VARARGS,
     "(name, args=None, sited=False): a number, or None without a profile. sited: it counts for "
     "the line that it is in."},
    {"_end_label", end_label, METH_O, "(number): end the label, if it is under way."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_profiler(PyObject* module) { return PyModule_AddFunctions(module, kMethods) == 0; }

}  // namespace rl::python

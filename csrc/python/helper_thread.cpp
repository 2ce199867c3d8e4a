#include "python/helper_thread.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "python/python.h"

namespace rl::python {

namespace {

// A Python exception on its way between threads.
struct Raised {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;

  void take() { PyErr_Fetch(&type, &value, &traceback); }
  void raise() { PyErr_Restore(type, value, traceback); }
  void drop() {
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
  }
};

struct Helper {
  Helper(void (*what)(void*), void* with) : body(what), context(with) {}
  void (*const body)(void*);
  void* const context;
  std::exception_ptr error;
  Raised raised;
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;

  void run();
};

constinit thread_local Helper* t_helper = nullptr;

void Helper::run() {
  PyGILState_STATE state = PyGILState_Ensure();
  t_helper = this;
  try {
    body(context);
  } catch (...) {
    error = std::current_exception();
    if (PyErr_Occurred()) raised.take();
  }
  PyGILState_Release(state);
  std::lock_guard<std::mutex> lock(mutex);
  done = true;
  ended.notify_one();
}

// Whether the waiting thread is to be interrupted: only the main thread sees signals itself.
bool interrupted() { return PyErr_CheckSignals() < 0 || (t_helper && t_helper->stop.load()); }

}  // namespace

bool run_on_helper(void (*body)(void*), void* context) {
  Helper helper(body, context);
  std::thread thread;
  try {
    thread = std::thread([&helper] { helper.run(); });
  } catch (const std::system_error&) {
    return false;
  }
  Raised signal;
  for (bool done = false; !done;) {
    PyThreadState* self = PyEval_SaveThread();
    {
      std::unique_lock<std::mutex> lock(helper.mutex);
      done =
          helper.ended.wait_for(lock, std::chrono::milliseconds(50), [&] { return helper.done; });
    }
    if (done) thread.join();
    PyEval_RestoreThread(self);
    if (done || helper.stop || !interrupted()) continue;
    signal.take();
    helper.stop = true;
  }
  if (signal.type) {
    helper.raised.drop();
    signal.raise();
    throw_python();
  }
  if (helper.raised.type) helper.raised.raise();
  if (helper.error) std::rethrow_exception(helper.error);
  return true;
}

void poll_helper() {
  if (!t_helper || !t_helper->stop) return;
  PyErr_SetNone(PyExc_KeyboardInterrupt);
  throw_python();
}

}  // namespace rl::python

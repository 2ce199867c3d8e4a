// The module rushlight._C: initialisation, the host table, settings.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/allocator.h"
#include "graph/cycles.h"
#include "kernels/blas.h"
#include "kernels/pool.h"
#include "kernels/tile.h"
#include "ops/tensor.h"
#include "python/anomaly.h"
#include "python/autograd.h"
#include "python/every_op.h"
#include "python/function_node.h"
#include "python/functions.h"
#include "python/gradient_edge.h"
#include "python/graph_data.h"
#include "python/graph_growth.h"
#include "python/graph_tape.h"
#include "python/graph_task.h"
#include "python/heap.h"
#include "python/helper_thread.h"
#include "python/layout.h"
#include "python/nn_module.h"
#include "python/node_hooks.h"
#include "python/nonfinite.h"
#include "python/op_modes.h"
#include "python/optimizer.h"
#include "python/parse.h"
#include "python/profiler.h"
#include "python/result_types.h"
#include "python/saved_hooks.h"
#include "python/tensor_summary.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"
#include "python/type_tools.h"
#include "python/types.h"
#include "python/weak_node.h"

namespace rl::python {

namespace {

PyObject* g_memory_error;

// PyTorch's type for this is RuntimeError, Python's MemoryError: both may be caught.
bool init_memory_error(PyObject* module) {
  PyRef bases(checked(PyTuple_Pack(2, PyExc_MemoryError, PyExc_RuntimeError)));
  g_memory_error = PyErr_NewExceptionWithDoc(
      "rushlight.OutOfMemoryError",
      "There is no memory for a tensor. The process goes on, and smaller tensors can be made.",
      bases.get(), nullptr);
  return g_memory_error && PyModule_AddObjectRef(module, "OutOfMemoryError", g_memory_error) == 0;
}

}  // namespace

void throw_python() { throw Error(ErrorKind::kPython, "a Python exception is set"); }

void set_python_error() noexcept {
  try {
    throw;
  } catch (const Error& e) {
    PyObject* type = PyExc_RuntimeError;
    switch (e.kind()) {
      case ErrorKind::kPython:
        if (PyErr_Occurred()) return;
        break;
      case ErrorKind::kType:
        type = PyExc_TypeError;
        break;
      case ErrorKind::kValue:
        type = PyExc_ValueError;
        break;
      case ErrorKind::kIndex:
        type = PyExc_IndexError;
        break;
      case ErrorKind::kMemory:
        type = g_memory_error;
        break;
      case ErrorKind::kNotImplemented:
        type = PyExc_NotImplementedError;
        break;
      case ErrorKind::kAssertion:
        type = PyExc_AssertionError;
        break;
      case ErrorKind::kOverflow:
        type = PyExc_OverflowError;
        break;
      case ErrorKind::kRuntime:
        break;
    }
    PyErr_SetString(type, e.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "unknown error in rushlight's core");
  }
}

namespace {

PyObject* g_contiguous_format;
PyObject* g_preserve_format;
PyObject* g_channels_last;

PyObject* format_repr(PyObject* self) {
  const char* name = self == g_contiguous_format ? "torch.contiguous_format"
                     : self == g_preserve_format ? "torch.preserve_format"
                                                 : "torch.channels_last";
  return PyUnicode_FromString(name);
}

// Pickled by name: there is one of each.
PyObject* format_reduce(PyObject* self, PyObject*) {
  PyRef name(format_repr(self));
  return name ? PyUnicode_Substring(name.get(), 6, PyUnicode_GET_LENGTH(name.get())) : nullptr;
}

bool init_memory_formats(PyObject* module) {
  static PyMethodDef methods[] = {{"__reduce__", format_reduce, METH_NOARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyType_Slot slots[] = {
      {Py_tp_repr, slot(format_repr)}, {Py_tp_methods, methods}, {0, nullptr}};
  static PyType_Spec spec = {"rushlight.memory_format", sizeof(PyObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  PyTypeObject* type = add_type(module, spec);
  if (!type) return false;
  auto make = [&](const char* name, PyObject*& place) {
    place = type->tp_alloc(type, 0);
    return place && PyModule_AddObjectRef(module, name, place) == 0;
  };
  return make("contiguous_format", g_contiguous_format) &&
         make("preserve_format", g_preserve_format) && make("channels_last", g_channels_last);
}

void warn(const char* category, const std::string& message) {
  PyObject* type =
      std::strcmp(category, "UserWarning") == 0 ? PyExc_UserWarning : PyExc_RuntimeWarning;
  if (PyErr_WarnEx(type, message.c_str(), user_stack_level()) < 0) throw_python();
}

void poll() {
  if (PyErr_CheckSignals() < 0) throw_python();
  poll_helper();
}

// A full queue of calls does no harm: the next tensor that Python drops does the same.
void break_cycles_soon() {
  Py_AddPendingCall(
      [](void*) {
        break_later_cycles();
        return 0;
      },
      nullptr);
}

const Host kHost = {
    .incref = [](void* object) { Py_INCREF(static_cast<PyObject*>(object)); },
    .decref = [](void* object) { Py_DECREF(static_cast<PyObject*>(object)); },
    .capture_site = capture_site,
    .describe_site = describe_site,
    .advise = advise,
    .release_wrapper = release_wrapper,
    .poll = poll,
    .call_tensor_hook = call_tensor_hook,
    .call_node_hooks = call_node_hooks,
    .call_all = call_all,
    .call_pack_hook = call_pack_hook,
    .call_unpack_hook = call_unpack_hook,
    .call_write_hook = call_write_hook,
    .warn = warn,
    .has_threads = []() -> bool {
      PyThreadState* first = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
      return PyThreadState_Next(first);
    },
    .release_gil = []() -> void* { return PyEval_SaveThread(); },
    .take_gil = [](void* thread) { PyEval_RestoreThread(static_cast<PyThreadState*>(thread)); },
    .run_on_helper = run_on_helper,
    .wrapper_in_use = [](const void* wrapper) -> bool {
      return Py_REFCNT(static_cast<const PyObject*>(wrapper)) > 1;
    },
    .break_cycles_soon = break_cycles_soon,
};

PyObject* is_tensor_function(PyObject*, PyObject* object) {
  return PyBool_FromLong(is_tensor(object));
}

PyObject* set_default(PyObject*, PyObject* dtype) {
  return guarded([&]() -> PyObject* {
    check(is_dtype(dtype), ErrorKind::kType,
          "invalid dtype object: only floating-point types are supported "
          "as the default type");
    check(is_float(dtype_value(dtype)), ErrorKind::kType,
          "only floating-point types are supported as the default type");
    set_default_dtype(dtype_value(dtype));
    Py_RETURN_NONE;
  });
}

PyObject* get_default(PyObject*, PyObject* const*, Py_ssize_t n) {
  return guarded([&] {
    check(n == 0, ErrorKind::kType, "torch.get_default_dtype() takes no arguments (", n, " given)");
    return Py_NewRef(dtype_object(default_dtype()));
  });
}

PyObject* set_threads(PyObject*, PyObject* number) {
  return guarded([&]() -> PyObject* {
    check(PyLong_Check(number), ErrorKind::kType, "set_num_threads expects an int, but got ",
          Py_TYPE(number)->tp_name);
    long n = PyLong_AsLong(number);
    if (n == -1 && PyErr_Occurred()) throw_python();
    check(n > 0, ErrorKind::kRuntime, "set_num_threads expects a positive integer");
    set_num_threads(static_cast<int>(std::min(n, 1024L)));
    Py_RETURN_NONE;
  });
}

PyObject* get_threads(PyObject*, PyObject*) { return PyLong_FromLong(num_threads()); }

// For tests: the work that is worth a thread, so that small tensors are split, too. 0: as ever.
PyObject* set_grain(PyObject*, PyObject* number) {
  return guarded([&]() -> PyObject* {
    long n = PyLong_AsLong(number);
    if (n == -1 && PyErr_Occurred()) throw_python();
    set_parallel_grain(n);
    Py_RETURN_NONE;
  });
}

PyObject* jobs(PyObject*, PyObject*) { return PyLong_FromLongLong(parallel_jobs()); }

PyObject* promote_types(PyObject*, PyObject* const* given, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static constexpr Parameters kParameters{"promote_types", 2, 2, 2, {"type1", "type2"}};
    PyObject* args[2];
    parse_arguments(kParameters, given, n, kwnames, args);
    for (int i = 0; i < 2; ++i)
      check(is_dtype(args[i]), ErrorKind::kType, "promote_types(): argument 'type", i + 1,
            "' (position ", i + 1, ") must be torch.dtype, not ", Py_TYPE(args[i])->tp_name);
    return Py_NewRef(dtype_object(promote(dtype_value(args[0]), dtype_value(args[1]))));
  });
}

// The names of result_type's arguments where they are tensors and numbers so.
struct ResultTypeForm {
  bool tensor[2];
  const char* names[2];

  bool takes(PyObject* const* given, Py_ssize_t n, PyObject* kwnames, PyObject** args) const {
    args[0] = n > 0 ? given[0] : nullptr;
    args[1] = n > 1 ? given[1] : nullptr;
    for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k)
      for (int i = 0; i < 2; ++i)
        if (!args[i] &&
            PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, k), names[i]) == 0)
          args[i] = given[n + k];
    for (int i = 0; i < 2; ++i)
      if (!args[i] || is_tensor(args[i]) != tensor[i]) return false;
    return true;
  }
};

PyObject* result_type(PyObject*, PyObject* const* given, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static constexpr ResultTypeForm kForms[] = {{{true, true}, {"tensor", "other"}},
                                                {{false, true}, {"scalar", "tensor"}},
                                                {{true, false}, {"tensor", "other"}},
                                                {{false, false}, {"scalar1", "scalar2"}}};
    PyObject* args[2];
    auto fail_forms = [&] {
      fail(ErrorKind::kType, "result_type() received an invalid combination of arguments - got ",
           describe_arguments(nullptr, given, n, kwnames),
           ", but expected one of:\n * (Tensor tensor, Tensor other)\n * (Number scalar, Tensor "
           "tensor)\n * (Tensor tensor, Number other)\n * (Number scalar1, Number scalar2)");
    };
    if (n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0) != 2) fail_forms();
    bool taken = false;
    for (const ResultTypeForm& form : kForms)
      if (!taken) taken = form.takes(given, n, kwnames, args);
    if (!taken) fail_forms();
    ResultType type;
    for (Py_ssize_t i = 0; i < 2; ++i) {
      Value v;
      if (is_tensor(args[i])) {
        type.add_tensor(impl_of(args[i])->dtype(), impl_of(args[i])->ndim());
      } else {
        if (!parse_number(args[i], &v)) fail_forms();
        type.add_number(v.number_category());
      }
    }
    return Py_NewRef(dtype_object(type.get()));
  });
}

PyObject* build_info(PyObject*, PyObject*) {
#if defined(__VERSION__)
  const char* compiler = __VERSION__;
#else
  const char* compiler = "unknown";
#endif
  return Py_BuildValue("{s:s,s:s,s:i,s:s}", "kernel_set", kernel_set->name, "kernel_sets",
                       available_kernel_sets(), "threads", num_threads(), "compiler", compiler);
}

PyObject* blas_info_function(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    const BlasInfo& info = blas_info();
    return Py_BuildValue("{s:s,s:s,s:s}", "library", info.library.c_str(), "config",
                         info.config.c_str(), "core", info.core.c_str());
  });
}

struct NamedStat {
  const char* name;
  Stat AllocatorStats::* stat;
};
// As torch.cuda.memory_stats calls them.
constexpr NamedStat kStats[] = {{"allocated_bytes", &AllocatorStats::allocated},
                                {"allocation", &AllocatorStats::blocks},
                                {"reserved_bytes", &AllocatorStats::reserved},
                                {"segment", &AllocatorStats::segments}};

PyObject* memory_stats(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* {
    const AllocatorStats& s = data_stats();
    PyRef out(checked(PyDict_New()));
    auto put = [&](const std::string& name, int64_t value) {
      PyRef number(checked(PyLong_FromLongLong(value)));
      checked(PyDict_SetItemString(out.get(), name.c_str(), number.get()));
    };
    for (const NamedStat& named : kStats) {
      const Stat& stat = s.*named.stat;
      std::string prefix = std::string(named.name) + ".all.";
      put(prefix + "current", stat.current);
      put(prefix + "peak", stat.peak);
      put(prefix + "allocated", stat.increased);
      put(prefix + "freed", stat.decreased);
    }
    put("num_alloc_retries", s.retries);
    put("num_ooms", s.failures);
    put("num_device_alloc", s.segments.increased);
    put("num_device_free", s.segments.decreased);
    put("object_slabs", s.slabs);
    put("object_slab_bytes", s.object_bytes);
    return out.release();
  });
}

// Lets the peaks start again from what there is now.
PyObject* reset_memory_peaks(PyObject*, PyObject*) {
  for (const NamedStat& named : kStats) {
    Stat& stat = data_stats().*named.stat;
    stat.peak = stat.current;
  }
  Py_RETURN_NONE;
}

// Lets what was counted since the program began start again at 0.
PyObject* reset_memory_totals(PyObject*, PyObject*) {
  AllocatorStats& s = data_stats();
  for (const NamedStat& named : kStats) (s.*named.stat).increased = (s.*named.stat).decreased = 0;
  s.retries = s.failures = 0;
  Py_RETURN_NONE;
}

PyObject* empty_cache(PyObject*, PyObject*) {
  data_empty_cache();
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"is_tensor", is_tensor_function, METH_O, "is_tensor(obj)\n--\n\nWhether obj is a Tensor."},
    {"set_default_dtype", set_default, METH_O,
     "set_default_dtype(d)\n--\n\nThe dtype of tensors made from Python floats."},
    {"get_default_dtype", method(get_default), METH_FASTCALL,
     "The dtype of tensors made from Python floats."},
    {"_parallel_jobs", jobs, METH_NOARGS, nullptr},
    {"_set_parallel_grain", set_grain, METH_O, nullptr},
    {"set_num_threads", set_threads, METH_O, nullptr},
    {"get_num_threads", get_threads, METH_NOARGS, nullptr},
    {"result_type", method(result_type), METH_FASTCALL | METH_KEYWORDS,
     "result_type(tensor, other)\n--\n\nThe dtype of an operation on the two."},
    {"promote_types", method(promote_types), METH_FASTCALL | METH_KEYWORDS,
     "promote_types(type1, type2)\n--\n\nThe smallest dtype that holds both."},
    {"_build_info", build_info, METH_NOARGS, nullptr},
    {"_blas_info", blas_info_function, METH_NOARGS, nullptr},
    {"_memory_stats", memory_stats, METH_NOARGS, nullptr},
    {"_reset_memory_peaks", reset_memory_peaks, METH_NOARGS, nullptr},
    {"_reset_memory_totals", reset_memory_totals, METH_NOARGS, nullptr},
    {"_empty_cache", empty_cache, METH_NOARGS, nullptr},
    {"_result_type", py_result_type, METH_O,
     "(name): the named tuple that an op returns, or None."},
    {"_op_table", op_table_as_list, METH_NOARGS, "Every op as a dict."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef kModule = {PyModuleDef_HEAD_INIT,
                       "rushlight._C",
                       "rushlight's core.",
                       -1,
                       kFunctions,
                       nullptr,
                       nullptr,
                       nullptr,
                       nullptr};

// What the module is made of, in an order in which each finds what it needs.
constexpr bool (*kParts[])(PyObject*) = {
    init_memory_error,    init_tensor_type, init_dtype_type,     init_layout_type,
    init_device_type,     init_size_type,   init_generator_type, init_node_type,
    init_saved_hooks,     init_node_hooks,  init_graph_task,     init_gradient_edge,
    init_weak_node,       init_recompute,   init_nonfinite,      init_function_type,
    init_grad_mode_types, init_conversions, init_site,           init_memory_formats,
    init_functions,       init_autograd,    init_every_op,       init_anomaly,
    init_profiler,        init_steps,       init_torch_function, init_nn_module,
    init_optimizer,       init_heap,        init_op_modes,       init_graph_report,
    init_graph_growth,    init_graph_data,  init_graph_tape,     init_tensor_summary,
    init_layout,
};

PyObject* make_module() {
  set_host(kHost);
  op_table();
  fill_tensor_math();
  PyRef module(checked(PyModule_Create(&kModule)));
  PyObject* m = module.get();
  if (const char* problem = kernel_set_problem()) {
    PyErr_Format(PyExc_ImportError, "%s; it can run: %s", problem, available_kernel_sets());
    return nullptr;
  }
  const bool ok =
      std::all_of(std::begin(kParts), std::end(kParts), [&](auto init) { return init(m); });
  if (!ok) throw_python();
  return module.release();
}

}  // namespace

bool convert_memory_format(PyObject* object, Value* out) {
  if (object == Py_None || object == g_preserve_format) {
    *out = Value::none();
    return true;
  }
  if (object == g_contiguous_format) {
    *out = Value::of_bool(true);
    return true;
  }
  check(object != g_channels_last, ErrorKind::kNotImplemented, "channels_last is not supported");
  return false;
}

}  // namespace rl::python

extern "C" __attribute__((visibility("default"))) PyObject* PyInit__C() {
  return rl::python::guarded([] { return rl::python::make_module(); });
}

// torch.Generator, and the module functions that seed the default one.
#include "kernels/random.h"

#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

struct PyGenerator {
  PyObject_HEAD
  Generator* generator;
};

PyTypeObject* g_type = nullptr;
PyObject* g_default = nullptr;

PyObject* make_generator(Generator* generator) {
  auto* self = PyObject_New(PyGenerator, g_type);
  if (self) self->generator = generator;
  return reinterpret_cast<PyObject*>(self);
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Generator* generator = generator_of(self);
  if (generator != &default_generator()) delete generator;
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* create(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return guarded([&] {
    if (PyVectorcall_NARGS(nargsf) > 1)
      fail(ErrorKind::kType, "Generator() takes from 0 to 1 positional arguments but ",
           PyVectorcall_NARGS(nargsf), " were given");
    constexpr Parameters parameters = {"Generator", 1, 0, 1, {"device"}};
    PyObject* device;
    parse_arguments(parameters, args, PyVectorcall_NARGS(nargsf), kwnames, &device);
    if (device) check_device(device, "Generator");
    auto* generator = new Generator;
    PyObject* self = make_generator(generator);
    if (!self) delete generator;
    return checked(self);
  });
}

// -2^63 .. 2^64-1; a negative seed is its two's complement.
uint64_t seed_of(PyObject* number) {
  int overflow = 0;
  long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (value == -1 && !overflow && PyErr_Occurred()) throw_python();
  if (!overflow) return static_cast<uint64_t>(value);
  unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(number) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::kValue,
         "Overflow when unpacking long long\n  a seed is an int from -2**63 to 2**64 - 1.");
  }
  return large;
}

PyObject* manual_seed(PyObject* self, PyObject* value) {
  return guarded([&] {
    PyRef number;
    if (!PyBool_Check(value) && !is_tensor(value)) number = PyRef(PyNumber_Index(value));
    if (!number) {
      PyErr_Clear();
      fail(ErrorKind::kRuntime, "manual_seed expected a long, but got ", Py_TYPE(value)->tp_name);
    }
    generator_of(self)->manual_seed(seed_of(number.get()));
    return Py_NewRef(self);
  });
}

PyObject* seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(generator_of(self)->seed());
}

PyObject* initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(generator_of(self)->initial_seed());
}

PyObject* get_state(PyObject* self, PyObject*) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, Generator::kStateBytes);
  if (bytes) generator_of(self)->get_state(reinterpret_cast<uint8_t*>(PyBytes_AS_STRING(bytes)));
  return bytes;
}

PyObject* set_state(PyObject* self, PyObject* state) {
  return guarded([&]() -> PyObject* {
    Py_buffer view;
    if (PyObject_GetBuffer(state, &view, PyBUF_SIMPLE) < 0) {
      PyErr_Clear();
      fail(ErrorKind::kType, "expected the bytes of a generator's state, but got ",
           Py_TYPE(state)->tp_name);
    }
    bool sized = view.len == Generator::kStateBytes;
    bool set = sized && generator_of(self)->set_state(static_cast<const uint8_t*>(view.buf));
    PyBuffer_Release(&view);
    check(sized, ErrorKind::kRuntime, "RNG state is wrong size");
    check(set, ErrorKind::kRuntime, "Invalid mt19937 state");
    return Py_NewRef(self);
  });
}

PyObject* clone_state(PyObject* self, PyObject*) {
  return guarded([&] {
    auto* copy = new Generator(*generator_of(self));
    PyObject* object = make_generator(copy);
    if (!object) delete copy;
    return checked(object);
  });
}

PyObject* reduce(PyObject* self, PyObject*) {
  PyRef state(get_state(self, nullptr));
  return state ? Py_BuildValue("(O()O)", g_type, state.get()) : nullptr;
}

PyObject* device(PyObject*, void*) { return Py_NewRef(cpu_device()); }

PyMethodDef kMethods[] = {
    {"manual_seed", manual_seed, METH_O, "Start over from a seed; return the generator."},
    {"seed", seed, METH_NOARGS, "Start over from a seed of the system's; return the seed."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed that the generator started from."},
    {"get_state", get_state, METH_NOARGS, "The state, as bytes."},
    {"set_state", set_state, METH_O, "Go to a state of get_state(); return the generator."},
    {"clone_state", clone_state, METH_NOARGS, "A new generator in the same state."},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__setstate__", set_state, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef kAttributes[] = {
    {"device", device, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_methods, kMethods},
    {Py_tp_getset, kAttributes},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "rushlight.Generator", sizeof(PyGenerator), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

// --- functions of the module: they act on the default generator

PyObject* module_manual_seed(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames) {
  return guarded([&] {
    constexpr Parameters parameters = {"manual_seed", 1, 1, 1, {"seed"}};
    PyObject* value;
    parse_arguments(parameters, args, nargs, kwnames, &value);
    // As PyTorch: whatever int() takes, so also 1.7, "12" and a one-element tensor.
    PyRef number(checked(PyObject_CallOneArg(reinterpret_cast<PyObject*>(&PyLong_Type), value)));
    default_generator().manual_seed(seed_of(number.get()));
    return Py_NewRef(g_default);
  });
}

PyObject* module_seed(PyObject*, PyObject*) { return seed(g_default, nullptr); }
PyObject* module_initial_seed(PyObject*, PyObject*) { return initial_seed(g_default, nullptr); }
PyObject* get_rng_state(PyObject*, PyObject*) { return get_state(g_default, nullptr); }

PyObject* set_rng_state(PyObject*, PyObject* state) {
  PyRef done(set_state(g_default, state));
  return done ? Py_NewRef(Py_None) : nullptr;
}

PyMethodDef kFunctions[] = {
    {"manual_seed", method(module_manual_seed), METH_FASTCALL | METH_KEYWORDS,
     "Start the default generator over from a seed; return the generator."},
    {"seed", module_seed, METH_NOARGS, "Seed the default generator from the system."},
    {"initial_seed", module_initial_seed, METH_NOARGS, "The default generator's seed."},
    {"get_rng_state", get_rng_state, METH_NOARGS, "The default generator's state, as bytes."},
    {"set_rng_state", set_rng_state, METH_O, "Set the default generator's state."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_generator(PyObject* object) { return Py_IS_TYPE(object, g_type); }

Generator* generator_of(PyObject* object) {
  return reinterpret_cast<PyGenerator*>(object)->generator;
}

bool init_generator_type(PyObject* module) {
  g_type = add_type(module, kSpec);
  if (!g_type) return false;
  g_type->tp_vectorcall = create;
  g_default = make_generator(&default_generator());
  return g_default && PyModule_AddObjectRef(module, "default_generator", g_default) == 0 &&
         PyModule_AddFunctions(module, kFunctions) == 0;
}

}  // namespace rl::python

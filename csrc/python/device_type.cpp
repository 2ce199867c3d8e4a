// torch.device: the names of all of PyTorch's devices, of which only the CPU exists here.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>

#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

constexpr const char* kNames[] = {
    "cpu",  "cuda", "ipu", "xpu",  "mkldnn", "opengl", "opencl", "ideep", "hip",  "ve",
    "fpga", "maia", "xla", "lazy", "vulkan", "mps",    "meta",   "hpu",   "mtia", "privateuseone"};
constexpr int kCount = sizeof kNames / sizeof *kNames;
constexpr int kCpu = 0;
constexpr int kMaxIndex = 127;

struct Device {
  int type = kCpu;
  int index = -1;  // -1: none
};

struct PyDevice {
  PyObject_HEAD
  Device device;
};

PyTypeObject* g_type = nullptr;
PyObject* g_cpu = nullptr;

Device self_device(PyObject* self) { return reinterpret_cast<PyDevice*>(self)->device; }

PyObject* make_device(Device device) {
  auto* object = PyObject_New(PyDevice, g_type);
  if (object) object->device = device;
  return reinterpret_cast<PyObject*>(object);
}

int type_of_name(const std::string& name) {
  for (int i = 0; i < kCount; ++i)
    if (name == kNames[i]) return i;
  std::string known;
  for (const char* each : kNames) known += (known.empty() ? "" : ", ") + std::string(each);
  fail(ErrorKind::kRuntime, "Expected one of ", known,
       " device type at start of device string: ", name);
}

// "cpu" or "cuda:1".
Device parse(const std::string& text) {
  check(!text.empty(), ErrorKind::kRuntime, "Device string must not be empty");
  size_t colon = text.find(':');
  std::string name = text.substr(0, colon);
  bool letters = std::all_of(name.begin(), name.end(),
                             [](unsigned char c) { return std::isalpha(c) || c == '_'; });
  check(letters && !name.empty(), ErrorKind::kRuntime, "Invalid device string: '", text, "'");
  Device device;
  if (colon != std::string::npos) {
    std::string digits = text.substr(colon + 1);
    bool valid =
        !digits.empty() && (digits == "0" || digits[0] != '0') &&
        std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); });
    check(valid, ErrorKind::kRuntime, "Invalid device string: '", text, "'");
    const char* end = digits.data() + digits.size();
    auto [stop, error] = std::from_chars(digits.data(), end, device.index);
    check(error == std::errc() && device.index <= kMaxIndex, ErrorKind::kRuntime,
          "Could not parse device index '", digits, "' in device string '", text, "'");
  }
  device.type = type_of_name(name);
  return device;
}

std::string string_of(PyObject* text) {
  Py_ssize_t size = 0;
  const char* utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  if (!utf8) throw_python();
  return std::string(utf8, static_cast<size_t>(size));
}

int parse_index(PyObject* index) {
  if (!index || index == Py_None) return -1;
  if (!PyLong_Check(index) || PyBool_Check(index))
    fail(ErrorKind::kType, "device(): argument 'index' (position 2) must be int, not ",
         Py_TYPE(index)->tp_name);
  int overflow = 0;
  long value = PyLong_AsLongAndOverflow(index, &overflow);
  check(overflow >= 0 && value >= 0, ErrorKind::kRuntime, "Device index must not be negative");
  check(!overflow && value <= kMaxIndex, ErrorKind::kRuntime, "Device index must not exceed ",
        kMaxIndex);
  return static_cast<int>(value);
}

// The device that an argument names; false where it is of another type.
bool convert(PyObject* object, Device& device) {
  if (is_device(object)) {
    device = self_device(object);
  } else if (PyUnicode_Check(object)) {
    device = parse(string_of(object));
  } else if (PyLong_Check(object) && !PyBool_Check(object)) {
    parse_index(object);
    fail(ErrorKind::kRuntime, "Cannot access accelerator device when none is available.");
  } else {
    return false;
  }
  return true;
}

constexpr const char* kExpected =
    "but expected one of:\n * (torch.device device)\n * (str type, int index = -1)\n";

Device construct(PyObject* first, PyObject* index) {
  if (!first)
    fail(ErrorKind::kType, "device() received an invalid combination of arguments - got (), ",
         kExpected);
  if (index && !PyUnicode_Check(first))
    fail(ErrorKind::kType, "device(): argument 'type' (position 1) must be str, not ",
         is_device(first) ? "torch.device" : Py_TYPE(first)->tp_name);
  Device device;
  if (!convert(first, device)) {
    const char* got = Py_TYPE(first)->tp_name;
    fail(
        ErrorKind::kType, "device() received an invalid combination of arguments - got (", got,
        "), but expected one of:\n * (torch.device device)\n      didn't match because some of the "
        "arguments have invalid types: (!",
        got, "!)\n * (str type, int index = -1)\n");
  }
  if (index) {
    check(device.index < 0, ErrorKind::kRuntime,
          "type (string) must not include an index because index was passed explicitly: ",
          kNames[device.type], ":", device.index);
    device.index = parse_index(index);
  }
  return device;
}

PyObject* create(PyObject*, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  return guarded([&] {
    constexpr Parameters parameters = {"device", 2, 0, 3, {"type", "index", "device"}};
    PyObject* given[3];
    parse_arguments(parameters, args, PyVectorcall_NARGS(nargsf), kwnames, given);
    return checked(make_device(construct(given[0] ? given[0] : given[2], given[1])));
  });
}

PyObject* text_of(PyObject* self) {
  Device device = self_device(self);
  if (device.index < 0) return PyUnicode_FromString(kNames[device.type]);
  return PyUnicode_FromFormat("%s:%d", kNames[device.type], device.index);
}

PyObject* repr(PyObject* self) {
  Device device = self_device(self);
  if (device.index < 0) return PyUnicode_FromFormat("device(type='%s')", kNames[device.type]);
  return PyUnicode_FromFormat("device(type='%s', index=%d)", kNames[device.type], device.index);
}

Py_hash_t hash(PyObject* self) {
  Device device = self_device(self);
  return device.type * (kMaxIndex + 2) + device.index + 1;
}

PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (op != Py_EQ && op != Py_NE) {
    PyErr_SetString(PyExc_TypeError, "comparison not implemented");
    return nullptr;
  }
  if (!is_device(a) || !is_device(b)) Py_RETURN_NOTIMPLEMENTED;
  Device x = self_device(a), y = self_device(b);
  return PyBool_FromLong((x.type == y.type && x.index == y.index) == (op == Py_EQ));
}

PyObject* get_type(PyObject* self, void*) {
  return PyUnicode_FromString(kNames[self_device(self).type]);
}

PyObject* get_index(PyObject* self, void*) {
  int index = self_device(self).index;
  if (index < 0) Py_RETURN_NONE;
  return PyLong_FromLong(index);
}

PyObject* reduce(PyObject* self, PyObject*) {
  Device device = self_device(self);
  if (device.index < 0) return Py_BuildValue("(O(s))", g_type, kNames[device.type]);
  return Py_BuildValue("(O(si))", g_type, kNames[device.type], device.index);
}

// As a context a device is where new tensors go: here they go to the CPU in any case.
PyObject* enter(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    check_device(self);
    return Py_NewRef(self);
  });
}

PyObject* leave(PyObject*, PyObject* const*, Py_ssize_t) { Py_RETURN_NONE; }

PyMethodDef kMethods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__enter__", enter, METH_NOARGS, nullptr},
    {"__exit__", method(leave), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef kAttributes[] = {
    {"type", get_type, nullptr, "Its kind, as 'cpu'.", nullptr},
    {"index", get_index, nullptr, "Its number among devices of the kind, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_repr, slot(repr)},
    {Py_tp_str, slot(text_of)},
    {Py_tp_hash, slot(hash)},
    {Py_tp_richcompare, slot(compare)},
    {Py_tp_methods, kMethods},
    {Py_tp_getset, kAttributes},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "rushlight.device", sizeof(PyDevice), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION, kSlots};

[[noreturn, gnu::cold]] void fail_absent(int type) {
  std::string name = kNames[type];
  std::string title = name;
  for (char& c : title) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::string fix = concat("\n  rushlight computes on the CPU only.\n  fix: write device=\"cpu\"");
  if (name == "cuda")
    fix += ", or choose with `\"cuda\" if torch.cuda.is_available() else \"cpu\"`";
  else if (name == "mps")
    fix += ", or choose with `\"mps\" if torch.backends.mps.is_available() else \"cpu\"`";
  if (name == "mps")
    fail(ErrorKind::kRuntime, "PyTorch is not linked with support for mps devices", fix, ".");
  if (name == "cuda" || name == "xpu" || name == "hpu" || name == "mtia")
    fail(ErrorKind::kAssertion, "Torch not compiled with ", title, " enabled", fix, ".");
  fail(ErrorKind::kNotImplemented,
       "Could not run 'aten::empty.memory_format' with arguments from the '", title, "' backend.",
       fix, ".");
}

}  // namespace

bool is_device(PyObject* object) { return Py_IS_TYPE(object, g_type); }

PyObject* cpu_device() { return g_cpu; }

void check_device(PyObject* object, const char* function) {
  if (object == g_cpu || object == Py_None) [[likely]]
    return;
  Device device;
  if (!convert(object, device))
    fail(ErrorKind::kType, function ? function : "", function ? "(): " : "",
         "argument 'device' must be torch.device, not ", Py_TYPE(object)->tp_name);
  if (device.type != kCpu) fail_absent(device.type);
}

bool init_device_type(PyObject* module) {
  g_type = add_type(module, kSpec);
  if (!g_type) return false;
  g_type->tp_vectorcall = create;
  g_cpu = make_device({});
  return g_cpu != nullptr;
}

}  // namespace rl::python

// DLPack: tensors handed to other libraries and taken from them, through capsules of the protocol's
// C structures. Versions 0.x ("dltensor") and 1.x ("dltensor_versioned").
#include <cstring>
#include <memory>

#include "ops/copy.h"
#include "python/conversions.h"

namespace rl::python {

namespace {

// --- the protocol's ABI

struct DLDevice {
  int32_t type;
  int32_t id;
};
struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null for row-major
  uint64_t byte_offset;
};
struct Unversioned {
  static constexpr const char* kName = "dltensor";
  static constexpr const char* kUsedName = "used_dltensor";
  DLTensor tensor;
  void* context;
  void (*deleter)(Unversioned* self);
};
struct Versioned {
  static constexpr const char* kName = "dltensor_versioned";
  static constexpr const char* kUsedName = "used_dltensor_versioned";
  uint32_t major;
  uint32_t minor;
  void* context;
  void (*deleter)(Versioned* self);
  uint64_t flags;
  DLTensor tensor;
};
constexpr int32_t kCpu = 1;
constexpr uint64_t kReadOnly = 1, kIsCopied = 2;
enum TypeCode : uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kBool = 6 };

template <class... Parts>
[[noreturn, gnu::cold]] void fail_buffer(const Parts&... parts) {
  PyErr_SetString(PyExc_BufferError, concat(parts...).c_str());
  throw_python();
}

// Calls foreign code that must not see, or lose, an exception on its way.
template <class F>
void apart(F&& call) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  call();
  if (PyErr_Occurred()) PyErr_WriteUnraisable(nullptr);
  PyErr_Restore(type, value, traceback);
}

// --- giving

// One exported tensor: the structure that the consumer sees, and what it points to.
template <class Managed>
struct Export {
  Managed managed = {};
  Ref<Storage> storage;
  int64_t shape[kMaxDims];
  int64_t strides[kMaxDims];
};

// The consumer may call this from a thread that does not hold the GIL, or after the interpreter's
// end, when nothing of Python's can be given back any more.
template <class Managed>
void delete_export(Managed* managed) {
  auto* held = static_cast<Export<Managed>*>(managed->context);
  if (!Py_IsInitialized()) return;
  PyGILState_STATE state = PyGILState_Ensure();
  delete held;
  PyGILState_Release(state);
}

// Runs when a capsule dies: one that no consumer took is given back.
template <class Managed>
void delete_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, Managed::kName)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, Managed::kName));
  if (managed->deleter) apart([&] { managed->deleter(managed); });
}

DLDataType type_of(DType t) {
  auto bits = static_cast<uint8_t>(item_size(t) * 8);
  if (t == DType::kBool) return {kBool, bits, 1};
  if (t == DType::kBFloat16) return {kBfloat, bits, 1};
  if (is_float(t)) return {kFloat, bits, 1};
  return {t == DType::kUInt8 ? kUInt : kInt, bits, 1};
}

template <class Managed>
PyObject* export_tensor(TensorImpl* t, uint64_t flags) {
  auto held = std::make_unique<Export<Managed>>();
  held->storage = t->storage();
  std::memcpy(held->shape, t->sizes(), sizeof(int64_t) * static_cast<size_t>(t->ndim()));
  std::memcpy(held->strides, t->strides(), sizeof(int64_t) * static_cast<size_t>(t->ndim()));
  Managed& managed = held->managed;
  if constexpr (std::is_same_v<Managed, Versioned>) {
    managed.major = 1;
    managed.flags = flags;
  } else if (flags & kReadOnly) {
    fail_buffer("the tensor's memory is not writable, which version 0 of DLPack cannot say\n",
                "  fix: t.__dlpack__(max_version=(1, 0)), or t.clone().");
  }
  managed.tensor = {t->mut_data(), {kCpu, 0},     t->ndim(), type_of(t->dtype()),
                    held->shape,   held->strides, 0};
  managed.context = held.get();
  managed.deleter = delete_export<Managed>;
  PyObject* capsule = checked(PyCapsule_New(&managed, Managed::kName, delete_capsule<Managed>));
  t->storage()->share_outside();
  (void)held.release();
  return capsule;
}

// (tensor, versioned, copy): a capsule.
PyObject* py_to_dlpack(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&] {
    check(nargs == 3 && is_tensor(args[0]), ErrorKind::kType,
          "_to_dlpack(tensor, versioned, copy)");
    TensorRef t = TensorRef::borrow(impl_of(args[0]));
    uint64_t flags = t->storage()->writable() ? 0 : kReadOnly;
    if (args[2] == Py_True) {
      t = clone(Tensor(t)).ref();
      flags = kIsCopied;
    }
    return args[1] == Py_True ? export_tensor<Versioned>(t.get(), flags)
                              : export_tensor<Unversioned>(t.get(), flags);
  });
}

// --- taking

DType dtype_of(DLDataType type) {
  if (type.lanes != 1)
    fail_buffer("ATen does not support lanes != 1 for dtype code", static_cast<int>(type.code));
  constexpr const char* kNames[] = {"kInt",   "kUInt",      "kFloat", nullptr,
                                    "kFloat", "kDLComplex", "kDLBool"};
  const char* name = type.code < std::size(kNames) ? kNames[type.code] : nullptr;
  if (!name) fail_buffer("Unsupported code ", static_cast<int>(type.code));
  for (int i = 0; i < kDTypes; ++i) {
    DLDataType known = type_of(static_cast<DType>(i));
    if (known.code == type.code && known.bits == type.bits) return static_cast<DType>(i);
  }
  fail_buffer("Unsupported ", name, " bits ", static_cast<int>(type.bits),
              "\n  fix: convert the array first, to float32 or int64 for example.");
}

// What a foreign tensor says about itself, checked: nothing of it is trusted.
struct Geometry {
  Dims sizes, strides;
  size_t bytes = 0;  // from the first element to the end of the last
};

Geometry geometry_of(const DLTensor& tensor, size_t item) {
  Geometry g;
  int n = tensor.ndim;
  check(n >= 0 && n <= kMaxDims, ErrorKind::kRuntime, "a DLPack tensor of ", n,
        " dimensions: from 0 to ", kMaxDims, " are supported");
  check(n == 0 || tensor.shape, ErrorKind::kRuntime, "a DLPack tensor of ", n,
        " dimensions without a shape");
  for (int i = 0; i < n; ++i) g.sizes.push(tensor.shape[i]);
  for (int64_t size : g.sizes)
    check(size >= 0, ErrorKind::kRuntime, "Trying to create tensor with negative dimension ", size,
          ": ", shown(g.sizes));
  bool empty = checked_numel(g.sizes.v, n) == 0;
  g.strides.n = n;
  contiguous_strides(g.sizes.v, n, g.strides.v);
  int64_t last = 0;
  bool overflow = false;
  for (int i = 0; i < n; ++i) {
    int64_t step;
    // Where there is one element or none, a stride leads nowhere: any may stand there.
    if (tensor.strides && (tensor.strides[i] >= 0 || (!empty && g.sizes[i] > 1)))
      g.strides[i] = tensor.strides[i];
    check(g.strides[i] >= 0, ErrorKind::kValue,
          "At least one stride in the given DLPack tensor is negative, and tensors with negative "
          "strides are not currently supported.\n  fix: give a copy, array.copy().");
    if (empty) continue;
    overflow |= __builtin_mul_overflow(g.strides[i], g.sizes[i] - 1, &step) ||
                __builtin_add_overflow(last, step, &last);
  }
  overflow |= !empty && (__builtin_add_overflow(last, 1, &last) ||
                         __builtin_mul_overflow(static_cast<size_t>(last), item, &g.bytes));
  check(!overflow && g.bytes <= SIZE_MAX / 2, ErrorKind::kRuntime,
        "Storage size calculation overflowed with sizes=", shown(g.sizes),
        " and strides=", shown(g.strides));
  return g;
}

char* start_of(const DLTensor& tensor, const Geometry& g, size_t item) {
  uintptr_t start;
  bool overflow =
      __builtin_add_overflow(reinterpret_cast<uintptr_t>(tensor.data), tensor.byte_offset, &start);
  check(!overflow && (g.bytes == 0 || (tensor.data && start <= UINTPTR_MAX - g.bytes)),
        ErrorKind::kRuntime, "a DLPack tensor of shape ", shown(g.sizes),
        " whose data pointer, or byte_offset, leads to no memory");
  check(g.bytes == 0 || start % item == 0, ErrorKind::kRuntime,
        "the given DLPack tensor is not aligned to its element size. Copy it to reallocate the "
        "memory.");
  return reinterpret_cast<char*>(start);
}

template <class Managed>
void delete_foreign(void* owner) {
  auto* managed = static_cast<Managed*>(owner);
  if (managed->deleter) apart([&] { managed->deleter(managed); });
}

template <class Managed>
PyObject* import_capsule(PyObject* capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, Managed::kName));
  if (!managed) throw_python();
  bool writable = true;
  if constexpr (std::is_same_v<Managed, Versioned>) {
    check(managed->major <= 1, ErrorKind::kRuntime,
          "unsupported DLPack capsule major version: ", managed->major,
          ". Maximum supported version: 1");
    writable = !(managed->flags & kReadOnly);
  }
  const DLTensor& tensor = managed->tensor;
  if (tensor.device.type != kCpu) fail_buffer("Unsupported device_type: ", tensor.device.type);
  DType dtype = dtype_of(tensor.dtype);
  Geometry g = geometry_of(tensor, item_size(dtype));
  char* start = start_of(tensor, g, item_size(dtype));
  // Until here the capsule answers for the memory, from here on the storage.
  checked(PyCapsule_SetName(capsule, Managed::kUsedName));
  Ref<Storage> storage = Storage::adopt(start, g.bytes, managed, delete_foreign<Managed>, writable);
  return wrap(finish_tensor(TensorImpl::alias(storage, dtype, g.sizes, g.strides.v, 0), false));
}

PyObject* py_from_dlpack(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    if (PyCapsule_IsValid(capsule, Versioned::kName)) return import_capsule<Versioned>(capsule);
    if (PyCapsule_IsValid(capsule, Unversioned::kName)) return import_capsule<Unversioned>(capsule);
    fail(
        ErrorKind::kRuntime,
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once.\n  got  ",
        PyCapsule_CheckExact(capsule) && PyCapsule_GetName(capsule)
            ? concat("a capsule named '", PyCapsule_GetName(capsule), "'")
            : concat("an object of type ", Py_TYPE(capsule)->tp_name));
  });
}

PyMethodDef kFunctions[] = {
    {"_to_dlpack", method(py_to_dlpack), METH_FASTCALL, "(tensor, versioned, copy): a capsule."},
    {"_from_dlpack", py_from_dlpack, METH_O, "A tensor over the memory of a capsule."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_dlpack(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

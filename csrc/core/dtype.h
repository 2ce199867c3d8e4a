// Element types and PyTorch's promotion rules.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/half.h"

namespace rl {

// Ordered by promotion: the larger value wins, but for the two pairs of promote().
enum class DType : uint8_t {
  kBool,
  kUInt8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64
};
constexpr int kDTypes = 10;

enum class Category : uint8_t { kBool, kInt, kFloat };

constexpr size_t kItemSize[kDTypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};

constexpr size_t item_size(DType t) { return kItemSize[static_cast<int>(t)]; }
constexpr bool is_float(DType t) { return t >= DType::kFloat16; }
constexpr Category category(DType t) {
  return is_float(t) ? Category::kFloat : t == DType::kBool ? Category::kBool : Category::kInt;
}

// The types that kernels compute in. The small integers are computed as int64 and cut to size,
// which is the same as wrapping around; the 16-bit floats as float, rounded once.
constexpr int kComputeTypes = 4;
constexpr DType compute_dtype(DType t) {
  if (t <= DType::kBool) return DType::kBool;
  if (t <= DType::kInt64) return DType::kInt64;
  return t == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
}
// The place of a compute type in the kernels' tables.
constexpr int compute_index(DType t) {
  constexpr int8_t kIndex[kDTypes] = {0, 1, 1, 1, 1, 1, 2, 2, 2, 3};
  return kIndex[static_cast<int>(t)];
}

// "float32", as in torch.float32; "Float", as in error texts; "torch.FloatTensor".
const char* dtype_name(DType t);
const char* dtype_title(DType t);
const char* dtype_tensor_type(DType t);
// "float", "long int": the C++ names that some of PyTorch's messages use.
const char* dtype_cpp_name(DType t);

// What Python floats become. float32 unless set_default_dtype changed it.
DType default_dtype();
void set_default_dtype(DType t);
// The dtype that a Python number of this category takes when it stands alone.
DType default_dtype_of(Category c);

constexpr DType promote(DType a, DType b) {
  DType low = a < b ? a : b, high = a < b ? b : a;
  if (low == DType::kUInt8 && high == DType::kInt8) return DType::kInt16;
  if (low == DType::kFloat16 && high == DType::kBFloat16) return DType::kFloat32;
  return high;
}

// PyTorch's result type: operands with dimensions decide first, then 0-d tensors, then numbers;
// a lower group counts only where its category is higher.
class ResultType {
 public:
  void add_tensor(DType t, int ndim) { add(t, ndim > 0 ? 0 : 1); }
  void add_number(Category c) { add(default_dtype_of(c), 2); }
  DType get() const;

 private:
  void add(DType t, int group) {
    type_[group] = has_[group] ? promote(type_[group], t) : t;
    has_[group] = true;
  }
  DType type_[3] = {};
  bool has_[3] = {false, false, false};
};

template <class T>
constexpr DType dtype_of();

#define RL_DTYPES(X)     \
  X(bool, kBool)         \
  X(uint8_t, kUInt8)     \
  X(int8_t, kInt8)       \
  X(int16_t, kInt16)     \
  X(int32_t, kInt32)     \
  X(int64_t, kInt64)     \
  X(Half, kFloat16)      \
  X(BFloat16, kBFloat16) \
  X(float, kFloat32)     \
  X(double, kFloat64)

#define RL_DTYPE_OF(T, name)      \
  template <>                     \
  constexpr DType dtype_of<T>() { \
    return DType::name;           \
  }
RL_DTYPES(RL_DTYPE_OF)
#undef RL_DTYPE_OF

// Calls f with a value of the C++ type of `t`.
template <class F>
decltype(auto) dispatch_dtype(DType t, F&& f) {
  switch (t) {
#define RL_CASE(T, name) \
  case DType::name:      \
    return f(T{});
    RL_DTYPES(RL_CASE)
#undef RL_CASE
  }
  __builtin_unreachable();
}

// Calls f with a value of the compute type of `t`.
template <class F>
decltype(auto) dispatch_compute(DType t, F&& f) {
  switch (compute_index(t)) {
    case 0:
      return f(bool{});
    case 1:
      return f(int64_t{});
    case 2:
      return f(float{});
    default:
      return f(double{});
  }
}

template <class T>
constexpr bool kIsFloat = is_float(dtype_of<T>());
template <class T>
constexpr bool kIsInt = category(dtype_of<T>()) == Category::kInt;

}  // namespace rl

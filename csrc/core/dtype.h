// Element types and PyTorch's promotion rules.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rl {

// Ordered by promotion: within a category the larger value wins.
enum class DType : uint8_t { kBool, kInt64, kFloat32, kFloat64 };
constexpr int kDTypes = 4;

enum class Category : uint8_t { kBool, kInt, kFloat };

constexpr size_t kItemSize[kDTypes] = {1, 8, 4, 8};
constexpr Category kCategory[kDTypes] = {Category::kBool, Category::kInt, Category::kFloat,
                                         Category::kFloat};

constexpr size_t item_size(DType t) { return kItemSize[static_cast<int>(t)]; }
constexpr Category category(DType t) { return kCategory[static_cast<int>(t)]; }
constexpr bool is_float(DType t) { return category(t) == Category::kFloat; }

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

constexpr DType promote(DType a, DType b) { return a > b ? a : b; }

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

// Calls f with a value of the C++ type of `t`.
template <class F>
decltype(auto) dispatch_dtype(DType t, F&& f) {
  switch (t) {
    case DType::kBool:
      return f(bool{});
    case DType::kInt64:
      return f(int64_t{});
    case DType::kFloat32:
      return f(float{});
    default:
      return f(double{});
  }
}

template <class T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<bool>() {
  return DType::kBool;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::kInt64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::kFloat32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kFloat64;
}

}  // namespace rl

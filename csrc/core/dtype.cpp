#include "core/dtype.h"

namespace rl {

namespace {
DType g_default = DType::kFloat32;
constexpr const char* kNames[kDTypes] = {"bool", "int64", "float32", "float64"};
constexpr const char* kTitles[kDTypes] = {"Bool", "Long", "Float", "Double"};
constexpr const char* kTensorTypes[kDTypes] = {"torch.BoolTensor", "torch.LongTensor",
                                               "torch.FloatTensor", "torch.DoubleTensor"};
}  // namespace

const char* dtype_name(DType t) { return kNames[static_cast<int>(t)]; }
const char* dtype_title(DType t) { return kTitles[static_cast<int>(t)]; }
const char* dtype_cpp_name(DType t) {
  constexpr const char* kCppNames[kDTypes] = {"bool", "long int", "float", "double"};
  return kCppNames[static_cast<int>(t)];
}
const char* dtype_tensor_type(DType t) { return kTensorTypes[static_cast<int>(t)]; }

DType default_dtype() { return g_default; }
void set_default_dtype(DType t) { g_default = t; }

DType default_dtype_of(Category c) {
  switch (c) {
    case Category::kBool:
      return DType::kBool;
    case Category::kInt:
      return DType::kInt64;
    default:
      return g_default;
  }
}

DType ResultType::get() const {
  bool any = false;
  DType result = DType::kBool;
  for (int group = 0; group < 3; ++group) {
    if (!has_[group]) continue;
    if (!any || category(type_[group]) > category(result)) result = type_[group];
    any = true;
  }
  return result;
}

}  // namespace rl

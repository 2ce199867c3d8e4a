#include "core/dtype.h"

namespace rl {

namespace {
DType g_default = DType::kFloat32;
constexpr const char* kNames[kDTypes] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                         "int64", "float16", "bfloat16", "float32", "float64"};
constexpr const char* kTitles[kDTypes] = {"Bool", "Byte", "Char",     "Short", "Int",
                                          "Long", "Half", "BFloat16", "Float", "Double"};
constexpr const char* kTensorTypes[kDTypes] = {
    "torch.BoolTensor",  "torch.ByteTensor",  "torch.CharTensor", "torch.ShortTensor",
    "torch.IntTensor",   "torch.LongTensor",  "torch.HalfTensor", "torch.BFloat16Tensor",
    "torch.FloatTensor", "torch.DoubleTensor"};
constexpr const char* kCppNames[kDTypes] = {
    "bool",     "unsigned char", "signed char",   "short int", "int",
    "long int", "c10::Half",     "c10::BFloat16", "float",     "double"};
}  // namespace

const char* dtype_name(DType t) { return kNames[static_cast<int>(t)]; }
const char* dtype_title(DType t) { return kTitles[static_cast<int>(t)]; }
const char* dtype_cpp_name(DType t) { return kCppNames[static_cast<int>(t)]; }
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

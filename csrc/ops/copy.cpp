#include "ops/copy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "kernels/iterator.h"
#include "kernels/pool.h"
#include "ops/create.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl {

namespace {

void copy_into(TensorImpl* to, TensorImpl* from) {
  copy_elements(to, from, broadcast_strides(from, to->shape()));
}

TensorRef copy_of(TensorImpl* t, DType dtype, TensorImpl* like) {
  TensorRef out = like->is_contiguous() ? TensorImpl::empty(dtype, t->sizes(), t->ndim())
                                        : empty_similar(t, like, dtype);
  copy_into(out.get(), t);
  return out;
}

}  // namespace

void check_fits(const Value& number, DType dtype) {
  double x = number.as_double();
  bool fits = true;
  if (category(dtype) == Category::kInt) {
    double end = std::ldexp(1.0, static_cast<int>(item_size(dtype)) * 8 - 1);
    if (dtype == DType::kUInt8) end *= 2;
    fits = (number.kind == Kind::kInt || number.kind == Kind::kBool) && dtype == DType::kInt64
               ? true
               : x >= -end + (dtype == DType::kUInt8) && x < end;
  } else if (dtype == DType::kFloat32) {
    fits = !(x > 3.4028234663852886e38 || x < -3.4028234663852886e38) || x - x != 0;
  }
  constexpr const char* kTypes[kDTypes] = {"bool",  "uint8_t", "int8_t",    "int16_t",
                                           "int",   "int64_t", "c10::Half", "c10::BFloat16",
                                           "float", "double"};
  check(fits, ErrorKind::kRuntime, "value cannot be converted to type ",
        kTypes[static_cast<int>(dtype)], " without overflow");
}

void check_holds(const Value& number, DType dtype) {
  check_fits(number, dtype);
  bool half = dtype == DType::kFloat16;
  if (!half && dtype != DType::kBFloat16) return;
  double x = number.as_double(), largest = half ? 65504 : 3.3895313892515355e38;
  check(!(std::abs(x) > largest) || std::isinf(x), ErrorKind::kRuntime,
        "value cannot be converted to type ", dtype_cpp_name(dtype), " without overflow");
}

void check_fill(const Value& number, TensorImpl* target) {
  target->numel() == 1 ? check_fits(number, target->dtype()) : check_holds(number, target->dtype());
}

namespace {

bool same_places(const TensorImpl& a, const TensorImpl& b) {
  bool same = a.offset() == b.offset() && a.ndim() == b.ndim() && a.dtype() == b.dtype();
  for (int d = 0; same && d < b.ndim(); ++d)
    same = a.sizes()[d] == b.sizes()[d] && (a.sizes()[d] == 1 || a.strides()[d] == b.strides()[d]);
  return same;
}

// Byte offsets from the storage's beginning: of the first element, and behind the last.
std::pair<int64_t, int64_t> bytes_span(const TensorImpl& t) {
  int64_t last = t.offset();
  for (int d = 0; d < t.ndim(); ++d) last += (t.sizes()[d] - 1) * t.strides()[d];
  auto item = static_cast<int64_t>(item_size(t.dtype()));
  return {t.offset() * item, (last + 1) * item};
}

}  // namespace

TensorRef read_apart(TensorImpl* target, TensorImpl* input) {
  TensorRef whole = TensorRef::borrow(input);
  if (input == target || input->storage().get() != target->storage().get()) return whole;
  if (input->numel() == 0 || target->numel() == 0 || same_places(*input, *target)) return whole;
  auto [from, to] = bytes_span(*input);
  auto [begin, end] = bytes_span(*target);
  if (to <= begin || end <= from) return whole;
  auto dense = [](TensorImpl* t) {
    return dense_non_overlapping(t->sizes(), t->strides(), t->ndim());
  };
  check(!dense(input) || !dense(target), ErrorKind::kRuntime,
        "unsupported operation: some elements of the input tensor and the written-to tensor refer "
        "to a single memory location. Please clone() the tensor before performing the operation.");
  return copy_of(input, input->dtype(), input);
}

TensorRef clean_bools(TensorImpl* t) {
  TensorRef out = TensorImpl::empty(DType::kBool, t->shape());
  copy_into(out.get(), t);
  auto* bytes = reinterpret_cast<unsigned char*>(out->mut_data());
  for (int64_t i = 0, n = out->numel(); i < n; ++i) bytes[i] = bytes[i] != 0;
  return out;
}

namespace {

// A page, and then copies of it: memcpy stores whole vectors, on whatever processor.
template <class T>
void fill_words(T* data, int64_t n, T value) {
  int64_t page = std::min<int64_t>(n, 4096 / sizeof(T));
  std::fill_n(data, page, value);
  for (int64_t i = page; i < n; i += page)
    std::memcpy(static_cast<void*>(data + i), data, sizeof(T) * std::min(page, n - i));
}

}  // namespace

void fill(TensorImpl* t, const Value& number) {
  alignas(8) char bytes[8] = {};
  dispatch_dtype(t->dtype(), [&](auto x) {
    using T = decltype(x);
    T value;
    if constexpr (std::is_same_v<T, bool>)
      value = number.kind == Kind::kDouble ? number.d != 0 : number.i != 0;
    else if constexpr (kIsInt<T>)
      value = static_cast<T>(number.as_int());
    else
      value = static_cast<T>(number.as_double());
    std::memcpy(bytes, &value, sizeof value);
    if (t->is_contiguous()) {
      auto* data = reinterpret_cast<T*>(t->mut_data());
      constexpr char kZero[sizeof value] = {};  // not -0
      bool zero = std::memcmp(bytes, kZero, sizeof value) == 0;
      parallel_for(t->numel(), parallel_grain(), [=](int64_t begin, int64_t end) {
        if (zero)
          std::memset(static_cast<void*>(data + begin), 0,
                      static_cast<size_t>(end - begin) * sizeof value);
        else
          fill_words(data + begin, end - begin, value);
      });
    }
  });
  if (t->is_contiguous()) return;
  const int64_t zeros[kMaxDims] = {};
  run_copy(t->mut_data(), t->strides(), t->dtype(), bytes, zeros, t->dtype(), t->sizes(),
           t->ndim());
}

TensorRef number_tensor(const Value& number, DType dtype) {
  TensorRef t = TensorImpl::empty(dtype, nullptr, 0);
  fill(t.get(), number);
  return t;
}

Tensor contiguous_clone(const Tensor& t) {
  return call_op(op_of<ops::Clone>(), {t.value(), Value::of_bool(true)});
}

Tensor clone_like(TensorImpl* t, TensorImpl* like) {
  Tensor source(TensorRef::borrow(t));
  Tensor copy = clone(source);
  bool fits = true;
  bool dense = dense_non_overlapping(like->sizes(), like->strides(), like->ndim());
  for (int d = 0; d < like->ndim() && dense; ++d)
    if (like->sizes()[d] > 1) fits = fits && copy->strides()[d] == like->strides()[d];
  if (!dense) fits = copy->is_contiguous();
  if (fits || copy->requires_grad()) return copy;
  TensorRef out = TensorImpl::empty(t->dtype(), t->sizes(), t->ndim());
  if (dense) out->set_geometry(t->shape(), like->strides(), 0);
  copy_into(out.get(), t);
  return Tensor(std::move(out));
}

namespace ops {

void Clone::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  // A true second argument asks for row-major order; preserve_format is the default.
  bool row_major = call.args[1].kind == Kind::kBool && call.args[1].i;
  if (!row_major) {
    call.output = copy_of(t, t->dtype(), t);
    return;
  }
  call.output = TensorImpl::empty(t->dtype(), t->sizes(), t->ndim());
  copy_into(call.output.get(), t);
}

void Contiguous::forward(Call& call) {
  TensorRef t = TensorRef::borrow(call.tensor(0));
  call.output = t->is_contiguous() ? t : contiguous_clone(Tensor(t)).ref();
}

void Clone::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) { grad_in[0] = grad_out[0]; }

void ToCopy::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  if (call.args[2].kind != Kind::kBool) {
    call.output = copy_of(t, call.args[1].dtype, t);
    return;
  }
  call.output = TensorImpl::empty(call.args[1].dtype, t->sizes(), t->ndim());
  copy_into(call.output.get(), t);
}

void ToCopy::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) {
  grad_in[0] = grad_out[0];
}

void Copy::forward(Call& call) {
  TensorImpl* to = call.target;
  TensorImpl* from = call.tensor(1);
  Dims together;
  broadcast_sizes(to->sizes(), to->ndim(), from->sizes(), from->ndim(), together);
  check(to->shape() == together, ErrorKind::kRuntime, "output with shape ",
        shown(to->sizes(), to->ndim()), " doesn't match the broadcast shape ", shown(together),
        "\n  cannot copy shape ", shown(from->sizes(), from->ndim()), " into it");
  if (from != to) copy_into(to, read_apart(to, from).get());
  call.output = TensorRef::borrow(to);
}

void Copy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) Zero::backward(node, grad_out, grad_in);
  if (node.wants(1)) grad_in[1] = grad_out[0];
}

void Zero::forward(Call& call) {
  fill(call.target, Value::of_int(0));
  call.output = TensorRef::borrow(call.target);
}

// Zeros whatever arrives: nan and inf must not pass through an overwritten value.
void Zero::backward(OpNode&, TensorRef* grad_out, TensorRef* grad_in) {
  if (TensorImpl* g = grad_out[0].get()) grad_in[0] = full(g->shape(), g->dtype(), 0).ref();
}

namespace {
void fill_with(TensorImpl* target, TensorImpl* value) {
  check(value->ndim() == 0, ErrorKind::kRuntime,
        "fill_ only supports 0-dimension value tensor but got tensor with ", value->ndim(),
        " dimensions.");
  TensorRef safe = copy_of(value, value->dtype(), value);
  copy_into(target, safe.get());
}
}  // namespace

void Fill::forward(Call& call) {
  check_fill(call.args[1], call.target);
  fill(call.target, call.args[1]);
  call.output = TensorRef::borrow(call.target);
}

void Fill::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void FillTensor::forward(Call& call) {
  fill_with(call.target, call.tensor(1));
  call.output = TensorRef::borrow(call.target);
}

void FillTensor::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) Zero::backward(node, grad_out, grad_in);
  if (node.wants(1)) grad_in[1] = sum_to(Tensor(grad_out[0]), Dims()).ref();
}

void Filled::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = copy_of(t, t->dtype(), t);
  check_fill(call.args[1], call.output.get());
  fill(call.output.get(), call.args[1]);
}

void Filled::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void FilledTensor::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = copy_of(t, t->dtype(), t);
  fill_with(call.output.get(), call.tensor(1));
}

void FilledTensor::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  FillTensor::backward(node, grad_out, grad_in);
}

}  // namespace ops

void add_copy_ops(std::vector<Op*>& table) { add_ops(ops::CopyOps{}, table); }

}  // namespace rl

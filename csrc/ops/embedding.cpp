#include "ops/embedding.h"

#include <cstring>
#include <vector>

#include "ops/gather.h"
#include "ops/places.h"
#include "ops/scatter_kernels.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

void check_indices(TensorImpl* indices) {
  check(indices->dtype() == DType::kInt64 || indices->dtype() == DType::kInt32, ErrorKind::kRuntime,
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
        "Long, Int; but got ",
        dtype_tensor_type(indices->dtype()), " instead (while checking arguments for embedding)");
}

// How often each row is looked up.
std::vector<int64_t> row_counts(const int64_t* places, int64_t n, int64_t rows) {
  std::vector<int64_t> counts(static_cast<size_t>(rows), 0);
  for (int64_t i = 0; i < n; ++i) ++counts[static_cast<size_t>(places[i])];
  return counts;
}

template <class T>
void add_rows(T* to, const T* from, const int64_t* places, int64_t n, int64_t width,
              int64_t padding, const std::vector<int64_t>& counts) {
  for (int64_t i = 0; i < n; ++i, from += width) {
    if (places[i] == padding) continue;
    T* __restrict row = to + places[i] * width;
    if (counts.empty()) {
      for (int64_t k = 0; k < width; ++k) row[k] += from[k];
    } else {
      const T scale = T(1) / static_cast<T>(counts[static_cast<size_t>(places[i])]);
      for (int64_t k = 0; k < width; ++k) row[k] += scale * from[k];
    }
  }
}

}  // namespace

void Embedding::forward(Call& call) {
  TensorImpl* weight = call.tensor(0);
  TensorImpl* indices = call.tensor(1);
  check(weight->ndim() == 2, ErrorKind::kRuntime, "'weight' must be 2-D");
  check_indices(indices);
  int64_t rows = weight->sizes()[0], n = indices->numel();
  check(rows > 0 || n == 0, ErrorKind::kRuntime,
        "index_select(): self indexing axis dim should be positive");
  TensorRef places = converted_copy(indices, DType::kInt64);
  TensorRef flat =
      TensorImpl::alias(places->storage(), DType::kInt64, Dims::of({n}), Dims::of({1}).v, 0);
  IndexedDim lines(weight, 0);
  IndexView view = slice_index(flat.get(), lines);
  auto outside = [](int64_t value, int, int64_t size) {
    fail(ErrorKind::kIndex, "index out of range in self\n  index ", value, ", size ", size);
  };
  check_places(view, 0, rows, outside, 0);
  TensorRef out = TensorImpl::empty(weight->dtype(), view.shape);
  gather_from(out.get(), weight, lines, view);
  Dims sizes = indices->shape();
  sizes.push(weight->sizes()[1]);
  out->set_geometry(sizes, row_major_strides(sizes).v, 0);
  call.output = std::move(out);
}

void Embedding::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  check(
      !node.slot(3).as_bool(), ErrorKind::kNotImplemented,
      "embedding(): a sparse gradient is not supported: there are no sparse tensors\n  fix: leave "
      "out sparse=True; the dense gradient has the same numbers.");
  TensorRef indices = node.saved(0);
  grad_in[0] = call_op(op_of<EmbeddingDenseBackward>(),
                       {Value::of(grad_out[0].get()), Value::of(indices.get()),
                        Value::of_int(node.slot(4).as_int()), Value::of_int(node.slot(1).as_int()),
                        Value::of_bool(node.slot(2).as_bool())})
                   .ref();
}

void EmbeddingDenseBackward::forward(Call& call) {
  TensorImpl* grad = call.tensor(0);
  const DType type = grad->dtype();
  const DType wide = type == DType::kFloat64 ? type : DType::kFloat32;
  int64_t rows = call.args[2].i, padding = call.args[3].i;
  int64_t width = grad->sizes()[grad->ndim() - 1];
  TensorRef places = converted_copy(call.tensor(1), DType::kInt64);
  const auto* numbers = reinterpret_cast<const int64_t*>(places->data());
  const int64_t n = places->numel();
  std::vector<int64_t> counts;
  if (call.args[4].i) counts = row_counts(numbers, n, rows);
  TensorRef from =
      grad->is_contiguous() && type == wide ? TensorRef::borrow(grad) : converted_copy(grad, wide);
  TensorRef out = full(Dims::of({rows, width}), wide, 0).ref();
  auto run = [&](auto zero) {
    using T = decltype(zero);
    add_rows(reinterpret_cast<T*>(out->mut_data()), reinterpret_cast<const T*>(from->data()),
             numbers, n, width, padding, counts);
  };
  if (wide == DType::kFloat64)
    run(double{});
  else
    run(float{});
  call.output = type == wide ? std::move(out) : converted_copy(out.get(), type);
}

// Linear in the gradient: its adjoint looks the rows up, scaled and with the padding left out.
void EmbeddingDenseBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor indices(node.saved(0)), table(grad_out[0]);
  int64_t padding = node.slot(1).as_int();
  if (node.slot(2).as_bool()) {
    TensorRef places = converted_copy(indices.get(), DType::kInt64);
    int64_t rows = node.slot(3).as_int();
    std::vector<int64_t> counts =
        row_counts(reinterpret_cast<const int64_t*>(places->data()), places->numel(), rows);
    Tensor scale = full(Dims::of({rows, 1}), DType::kFloat64, 1);
    auto* to = reinterpret_cast<double*>(scale->mut_data());
    for (size_t i = 0; i < counts.size(); ++i)
      if (counts[i]) to[i] = 1 / static_cast<double>(counts[i]);
    table = table * to_dtype(scale, table->dtype());
  }
  Tensor rows = call_op(op_of<Embedding>(), {table.value(), indices.value(), Value::of_int(-1),
                                             Value::of_bool(false), Value::of_bool(false)});
  if (padding >= 0) {
    Tensor padded = call_op(op_of<Eq>(), {indices.value(), Value::of_int(padding)});
    rows = call_op(op_of<MaskedFill>(),
                   {rows.value(), unsqueeze(padded, -1).value(), Value::of_int(0)});
  }
  grad_in[0] = rows.ref();
}

}  // namespace rl::ops

namespace rl {

void add_embedding_ops(std::vector<Op*>& table) { add_ops(ops::EmbeddingOps{}, table); }

}  // namespace rl

#include "ops/repeat.h"

#include <algorithm>

#include "ops/copy.h"
#include "ops/dims.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor flattened(Call& call) { return call_op(op_of<Flatten>(), {call.args[0]}); }

}  // namespace

void RepeatInterleave::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  int64_t repeats = call.args[1].i, dim = 0;
  if (call.args[2].is_none())
    t = flattened(call);
  else
    dim = wrap_dim(call.args[2].i, t->ndim());
  check(repeats >= 0, ErrorKind::kRuntime, "Repeats must be non-negative");
  t = unsqueeze(t, dim + 1);
  Dims sizes = t->shape();
  sizes[static_cast<int>(dim) + 1] = repeats;
  checked_numel(sizes.v, sizes.n);
  int64_t length = sizes[static_cast<int>(dim)] * repeats;
  const Value& wanted = call.args[3];
  check(wanted.is_none() || wanted.i == length, ErrorKind::kRuntime,
        "repeat_interleave: Invalid output_size, expected ", length, " but got ", wanted.i);
  Tensor copy = contiguous_clone(expand(t, sizes));
  call.output =
      call_op(op_of<Flatten>(), {copy.value(), Value::of_int(dim), Value::of_int(dim + 1)}).ref();
}

void RepeatInterleaveTensor::forward(Call& call) {
  Tensor t(TensorRef::borrow(call.tensor(0)));
  int64_t dim = 0;
  if (call.args[2].is_none()) {
    t = flattened(call);
  } else {
    check(t->ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", call.args[2].i,
          " but tensor has no dimensions");
    dim = wrap_dim(call.args[2].i, t->ndim());
  }
  TensorImpl* repeats = call.tensor(1);
  int64_t size = t->sizes()[dim];
  check(repeats->ndim() <= 1, ErrorKind::kRuntime, "repeats must be 0-dim or 1-dim tensor");
  bool one = repeats->numel() == 1;
  check(one || repeats->numel() == size, ErrorKind::kRuntime,
        "repeats must have the same size as input along dim, but got repeats.size(0) = ",
        repeats->numel(), " and input.size(", dim, ") = ", size);
  const int64_t step = one || repeats->ndim() == 0 ? 0 : repeats->strides()[0];
  TensorRef counts = TensorImpl::alias(repeats->storage(), repeats->dtype(), Dims::of({size}),
                                       &step, repeats->offset());
  Tensor index = call_op(op_of<RepeatInterleaveIndices>(), {Value::of(counts.get()), call.args[3]});
  call.output = call_op(op_of<IndexSelect>(), {t.value(), Value::of_int(dim), index.value()}).ref();
}

void RepeatInterleaveIndices::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  DType dtype = t->dtype();
  check(dtype == DType::kInt64 || dtype == DType::kInt32, ErrorKind::kNotImplemented,
        "\"repeat_interleave_cpu\" not implemented for '", dtype_title(dtype), "'");
  check(t->ndim() == 1, ErrorKind::kRuntime, "repeat_interleave only accept 1D vector as repeat");
  TensorRef repeats = row_major(t);
  dispatch_dtype(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsInt<T>) {
      const auto* counts = reinterpret_cast<const T*>(repeats->data());
      int64_t n = repeats->numel(), total = 0;
      for (int64_t i = 0; i < n; ++i) {
        check(counts[i] >= 0, ErrorKind::kRuntime, "repeats can not be negative");
        bool overflow = __builtin_add_overflow(total, int64_t{counts[i]}, &total);
        check(!overflow, ErrorKind::kRuntime, "repeat_interleave: the sum of repeats overflows");
      }
      const Value& wanted = call.args[1];
      check(wanted.is_none() || wanted.i == total, ErrorKind::kRuntime,
            "allocated size does not match required size");
      call.output = TensorImpl::empty(dtype, &total, 1);
      auto* to = reinterpret_cast<T*>(call.output->mut_data());
      for (int64_t i = 0; i < n; ++i)
        to = std::fill_n(to, static_cast<int64_t>(counts[i]), static_cast<T>(i));
    }
  });
}

}  // namespace rl::ops

namespace rl {

void add_repeat_ops(std::vector<Op*>& table) { add_ops(ops::RepeatOps{}, table); }

}  // namespace rl

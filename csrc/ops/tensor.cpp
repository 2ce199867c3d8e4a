#include "ops/tensor.h"

#include "graph/tensor_math.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/create.h"
#include "ops/dims.h"
#include "ops/join.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/replay.h"
#include "ops/shape.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl {

Tensor::Tensor(const ops::Num& number) : number_(Value::of_double(number.value)) {}

Tensor call_op(const Op& op, std::initializer_list<Value> args) {
  Call call(op);
  int n = 0;
  for (const Value& v : args) call.args[n++] = v;
  for (size_t i = args.size(); i < op.signature.params.size(); ++i)
    call.args[i] = op.signature.params[i].value;
  dispatch(call);
  return Tensor(std::move(call.output));
}

Tensor clone(const Tensor& t) { return call_op(op_of<ops::Clone>(), {t.value()}); }
Tensor expand(const Tensor& t, const Dims& sizes) {
  return call_op(op_of<ops::Expand>(), {t.value(), Value::of(sizes)});
}
Tensor view(const Tensor& t, const Dims& sizes) {
  return call_op(op_of<ops::View>(), {t.value(), Value::of(sizes)});
}
Tensor transpose(const Tensor& t, int64_t a, int64_t b) {
  return call_op(op_of<ops::Transpose>(), {t.value(), Value::of_int(a), Value::of_int(b)});
}
Tensor permute(const Tensor& t, const Dims& order) {
  return call_op(op_of<ops::Permute>(), {t.value(), Value::of(order)});
}
Tensor reshape(const Tensor& t, const Dims& sizes) {
  return call_op(op_of<ops::Reshape>(), {t.value(), Value::of(sizes)});
}
Tensor select(const Tensor& t, int64_t dim, int64_t index) {
  return call_op(op_of<ops::Select>(), {t.value(), Value::of_int(dim), Value::of_int(index)});
}
Tensor slice(const Tensor& t, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return call_op(op_of<ops::Slice>(), {t.value(), Value::of_int(dim), Value::of_int(start),
                                       Value::of_int(end), Value::of_int(step)});
}
Tensor unsqueeze(const Tensor& t, int64_t dim) {
  return call_op(op_of<ops::Unsqueeze>(), {t.value(), Value::of_int(dim)});
}
Tensor sum(const Tensor& t, const Dims& dims, bool keepdim) {
  return call_op(op_of<ops::SumDim>(), {t.value(), Value::of(dims), Value::of_bool(keepdim)});
}
Tensor to_dtype(const Tensor& t, DType dtype) {
  return call_op(op_of<ops::ToCopy>(), {t.value(), Value::of(dtype)});
}
Tensor as_dtype(const Tensor& t, DType dtype) {
  return t->dtype() == dtype ? t : to_dtype(t, dtype);
}
Tensor to_dtype_of(const Tensor& t, const Tensor& other) { return as_dtype(t, other->dtype()); }
Tensor matmul2d(const Tensor& a, const Tensor& b) {
  return call_op(op_of<ops::Mm>(), {a.value(), b.value()});
}
Tensor full(const Dims& sizes, DType dtype, double value) {
  TensorRef t = TensorImpl::empty(dtype, sizes);
  fill(t.get(), Value::of_double(value));
  return Tensor(std::move(t));
}

Tensor sum_to(const Tensor& t, const Dims& sizes) {
  int extra = t->ndim() - sizes.n;
  if (extra && !sizes.n) return call_op(op_of<ops::Sum>(), {t.value(), Value::none()});
  Dims dims;
  for (int d = 0; d < t->ndim(); ++d)
    if (d < extra || (sizes[d - extra] == 1 && t->sizes()[d] != 1)) dims.push(d);
  Tensor result = dims.n ? sum(t, dims, true) : t;
  return extra ? view(result, sizes) : result;
}

void fill_tensor_math() {
  tensor_math = {
      .add =
          [](TensorImpl* a, TensorImpl* b) {
            return (Tensor(TensorRef::borrow(a)) + Tensor(TensorRef::borrow(b))).ref();
          },
      .accumulate =
          [](TensorImpl* target, TensorImpl* value) {
            Call call(op_of<ops::Add>());
            call.args[0] = Value::of(target);
            call.args[1] = Value::of(value);
            call.args[2] = Value::of_int(1);
            call.target = target;
            dispatch(call);
          },
      .clone_like = [](TensorImpl* t, TensorImpl* like) { return clone_like(t, like).ref(); },
      .clone = [](TensorImpl* t) { return clone(Tensor(TensorRef::borrow(t))).ref(); },
      .restride =
          [](TensorImpl* t, const Dims& strides) {
            return call_op(op_of<ops::Restride>(), {Value::of(t), Value::of(strides)}).ref();
          },
      .as_strided =
          [](TensorImpl* t, const Dims& sizes, const Dims& strides, int64_t offset) {
            return call_op(op_of<ops::AsStrided>(), {Value::of(t), Value::of(sizes),
                                                     Value::of(strides), Value::of_int(offset)})
                .ref();
          },
      .copy_into =
          [](TensorImpl* target, TensorImpl* value) {
            Call call(value ? op_of<ops::Copy>() : op_of<ops::Zero>());
            call.args[0] = Value::of(target);
            if (value) call.args[1] = Value::of(value);
            call.target = target;
            dispatch(call);
          },
      .as_strided_node = [](TensorImpl* base, TensorImpl* view) -> Ref<Node> {
        if (Ref<Node> node = replayed_node(base, view)) return node;
        Dims sizes = view->shape(), strides(view->strides(), view->ndim());
        Call call(op_of<ops::AsStrided>());
        call.args[0] = Value::of(base);
        call.args[1] = Value::of(sizes);
        call.args[2] = Value::of(strides);
        call.args[3] = Value::of_int(view->offset());
        call.output = TensorRef::borrow(view);
        return Ref<Node>::borrow(OpNode::record(*call.op, call).get());
      },
      .sum_to = [](TensorImpl* t,
                   const Dims& sizes) { return sum_to(Tensor(TensorRef::borrow(t)), sizes).ref(); },
      .cast = [](TensorImpl* t,
                 DType dtype) { return to_dtype(Tensor(TensorRef::borrow(t)), dtype).ref(); },
      .full = [](const Dims& sizes, DType dtype,
                 double value) { return full(sizes, dtype, value).ref(); },
  };
}

}  // namespace rl

#include "ops/index_add.h"

#include <cstring>
#include <vector>

#include "core/host.h"
#include "kernels/iterator.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/places.h"
#include "ops/reduce_into.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor index_select(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<IndexSelect>(), {t.value(), Value::of_int(dim), index.value()});
}

Tensor fill_zeros(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<IndexFill>(),
                 {t.value(), Value::of_int(dim), index.value(), Value::of_int(0)});
}

// The slices that went into the result, in the shape of the source.
Tensor source_gradient(const Tensor& grad, int64_t dim, Tensor index, const Dims& source) {
  if (source.n) return expand(index_select(grad, dim, index), source);
  if (index->ndim()) index = select(index, 0, 0);
  Tensor slice = index_select(grad, dim, index);
  return slice->ndim() ? select(slice, 0, 0) : slice;
}

[[noreturn]] void fail_self(int64_t value, int, int64_t size) {
  fail(ErrorKind::kIndex, "index out of range in self\n  index ", value, ", size ", size);
}

bool is_place(DType dtype) { return dtype == DType::kInt64 || dtype == DType::kInt32; }

// Sizes without the dimension, where there is one.
Dims without(const Dims& sizes, int dim, bool drop) {
  Dims rest;
  for (int d = 0; d < sizes.n; ++d)
    if (!drop || d != dim) rest.push(sizes[d]);
  return rest;
}

// What index_add and index_reduce ask of their arguments, in PyTorch's order.
void check_slices(const char* name, Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* index = call.tensor(2);
  TensorImpl* source = call.tensor(3);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(index->ndim() <= 1, ErrorKind::kIndex, name,
        "_(): Index is supposed to be a vector, but got dim: ", index->ndim(),
        " with type: ", dtype_title(index->dtype()),
        " and size: ", shown(index->sizes(), index->ndim()));
  check(is_place(index->dtype()), ErrorKind::kRuntime, name,
        "_(): Expected dtype int32/int64 for index but got: ", dtype_title(index->dtype()));
  check(t->dtype() == source->dtype(), ErrorKind::kRuntime, name, "_(): self (",
        dtype_title(t->dtype()), ") and source (", dtype_title(source->dtype()),
        ") must have the same scalar type");
  check(dim == 0 || dim < source->ndim(), ErrorKind::kRuntime, name, "_(): Indexing dim ", dim,
        " is out of bounds of the source tensor with dim ", source->ndim());
  int64_t n = index->numel(), slices = source->ndim() ? source->sizes()[dim] : 1;
  check(source->ndim() || n == 1, ErrorKind::kIndex, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  check(n == slices, ErrorKind::kRuntime, name, "_(): Number of indices (", n,
        ") should be equal to source.size(dim): (", slices, "), for dim: ", dim);
  bool drop = t->ndim() && source->ndim();
  check(without(t->shape(), dim, drop) == without(source->shape(), dim, drop), ErrorKind::kRuntime,
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
        "self.shape = ",
        shown(t->sizes(), t->ndim()), " source.shape = ", shown(source->sizes(), source->ndim()));
}

// Where an op of slices writes, and what it reads.
struct Slices {
  TensorRef out, index, source;

  Slices(Call& call, bool keep_strides, TensorImpl* the_source) {
    TensorImpl* t = call.tensor(0);
    index = TensorRef::borrow(call.tensor(2));
    if (the_source) source = TensorRef::borrow(the_source);
    if (call.target) {
      index = read_unshared(t, index.get());
      if (the_source) source = read_unshared(t, the_source);
    }
    out = written_copy(call, keep_strides);
  }
};

}  // namespace

void IndexAdd::forward(Call& call) {
  check_slices("index_add", call);
  TensorImpl* t = call.tensor(0);
  Slices s(call, false, call.tensor(3));
  if (s.source->numel() && t->numel()) {
    IndexedDim lines(s.out.get(), call.args[1].i);
    IndexView places = slice_index(s.index.get(), lines);
    const Value& alpha = call.args[4];
    bool plain = alpha.as_double() == 1;
    // PyTorch takes one of two ways, and each has its words.
    bool scatters = t->ndim() > 1 && (lines.dim == 0 || lines.dim == t->ndim() - 1) && plain &&
                    call.tensor(2)->dtype() == DType::kInt64;
    check_places(places, 0, lines.length(), scatters ? fail_place : fail_self, lines.dim);
    Dims strides = strides_under(s.source.get());
    if (plain)
      scatter_into(s.out.get(), lines, places, s.source.get(), strides, Combine::kAdd);
    else
      scatter_scaled(s.out.get(), lines, places, s.source.get(), strides, alpha);
  }
  call.output = std::move(s.out);
}

void IndexAdd::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) grad_in[0] = grad_out[0];
  if (!node.wants(1)) return;
  Tensor slices = source_gradient(Tensor(grad_out[0]), node.slot(1).as_int(), Tensor(node.saved(2)),
                                  node.saved(3)->shape());
  Tensor alpha = Tensor::number(Value::of_double(node.slot(0).as_double()));
  grad_in[1] = (slices * alpha).ref();
}

void IndexCopy::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* index = call.tensor(2);
  TensorImpl* source = call.tensor(3);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(index->ndim() < 2, ErrorKind::kIndex,
        "index_copy_(): Index should have dimension 1 or 0 (got ", index->ndim(), ")");
  int64_t n = index->numel();
  check(source->ndim() || n == 1, ErrorKind::kIndex,
        "index_copy_(): When source is scalar, index should have one element (got ", n, ")");
  check(source->ndim() == t->ndim() || !source->ndim() || !t->ndim(), ErrorKind::kIndex,
        "index_copy_(): When source and destination are not scalars, their dimensionality must "
        "match. Source dimensionality (",
        source->ndim(), "), destination dimensionality (", t->ndim(), ")");
  check(index->dtype() == DType::kInt64, ErrorKind::kRuntime,
        "index_copy_(): Expected a long tensor for index, but got ", dtype_title(index->dtype()));
  check(t->dtype() == source->dtype(), ErrorKind::kRuntime,
        "index_copy_(): self and source expected to have the same dtype, but got (self) ",
        dtype_title(t->dtype()), " and (source) ", dtype_title(source->dtype()));
  Dims mine = without(t->shape(), dim, true), theirs = without(source->shape(), dim, true);
  if (!(mine == theirs)) {
    std::string to = to_string(mine), from = to_string(theirs);
    fail(ErrorKind::kRuntime,
         "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
         "shape: ",
         to.substr(1, to.size() - 2), " at dimension ", dim,
         " and source slice shape: ", from.substr(1, from.size() - 2), " at dimension 0.");
  }
  check(!source->ndim() || n == source->sizes()[dim], ErrorKind::kIndex,
        "index_copy_(): Number of indices (", n, ") should be equal to source.size(dim) (",
        source->ndim() ? source->sizes()[dim] : 1, ")");
  Slices s(call, false, source);
  if (source->numel()) {
    IndexedDim lines(s.out.get(), dim);
    IndexView places = slice_index(s.index.get(), lines);
    auto outside = [](int64_t value, int at, int64_t size) {
      fail(ErrorKind::kIndex, "index_copy_(): index ", value, " is out of bounds for dimension ",
           at, " with size ", size);
    };
    check_places(places, 0, lines.length(), outside, dim);
    scatter_into(s.out.get(), lines, places, s.source.get(), strides_under(s.source.get()),
                 Combine::kWrite);
  }
  call.output = std::move(s.out);
}

void IndexCopy::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), index(node.saved(1));
  int64_t dim = node.slot(0).as_int();
  if (node.wants(0)) grad_in[0] = fill_zeros(grad, dim, index).ref();
  if (node.wants(1)) grad_in[1] = source_gradient(grad, dim, index, node.saved(2)->shape()).ref();
}

namespace {

// `value` holds one element of the input's dtype.
void fill_slices(Call& call, TensorImpl* value) {
  TensorImpl* t = call.tensor(0);
  TensorImpl* index = call.tensor(2);
  int dim = wrap_dim(call.args[1].i, t->ndim());
  check(index->dtype() == DType::kInt64, ErrorKind::kIndex,
        "index_fill_(): Expected dtype int64 for index.");
  check(index->ndim() <= 1, ErrorKind::kRuntime, "Index has to be a vector/scalar");
  Slices s(call, true, nullptr);
  IndexedDim lines(s.out.get(), dim);
  IndexView places = slice_index(s.index.get(), lines);
  if (checked_numel(places.shape.v, places.shape.n)) {
    const int64_t size = lines.length();
    check_places(places, -size, size, fail_index, dim);
    const auto* old = reinterpret_cast<const int64_t*>(places.memory->data());
    const int64_t n = index->numel(), step = places.strides[dim];
    bool negative = false;
    for (int64_t i = 0; i < n; ++i) negative = negative || old[i * step] < 0;
    if (negative) {
      TensorRef wrapped = TensorImpl::empty(DType::kInt64, Dims::of({n}));
      auto* to = reinterpret_cast<int64_t*>(wrapped->mut_data());
      for (int64_t i = 0; i < n; ++i) to[i] = old[i * step] + (old[i * step] < 0 ? size : 0);
      places = slice_index(wrapped.get(), lines);
    }
    Dims still;
    for (int d = 0; d < lines.sizes.n; ++d) still.push(0);
    scatter_into(s.out.get(), lines, places, value, still, Combine::kWrite);
  }
  call.output = std::move(s.out);
}

}  // namespace

void IndexFill::forward(Call& call) {
  TensorRef value = TensorImpl::empty(call.tensor(0)->dtype(), nullptr, 0);
  check_fits(call.args[3], value->dtype());
  fill(value.get(), call.args[3]);
  fill_slices(call, value.get());
}

void IndexFill::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] = fill_zeros(Tensor(grad_out[0]), node.slot(0).as_int(), Tensor(node.saved(1))).ref();
}

void IndexFillTensor::forward(Call& call) {
  TensorImpl* value = call.tensor(3);
  check(value->ndim() == 0, ErrorKind::kRuntime,
        "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
        value->ndim(), " dimension(s).");
  if (category(value->dtype()) != Category::kFloat)
    dispatch_dtype(value->dtype(), [&](auto zero) {
      using T = decltype(zero);
      auto number = static_cast<int64_t>(*reinterpret_cast<const T*>(value->data()));
      check_fits(Value::of_int(number), call.tensor(0)->dtype());
    });
  fill_slices(call, converted_copy(value, call.tensor(0)->dtype()).get());
}

namespace {

// The places that the index names, each once, counted from the front.
Tensor distinct_places(const Tensor& index, int64_t size) {
  TensorRef values = converted_copy(index.get(), DType::kInt64);
  const auto* from = reinterpret_cast<const int64_t*>(values->data());
  std::vector<bool> seen(static_cast<size_t>(size));
  int64_t n = 0;
  auto* to = reinterpret_cast<int64_t*>(values->mut_data());
  for (int64_t i = 0, count = values->numel(); i < count; ++i) {
    int64_t place = from[i] < 0 ? from[i] + size : from[i];
    if (seen[static_cast<size_t>(place)]) continue;
    seen[static_cast<size_t>(place)] = true;
    to[n++] = place;
  }
  const int64_t step = 1;
  return Tensor(TensorImpl::alias(values->storage(), DType::kInt64, Dims::of({n}), &step, 0));
}

}  // namespace

// A slice that is named twice is filled once.
void IndexFillTensor::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), index(node.saved(1));
  int64_t dim = node.slot(0).as_int();
  if (node.wants(0)) grad_in[0] = fill_zeros(grad, dim, index).ref();
  if (!node.wants(1)) return;
  int64_t size = grad->ndim() ? grad->sizes()[wrap_dim(dim, grad->ndim())] : 1;
  Tensor once = distinct_places(index, size);
  grad_in[1] = sum_to(index_select(grad, dim, once), Dims()).ref();
}

namespace {

Reduction reduction_of(const char* reduce) {
  constexpr const char* kNames[] = {"prod", "mean", "amax", "amin"};
  for (int i = 0; i < 4; ++i)
    if (std::strcmp(reduce, kNames[i]) == 0) return static_cast<Reduction>(i + 1);
  fail(ErrorKind::kRuntime,
       "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ", reduce,
       ".");
}

struct SliceReach final : Reach {
  int64_t dim;
  Tensor index;
  const char* reduction;
  bool include_self;

  SliceReach(int64_t the_dim, Tensor the_index, const char* the_reduction, bool include)
      : dim(the_dim),
        index(std::move(the_index)),
        reduction(the_reduction),
        include_self(include) {}
  Tensor read(const Tensor& t) const override { return index_select(t, dim, index); }
  Tensor add(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<IndexAdd>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value()});
  }
  Tensor clear(const Tensor& t) const override { return fill_zeros(t, dim, index); }
  Tensor reduce(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<IndexReduce>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value(),
                    Value::of(reduction), Value::of_bool(include_self)});
  }
  const char* op() const override { return "index_reduce"; }
  const char* source() const override { return "source"; }
};

}  // namespace

void IndexReduce::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  Reduction reduction = reduction_of(call.args[4].s);
  check_slices("index_reduce", call);
  host().warn("UserWarning", "index_reduce() is in beta and the API may change at any time.");
  if (t->dtype() == DType::kBool) {
    constexpr ErrorKind kKind = ErrorKind::kNotImplemented;
    check(call.args[5].i, kKind,
          "\"index_reduce_func_exclude_input_init\" not implemented for 'Bool'");
    check(t->ndim() > 1, kKind, "\"index_func_\" not implemented for 'Bool'");
    check(reduction != Reduction::kMean, kKind, "\"div_floor_cpu\" not implemented for 'Bool'");
  }
  Slices s(call, false, call.tensor(3));
  if (s.source->numel() && t->numel()) {
    IndexedDim lines(s.out.get(), call.args[1].i);
    IndexView places = slice_index(s.index.get(), lines);
    check_places(places, 0, lines.length(), fail_self, lines.dim);
    reduce_into(s.out.get(), lines, places, s.source.get(), reduction, call.args[5].i != 0);
  }
  call.output = std::move(s.out);
}

void IndexReduce::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  const char* name = node.slot(3).as_string();
  bool include_self = node.slot(1).as_bool();
  SliceReach reach(node.slot(0).as_int(), Tensor(node.saved(2)), name, include_self);
  reduction_gradients(node, Tensor(grad_out[0]), Tensor(node.saved(5)), Tensor(node.saved(6)),
                      Tensor(node.saved(4)), reduction_of(name), include_self, reach, grad_in);
}

}  // namespace rl::ops

namespace rl {

void add_index_add_ops(std::vector<Op*>& table) { add_ops(ops::IndexAddOps{}, table); }

}  // namespace rl

#include "ops/scatter.h"

#include <cstring>

#include "core/host.h"
#include "ops/copy.h"
#include "ops/gather.h"
#include "ops/reduce_into.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Tensor scatter_zeros(const Tensor& t, int64_t dim, const Tensor& index) {
  return call_op(op_of<ScatterValue>(),
                 {t.value(), Value::of_int(dim), index.value(), Value::of_int(0)});
}

int64_t size_at(TensorImpl* t, int d) { return t->ndim() ? t->sizes()[d] : 1; }

// Dtypes and shapes in PyTorch's order; `src` is null for a number. False where nothing is to do.
bool check_scatter(TensorImpl* t, int64_t the_dim, TensorImpl* index, TensorImpl* src) {
  int dim = wrap_dim(the_dim, t->ndim());
  bool none = index->numel() == 0;
  check(none || index->dtype() == DType::kInt64 || index->dtype() == DType::kInt32,
        ErrorKind::kRuntime, "scatter(): Expected dtype int32/int64 for index");
  check(!src || src->dtype() == t->dtype(), ErrorKind::kRuntime,
        "scatter(): Expected self.dtype to be equal to src.dtype");
  if (none) return false;
  int n = std::max(index->ndim(), 1);
  check(n == std::max(t->ndim(), 1), ErrorKind::kRuntime,
        "Index tensor must have the same number of dimensions as self tensor");
  bool fits = true, fits_src = true;
  for (int d = 0; d < n; ++d) fits = fits && (d == dim || size_at(index, d) <= size_at(t, d));
  if (src) {
    if (fits && src->ndim() > 0 && src->ndim() < n) wrap_dim(src->ndim(), src->ndim());
    check(n == std::max(src->ndim(), 1), ErrorKind::kRuntime,
          "Index tensor must have the same number of dimensions as src tensor");
    for (int d = 0; d < n; ++d) fits_src = fits_src && size_at(index, d) <= size_at(src, d);
  }
  Shown is = shown(index->sizes(), index->ndim()), ts = shown(t->sizes(), t->ndim());
  check(src || fits, ErrorKind::kRuntime, "Expected index ", is, " to be no larger than self ", ts,
        " apart from dimension ", dim);
  if (src)
    check(fits && fits_src, ErrorKind::kRuntime, "Expected index ", is,
          " to be no larger than self ", ts, " apart from dimension ", dim,
          " and to be no larger size than src ", shown(src->sizes(), src->ndim()));
  return true;
}

// What all scatters do: `source` is seen under `strides`, in the shape of the index.
struct Target {
  TensorRef out, index, source;
  bool empty;

  // A null `src` stands for a number.
  Target(Call& call, TensorImpl* src) {
    TensorImpl* t = call.tensor(0);
    empty = !check_scatter(t, call.args[1].i, call.tensor(2), src);
    index = TensorRef::borrow(call.tensor(2));
    if (src) source = TensorRef::borrow(src);
    if (call.target) {
      index = read_unshared(t, index.get());
      if (src) source = read_unshared(t, src);
    }
    out = written_copy(call, false);
  }

  void run(Call& call, const Dims& strides, Combine how) {
    if (!empty) {
      IndexedDim lines(out.get(), call.args[1].i);
      IndexView places = element_index(index.get());
      check_places(places, 0, lines.length(), fail_place, lines.dim);
      scatter_into(out.get(), lines, places, source.get(), strides, how);
    }
    call.output = std::move(out);
  }
};

void scatter_tensor(Call& call, Combine how) {
  Target target(call, call.tensor(3));
  target.run(call, strides_under(target.source.get()), how);
}

void scatter_number(Call& call, Combine how) {
  check_fits(call.args[3], call.tensor(0)->dtype());
  Target target(call, nullptr);
  target.source = TensorImpl::empty(call.tensor(0)->dtype(), nullptr, 0);
  fill(target.source.get(), call.args[3]);
  Dims still;
  for (int d = 0; d < std::max(call.tensor(2)->ndim(), 1); ++d) still.push(0);
  target.run(call, still, how);
}

Combine how_of(const char* reduce) {
  bool adds = std::strcmp(reduce, "add") == 0;
  check(adds || std::strcmp(reduce, "multiply") == 0, ErrorKind::kRuntime,
        "reduce argument must be either add or multiply.");
  return adds ? Combine::kAdd : Combine::kMultiply;
}

Reduction reduction_of(const char* reduce) {
  constexpr const char* kNames[] = {"sum", "prod", "mean", "amax", "amin"};
  for (int i = 0; i < 5; ++i)
    if (std::strcmp(reduce, kNames[i]) == 0) return static_cast<Reduction>(i);
  fail(ErrorKind::kRuntime, "reduce argument must be either sum, prod, mean, amax or amin, got ",
       reduce);
}

}  // namespace

void Scatter::forward(Call& call) { scatter_tensor(call, Combine::kWrite); }

void Scatter::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  Tensor grad(grad_out[0]), index(node.saved(1));
  if (node.wants(0)) grad_in[0] = scatter_zeros(grad, node.slot(0).as_int(), index).ref();
  if (node.wants(1)) grad_in[1] = gather(grad, node.slot(0).as_int(), index).ref();
}

void ScatterValue::forward(Call& call) { scatter_number(call, Combine::kWrite); }

void ScatterValue::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  grad_in[0] =
      scatter_zeros(Tensor(grad_out[0]), node.slot(0).as_int(), Tensor(node.saved(1))).ref();
}

void ScatterWith::forward(Call& call) {
  host().warn(
      "UserWarning",
      "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed "
      "in a future PyTorch release. Use torch.scatter_reduce instead for more reduction "
      "options.");
  check_scatter(call.tensor(0), call.args[1].i, call.tensor(2), call.tensor(3));
  scatter_tensor(call, how_of(call.args[4].s));
}

void ScatterValueWith::forward(Call& call) {
  check_scatter(call.tensor(0), call.args[1].i, call.tensor(2), nullptr);
  scatter_number(call, how_of(call.args[4].s));
}

void ScatterAdd::forward(Call& call) { scatter_tensor(call, Combine::kAdd); }

void ScatterAdd::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) grad_in[0] = grad_out[0];
  if (node.wants(1))
    grad_in[1] = gather(Tensor(grad_out[0]), node.slot(0).as_int(), Tensor(node.saved(1))).ref();
}

void ScatterReduce::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  check_scatter(t, call.args[1].i, call.tensor(2), call.tensor(3));
  Reduction reduction = reduction_of(call.args[4].s);
  check(reduction != Reduction::kMean || t->dtype() != DType::kBool, ErrorKind::kNotImplemented,
        "\"scatter_gather_tensor_cpu_reduce_mean\" not implemented for 'Bool'");
  Target target(call, call.tensor(3));
  if (!target.empty) {
    IndexedDim lines(target.out.get(), call.args[1].i);
    IndexView places = element_index(target.index.get());
    check_places(places, 0, lines.length(), fail_place, lines.dim);
    reduce_into(target.out.get(), lines, places, target.source.get(), reduction,
                call.args[5].i != 0);
  }
  call.output = std::move(target.out);
}

namespace {

struct ElementReach final : Reach {
  int64_t dim;
  Tensor index;
  const char* reduction;
  bool include_self;

  ElementReach(int64_t the_dim, Tensor the_index, const char* the_reduction, bool include)
      : dim(the_dim),
        index(std::move(the_index)),
        reduction(the_reduction),
        include_self(include) {}
  Tensor read(const Tensor& t) const override { return gather(t, dim, index); }
  Tensor add(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<ScatterAdd>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value()});
  }
  Tensor clear(const Tensor& t) const override { return scatter_zeros(t, dim, index); }
  Tensor reduce(const Tensor& into, const Tensor& source) const override {
    return call_op(op_of<ScatterReduce>(),
                   {into.value(), Value::of_int(dim), index.value(), source.value(),
                    Value::of(reduction), Value::of_bool(include_self)});
  }
  const char* op() const override { return "scatter_reduce"; }
  const char* source() const override { return "src"; }
};

}  // namespace

void ScatterReduce::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  const char* name = node.slot(3).as_string();
  bool include_self = node.slot(1).as_bool();
  ElementReach reach(node.slot(0).as_int(), Tensor(node.saved(2)), name, include_self);
  reduction_gradients(node, Tensor(grad_out[0]), Tensor(node.saved(5)), Tensor(node.saved(6)),
                      Tensor(node.saved(4)), reduction_of(name), include_self, reach, grad_in);
}

void OnceDifferentiable::forward(Call& call) {
  TensorImpl* t = call.tensor(0);
  call.output = TensorImpl::alias(t->storage(), t->dtype(), t->shape(), t->strides(), t->offset());
}

void OnceDifferentiable::backward(OpNode& node, TensorRef*, TensorRef*) {
  const char* source = node.slot(1).as_string();
  fail(ErrorKind::kRuntime, node.slot(0).as_string(), "(): Double backward is unsupported for ",
       source, " when >1 zeros in ", source, " are scattered to the same position in self");
}

}  // namespace rl::ops

namespace rl {

void add_scatter_ops(std::vector<Op*>& table) { add_ops(ops::ScatterOps{}, table); }

}  // namespace rl

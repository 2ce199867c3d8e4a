#include "ops/random.h"

#include "kernels/iterator.h"
#include "kernels/random.h"
#include "ops/copy.h"
#include "ops/create.h"
#include "ops/table.h"

namespace rl::ops {

namespace {

Generator& generator_from(const Value& v) {
  return v.kind == Kind::kPointer ? *static_cast<Generator*>(v.p) : default_generator();
}

void require_float(TensorImpl* t, const char* op) {
  check(is_float(t->dtype()), ErrorKind::kNotImplemented, "\"", op, "\" not implemented for '",
        dtype_title(t->dtype()), "'");
}

// Draws into row-major memory, then copies where the tensor is laid out otherwise.
template <class Draw>
void draw(TensorImpl* t, Draw&& into) {
  if (t->is_contiguous()) return into(t->mut_data());
  TensorRef rows = TensorImpl::empty(t->dtype(), t->sizes(), t->ndim());
  into(rows->mut_data());
  run_copy(t->mut_data(), t->strides(), t->dtype(), rows->data(), rows->strides(), t->dtype(),
           t->sizes(), t->ndim());
}

void draw_uniform(TensorImpl* t, double from, double to, Generator& generator) {
  int64_t n = t->numel();
  draw(t, [&](char* out) {
    if (t->dtype() == DType::kFloat32)
      uniform_float(reinterpret_cast<float*>(out), n, static_cast<float>(from),
                    static_cast<float>(to), generator);
    else
      uniform_double(reinterpret_cast<double*>(out), n, from, to, generator);
  });
}

void draw_normal(TensorImpl* t, double mean, double std, Generator& generator) {
  int64_t n = t->numel();
  bool contiguous = t->is_contiguous();
  draw(t, [&](char* out) {
    if (t->dtype() == DType::kFloat32)
      normal_float(reinterpret_cast<float*>(out), n, mean, std, contiguous, generator);
    else
      normal_double(reinterpret_cast<double*>(out), n, mean, std, contiguous, generator);
  });
}

}  // namespace

void Rand::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[2]);
  require_float(call.output.get(), "check_uniform_bounds");
  draw_uniform(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 4);
}

void Randn::forward(Call& call) {
  call.output = factory(*call.args[0].dims, call.args[2]);
  require_float(call.output.get(), "normal_kernel_cpu");
  draw_normal(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 4);
}

void RandLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[2]);
  require_float(call.output.get(), "check_uniform_bounds");
  draw_uniform(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 4);
}

void RandnLike::forward(Call& call) {
  call.output = factory_like(call.tensor(0), call.args[2]);
  require_float(call.output.get(), "normal_kernel_cpu");
  draw_normal(call.output.get(), 0, 1, generator_from(call.args[1]));
  finish_factory(call, 4);
}

void Uniform::forward(Call& call) {
  TensorImpl* t = call.target;
  double from = call.args[1].as_double(), to = call.args[2].as_double();
  require_float(t, "check_uniform_bounds");
  check(from <= to, ErrorKind::kRuntime,
        "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
  draw_uniform(t, from, to, generator_from(call.args[3]));
  call.output = TensorRef::borrow(t);
}

void Uniform::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

void Normal::forward(Call& call) {
  TensorImpl* t = call.target;
  double std = call.args[2].as_double();
  require_float(t, "normal_kernel_cpu");
  check(std >= 0, ErrorKind::kRuntime, "normal expects std >= 0.0, but found std ", std);
  draw_normal(t, call.args[1].as_double(), std, generator_from(call.args[3]));
  call.output = TensorRef::borrow(t);
}

void Normal::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  Zero::backward(node, grad_out, grad_in);
}

}  // namespace rl::ops

namespace rl {

void add_random_ops(std::vector<Op*>& table) { add_ops(ops::RandomOps{}, table); }

}  // namespace rl

#include "ops/slope.h"

#include "graph/grad_mode.h"
#include "ops/create.h"
#include "ops/table.h"

namespace rl {

namespace {

using ops::Num;

// The node's call once more, with another gradient in the place of its own.
TensorRef repeat_for(OpNode& node, const TensorRef& grad) {
  const Op& op = node.op();
  Call again(op);
  again.args[0] = Value::of(grad.get());
  TensorRef held[kMaxArgs];
  for (int i = 0; i < node.n_slots(); ++i) {
    const SlotSpec& spec = op.slots[static_cast<size_t>(i)];
    if (spec.arg == 0) continue;
    SavedSlot& slot = node.slot(i);
    switch (slot.kind()) {
      case SavedKind::kDouble:
        again.args[spec.arg] = Value::of_double(slot.as_double());
        break;
      case SavedKind::kInt:
        again.args[spec.arg] = Value::of_int(slot.as_int());
        break;
      case SavedKind::kBool:
        again.args[spec.arg] = Value::of_bool(slot.as_bool());
        break;
      default:
        held[i] = node.saved(i);
        again.args[spec.arg] = Value::of(held[i].get());
    }
  }
  dispatch(again);
  return std::move(again.output);
}

// Fills the gradients of grad_output and of a flat input.
void flat_backward(OpNode& node, const TensorRef& grad, TensorRef* grad_in) {
  if (node.wants(0)) grad_in[0] = repeat_for(node, grad);
  if (node.wants(1)) grad_in[1] = call_op(op_of<ops::ZerosLike>(), {Value::of(grad.get())}).ref();
}

}  // namespace

const Op* slope_of(const Op& function) {
  using namespace ops;
  static const Op* const pairs[][2] = {
      {&op_of<LeakyRelu>(), &op_of<LeakyReluBackward>()},
      {&op_of<LeakyReluResult>(), &op_of<LeakyReluBackward>()},
      {&op_of<Hardtanh>(), &op_of<HardtanhBackward>()},
      {&op_of<Hardsigmoid>(), &op_of<HardsigmoidBackward>()},
      {&op_of<Threshold>(), &op_of<ThresholdSlope>()},
      {&op_of<ThresholdInPlace>(), &op_of<ThresholdSlope>()},
      {&op_of<Softshrink>(), &op_of<SoftshrinkBackward>()},
      {&op_of<Hardshrink>(), &op_of<HardshrinkBackward>()},
      {&op_of<PreluKernel>(), &op_of<PreluKernelBackward>()},
      {&op_of<Softplus>(), &op_of<SoftplusBackward>()},
  };
  for (const auto& pair : pairs)
    if (pair[0] == &function) return pair[1];
  return nullptr;
}

namespace ops {

void FlatSlope::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (grad_out[0]) flat_backward(node, grad_out[0], grad_in);
}

template <class Function>
void run(Call& call) {
  call.output = run_slope(op_of<Function>(), call);
}

void LeakyReluBackward::forward(Call& call) { run<LeakyRelu>(call); }
void HardtanhBackward::forward(Call& call) { run<Hardtanh>(call); }
void HardsigmoidBackward::forward(Call& call) { run<Hardsigmoid>(call); }
void ThresholdSlope::forward(Call& call) { run<Threshold>(call); }
void SoftshrinkBackward::forward(Call& call) { run<Softshrink>(call); }
void HardshrinkBackward::forward(Call& call) { run<Hardshrink>(call); }
void PreluKernelBackward::forward(Call& call) { run<PreluKernel>(call); }
void SoftplusBackward::forward(Call& call) { run<Softplus>(call); }

void RreluWithNoiseBackward::forward(Call& call) {
  Tensor g(TensorRef::borrow(call.tensor(0))), x(TensorRef::borrow(call.tensor(1)));
  double lower = call.args[3].as_double(), upper = call.args[4].as_double();
  bool by_result = call.args[6].i != 0;
  GradModeGuard off(false);
  if (call.args[5].i && upper - lower > 1e-6) {
    call.output = (g * Tensor(TensorRef::borrow(call.tensor(2)))).ref();
    return;
  }
  double slope = (lower + upper) / 2;
  check(!by_result || slope >= 0, ErrorKind::kRuntime,
        "In-place leakyReLu backward calculation is triggered with a negative slope which is not "
        "supported. This is caused by calling in-place forward function with a negative slope, "
        "please call out-of-place version instead. File an issue at "
        "https://github.com/pytorch/pytorch if you do require supporting in-place leakRelu "
        "backward calculation with negative slope");
  call.output = math::select(x > Num(0), g, g * Num(slope)).ref();
}

void PreluKernelBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  flat_backward(node, grad_out[0], grad_in);
  if (!node.wants(2)) return;
  Tensor g(grad_out[0]), first(node.saved(0)), x(node.saved(1));
  grad_in[2] = math::select(x >= Num(0), Num(0), g * first).ref();
}

void SoftplusBackward::backward(OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
  if (!grad_out[0]) return;
  if (node.wants(0)) grad_in[0] = repeat_for(node, grad_out[0]);
  if (!node.wants(1)) return;
  Tensor g(grad_out[0]), first(node.saved(0)), x(node.saved(1));
  Num beta(node.slot(2).as_double()), threshold(node.slot(3).as_double());
  Tensor scaled = x * beta, s = math::sigmoid(scaled);
  Tensor bend = g * first * ((Num(1) - s) * s) * beta;
  grad_in[1] = math::select(scaled >= threshold, Num(0), bend).ref();
}

}  // namespace ops

}  // namespace rl

#include "ops/replay.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "graph/grad_mode.h"
#include "ops/table.h"
#include "ops/view.h"

namespace rl {

// Operations from the base to the view. Shared with nobody: a view of a view has a copy.
struct ViewChain {
  struct Step {
    const Op* op;
    Value args[kMaxArgs];                  // [0] is what the step before gave
    std::unique_ptr<Dims> dims[kMaxArgs];  // what args point to

    Step(const Op& of, const Value* values) : op(&of) {
      for (int i = 1; i < kMaxArgs; ++i) {
        args[i] = values[i];
        if (values[i].kind != Kind::kDims) continue;
        dims[i] = std::make_unique<Dims>(*values[i].dims);
        args[i] = Value::of(*dims[i]);
      }
    }
  };
  std::vector<Step> steps;
};

void chain_free(ViewChain* chain) noexcept { delete chain; }

namespace {

bool plain(const Value& v) {
  return v.is_none() || v.is_number() || v.kind == Kind::kDims || v.kind == Kind::kDType;
}

}  // namespace

void remember_view(Call& call) {
  TensorImpl *view = call.output.get(), *from = call.tensor(0);
  if (!view || !view->is_view() || call.op->many_outputs) return;
  for (int i = 1; i < kMaxArgs; ++i)
    if (!plain(call.args[i])) return;
  auto chain = std::make_unique<ViewChain>();
  if (from->is_view()) {
    if (const ViewChain* before = from->extension()->chain) {
      for (const ViewChain::Step& step : before->steps)
        chain->steps.emplace_back(*step.op, step.args);
    } else {  // made while replay was off
      Dims sizes = from->shape(), strides(from->strides(), from->ndim());
      const Value args[kMaxArgs] = {Value::none(), Value::of(sizes), Value::of(strides),
                                    Value::of_int(from->offset())};
      chain->steps.emplace_back(op_of<ops::AsStrided>(), args);
    }
  }
  chain->steps.emplace_back(*call.op, call.args);
  view->extension()->chain = chain.release();
}

Ref<Node> replayed_node(TensorImpl* base, TensorImpl* view) {
  const ViewChain* chain = view->extension() ? view->extension()->chain : nullptr;
  if (!chain) return {};
  GradModeGuard recorded(true);
  TensorRef at = TensorRef::borrow(base);
  for (const ViewChain::Step& step : chain->steps) {
    Call call(*step.op);
    std::copy(step.args, step.args + kMaxArgs, call.args);
    call.args[0] = Value::of(at.get());
    TensorRef held = at;
    dispatch(call);
    at = std::move(call.output);
  }
  return at->grad_fn() ? Ref<Node>::borrow(at->grad_fn()) : Ref<Node>();
}

}  // namespace rl

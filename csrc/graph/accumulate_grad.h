// AccumulateGrad: the end of every path at a leaf. One per leaf while anything refers to it.
#pragma once

#include "graph/node.h"

namespace rl {

class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(TensorImpl* variable) : variable_(TensorRef::borrow(variable)) {
    set_accumulates();
  }
  ~AccumulateGrad() override;

  const char* name() const override { return "torch::autograd::AccumulateGrad"; }
  void apply(TensorRef* grad_outputs, TensorRef* grad_inputs) override;
  OutputMeta output_meta(uint32_t) const override {
    return {variable_->dtype(), static_cast<uint8_t>(variable_->ndim()), true, 0};
  }
  Dims output_shape(uint32_t) const override { return variable_->shape(); }
  void visit_saved(HeldVisitor& visitor) const override { visitor.tensor(variable_.get()); }
  TensorImpl* variable() const { return variable_.get(); }

 private:
  TensorRef variable_;
};

// The leaf's accumulator, made on first use. Counted for the caller.
NodeRef accumulator_of(TensorImpl* leaf);

}  // namespace rl

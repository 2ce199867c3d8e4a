#include "ops/op_node.h"

#include "graph/grad_mode.h"
#include "graph/tensor_math.h"

namespace rl {

Ref<OpNode> OpNode::record(const Op& op, Call& call) {
  TensorImpl* out = call.output.get();
  size_t n_outputs = 1 + call.more.size();
  size_t n_dims = static_cast<size_t>(out->ndim());
  for (const TensorRef& t : call.more) n_dims += static_cast<size_t>(t->ndim());
  auto node = Node::make<OpNode>({.n_edges = op.n_edges,
                                  .n_outputs = n_outputs,
                                  .n_dims = n_dims,
                                  .extra = op.slots.size() * sizeof(SavedSlot)},
                                 &op);
  for (uint32_t i = 0; i < op.n_edges; ++i) {
    const Value& arg = call.args[op.edge_args[i]];
    if (arg.is_tensor()) node->edges()[i] = gradient_edge(arg.t);
  }
  node->set_output(0, out->dtype(), out->sizes(), out->ndim());
  for (uint32_t i = 0; i < call.more.size(); ++i) {
    TensorImpl* t = call.more[i].get();
    node->set_output(i + 1, t->dtype(), t->sizes(), t->ndim());
  }
  node->save(call);
  node->finish();
  return node;
}

void OpNode::link(Call& call) {
  call.output->set_grad_fn(this, 0);
  for (uint32_t i = 0; i < call.more.size(); ++i)
    if (is_float(call.more[i]->dtype())) call.more[i]->set_grad_fn(this, i + 1);
  for (int i = 0; i < n_slots(); ++i) {
    const SlotSpec& spec = op_->slots[static_cast<size_t>(i)];
    if (spec.source != Source::kResult) continue;
    if (spec.needed_by != 0xff) {
      bool needed = false;
      for (uint32_t e = 0; e < n_edges(); ++e)
        needed |= (spec.needed_by >> e & 1) && edges()[e].node;
      if (!needed) continue;
    }
    slot(i).save_output(spec.arg == 0 ? call.output.get() : call.more[spec.arg - 1u].get());
  }
}

void OpNode::save(Call& call) {
  SavedSlot* next = &slot(0);
  // All of them first: saving an inference tensor throws, and the destructor looks at every slot.
  for (int i = 0; i < n_slots(); ++i) new (next + i) SavedSlot;
  for (const SlotSpec& spec : op_->slots) {
    SavedSlot& place = *next++;
    if (spec.needed_by != 0xff) {
      bool needed = false;
      for (uint32_t e = 0; e < n_edges(); ++e)
        needed |= (spec.needed_by >> e & 1) && edges()[e].node;
      if (!needed) continue;
    }
    if (spec.source == Source::kResult) continue;  // once the output is linked to this node
    const Value& arg = call.args[spec.arg];
    if (spec.source == Source::kSizes) {
      place.save_dims(arg.t->shape());
      continue;
    }
    if (spec.source == Source::kNumel) {
      place.save_int(arg.t->numel());
      continue;
    }
    switch (arg.kind) {
      case Kind::kTensor:
        // An in-place call is about to overwrite its first argument: a copy with the same history.
        if (arg.t == call.target)
          place.save_input(tensor_math.clone_like(arg.t, arg.t).get());
        else
          place.save_input(arg.t);
        break;
      case Kind::kDouble:
        place.save_double(arg.d);
        break;
      case Kind::kInt:
        place.save_int(arg.i);
        break;
      case Kind::kBool:
        place.save_bool(arg.i != 0);
        break;
      case Kind::kDims:
        place.save_dims(*arg.dims);
        break;
      case Kind::kString:
        place.save_string(arg.s);
        break;
      default:
        break;
    }
  }
}

TensorRef OpNode::saved(int i) { return slot(i).unpack(this, grad_enabled()); }

void OpNode::release_saved(const Site& freed_by) {
  for (int i = 0; i < n_slots(); ++i) {
    const SlotSpec& spec = op_->slots[static_cast<size_t>(i)];
    bool tensor_like = spec.source == Source::kArg &&
                       op_->signature.params[spec.arg].kind == ParamKind::kTensorOrNumber;
    slot(i).release(&freed_by, tensor_like);
  }
}

bool OpNode::adopt_output(TensorImpl* impl, bool keep) {
  for (int i = 0; i < n_slots(); ++i)
    if (slot(i).adopt_output(impl, keep)) return true;
  return false;
}

void OpNode::detach_output(TensorImpl* impl) {
  for (int i = 0; i < n_slots(); ++i) slot(i).detach_output(impl);
}

OpNode::~OpNode() {
  for (int i = 0; i < n_slots(); ++i) slot(i).release(nullptr);
}

OpNode* as_op_node(Node* node) { return dynamic_cast<OpNode*>(node); }

}  // namespace rl

#include "ops/table.h"

#include <cctype>
#include <cstring>

namespace rl {

namespace {

// "log1p" with overload 0 gives "Log1PBackward0": a letter is a capital after "_" and after a
// digit.
std::string derive_node_name(const OpRecord& record) {
  if (record.node) return record.node;
  std::string name;
  bool capital = true;
  for (const char* c = record.name; *c; ++c) {
    if (*c == '_') {
      capital = true;
      continue;
    }
    name += static_cast<char>(capital ? std::toupper(*c) : *c);
    capital = std::isdigit(static_cast<unsigned char>(*c)) != 0;
  }
  return name + "Backward" + std::to_string(record.overload);
}

bool holds_tensor(ParamKind kind) {
  return kind == ParamKind::kTensor || kind == ParamKind::kTensorOrNumber ||
         kind == ParamKind::kTensors;
}

}  // namespace

std::unique_ptr<Op> make_entry(const OpRecord& record) {
  auto op = std::make_unique<Op>();
  op->record = &record;
  op->signature = parse_signature(record.signature);
  op->many_outputs = op->signature.result.ends_with("Tensor[]");
  op->answers_bool = op->signature.result == "bool" || op->signature.result == "int";
  op->node_name = derive_node_name(record);
  for (size_t i = 0; i < op->signature.params.size(); ++i) {
    const Param& param = op->signature.params[i];
    if (param.names[0] == "out") continue;
    op->takes_list = op->takes_list || param.kind == ParamKind::kTensors;
    if (!holds_tensor(param.kind)) continue;
    check(op->n_tensor_args < kMaxTensorArgs, ErrorKind::kAssertion, record.name, ": more than ",
          kMaxTensorArgs, " tensor arguments");
    op->tensor_args[op->n_tensor_args++] = static_cast<uint8_t>(i);
  }
  return op;
}

void set_not_implemented(Op& op) {
  for (uint8_t i = 0; i < op.n_tensor_args; ++i) op.edge_args[op.n_edges++] = op.tensor_args[i];
  op.backward = [](OpNode& node, TensorRef*, TensorRef*) {
    const Op& recorded = node.op();
    const char* name = recorded.record->name;  // _histogram is behind histogram
    fail(ErrorKind::kRuntime, "derivative for aten::", name + (*name == '_'),
         recorded.in_place ? "" : "_", " is not implemented");
  };
  op.in_place = new Op(op);  // lives as long as the process; has none of its own
}

void set_flat_in_place(Op& op) {
  Op tensors(op);
  std::string base = op.node_name.substr(0, op.node_name.size() - 1);
  tensors.slots.clear();
  tensors.n_edges = 0;
  for (uint8_t i = 0; i < op.n_tensor_args; ++i)
    tensors.edge_args[tensors.n_edges++] = op.tensor_args[i];
  tensors.backward = [](OpNode& node, TensorRef* grad_out, TensorRef* grad_in) {
    TensorImpl* g = grad_out[0].get();
    for (uint32_t edge = 0; g && edge < node.op().n_edges; ++edge)
      if (node.wants(edge)) grad_in[edge] = full(g->shape(), g->dtype(), 0).ref();
  };
  Op number(tensors);
  tensors.node_name = base + "1";
  number.node_name = base + "0";
  number.n_edges = 1;
  op.in_place = new Op(tensors);  // live as long as the process
  op.in_place_number = new Op(number);
}

void derive_slots(Op& op, Elementwise& e) {
  for (size_t i = 0; i < op.signature.params.size(); ++i)
    if (op.signature.params[i].names[0] == "alpha" && op.record->computes != Computes::kFloatOnly)
      e.alpha = static_cast<uint8_t>(i);
  for (uint8_t i = 0; i < op.n_tensor_args; ++i) {
    uint8_t arg = op.tensor_args[i];
    check(e.grads[arg].form != ops::GradForm::kMissing, ErrorKind::kAssertion, op.record->name,
          ": no statement about the gradient of ", op.signature.params[arg].names[0]);
    if (e.grads[arg].form != ops::GradForm::kNone) op.edge_args[op.n_edges++] = arg;
  }
  for (uint8_t edge = 0; edge < op.n_edges; ++edge) {
    Formula& formula = e.grads[op.edge_args[edge]];
    for (int i = 0; i < formula.n; ++i) {
      OperandSpec& operand = formula.operands[i];
      if (operand.reads == ops::Reads::kGrad) continue;
      bool result = operand.reads == ops::Reads::kResult;
      Source source = result ? Source::kResult : Source::kArg;
      size_t at = 0;
      while (at < op.slots.size() &&
             !(op.slots[at].source == source && op.slots[at].arg == operand.arg))
        ++at;
      if (at == op.slots.size()) {
        const char* name = "result";
        if (!result) {
          const std::string& param = op.signature.params[operand.arg].names[0];
          name = param == "input" ? "self" : param.c_str();
        }
        op.slots.push_back({name, source, operand.arg, 0});
      }
      // Numbers cost nothing and are shown whether needed or not.
      if (operand.scalar) op.slots[at].needed_by = 0xff;
      if (op.slots[at].needed_by != 0xff) op.slots[at].needed_by |= static_cast<uint8_t>(1 << edge);
      operand.slot = static_cast<uint8_t>(at);
    }
  }
}

void add_elementwise_ops(std::vector<Op*>& table) { add_ops(ops::ElementwiseOps{}, table); }

const std::vector<Op*>& op_table() {
  static const std::vector<Op*> table = [] {
    std::vector<Op*> t;
    add_elementwise_ops(t);
    add_elementary_ops(t);
    add_reduce_ops(t);
    add_norm_ops(t);
    add_statistics_ops(t);
    add_close_ops(t);
    add_shape_ops(t);
    add_view_ops(t);
    add_dims_ops(t);
    add_join_ops(t);
    add_index_ops(t);
    add_copy_ops(t);
    add_type_ops(t);
    add_create_ops(t);
    add_sequence_ops(t);
    add_matmul_ops(t);
    add_product_ops(t);
    add_trilinear_ops(t);
    add_matrix_ops(t);
    add_distance_ops(t);
    add_gather_ops(t);
    add_scatter_ops(t);
    add_index_add_ops(t);
    add_embedding_ops(t);
    add_unique_ops(t);
    add_search_ops(t);
    add_put_ops(t);
    add_histogram_ops(t);
    add_criterion_ops(t);
    add_activation_ops(t);
    add_softmax_ops(t);
    add_likelihood_ops(t);
    add_cross_entropy_ops(t);
    add_layer_norm_ops(t);
    add_memory_ops(t);
    add_order_ops(t);
    add_moment_ops(t);
    add_logsumexp_ops(t);
    add_scan_ops(t);
    add_select_order_ops(t);
    add_quantile_ops(t);
    add_difference_ops(t);
    add_random_ops(t);
    add_flip_ops(t);
    add_triangle_ops(t);
    add_scatter_view_ops(t);
    add_pad_ops(t);
    add_sliding_ops(t);
    add_pooling_ops(t);
    add_stacking_ops(t);
    add_repeat_ops(t);
    add_sample_ops(t);
    add_dropout_ops(t);
    return t;
  }();
  return table;
}

}  // namespace rl

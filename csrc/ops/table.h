// Turns op structs into table entries.
#pragma once

#include <memory>
#include <vector>

#include "ops/elementwise.h"

namespace rl {

// Ops that are not elementwise: forward over a Call, backward over a node, slots by hand.
template <class T>
concept CustomOp = requires(Call& call) {
  T::record.name;
  T::forward(call);
};

// The entry of struct T, filled by add_op<T>.
template <class T>
inline Op* op_entry = nullptr;

template <class T>
const Op& op_of() {
  return *op_entry<T>;
}

// Fills what follows from record and signature alone.
std::unique_ptr<Op> make_entry(const OpRecord& record);
// Slots of an elementwise op, from what its formulas read.
void derive_slots(Op& op, Elementwise& e);

// Records a node whose backward pass raises.
void set_not_implemented(Op& op);
// The in-place form records a node whose gradients are 0: what was written does not depend smoothly
// on anything.
void set_flat_in_place(Op& op);

template <class T>
void add_op(std::vector<Op*>& table) {
  Op* op = make_entry(T::record).release();  // lives as long as the process
  if constexpr (ElementwiseOp<T>) {
    auto* e = new Elementwise(describe_elementwise<T>());
    if constexpr (requires { T::kPromotesFrom; }) e->promotes_from = T::kPromotesFrom;
    op->elementwise = e;
    op->forward = &elementwise_forward;
    op->unlocks = true;
    derive_slots(*op, *e);
    if (op->n_edges) op->backward = &elementwise_backward;
    if constexpr (requires { T::kFlatInPlace; }) set_flat_in_place(*op);
  } else {
    static_assert(CustomOp<T>, "an op needs a record and forward(Call&)");
    op->forward = &T::forward;
    if constexpr (requires { T::slots; })
      op->slots.assign(std::begin(T::slots), std::end(T::slots));
    if constexpr (requires { T::kUnlocks; }) op->unlocks = true;
    if constexpr (requires { T::kComposite; }) {
      op->composite = true;
    } else if constexpr (requires { typename T::backward; }) {
      static_assert(std::is_same_v<typename T::backward, ops::NotDifferentiable>);
      op->n_edges = 0;
    } else if constexpr (!requires { T::kNotImplemented; }) {
      op->backward = &T::backward;
      if constexpr (requires { T::kRefuses; }) op->refuses = true;
      if constexpr (requires { T::edge_args; })
        for (uint8_t arg : T::edge_args) op->edge_args[op->n_edges++] = arg;
      else
        for (uint8_t i = 0; i < op->n_tensor_args; ++i)
          op->edge_args[op->n_edges++] = op->tensor_args[i];
    }
  }
  if constexpr (requires { T::kNotImplemented; }) set_not_implemented(*op);
  if constexpr (requires { typename T::InPlace; }) op->in_place = op_entry<typename T::InPlace>;
  if constexpr (requires { T::kDifferentiable; }) op->n_differentiable = T::kDifferentiable;
  op_entry<T> = op;
  table.push_back(op);
}

template <class... Ops>
void add_ops(ops::OpList<Ops...>, std::vector<Op*>& table) {
  (add_op<Ops>(table), ...);
}

// One function per family file, called in this order by op_table().
void add_elementwise_ops(std::vector<Op*>& table);
void add_elementary_ops(std::vector<Op*>& table);
void add_reduce_ops(std::vector<Op*>& table);
void add_norm_ops(std::vector<Op*>& table);
void add_statistics_ops(std::vector<Op*>& table);
void add_close_ops(std::vector<Op*>& table);
void add_shape_ops(std::vector<Op*>& table);
void add_view_ops(std::vector<Op*>& table);
void add_dims_ops(std::vector<Op*>& table);
void add_index_ops(std::vector<Op*>& table);
void add_join_ops(std::vector<Op*>& table);
void add_copy_ops(std::vector<Op*>& table);
void add_type_ops(std::vector<Op*>& table);
void add_create_ops(std::vector<Op*>& table);
void add_sequence_ops(std::vector<Op*>& table);
void add_matmul_ops(std::vector<Op*>& table);
void add_product_ops(std::vector<Op*>& table);
void add_trilinear_ops(std::vector<Op*>& table);
void add_matrix_ops(std::vector<Op*>& table);
void add_distance_ops(std::vector<Op*>& table);
void add_gather_ops(std::vector<Op*>& table);
void add_scatter_ops(std::vector<Op*>& table);
void add_index_add_ops(std::vector<Op*>& table);
void add_embedding_ops(std::vector<Op*>& table);
void add_unique_ops(std::vector<Op*>& table);
void add_search_ops(std::vector<Op*>& table);
void add_put_ops(std::vector<Op*>& table);
void add_histogram_ops(std::vector<Op*>& table);
void add_criterion_ops(std::vector<Op*>& table);
void add_activation_ops(std::vector<Op*>& table);
void add_softmax_ops(std::vector<Op*>& table);
void add_likelihood_ops(std::vector<Op*>& table);
void add_cross_entropy_ops(std::vector<Op*>& table);
void add_layer_norm_ops(std::vector<Op*>& table);
void add_memory_ops(std::vector<Op*>& table);
void add_order_ops(std::vector<Op*>& table);
void add_moment_ops(std::vector<Op*>& table);
void add_logsumexp_ops(std::vector<Op*>& table);
void add_scan_ops(std::vector<Op*>& table);
void add_select_order_ops(std::vector<Op*>& table);
void add_quantile_ops(std::vector<Op*>& table);
void add_difference_ops(std::vector<Op*>& table);
void add_random_ops(std::vector<Op*>& table);
void add_flip_ops(std::vector<Op*>& table);
void add_triangle_ops(std::vector<Op*>& table);
void add_scatter_view_ops(std::vector<Op*>& table);
void add_pad_ops(std::vector<Op*>& table);
void add_sliding_ops(std::vector<Op*>& table);
void add_pooling_ops(std::vector<Op*>& table);
void add_stacking_ops(std::vector<Op*>& table);
void add_repeat_ops(std::vector<Op*>& table);
void add_sample_ops(std::vector<Op*>& table);
void add_dropout_ops(std::vector<Op*>& table);

}  // namespace rl

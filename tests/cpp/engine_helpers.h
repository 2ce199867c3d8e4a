// What the tests of the engine share: leaves and passes over float64 scalars, without Python.
#pragma once

#include <string>

#include "engine/engine.h"
#include "fake_host.h"
#include "ops/op_node.h"
#include "ops/table.h"

namespace rl::test {

inline void start() {
  FakeHost::install();
  static bool once = [] {
    op_table();
    fill_tensor_math();
    return true;
  }();
  (void)once;
}

inline Tensor leaf(double value) {
  TensorRef t = TensorImpl::empty(DType::kFloat64, nullptr, 0);
  *reinterpret_cast<double*>(t->mut_data()) = value;
  t->set_requires_grad(true);
  return Tensor(t);
}

inline double value(TensorImpl* t) { return *reinterpret_cast<const double*>(t->data()); }

inline void add_root(BackwardRequest& request, const Tensor& y) {
  TensorRef one = TensorImpl::empty(DType::kFloat64, y->sizes(), y->ndim());
  *reinterpret_cast<double*>(one->mut_data()) = 1;
  request.roots.push_back({gradient_edge(y.get()), one});
}

inline void backward(const Tensor& y, bool keep = false, bool create = false) {
  BackwardRequest request;
  request.keep_graph = keep;
  request.create_graph = create;
  add_root(request, y);
  run_backward(request);
}

inline Tensor gradient(const Tensor& y, const Tensor& x, bool create) {
  BackwardRequest request;
  request.accumulate = false;
  request.keep_graph = request.create_graph = create;
  add_root(request, y);
  request.inputs.push_back(gradient_edge(x.get()));
  return Tensor(run_backward(request)[0]);
}

template <class F>
std::string message_of(F&& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

}  // namespace rl::test

// Node: one recorded operation. Edges, output shapes and saved values follow the object in memory,
// so a node takes exactly the bytes it needs; what is rare (hooks, wrapper, metadata) is in a side
// table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/ref.h"
#include "core/shape.h"
#include "core/site.h"
#include "core/tensor.h"

namespace rl {

// Where a gradient goes next: input `nr` of `node`. A null node means that nobody wants it.
struct Edge {
  Node* node = nullptr;  // counted by whoever holds the edge
  uint32_t nr = 0;
};

// What the node knows of a tensor it made: gradients are brought to this shape and dtype.
struct OutputMeta {
  DType dtype = DType::kFloat32;
  uint8_t ndim = 0;
  bool defined = false;
  uint32_t dims_at = 0;  // index into the node's dims words
};

// A tensor hook, or any Python callable of the graph. `id` is what its RemovableHandle holds.
struct Hook {
  uint64_t id;
  void* callable;  // counted
};

struct HookList {
  std::vector<Hook> hooks;
};

// A tensor that went into a node's operation or came out of it, while observers keep arguments.
struct KeptTensor {
  TensorRef tensor;
  uint32_t version;
  int32_t place;  // the output's number, or -1 - i of input i
};

// Where something that does not keep the node alive finds it; null once it is gone.
struct NodeCell {
  Node* node = nullptr;
};

// Rare state of a node.
struct NodeSide {
  void* wrapper = nullptr;               // the Python object, not counted
  NodeCell* cell = nullptr;              // not counted
  void* metadata = nullptr;              // a dict, counted
  std::vector<HookList> output_hooks;    // per output
  std::vector<TensorImpl*> retain_grad;  // per output: tensors with retain_grad(), not counted
  void* pre_hooks = nullptr;             // a callable for grad_outputs, counted
  void* post_hooks = nullptr;            // a callable for grad_inputs, counted
  Node* slices = nullptr;                // the CopySlices that plays this node, not counted
  std::vector<KeptTensor> kept;          // of a custom Function
  Site parent;                           // of a node made during backward: the forward node's Site
};

// Takes every counted reference that an object of the graph holds to another.
struct HeldVisitor {
  virtual void tensor(TensorImpl* t) = 0;  // may be null
  virtual void node(Node* node) = 0;       // may be null

 protected:
  ~HeldVisitor() = default;
};

struct NodeLayout {
  size_t n_edges = 0;
  size_t n_outputs = 1;
  size_t n_dims = 0;  // words for the sizes of all outputs
  size_t extra = 0;   // bytes for the subclass, 8-byte aligned, behind the dims
};

struct FreedBy;
class Provenance;

class Node {
 public:
  // A node is made with count 1, without edges; finish() gives it its number.
  template <class N, class... Args>
  static Ref<N> make(const NodeLayout& layout, Args&&... args) {
    static_assert(sizeof(N) <= 8 * UINT8_MAX);
    size_t bytes = total_bytes(sizeof(N), layout);
    void* memory = small_alloc(bytes);
    N* node = new (memory) N(std::forward<Args>(args)...);
    node->lay_out(sizeof(N), bytes, layout);
    return Ref<N>::steal(node);
  }

  virtual const char* name() const = 0;
  // Reads grad_outputs[n_outputs] (null: undefined) and writes grad_inputs[n_edges]; an edge whose
  // node is null, or that needs_input() denies, need not be written.
  virtual void apply(TensorRef* grad_outputs, TensorRef* grad_inputs) = 0;
  // Adds to an error which code of the user's computed the gradient for edge `nr`.
  virtual void tell_derivative(Provenance& story, uint32_t nr) const {
    (void)story;
    (void)nr;
  }
  // Lets go of saved values after the node ran for the last time.
  virtual void release_saved(FreedBy& freed_by) { (void)freed_by; }
  // All that the node holds but for its edges.
  virtual void visit_saved(HeldVisitor&) const {}
  // The tensor saved here as this node's own output dies: take it over (`keep`) or forget it.
  virtual bool adopt_output(TensorImpl*, bool keep) {
    (void)keep;
    return false;
  }
  // `impl` stops being this node's output but its values stay saved here.
  virtual void detach_output(TensorImpl*) {}
  virtual OutputMeta output_meta(uint32_t nr) const { return metas()[nr]; }

  uint32_t n_edges() const { return n_edges_; }
  uint32_t n_outputs() const { return n_outputs_; }
  Edge* edges() { return reinterpret_cast<Edge*>(tail()); }
  const Edge* edges() const { return const_cast<Node*>(this)->edges(); }
  void set_output(uint32_t nr, DType dtype, const int64_t* sizes, int ndim);
  // Output `nr` is no tensor. Outputs are set in order.
  void set_no_output(uint32_t nr);
  const int64_t* output_sizes(const OutputMeta& meta) const { return dims() + meta.dims_at; }
  // The shape that a gradient for output `nr` must have.
  virtual Dims output_shape(uint32_t nr) const {
    const OutputMeta meta = metas()[nr];
    return Dims(output_sizes(meta), meta.ndim);
  }

  // Takes the sequence number, greater than that of every next node, and the Site.
  void finish();
  // For AccumulateGrad, which runs as soon as it can and belongs to no statement.
  void finish_last();
  uint64_t sequence() const { return sequence_; }
  static uint64_t last_sequence();  // of the newest node
  const Site& site() const { return site_; }

  // Some saved value lies packed by a hook: a Python object.
  bool has_packed() const { return has_packed_; }
  void set_has_packed() { has_packed_ = true; }

  // What the operation was given is kept beyond what its gradient needs (ops/recompute.h).
  bool has_kept() const { return has_kept_; }
  void set_has_kept() { has_kept_ = true; }

  // A FunctionNode, whose saved state is a Python object.
  bool holds_python() const { return holds_python_; }

  bool is_accumulate_grad() const { return accumulates_; }

  bool has_side() const { return has_side_; }
  NodeSide* side() const;  // null when there is none
  NodeSide& make_side();

  // Of the node itself, with its edges and slots.
  uint32_t bytes() const { return bytes_; }

  // As those of TensorImpl.
  uint32_t refs() const { return refs_; }
  uint32_t count() const { return refs_ & ~kWatched; }
  void retain() { ++refs_; }
  void release() {
    if (static_cast<int32_t>(--refs_) <= 0) destroy();
  }
  bool watched() const { return refs_ & kWatched; }
  void set_watched(bool on) { refs_ = on ? refs_ | kWatched : refs_ & ~kWatched; }

  // The engine's place in this node for the run that holds it.
  struct RunSlot {
    uint32_t run = 0;
    uint32_t index = 0;
  };
  RunSlot run_slot;

 protected:
  Node() = default;
  virtual ~Node() = default;
  void set_holds_python() { holds_python_ = true; }
  void set_accumulates() { accumulates_ = true; }

  OutputMeta* metas() { return reinterpret_cast<OutputMeta*>(edges() + n_edges_); }
  const OutputMeta* metas() const { return const_cast<Node*>(this)->metas(); }
  int64_t* dims() { return reinterpret_cast<int64_t*>(metas() + n_outputs_); }
  const int64_t* dims() const { return const_cast<Node*>(this)->dims(); }
  char* extra() { return reinterpret_cast<char*>(dims() + n_dims_); }
  const char* extra() const { return const_cast<Node*>(this)->extra(); }

 private:
  static size_t total_bytes(size_t object, const NodeLayout& layout) {
    return object + layout.n_edges * sizeof(Edge) + layout.n_outputs * sizeof(OutputMeta) +
           layout.n_dims * sizeof(int64_t) + layout.extra;
  }
  void lay_out(size_t object, size_t bytes, const NodeLayout& layout);
  char* tail() { return reinterpret_cast<char*>(this) + 8 * object_words_; }
  void destroy();
  void destroy_now();

  // In an order that leaves no gaps: a long chain has one node per operation.
  uint32_t refs_ = 1;
  uint32_t bytes_ = 0;
  uint32_t n_outputs_ = 1;
  uint32_t n_dims_ = 0;
  union {
    uint64_t sequence_ = 0;
    Node* next_dead_;  // link of the drain list, once the count is 0
  };
  [[no_unique_address]] Site site_;
  uint16_t n_edges_ = 0;
  uint8_t object_words_ = 0;
  bool has_side_ : 1 = false;
  bool holds_python_ : 1 = false;
  bool has_packed_ : 1 = false;
  bool has_kept_ : 1 = false;
  bool accumulates_ : 1 = false;
};

using NodeRef = Ref<Node>;

// Nodes of all kinds that exist, and the last sequence number given.
extern int64_t live_nodes;
uint64_t last_sequence();

// A run restricted to some inputs tells nodes which gradients nobody will use.
struct EdgeFilter {
  virtual bool wants(const Edge& edge) const = 0;
};
// Of the run that this thread executes; null: every edge is wanted.
[[gnu::tls_model("initial-exec")]] extern constinit thread_local const EdgeFilter* edge_filter;

inline bool edge_wanted(const Edge& edge) {
  return edge.node && (!edge_filter || edge_filter->wants(edge));
}

// Whether the gradient has the shape of the tensor that the edge leads to. An undefined output
// takes any.
bool gradient_fits(const Edge& edge, const TensorImpl& grad);

// The edge that a gradient for `t` takes: its grad_fn, or the AccumulateGrad of a leaf (made on
// first use), or none. The caller owns a count of the node.
Edge gradient_edge(TensorImpl* t);

// A node for messages: "Exp" of "ExpBackward0".
std::string op_title(const Node& node);

}  // namespace rl

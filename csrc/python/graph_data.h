// The graph under some roots as columns of numbers, which hold no tensor and no node alive.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/saved.h"
#include "python/heap.h"
#include "python/tensor_summary.h"

namespace rl::python {

constexpr uint32_t kUnknown = UINT32_MAX;

// Outputs of a node that are told: their numbers are bytes.
constexpr uint32_t kMostOutputs = 255;

enum NodeFlag : uint16_t {
  kFlagLeaf = 1,
  kFlagRoot = 2,
  kFlagView = 4,
  kFlagFreed = 8,
  kFlagCustom = 16,
};
enum class EdgeKind : uint8_t { kFlow, kView };

// Strings and shapes, each once.
class Interned {
 public:
  uint32_t string(std::string_view text);
  // The place of the first size in shapes().
  uint32_t shape(const int64_t* sizes, int n);
  const std::deque<std::string>& strings() const { return strings_; }
  const std::vector<uint32_t>& shapes() const { return shapes_; }

 private:
  std::deque<std::string> strings_;
  std::unordered_map<std::string_view, uint32_t> string_at_;
  std::vector<uint32_t> shapes_;
  std::unordered_map<std::string, uint32_t> shape_at_;
};

struct TensorColumns {
  std::vector<uint32_t> dims, dtype;
  std::vector<uint8_t> rank;
  std::vector<double> bytes;
};

// Where an input of an operation has no history.
struct CutRow {
  uint32_t node, in, site;
  const char* reason;  // "tensor" where it is only known to be one, "" where it may be a number
  TensorRef tensor;    // null where not known
};

// An input without a history, seen as the operation was recorded.
struct CutSeen {
  uint32_t in;
  const char* reason;
  Site site;
};

// Nodes by number: in the order of recording, leaves before the first node that uses them.
class GraphData {
 public:
  // No Python code runs in it. Keeps all nodes where there are few; else the first of those that
  // have operation, source and attributes in common, whose derivatives are told alike.
  // sum_up: also what nodes saved, where it is an output of another node, or of their own.
  void collect(const std::vector<Edge>& roots, size_t few, bool sum_up = false);
  // A dict of bytes, strings, sites as (code, offset), [(number, leaf)] and [(number, node)].
  PyRef result() const;

  size_t size() const { return op_.size(); }
  // kUnknown for a node that is not in it; while that one lives.
  uint32_t number_of(const Node* node) const { return number_.find(node); }
  const std::vector<uint64_t>& sequences() const { return sequence_; }
  const std::vector<std::pair<uint32_t, TensorRef>>& leaves() const { return leaves_; }
  bool is_leaf(uint32_t number) const { return flags_[number] & kFlagLeaf; }
  // The rows of edges that lead into a node, in the order of its inputs.
  uint32_t first_edge(uint32_t number) const { return first_edge_[number]; }
  uint32_t n_edge_rows() const { return static_cast<uint32_t>(src_.size()); }
  uint16_t input_of(uint32_t row) const { return in_[row]; }
  // find(sequence, input) for each cut whose tensor no node saved: what was seen of it, or null.
  template <class F>
  void tell_cuts(F&& find) {
    for (CutRow& cut : cuts_)
      if (!cut.tensor)
        if (const CutSeen* seen = find(sequence_[cut.node], cut.in)) {
          cut.reason = seen->reason;
          cut.site = site_of(seen->site);
        }
  }
  // The nodes may die from now on.
  void forget_addresses() { number_ = PointerMap(); }
  void set_order(std::vector<uint32_t> order) { order_ = std::move(order); }
  uint32_t site_of(const Site& site);

 private:
  void walk(const std::vector<Edge>& roots);
  void put_in_order(const std::vector<Edge>& roots);
  void add_node(Node* node);
  void add_outputs(Node* node, uint32_t number);
  void add_tensor(TensorColumns& to, const int64_t* sizes, int n, DType dtype);
  void add_edges(Node* node, uint32_t number, bool view);
  void add_saved(Node* node, Node* owner, uint32_t number);
  void add_value(Node* owner, uint32_t number, const char* name, const SavedSlot& slot);
  void add_cuts(Node* node, Node* owner, uint32_t number);
  void run_order();
  void keep_nodes(size_t few);

  Interned interned_;
  PointerMap number_;
  std::vector<Node*> found_;  // while it collects
  std::vector<std::pair<uint32_t, NodeRef>> nodes_;
  std::vector<Site> sites_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> site_at_;
  std::unordered_map<const char*, uint32_t> name_at_;

  std::vector<uint64_t> sequence_;
  // like_: the node that is kept and whose derivative is told as this one's.
  std::vector<uint32_t> op_, site_, order_, freed_, like_;
  std::vector<uint16_t> flags_;
  std::vector<uint32_t> out_node_;
  std::vector<uint8_t> out_slot_;
  TensorColumns outs_;
  std::vector<uint32_t> saved_node_, saved_name_, saved_source_, saved_version_;
  TensorColumns saved_;
  std::vector<uint32_t> first_edge_, first_attr_;  // by node, and one more
  std::vector<uint32_t> attr_node_, attr_name_, attr_value_;
  std::vector<uint32_t> src_, dst_;
  std::vector<uint16_t> in_, out_;
  std::vector<uint8_t> kind_;
  std::vector<CutRow> cuts_;
  bool sum_up_ = false;
  std::map<uint64_t, Summary> saved_values_;  // by number << 8 | output
  std::vector<std::pair<uint32_t, TensorRef>> leaves_;
};

// Why no gradient goes to a tensor that does not require one.
const char* cut_reason(const TensorImpl* t);

// A column as bytes, which are read as numbers of this machine.
template <class T>
PyObject* bytes_of(const std::vector<T>& column) {
  return checked(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(column.data()),
                                           static_cast<Py_ssize_t>(column.size() * sizeof(T))));
}

bool init_graph_data(PyObject* module);

}  // namespace rl::python

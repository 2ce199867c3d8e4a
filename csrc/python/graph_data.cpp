// Walks a graph once and writes it down as columns: what rushlight.graph() is made of.
#include "python/graph_data.h"

#include <algorithm>
#include <cstring>

#include "graph/accumulate_grad.h"
#include "graph/copy_slices.h"
#include "graph/grad_mode.h"
#include "graph/packed.h"
#include "graph/view.h"
#include "ops/op_node.h"
#include "python/function_node.h"
#include "python/stories.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

namespace {

std::string number_text(double value) {
  char* text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, nullptr);
  check(text, ErrorKind::kMemory, "out of memory");
  std::string copy = text;
  PyMem_Free(text);
  return copy;
}

std::string numbers_text(const std::vector<int64_t>& numbers) {
  std::string text = "(";
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i) text += ", ";
    text += std::to_string(numbers[i]);
  }
  return text + (numbers.size() == 1 ? ",)" : ")");
}

}  // namespace

const char* cut_reason(const TensorImpl* t) {
  switch (t->cut()) {
    case Cut::kNoGrad:
      return "no_grad";
    case Cut::kDetach:
      return "detach";
    case Cut::kDtype:
      return is_float(t->dtype()) ? "no derivative" : "dtype";
    case Cut::kMarked:
      return "mark_non_differentiable";
    case Cut::kCopied:
      return "torch.tensor";
    case Cut::kBackward:
      return "create_graph=False";
    case Cut::kNone:
      break;
  }
  return is_float(t->dtype()) ? "requires_grad=False" : "dtype";
}

uint32_t Interned::string(std::string_view text) {
  if (auto at = string_at_.find(text); at != string_at_.end()) return at->second;
  const std::string& kept = strings_.emplace_back(text);
  const auto index = static_cast<uint32_t>(strings_.size() - 1);
  string_at_.emplace(kept, index);
  return index;
}

uint32_t Interned::shape(const int64_t* sizes, int n) {
  std::string key(reinterpret_cast<const char*>(sizes), static_cast<size_t>(n) * sizeof *sizes);
  auto [at, is_new] = shape_at_.emplace(std::move(key), static_cast<uint32_t>(shapes_.size()));
  for (int i = 0; is_new && i < n; ++i)
    shapes_.push_back(static_cast<uint32_t>(std::min<int64_t>(sizes[i], kUnknown - 1)));
  return at->second;
}

uint32_t GraphData::site_of(const Site& site) {
  if (!site) return kUnknown;
  uint64_t key = reinterpret_cast<uint64_t>(site.code()) ^ uint64_t(site.offset()) << 44;
  for (uint32_t i : site_at_[key])
    if (sites_[i].code() == site.code() && sites_[i].offset() == site.offset()) return i;
  sites_.push_back(site);
  const auto index = static_cast<uint32_t>(sites_.size() - 1);
  site_at_[key].push_back(index);
  return index;
}

void GraphData::collect(const std::vector<Edge>& roots, size_t few, bool sum_up) {
  sum_up_ = sum_up;
  walk(roots);
  put_in_order(roots);
  for (Node* node : found_) add_node(node);
  first_edge_.push_back(n_edge_rows());
  first_attr_.push_back(static_cast<uint32_t>(attr_node_.size()));
  run_order();
  for (const Edge& root : roots) flags_[number_.find(root.node)] |= kFlagRoot;
  keep_nodes(few);
  found_.clear();
}

void GraphData::keep_nodes(size_t few) {
  std::unordered_map<uint64_t, uint32_t> kinds;
  like_.resize(found_.size());
  for (uint32_t i = 0; i < found_.size(); ++i) {
    like_[i] = i;
    if (found_.size() > few) {
      if (is_leaf(i)) continue;
      uint64_t kind = 0;
      auto mix = [&](uint64_t part) { kind = (kind ^ part) * 0x9E3779B97F4A7C15u ^ kind >> 29; };
      mix(op_[i]);
      mix(site_[i]);
      mix(found_[i]->n_edges());
      for (uint32_t a = first_attr_[i]; a < first_attr_[i + 1]; ++a)
        mix(uint64_t{attr_name_[a]} << 32 | attr_value_[a]);
      for (uint32_t e = first_edge_[i]; e < first_edge_[i + 1]; ++e) {
        const uint32_t src = src_[e];
        mix(uint64_t{in_[e]} << 32 | (is_leaf(src) ? src : op_[src]));
        // No site is as large as what stands for a leaf.
        mix(is_leaf(src) ? uint64_t{1} << 32 : site_[src]);
      }
      auto [known, is_new] = kinds.emplace(kind, i);
      like_[i] = known->second;
      if (!is_new) continue;
    }
    nodes_.push_back({i, NodeRef::borrow(found_[i])});
  }
}

void GraphData::walk(const std::vector<Edge>& roots) {
  std::vector<Node*> left;
  auto push = [&](Node* node) {
    if (node && number_.insert(node, 0).second) left.push_back(node);
  };
  for (const Edge& root : roots) push(root.node);
  while (!left.empty()) {
    Node* node = left.back();
    left.pop_back();
    if (!node->is_accumulate_grad()) found_.push_back(node);
    for (uint32_t i = 0; i < node->n_edges(); ++i) push(node->edges()[i].node);
  }
}

void GraphData::put_in_order(const std::vector<Edge>& roots) {
  std::sort(found_.begin(), found_.end(),
            [](Node* a, Node* b) { return a->sequence() < b->sequence(); });
  std::vector<Node*> all;
  PointerMap leaves;
  auto add_leaf = [&](Node* node) {
    if (node && node->is_accumulate_grad() && leaves.insert(node, 0).second) all.push_back(node);
  };
  for (Node* node : found_) {
    for (uint32_t i = 0; i < node->n_edges(); ++i) add_leaf(node->edges()[i].node);
    all.push_back(node);
  }
  for (const Edge& root : roots) add_leaf(root.node);
  found_.swap(all);
  for (uint32_t i = 0; i < found_.size(); ++i) number_.set(found_[i], i);
}

// The engine takes the newest node that is ready; a leaf has its turn when its last gradient is
// there.
void GraphData::run_order() {
  order_.assign(found_.size(), kUnknown);
  std::vector<uint32_t> left(found_.size());
  for (uint32_t src : src_) ++left[src];
  uint32_t turn = 0;
  for (size_t i = found_.size(); i-- > 0;) {
    if (found_[i]->is_accumulate_grad()) continue;
    order_[i] = turn++;
    for (uint32_t e = first_edge_[i]; e < first_edge_[i + 1]; ++e)
      if (--left[src_[e]] == 0 && found_[src_[e]]->is_accumulate_grad()) order_[src_[e]] = turn++;
  }
  for (uint32_t& order : order_)  // roots that nobody uses
    if (order == kUnknown) order = turn++;
}

void GraphData::add_node(Node* node) {
  const auto number = static_cast<uint32_t>(op_.size());
  auto* slices = dynamic_cast<CopySlices*>(node);
  Node* inner = slices ? slices->write() : node;
  OpNode* op = as_op_node(inner);
  auto [at, is_new] = name_at_.emplace(node->name(), 0);
  if (is_new || node->holds_python()) {
    std::string_view full = node->name();
    size_t colons = full.rfind("::");
    at->second =
        interned_.string(colons == std::string_view::npos ? full : full.substr(colons + 2));
  }
  first_edge_.push_back(n_edge_rows());
  first_attr_.push_back(static_cast<uint32_t>(attr_node_.size()));
  op_.push_back(at->second);
  sequence_.push_back(node->sequence());
  // A leaf has none, but where it was cut off from a history.
  site_.push_back(site_of(node->is_accumulate_grad()
                              ? static_cast<AccumulateGrad*>(node)->variable()->cut_site()
                              : node->site()));
  freed_.push_back(kUnknown);
  uint16_t flags = 0;
  const bool view = !slices && op && op->op().record->view;
  if (node->is_accumulate_grad()) flags |= kFlagLeaf;
  if (view) flags |= kFlagView;
  if (inner->holds_python()) flags |= kFlagCustom;
  const FreedBy* freed_by = nullptr;
  for_each_slot(inner, [&](SavedSlot& slot) {
    if (slot.freed_by()) freed_by = slot.freed_by();
  });
  if (inner->holds_python() && !freed_by) freed_by = static_cast<FunctionNode*>(inner)->freed_by();
  if (freed_by) {
    flags |= kFlagFreed;
    freed_[number] = site_of(freed_by->site);
  }
  flags_.push_back(flags);
  add_outputs(node, number);
  add_edges(node, number, view);
  add_saved(inner, node, number);
  if (node->is_accumulate_grad())
    leaves_.push_back({number, TensorRef::borrow(static_cast<AccumulateGrad*>(node)->variable())});
  else
    add_cuts(inner, node, number);
}

void GraphData::add_tensor(TensorColumns& to, const int64_t* sizes, int n, DType dtype) {
  double bytes = static_cast<double>(item_size(dtype));
  for (int i = 0; i < n; ++i) bytes *= static_cast<double>(sizes[i]);
  to.dims.push_back(interned_.shape(sizes, n));
  to.rank.push_back(static_cast<uint8_t>(n));
  to.dtype.push_back(interned_.string(dtype_name(dtype)));
  to.bytes.push_back(bytes);
}

void GraphData::add_outputs(Node* node, uint32_t number) {
  for (uint32_t i = 0; i < node->n_outputs() && i < kMostOutputs; ++i) {
    const OutputMeta meta = node->output_meta(i);
    if (!meta.defined) continue;
    const Dims shape = node->output_shape(i);
    out_node_.push_back(number);
    out_slot_.push_back(static_cast<uint8_t>(i));
    add_tensor(outs_, shape.v, shape.n, meta.dtype);
  }
}

void GraphData::add_edges(Node* node, uint32_t number, bool view) {
  for (uint32_t i = 0; i < node->n_edges(); ++i) {
    const Edge& edge = node->edges()[i];
    if (!edge.node) continue;
    src_.push_back(number_.find(edge.node));
    dst_.push_back(number);
    in_.push_back(static_cast<uint16_t>(i));
    out_.push_back(static_cast<uint16_t>(std::min<uint32_t>(edge.nr, UINT16_MAX)));
    kind_.push_back(static_cast<uint8_t>(view && i == 0 ? EdgeKind::kView : EdgeKind::kFlow));
  }
}

void GraphData::add_value(Node* owner, uint32_t number, const char* name, const SavedSlot& slot) {
  if (slot.kind() == SavedKind::kPacked) {
    const SavedPack& pack = slot.packed();
    saved_node_.push_back(number);
    saved_name_.push_back(interned_.string(name));
    saved_version_.push_back(kUnknown);
    saved_source_.push_back(pack.own_output ? number : number_.find(pack.edge.node));
    return add_tensor(saved_, pack.sizes.v, pack.sizes.n, pack.dtype);
  }
  if (slot.is_tensor()) {
    TensorImpl* t = slot.raw_tensor();
    uint32_t source = number;
    if (slot.kind() == SavedKind::kInput) {
      Node* made_by = t->grad_fn() ? t->grad_fn() : t->accumulator();
      source = made_by ? number_.find(made_by) : kUnknown;
    }
    const bool own = slot.kind() != SavedKind::kInput;
    if (sum_up_ && source != kUnknown && slot.is_current() && (own || t->grad_fn())) {
      const uint32_t output = own ? slot.output_nr() : t->output_nr();
      const uint64_t key = uint64_t{source} << 8 | output;
      if (output < kMostOutputs && !saved_values_.contains(key))
        saved_values_.emplace(key, summary_of(*t));
    }
    saved_node_.push_back(number);
    saved_name_.push_back(interned_.string(name));
    saved_version_.push_back(slot.version());
    saved_source_.push_back(source);
    return add_tensor(saved_, t->sizes(), t->ndim(), t->dtype());
  }
  std::string text;
  switch (slot.kind()) {
    case SavedKind::kDouble:
      text = number_text(slot.as_double());
      break;
    case SavedKind::kInt:
      text = std::to_string(slot.as_int());
      break;
    case SavedKind::kBool:
      text = slot.as_bool() ? "True" : "False";
      break;
    case SavedKind::kDims:
    case SavedKind::kFewDims:
      text = numbers_text(slot.as_ints());
      break;
    case SavedKind::kString:
      text = slot.as_string();
      break;
    case SavedKind::kList: {
      const std::vector<SavedSlot>& items = slot.list();
      for (size_t i = 0; i < items.size(); ++i)
        add_value(owner, number, concat(name, "[", i, "]").c_str(), items[i]);
      return;
    }
    default:
      return;  // nothing, or freed
  }
  attr_node_.push_back(number);
  attr_name_.push_back(interned_.string(name));
  attr_value_.push_back(interned_.string(text));
}

void GraphData::add_saved(Node* node, Node* owner, uint32_t number) {
  if (node->holds_python()) {
    auto* function = static_cast<FunctionNode*>(node);
    for (size_t i = 0; i < function->n_saved(); ++i)
      add_value(owner, number, concat("saved_tensors[", i, "]").c_str(), function->slot(i));
  } else if (OpNode* op = as_op_node(node)) {
    for (int i = 0; i < op->n_slots(); ++i)
      if (const char* name = op->op().slots[static_cast<size_t>(i)].name)
        add_value(owner, number, name, op->slot(i));
  }
}

// Inputs that no gradient goes to. What is no tensor at all is told apart by the saved value, or by
// the kind of the parameter.
void GraphData::add_cuts(Node* node, Node* owner, uint32_t number) {
  OpNode* op = as_op_node(node);
  if (!op) return;
  const Op& record = op->op();
  uint32_t edge = 0;
  for (uint32_t e = 0; e < record.n_edges; ++e) {
    const uint8_t arg = record.edge_args[e];
    const ParamKind kind = record.signature.params[arg].kind;
    const bool list = kind == ParamKind::kTensors;
    const uint32_t n = list ? owner->n_edges() - record.n_edges + 1u : 1u;
    const int at = op->slot_of_argument(arg);
    const SavedSlot* slot = at >= 0 ? &op->slot(at) : nullptr;
    const bool known = slot && slot->kind() != SavedKind::kNone && !slot->freed_by() &&
                       slot->kind() != SavedKind::kFreed && slot->kind() != SavedKind::kPacked;
    for (uint32_t i = 0; i < n && edge < owner->n_edges(); ++i, ++edge) {
      if (owner->edges()[edge].node) continue;
      const SavedSlot* item = slot;
      if (known && slot->kind() == SavedKind::kList)
        item = i < slot->list().size() ? &slot->list()[i] : nullptr;
      TensorImpl* t = known && item && item->is_tensor() ? item->raw_tensor() : nullptr;
      // A number, or a gap in a list; or it came to require grad later.
      if (known && (!t || t->requires_grad())) continue;
      const Site site = t ? t->cut_site() : Site();
      const char* reason = t ? cut_reason(t) : kind == ParamKind::kTensorOrNumber ? "" : "tensor";
      cuts_.push_back({number, edge, site_of(site), reason, TensorRef::borrow(t)});
    }
  }
}

}  // namespace rl::python

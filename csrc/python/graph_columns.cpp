// GraphData as Python sees it.
#include "python/graph_data.h"
#include "python/stories.h"
#include "python/type_tools.h"
#include "python/types.h"

namespace rl::python {

PyRef GraphData::result() const {
  PyRef dict(checked(PyDict_New()));
  auto put = [&](const char* name, PyObject* owned) {
    PyRef value(checked(owned));
    checked(PyDict_SetItemString(dict.get(), name, value.get()));
  };
  auto list_of = [](size_t n, auto&& item) {
    PyRef list(checked(PyList_New(static_cast<Py_ssize_t>(n))));
    for (size_t i = 0; i < n; ++i)
      PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), checked(item(i)));
    return list.release();
  };
  put("strs", list_of(interned_.strings().size(), [&](size_t i) {
        const std::string& s = interned_.strings()[i];
        return PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace");
      }));
  put("sites", list_of(sites_.size(), [&](size_t i) {
        return Py_BuildValue("(Oi)", static_cast<PyObject*>(sites_[i].code()), sites_[i].offset());
      }));
  put("sequence", bytes_of(sequence_));
  put("op", bytes_of(op_));
  put("site", bytes_of(site_));
  put("order", bytes_of(order_));
  put("freed", bytes_of(freed_));
  put("like", bytes_of(like_));
  put("flags", bytes_of(flags_));
  put("shapes", bytes_of(interned_.shapes()));
  put("outs",
      Py_BuildValue("(NNNNNN)", bytes_of(out_node_), bytes_of(out_slot_), bytes_of(outs_.dims),
                    bytes_of(outs_.rank), bytes_of(outs_.dtype), bytes_of(outs_.bytes)));
  put("saved",
      Py_BuildValue("(NNNNNNNN)", bytes_of(saved_node_), bytes_of(saved_name_),
                    bytes_of(saved_.dims), bytes_of(saved_.rank), bytes_of(saved_.dtype),
                    bytes_of(saved_.bytes), bytes_of(saved_source_), bytes_of(saved_version_)));
  put("attrs",
      Py_BuildValue("(NNN)", bytes_of(attr_node_), bytes_of(attr_name_), bytes_of(attr_value_)));
  put("edges", Py_BuildValue("(NNNNN)", bytes_of(src_), bytes_of(dst_), bytes_of(in_),
                             bytes_of(out_), bytes_of(kind_)));
  put("cuts", list_of(cuts_.size(), [&](size_t i) {
        const CutRow& cut = cuts_[i];
        return Py_BuildValue("(IIIsN)", cut.node, cut.in, cut.site, cut.reason,
                             checked(wrap(cut.tensor)));
      }));
  PyRef saved_values(checked(PyList_New(0)));
  for (const auto& [key, summary] : saved_values_) {
    PyRef row(checked(Py_BuildValue("(IIN)", static_cast<unsigned>(key >> 8),
                                    static_cast<unsigned>(key & 0xff), summary_tuple(summary))));
    checked(PyList_Append(saved_values.get(), row.get()));
  }
  put("saved_values", saved_values.release());
  put("leaves", list_of(leaves_.size(), [&](size_t i) {
        return Py_BuildValue("(IN)", leaves_[i].first, checked(wrap(leaves_[i].second)));
      }));
  put("nodes", list_of(nodes_.size(), [&](size_t i) {
        return Py_BuildValue("(IN)", nodes_[i].first, checked(wrap_node(nodes_[i].second.get())));
      }));
  return dict;
}

namespace {

// _graph_columns(roots, few, sum_up = False): of a tuple of tensors and nodes; see collect() and
// result().
PyObject* graph_columns(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check((n == 2 || n == 3) && PyTuple_Check(args[0]), ErrorKind::kType,
          "_graph_columns(roots: tuple, few: int, sum_up: bool = False)");
    std::vector<NodeRef> held;
    std::vector<Edge> roots;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args[0]); ++i) {
      PyObject* root = PyTuple_GET_ITEM(args[0], i);
      if (is_node(root)) {
        check(node_of(root), ErrorKind::kRuntime, "the node is gone");
        roots.push_back({node_of(root), 0});
        continue;
      }
      check(is_tensor(root), ErrorKind::kType, "_graph_columns() takes tensors and nodes");
      TensorImpl* t = impl_of(root);
      if (!t->requires_grad()) fail_no_grad(t, static_cast<size_t>(i));
      Edge edge = gradient_edge(t);
      if (!edge.node) fail_no_grad(t, static_cast<size_t>(i));
      held.push_back(NodeRef::steal(edge.node));
      roots.push_back(edge);
    }
    const Py_ssize_t few = PyLong_AsSsize_t(args[1]);
    if (few < 0) {
      check(PyErr_Occurred(), ErrorKind::kValue, "few: at least 0");
      throw_python();
    }
    GraphData data;
    const int sum_up = n == 3 ? PyObject_IsTrue(args[2]) : 0;
    checked(sum_up);
    data.collect(roots, static_cast<size_t>(few), sum_up);
    return data.result().release();
  });
}

// _cut_of(tensor): (why no gradient goes to it, code, offset), None where one does.
PyObject* cut_of(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    check(is_tensor(tensor), ErrorKind::kType, "expected a tensor");
    const TensorImpl* t = impl_of(tensor);
    if (t->requires_grad()) Py_RETURN_NONE;
    const Site site = t->cut_site();
    PyObject* code = site.code() ? static_cast<PyObject*>(site.code()) : Py_None;
    return checked(Py_BuildValue("(sOi)", cut_reason(t), code, site.offset()));
  });
}

PyMethodDef kFunctions[] = {
    {"_cut_of", cut_of, METH_O, nullptr},
    {"_graph_columns", method(graph_columns), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_graph_data(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

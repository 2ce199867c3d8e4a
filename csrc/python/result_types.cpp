#include "python/result_types.h"

#include <cstring>
#include <map>
#include <sstream>
#include <vector>

namespace rl::python {

namespace {

// The strings that a type refers to live as long as the process.
struct Described {
  std::string name;
  std::vector<std::string> words;
  std::vector<PyStructSequence_Field> fields;
  PyTypeObject* type = nullptr;
};

std::map<std::string, Described>& made() {
  static auto* types = new std::map<std::string, Described>;
  return *types;
}

// "torch.return_types.max(\nvalues=...,\nindices=...)", as PyTorch prints it.
PyObject* repr(PyObject* self) {
  return guarded([&]() -> PyObject* {
    const char* full = Py_TYPE(self)->tp_name;
    const Described& described = made().at(std::strrchr(full, '.') + 1);
    std::string text = "torch.return_types." + std::string(std::strrchr(full, '.') + 1) + "(";
    for (size_t i = 0; i < described.words.size(); ++i) {
      PyRef item(checked(PyObject_Repr(PyTuple_GET_ITEM(self, i))));
      const char* shown = PyUnicode_AsUTF8(item.get());
      if (!shown) throw_python();
      text += (i ? ",\n" : "\n") + described.words[i] + "=" + shown;
    }
    return PyUnicode_FromString((text + ")").c_str());
  });
}

// The name that users read: _histogram gives what histogram() returns.
const char* spoken(const OpRecord& record) { return record.name + (record.name[0] == '_'); }

bool takes_out(const Op& op) {
  for (const Param& param : op.signature.params)
    if (param.names[0] == "out") return true;
  return false;
}

}  // namespace

PyTypeObject* result_type(const OpRecord& record, bool out) {
  const std::string name = std::string(spoken(record)) + (out ? "_out" : "");
  Described& described = made()[name];
  if (described.type) return described.type;
  described.name = "rushlight.return_types." + name;
  std::istringstream words(record.fields);
  for (std::string word; words >> word;) described.words.push_back(word);
  for (const std::string& word : described.words)
    described.fields.push_back({word.c_str(), nullptr});
  described.fields.push_back({nullptr, nullptr});
  PyStructSequence_Desc desc{described.name.c_str(), record.doc, described.fields.data(),
                             static_cast<int>(described.words.size())};
  PyTypeObject* type = PyStructSequence_NewType(&desc);
  if (!type) throw_python();
  type->tp_repr = repr;
  described.type = type;
  return type;
}

PyObject* py_result_type(PyObject*, PyObject* name) {
  return guarded([&]() -> PyObject* {
    const char* text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : "";
    if (!text) throw_python();
    std::string wanted = text;
    bool out = wanted.ends_with("_out");
    if (out) wanted.resize(wanted.size() - 4);
    for (const Op* op : op_table())
      if (op->record->fields && wanted == spoken(*op->record) && (!out || takes_out(*op)))
        return Py_NewRef(reinterpret_cast<PyObject*>(result_type(*op->record, out)));
    Py_RETURN_NONE;
  });
}

}  // namespace rl::python

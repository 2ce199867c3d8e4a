// _C._layered_layout: numbers in, numbers out; rushlight.viz draws what comes back.
#include "python/layout.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "layout/layered.h"
#include "python/type_tools.h"

namespace rl::python {

namespace {

constexpr const char* kNames[] = {"width",  "height", "dock",        "source",
                                  "target", "place",  "source_port", "target_port"};

// A copy of a flat buffer of format 'd', 'I' or 'B'; nothing for None.
template <class T>
std::vector<T> column(PyObject* const* args, int i) {
  const char* format = sizeof(T) == 8 ? "d" : sizeof(T) == 4 ? "I" : "B";
  if (args[i] == Py_None && i >= 5) return {};
  check(PyObject_CheckBuffer(args[i]), ErrorKind::kType, "_layered_layout(): ", kNames[i],
        " must be a buffer of format '", format, "', not ", Py_TYPE(args[i])->tp_name);
  struct Buffer : Py_buffer {
    explicit Buffer(PyObject* of) {
      checked(PyObject_GetBuffer(of, this, PyBUF_ND | PyBUF_FORMAT));
    }
    ~Buffer() { PyBuffer_Release(this); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
  } view(args[i]);
  const bool fits = view.ndim == 1 && view.itemsize == sizeof(T) &&
                    std::strcmp(view.format ? view.format : "B", format) == 0;
  check(fits, ErrorKind::kType, "_layered_layout(): ", kNames[i],
        " must be a flat buffer of format '", format, "'");
  std::vector<T> values(static_cast<size_t>(view.len) / sizeof(T));
  if (view.len > 0) std::memcpy(values.data(), view.buf, static_cast<size_t>(view.len));
  return values;
}

template <class T>
void check_size(const std::vector<T>& values, int i, size_t size, bool may_lack) {
  check(values.size() == size || (may_lack && values.empty()), ErrorKind::kValue,
        "_layered_layout(): ", kNames[i], " has ", values.size(), " entries, not ", size);
}

double distance(PyObject* number, const char* name) {
  const double value = PyFloat_AsDouble(number);
  if (value == -1 && PyErr_Occurred()) throw_python();
  check(value >= 0 && value <= 1e4, ErrorKind::kValue, "_layered_layout(): ", name,
        " must lie between 0 and 10000, not ", value);
  return value;
}

template <class T>
PyObject* bytes_of(const std::vector<T>& values) {
  return checked(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(values.data()),
                                           static_cast<Py_ssize_t>(values.size() * sizeof(T))));
}

// _layered_layout(width, height, dock, source, target, place, source_port, target_port, between
// boxes, between ranks) -> (x, y of the middles, first point of each arrow, x, y of the points,
// arrows on the main path, width, height): bytes of doubles, of unsigned ints for `first`, and of
// bytes for the main path.
PyObject* layered_layout(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(n == 10, ErrorKind::kType, "_layered_layout() takes 10 arguments (", n, " given)");
    const auto width = column<double>(args, 0), height = column<double>(args, 1),
               dock = column<double>(args, 2);
    const auto source = column<uint32_t>(args, 3), target = column<uint32_t>(args, 4);
    const auto place = column<uint8_t>(args, 5);
    const auto source_port = column<double>(args, 6), target_port = column<double>(args, 7);
    const layout::Spacing spacing{distance(args[8], "the distance of boxes"),
                                  distance(args[9], "the distance of ranks")};
    const size_t boxes = width.size(), arrows = source.size();
    constexpr size_t kMost = size_t{1} << 28;
    check(boxes < kMost && arrows < kMost, ErrorKind::kValue,
          "_layered_layout(): a graph of more than ", kMost, " boxes or arrows");
    check_size(height, 1, boxes, false);
    check_size(dock, 2, boxes, false);
    check_size(target, 4, arrows, false);
    check_size(place, 5, boxes, true);
    check_size(source_port, 6, arrows, true);
    check_size(target_port, 7, arrows, true);
    for (const auto* lengths : {&width, &height, &dock})
      for (double length : *lengths)
        check(length >= 0 && length <= 1e7, ErrorKind::kValue,
              "_layered_layout(): a box must measure between 0 and 10000000, not ", length);
    for (const auto* ends : {&source, &target})
      for (uint32_t box : *ends)
        check(box < boxes, ErrorKind::kIndex, "_layered_layout(): an arrow ends at box ", box,
              " of ", boxes);
    for (const auto* ports : {&source_port, &target_port})
      for (double port : *ports)
        check(!std::isinf(port), ErrorKind::kValue, "_layered_layout(): a port at infinity");
    for (uint8_t where : place)
      check(where <= static_cast<uint8_t>(layout::Place::kLast), ErrorKind::kValue,
            "_layered_layout(): place must be 0, 1 (first rank) or 2 (last rank), not ",
            static_cast<int>(where));
    const layout::Picture picture = layout::layered(
        {width, height, dock, place}, {source, target, source_port, target_port}, spacing);
    PyRef middle(bytes_of(picture.middle)), first(bytes_of(picture.first)),
        points(bytes_of(picture.points)), main(bytes_of(picture.main));
    return checked(Py_BuildValue("(OOOOdd)", middle.get(), first.get(), points.get(), main.get(),
                                 picture.width, picture.height));
  });
}

PyMethodDef kFunctions[] = {
    {"_layered_layout", method(layered_layout), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_layout(PyObject* module) { return PyModule_AddFunctions(module, kFunctions) == 0; }

}  // namespace rl::python

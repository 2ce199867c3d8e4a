// The small Python types beside Tensor: dtype, device, Size, Generator, grad_fn, grad modes.
#pragma once

#include "core/dtype.h"
#include "graph/node.h"
#include "kernels/random.h"
#include "python/python.h"

namespace rl::python {

// --- dtype: four singletons, torch.float32 and so on.
PyObject* dtype_object(DType t);  // borrowed
// Also the Python types float (float64), int and bool, which PyTorch takes where it wants a dtype.
bool is_dtype(PyObject* object);
DType dtype_value(PyObject* object);
bool init_dtype_type(PyObject* module);

// --- layout: "strided" is the only one that exists.
PyObject* strided_layout();  // borrowed
// False for what is no layout; throws for one that is not strided.
bool check_layout(PyObject* object);
bool init_layout_type(PyObject* module);

// --- device: "cpu" is the only one that exists.
bool is_device(PyObject* object);
PyObject* cpu_device();  // borrowed
// Accepts a device, a string or an index; throws PyTorch's errors for anything but the CPU. The
// name of the called function begins the TypeError for an argument of another type.
void check_device(PyObject* object, const char* function = nullptr);
bool init_device_type(PyObject* module);

// --- Size: a tuple subclass.
PyObject* make_size(const int64_t* sizes, int n);  // new reference
bool is_size(PyObject* object);
bool init_size_type(PyObject* module);

// --- Generator
bool is_generator(PyObject* object);
Generator* generator_of(PyObject* object);
bool init_generator_type(PyObject* module);

// --- grad_fn objects: one Python type per node name, one object per node while it lives.
PyObject* wrap_node(Node* node);  // new reference; None for null; throws
bool is_node(PyObject* object);
Node* node_of(PyObject* object);
bool init_node_type(PyObject* module);

// --- no_grad, enable_grad, set_grad_enabled, inference_mode
bool init_grad_mode_types(PyObject* module);

// --- conversions: tensor(), as_tensor(), from_numpy(), tolist, item, numpy, bytes
bool init_conversions(PyObject* module);
TensorRef tensor_from_data(PyObject* data, PyObject* dtype);  // copies; infers dtype when None
PyObject* item_of(TensorImpl* t);  // Python number of a one-element tensor
PyObject* tolist_of(TensorImpl* t);
PyObject* edge_list_of(TensorImpl* t, int64_t edge_items);  // for printing; < 0: everything
PyObject* numpy_of(PyObject* tensor, bool force);

// --- the user's frames
void add_package_globals(PyObject* globals);
bool is_package_globals(PyObject* globals);
void* capture_site(int32_t* offset);  // new reference or null
// The stack_level of PyErr_WarnEx at which a warning names the user's statement.
int user_stack_level();
std::string describe_site(void* code, int32_t offset);
// "def backward(ctx, g):     train.py:7", or "" where it is not written in Python.
std::string describe_function(PyObject* function);
std::string advise(const char* form, void* code, int32_t offset);
PyObject* site_object(const Site& site);  // new reference; rushlight._site.Site, None for no site
bool init_site(PyObject* module);

}  // namespace rl::python

// Attributes of Tensor.
#include "core/host.h"
#include "graph/accumulate_grad.h"
#include "graph/grad_mode.h"
#include "graph/provenance.h"
#include "graph/view.h"
#include "ops/shape.h"
#include "ops/table.h"
#include "python/autograd.h"
#include "python/buffer_protocol.h"
#include "python/tensor_type.h"
#include "python/types.h"

namespace rl::python {

namespace {

std::string tensor_type_of(PyObject* object) {
  const char* name = Py_TYPE(object)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return dot ? dot + 1 : name;
}

int refuse_delete(const char* sentence) {
  PyErr_SetString(PyExc_RuntimeError, sentence);
  return -1;
}

PyObject* get_shape(PyObject* self, void*) {
  TensorImpl* t = impl_of(self);
  return make_size(t->sizes(), t->ndim());
}

PyObject* get_dtype(PyObject* self, void*) {
  return Py_NewRef(dtype_object(impl_of(self)->dtype()));
}
PyObject* get_device(PyObject*, void*) { return Py_NewRef(cpu_device()); }
PyObject* get_ndim(PyObject* self, void*) { return PyLong_FromLong(impl_of(self)->ndim()); }
PyObject* get_layout(PyObject*, void*) { return Py_NewRef(strided_layout()); }
PyObject* get_itemsize(PyObject* self, void*) {
  return PyLong_FromSize_t(item_size(impl_of(self)->dtype()));
}
PyObject* get_nbytes(PyObject* self, void*) {
  TensorImpl* t = impl_of(self);
  return PyLong_FromSize_t(static_cast<size_t>(t->numel()) * item_size(t->dtype()));
}

PyObject* get_requires_grad(PyObject* self, void*) {
  return PyBool_FromLong(needs_grad(impl_of(self)));
}

int set_requires_grad(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    check(value && PyBool_Check(value), ErrorKind::kRuntime, "requires_grad must be a bool");
    change_requires_grad(self, value == Py_True,
                         "only Tensors of floating point and complex dtype can require gradients",
                         true);
    return 0;
  });
}

// A view looks at its base's history as it is now.
TensorImpl* current_impl_of(PyObject* self) {
  TensorImpl* t = impl_of(self);
  refresh_view(t);
  return t;
}

PyObject* get_is_leaf(PyObject* self, void*) {
  return guarded([&] { return PyBool_FromLong(current_impl_of(self)->is_leaf()); });
}
PyObject* get_output_nr(PyObject* self, void*) {
  TensorImpl* t = impl_of(self);
  return PyLong_FromUnsignedLong(t->is_leaf() ? 0 : t->output_nr());
}
PyObject* get_grad_fn(PyObject* self, void*) {
  return guarded([&] { return wrap_node(current_impl_of(self)->grad_fn()); });
}

int set_grad_fn(PyObject* self, PyObject* value, void*) {
  if (!value) return refuse_delete("Deletion of _grad_fn not allowed. Detach tensor instead!");
  return guarded_int([&] {
    check(value == Py_None, ErrorKind::kRuntime, "_grad_fn can be only set to None");
    TensorImpl* t = impl_of(self);
    if (!t->is_leaf()) t->set_grad_fn(nullptr, 0);
    return 0;
  });
}

[[gnu::cold]] void warn_non_leaf(TensorImpl* t) {
  Provenance story;
  story.line("made by", t->grad_fn()->site());
  story.fix("made_non_leaf", t->grad_fn()->site(),
            "look at the .grad of the leaves that it is computed from, or call retain_grad() on it "
            "before backward().");
  host().warn("UserWarning",
              "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its "
              ".grad attribute won't be populated during autograd.backward(). If you indeed want "
              "the .grad field to be populated for a non-leaf Tensor, use .retain_grad() on the "
              "non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access "
              "the leaf Tensor instead." +
                  story.text());
}

[[gnu::cold, gnu::noinline]] PyObject* no_grad_of_non_leaf(TensorImpl* t) {
  return guarded([&]() -> PyObject* {
    warn_non_leaf(t);
    Py_RETURN_NONE;
  });
}

PyObject* get_grad(PyObject* self, void*) {
  TensorImpl* t = impl_of(self);
  if (t->grad()) [[likely]]
    return guarded([&] { return wrap(t->grad()); });
  if (!t->is_leaf() && !t->retains_grad() && t->requires_grad()) return no_grad_of_non_leaf(t);
  Py_RETURN_NONE;
}

// `by_dtype`: that is what differs, else the shape.
[[noreturn, gnu::cold]] void fail_assigned_grad(TensorImpl* t, TensorImpl* grad, bool by_dtype) {
  Provenance story;
  story.line("assigned by", Site::capture());
  if (Node* node = grad->grad_fn()) story.line("gradient by", node->site());
  story.fix(by_dtype
                ? "convert it first, as in g.to(w.dtype)."
                : "sum it to the shape of the tensor where it was broadcast, else reshape it.");
  if (by_dtype)
    fail(ErrorKind::kRuntime, "attempting to assign a gradient with dtype '",
         dtype_cpp_name(grad->dtype()), "' to a tensor with grad_dtype '", dtype_title(t->dtype()),
         "'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). "
         "You can set the tensor's grad_dtype attribute with a specific dtype, or None to allow "
         "any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its "
         "gradient may break downstream systems that assume they match.",
         story.text());
  fail(ErrorKind::kRuntime, "attempting to assign a gradient of size '",
       shown(grad->sizes(), grad->ndim()), "' to a tensor of size '", shown(t->sizes(), t->ndim()),
       "'. Please ensure that the gradient and the tensor are the same size", story.text());
}

int set_grad(PyObject* self, PyObject* value, void*) {
  return guarded_int([&] {
    TensorImpl* t = impl_of(self);
    if (!value || value == Py_None) {
      t->set_grad(TensorRef());
      return 0;
    }
    check(is_tensor(value), ErrorKind::kType,
          "assigned grad expected to be a Tensor or None but got grad of type ",
          tensor_type_of(value));
    TensorImpl* grad = impl_of(value);
    check(grad != t, ErrorKind::kRuntime, "can't assign Variable as its own grad");
    if (grad->dtype() != t->dtype()) fail_assigned_grad(t, grad, true);
    if (!same_sizes(grad->sizes(), grad->ndim(), t->sizes(), t->ndim()))
      fail_assigned_grad(t, grad, false);
    t->set_grad(TensorRef::borrow(grad));
    return 0;
  });
}

PyObject* get_data(PyObject* self, void*) {
  return guarded([&] { return wrap(detached_alias(impl_of(self))); });
}

int set_data(PyObject* self, PyObject* value, void*) {
  if (!value) return refuse_delete("Deleting tensor data is not allowed. Delete tensor instead!");
  return guarded_int([&] {
    check(is_tensor(value), ErrorKind::kType, "Variable data has to be a tensor, but got ",
          tensor_type_of(value));
    TensorImpl *t = impl_of(self), *from = impl_of(value);
    check(!t->requires_grad() || is_float(from->dtype()), ErrorKind::kRuntime,
          "data set to a tensor that requires gradients must be floating point or complex dtype");
    if (t->saved_by_grad_fn()) {
      node_detach_output(t->grad_fn(), t);
      t->set_saved_by_grad_fn(false);
    }
    Dims strides(from->strides(), from->ndim());
    Dims sizes = from->shape();
    int64_t offset = from->offset();
    t->set_storage(from->storage());
    t->set_dtype(from->dtype());
    t->set_geometry(sizes, strides.v, offset);
    return 0;
  });
}

PyObject* get_version(PyObject* self, void*) {
  return guarded([&]() -> PyObject* {
    check(!impl_of(self)->is_inference(), ErrorKind::kRuntime,
          "Inference tensors do not track version counter.");
    return PyLong_FromUnsignedLong(impl_of(self)->version());
  });
}

PyObject* get_base(PyObject* self, void*) {
  return guarded([&] { return wrap(TensorRef::borrow(impl_of(self)->base())); });
}

PyObject* get_retains_grad(PyObject* self, void*) {
  return PyBool_FromLong(impl_of(self)->retains_grad());
}
// A dict may close a cycle: from now on the collector looks at the wrapper.
PyObject* get_dict(PyObject* self, void* closure) {
  PyObject* dict = PyObject_GenericGetDict(self, closure);
  if (dict) tracked_from_now(impl_of(self));
  return dict;
}
int set_dict(PyObject* self, PyObject* value, void* closure) {
  int status = PyObject_GenericSetDict(self, value, closure);
  if (status == 0) tracked_from_now(impl_of(self));
  return status;
}

PyObject* get_backward_hooks(PyObject* self, void*) { return tensor_backward_hooks(self); }
int set_backward_hooks(PyObject* self, PyObject* hooks, void*) {
  return set_tensor_backward_hooks(self, hooks);
}
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* get_true(PyObject*, void*) { Py_RETURN_TRUE; }

// x.T: all dimensions reversed; x.mT: the last two swapped.
PyObject* get_T(PyObject* self, void*) {
  return guarded([&] {
    TensorImpl* t = impl_of(self);
    if (t->ndim() == 0)
      host().warn("UserWarning",
                  "Tensor.T is deprecated on 0-D tensors. This function is the identity in these "
                  "cases.");
    else if (t->ndim() != 2)
      host().warn("UserWarning",
                  "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
                  "deprecated and it will throw an error in a future release. Consider `x.mT` to "
                  "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` "
                  "to reverse the dimensions of a tensor.");
    Dims order;
    for (int d = t->ndim(); d-- > 0;) order.push(d);
    return wrap(call_op(op_of<ops::Permute>(), {Value::of(t), Value::of(order)}).ref());
  });
}

// The last two dimensions swapped; 0-d tensors stay what they are, with `warning`.
PyObject* swap_last(PyObject* self, const char* name, const char* warning) {
  return guarded([&] {
    TensorImpl* t = impl_of(self);
    if (t->ndim() == 0) {
      host().warn("UserWarning",
                  concat("Tensor.", name, " is deprecated on 0-D tensors. ", warning));
      return Py_NewRef(self);
    }
    check(t->ndim() >= 2, ErrorKind::kRuntime, "tensor.", name,
          " is only supported on matrices or batches of matrices. Got ", t->ndim(), "-D tensor.");
    return wrap(transpose(Tensor(TensorRef::borrow(t)), -2, -1).ref());
  });
}

PyObject* get_mT(PyObject* self, void*) {
  return swap_last(self, "mT", "This function is the identity in these cases.");
}
PyObject* get_mH(PyObject* self, void*) {
  return swap_last(self, "mH", "Consider using x.conj().");
}

PyObject* get_H(PyObject* self, void*) {
  int n = impl_of(self)->ndim();
  if (n == 0 || n == 2) return swap_last(self, "H", "Consider using x.conj().");
  return guarded([&]() -> PyObject* {
    fail(ErrorKind::kRuntime, "tensor.H is only supported on matrices (2-D tensors). Got ", n,
         "-D tensor.", n > 2 ? " For batches of matrices, consider using tensor.mH" : "");
  });
}

PyGetSetDef kAttributes[] = {
    {"shape", get_shape, nullptr, "Sizes of the dimensions.", nullptr},
    {"dtype", get_dtype, nullptr, "Element type.", nullptr},
    {"layout", get_layout, nullptr, "torch.strided.", nullptr},
    {"device", get_device, nullptr, "Where the memory is.", nullptr},
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad,
     "Whether operations on it are recorded.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Not computed by a recorded operation.", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which output of grad_fn this is.", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The node that computed this tensor, or None.", nullptr},
    {"_grad_fn", get_grad_fn, set_grad_fn, "grad_fn; None may be assigned, which detaches.",
     nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", nullptr},
    {"data", get_data, set_data, "The same memory outside the graph, with a version of its own.",
     nullptr},
    {"_version", get_version, nullptr, "Number of in-place writes so far.", nullptr},
    {"_base", get_base, nullptr, "The tensor that this view looks at, or None.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Whether retain_grad() was called on a non-leaf.",
     nullptr},
    {"_backward_hooks", get_backward_hooks, set_backward_hooks,
     "The registered hooks by id, or None.", nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_cpu", get_true, nullptr, nullptr, nullptr},
    {"is_sparse", get_false, nullptr, nullptr, nullptr},
    {"is_quantized", get_false, nullptr, nullptr, nullptr},
    {"is_meta", get_false, nullptr, nullptr, nullptr},
    {"is_mps", get_false, nullptr, nullptr, nullptr},
    {"T", get_T, nullptr, "All dimensions reversed, over the same memory.", nullptr},
    {"mT", get_mT, nullptr, "The last two dimensions swapped, over the same memory.", nullptr},
    {"H", get_H, nullptr, "The transpose of a matrix, over the same memory.", nullptr},
    {"mH", get_mH, nullptr, "The last two dimensions swapped, over the same memory.", nullptr},
    {"__dict__", get_dict, set_dict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

void change_requires_grad(PyObject* self, bool on, const char* dtype_sentence, bool assigned) {
  TensorImpl* t = impl_of(self);
  if (!t->is_leaf()) {
    if (on && !assigned) return;
    Provenance story;
    Site here = Site::capture();
    story.line("asked for by", here);
    story.line("made by", t->grad_fn()->site());
    story.fix("detached", here,
              on ? "change the flag of the leaves that it is computed from."
                 : "take the values without the history, as in y = y.detach().");
    fail(ErrorKind::kRuntime, "you can only change requires_grad flags of leaf variables.",
         on ? ""
            : " If you want to use a computed variable in a subgraph that doesn't require "
              "differentiation use var_no_grad = var.detach().",
         story.text());
  }
  check(!on || is_float(t->dtype()), ErrorKind::kRuntime, dtype_sentence);
  check(!on || !t->is_inference() || inference_enabled(), ErrorKind::kRuntime,
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  t->set_requires_grad(on);
  if (t->is_view()) t->extension()->own_grad = on;
  if (on) tracked_from_now(t);
}

PyGetSetDef* tensor_attributes() { return kAttributes; }

}  // namespace rl::python

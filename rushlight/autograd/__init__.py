"""Derivatives: backward, grad, grad modes."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from .grad_mode import (
    _force_original_view_tracking,
    enable_grad,
    inference_mode,
    is_multithreading_enabled,
    is_view_replay_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from .variable import Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "_force_original_view_tracking",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_multithreading_enabled",
    "is_view_replay_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

_C._add_package_globals(globals())


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
):
    """Add the gradient of the tensors' sum to ``.grad`` of the leaves they were computed from.

    tensors: a Tensor or a sequence of them. grad_tensors: their gradients, of the same shapes;
        None stands for 1 where a tensor has one element. inputs: accumulate into these tensors
        only. retain_graph: keep what the graph saved, for another pass; None means create_graph.
    Raises: RuntimeError where a tensor does not require grad, a shape differs, or the graph was
        freed by an earlier pass; TypeError for what is no Tensor.
    """
    if grad_variables is not None:
        import warnings

        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    _C._backward(tensors, grad_tensors, retain_graph, create_graph, inputs)


@_C._overridable
def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """Return the gradient of the outputs' sum with respect to each input, touching no ``.grad``.

    outputs, inputs: a Tensor or a sequence of them; a dict of inputs gives a dict. grad_outputs: as
        grad_tensors of ``backward``. allow_unused: None for an input that the graph does not reach,
        instead of an error. materialize_grads: zeros for it. is_grads_batched: each of grad_outputs
        has one dimension more in front, and so have the results: one backward pass for each row.
    Returns: a tuple with one Tensor per input.
    Raises: RuntimeError where an input does not require grad or was not used; ValueError for
        materialize_grads without allow_unused, and for batches of unequal sizes.
    """
    if not only_inputs:
        import warnings

        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    names = None
    if isinstance(inputs, dict):
        names, inputs = inputs.keys(), tuple(inputs.values())
    options = (create_graph, allow_unused, materialize_grads)
    if is_grads_batched:
        from ._batched import grad_by_row

        found = grad_by_row(outputs, inputs, grad_outputs, retain_graph, *options)
    else:
        found = _C._grad(outputs, inputs, grad_outputs, retain_graph, *options)
    return found if names is None else dict(zip(names, found, strict=True))


def kineto_available():
    """Return False: the profiler's own clock and log take the place of that library."""
    return False


TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from .anomaly_mode import detect_anomaly, set_detect_anomaly
    from .function import Function
    from .gradcheck import gradcheck, gradgradcheck


_SUBMODULES = ("anomaly_mode", "function", "functional", "graph", "profiler", "profiler_util")


def __getattr__(name):
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"rushlight.autograd.{name}")
    if name == "DeviceType":
        from .profiler_util import DeviceType

        return DeviceType
    if name in ("detect_anomaly", "set_detect_anomaly"):
        from . import anomaly_mode

        globals()[name] = getattr(anomaly_mode, name)
        return globals()[name]
    if name == "Function":
        from .function import Function

        globals()[name] = Function
        return Function
    if name in ("gradcheck", "gradgradcheck"):
        from importlib import import_module

        module = import_module("rushlight.autograd.gradcheck")
        # The import has bound the module to the function's name.
        globals().update(gradcheck=module.gradcheck, gradgradcheck=module.gradgradcheck)
        return globals()[name]
    raise _module_getattr(__name__, name)

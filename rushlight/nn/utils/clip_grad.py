"""Keeping gradients small: by their norm, or each by itself."""

import math
import types
import warnings

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight.linalg import vector_norm

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
]

_C._add_package_globals(globals())


def _grads(parameters):
    if isinstance(parameters, rushlight.Tensor):
        parameters = [parameters]
    return [p.grad for p in parameters if p.grad is not None]


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Return the norm of all tensors taken together, as a 0-d Tensor.

    tensors: a Tensor or an iterable of them. norm_type: order of the norm, ``inf`` too.
    foreach: accepted; there is one way to compute it.
    Raises: RuntimeError for a norm that is not finite, where ``error_if_nonfinite``.
    """
    tensors = [tensors] if isinstance(tensors, rushlight.Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return rushlight.tensor(0.0)
    with rushlight.no_grad():
        norms = [vector_norm(t, norm_type) for t in tensors]
        total = vector_norm(rushlight.stack(norms), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Multiply all gradients, in place, by ``max_norm / (total_norm + 1e-6)`` if that is below 1.

    parameters: a Tensor or an iterable of them. total_norm: 0-d Tensor, of ``get_total_norm``.
    """
    grads = _grads(parameters)
    if not grads:
        return
    with rushlight.no_grad():
        factor = float(max_norm) / (total_norm + 1e-6)
        factor = rushlight.where(factor > 1.0, 1.0, factor)  # a nan stays one
        for grad in grads:
            grad.mul_(factor)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Scale all gradients, in place, so that their norm taken together is at most ``max_norm``.

    Arguments, raises: as ``get_total_norm``, with the parameters in the place of their gradients.
    Returns: the norm before, a 0-d Tensor.
    """
    if not isinstance(parameters, rushlight.Tensor):
        is_generator = isinstance(parameters, types.GeneratorType)
        parameters = list(parameters)
        if is_generator and not parameters:
            warnings.warn(
                "`parameters` is an empty generator, no gradient clipping will occur.",
                stacklevel=2,
            )
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Deprecated: another name for ``clip_grad_norm_``."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of "
        "`torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Bring every element of every gradient, in place, to between -clip_value and clip_value."""
    clip_value = float(clip_value)
    with rushlight.no_grad():
        for grad in _grads(parameters):
            grad.masked_fill_(grad > clip_value, clip_value)
            grad.masked_fill_(grad < -clip_value, -clip_value)


def __getattr__(name):
    raise _module_getattr(__name__, name)

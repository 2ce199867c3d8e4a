"""Gradient clipping, and parameters as one vector."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from .clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from .convert_parameters import parameters_to_vector, vector_to_parameters

__all__ = [
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]

_C._add_package_globals(globals())


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""Optimizers: what changes the parameters by their gradients."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["SGD", "Optimizer"]

_C._add_package_globals(globals())


def __getattr__(name):
    raise _module_getattr(__name__, name)

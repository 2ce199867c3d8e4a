"""Neural networks: modules, their parameters, and the functions that they call."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from . import functional, init, modules
from .modules import *  # noqa: F403
from .parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter", "functional", "init"]
__all__ += modules.__all__

_C._add_package_globals(globals())


def __getattr__(name):
    if name == "utils":
        from importlib import import_module

        return import_module("rushlight.nn.utils")
    raise _module_getattr(__name__, name)

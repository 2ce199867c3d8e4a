"""The modules, one file for each family."""

from rushlight import _C
from rushlight._missing import module_getattr

from .module import Module

__all__ = ["Module"]

_C._add_package_globals(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)

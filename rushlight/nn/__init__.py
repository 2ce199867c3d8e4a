"""Neural networks: modules, their parameters, and the functions that they call."""

from rushlight import _C
from rushlight._missing import module_getattr

from . import modules
from .modules import *  # noqa: F403
from .parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter"]
__all__ += modules.__all__

_C._add_package_globals(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)

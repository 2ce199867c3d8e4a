"""``torch.backends.cudnn``: not there; its switches remember what they were set to."""

import contextlib
import sys
import types

from .._missing import module_getattr as _module_getattr

_SETTERS = {
    "enabled": "set_enabled_cudnn",
    "benchmark": "set_benchmark_cudnn",
    "deterministic": "set_deterministic_cudnn",
    "allow_tf32": "set_allow_tf32_cublas",
}

enabled = True
benchmark = False
benchmark_limit = None
deterministic = False
allow_tf32 = True


def is_available():
    """Return False."""
    return False


def version():
    """Return None."""
    return None


def is_acceptable(tensor):
    """Return False: no tensor can be given to cuDNN."""
    return False


def set_flags(
    _enabled=None, _benchmark=None, _benchmark_limit=None, _deterministic=None, _allow_tf32=None
):
    """Set the switches that are not None.

    Returns: the values before, in the order of the parameters.
    Raises: RuntimeError where a switch is given something other than a bool.
    """
    new = (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32)
    module = sys.modules[__name__]
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    before = tuple(getattr(module, name) for name in names)
    for name, value in zip(names, new):
        if value is not None:
            setattr(module, name, value)
    return before


@contextlib.contextmanager
def flags(enabled=False, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True):
    """Set the switches for the length of a block.

    Raises: RuntimeError where a switch is given something other than a bool.
    """
    before = set_flags(enabled, benchmark, benchmark_limit, deterministic, allow_tf32)
    try:
        yield
    finally:
        set_flags(*before)


class _CudnnModule(types.ModuleType):
    """The module's type, so that a switch refuses what is not a bool."""

    def __setattr__(self, name, value):
        if name in _SETTERS and not isinstance(value, bool):
            raise RuntimeError(f"{_SETTERS[name]} expects a bool, but got {type(value).__name__}")
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _CudnnModule


def __getattr__(name):
    raise _module_getattr(__name__, name)

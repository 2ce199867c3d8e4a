"""``torch.backends.mps``: Apple's GPUs; rushlight computes on the CPU."""

from .._missing import module_getattr as _module_getattr


def is_available():
    """Return False."""
    return False


def is_built():
    """Return False."""
    return False


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""``torch.backends.mkl``: Intel's MKL; rushlight multiplies with OpenBLAS."""

from .._missing import module_getattr as _module_getattr


def is_available():
    """Return False."""
    return False


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""``torch.backends.mkl``: Intel's MKL; rushlight multiplies with OpenBLAS."""

from .._missing import module_getattr


def is_available():
    """Return False."""
    return False


def __getattr__(name):
    raise module_getattr(__name__, name)

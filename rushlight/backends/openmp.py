"""``torch.backends.openmp``: OpenMP; rushlight has a thread pool of its own."""

from .._missing import module_getattr as _module_getattr


def is_available():
    """Return False."""
    return False


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""``torch.backends.mkldnn``: Intel's oneDNN; rushlight does without it."""

from .._missing import module_getattr as _module_getattr

enabled = True
deterministic = False


def is_available():
    """Return False."""
    return False


def __getattr__(name):
    raise _module_getattr(__name__, name)

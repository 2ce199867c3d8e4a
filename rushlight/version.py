"""``torch.version``: which release this is and what it was built for."""

from ._missing import module_getattr as _module_getattr
from ._version import __version__

__all__ = ["__version__", "cuda", "debug", "git_version", "hip", "xpu"]

cuda = None
hip = None
xpu = None
debug = False
git_version = "unknown"


def __getattr__(name):
    raise _module_getattr(__name__, name)

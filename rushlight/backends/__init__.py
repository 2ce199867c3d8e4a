"""``torch.backends``: what the libraries underneath can do, and switches that programs set."""

from .._missing import module_getattr as _module_getattr
from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""``torch.linalg``: norms of vectors."""

from . import _C
from ._missing import module_getattr

_C._add_package_globals(globals())


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """Norm of order ``ord`` (a number, ``inf`` and ``-inf`` too) of the elements of ``x``.

    ``dim``: an int or a tuple of ints, the dimensions that go; ``None``: all of them. The result
    has the dtype of ``x``, or ``dtype``. Raises RuntimeError for tensors that are not of floating
    point, and for ``inf`` and negative orders of nothing.
    """
    return _C._linalg_vector_norm(x, ord, dim, keepdim, dtype=dtype, out=out)


_C._overridable_module(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)

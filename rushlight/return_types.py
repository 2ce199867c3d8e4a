"""The named tuples that functions with several results return, as ``torch.return_types``."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

_C._add_package_globals(globals())


def __getattr__(name):
    kind = None if name.startswith("_") else _C._result_type(name)
    if kind is None:
        raise _module_getattr(__name__, name)
    return kind

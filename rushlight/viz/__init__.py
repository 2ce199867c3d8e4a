"""The graph you can see: as data, as text, as a picture and as a page."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

_C._add_package_globals(globals())

# The module that each name is in: loaded when it is used.
_WHERE = {
    "Graph": "graph",
    "GraphNode": "_node",
    "make_dot": "dot",
    "record": "_record",
}

__all__ = sorted(_WHERE)


def __getattr__(name):
    from importlib import import_module

    if name not in _WHERE:
        raise _module_getattr(__name__, name)
    module = import_module(f"{__name__}.{_WHERE[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_WHERE})

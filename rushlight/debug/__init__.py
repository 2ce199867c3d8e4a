"""Finding out what a gradient, a graph or a backward pass is up to. PyTorch has nothing like it."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

_C._add_package_globals(globals())

# The module that each name is in: loaded when it is used.
_WHERE = {
    "MemoryReport": "memory",
    "memory_report": "memory",
    "warn_growth": "growth",
    "check_grad": "_check",
    "explain": "_story",
    "keep_story": "_story",
    "trace_backward": "_steps",
    "NonfiniteError": "nonfinite",
    "NonfiniteReport": "nonfinite",
    "explain_nonfinite": "nonfinite",
    "watch_nonfinite": "nonfinite",
}

__all__ = sorted(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise _module_getattr(__name__, name)
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_WHERE})

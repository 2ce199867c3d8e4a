"""Taking over PyTorch's functions: ``__torch_function__`` of a class, and modes.

The core asks an argument's class and the active mode itself; a function that is written in Python
begins with ``has_torch_function`` and, where that is true, returns ``handle_torch_function``.
"""

import functools
import warnings

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = [
    "get_default_nowrap_functions",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

_C._add_package_globals(globals())

TYPE_CHECKING = False  # the lists take a walk over the package, made when they are asked for
if TYPE_CHECKING:
    from rushlight._overridable import (
        get_default_nowrap_functions,
        get_ignored_functions,
        get_overridable_functions,
        get_testing_overrides,
        is_tensor_method_or_property,
        resolve_name,
    )

has_torch_function = _C._has_torch_function
has_torch_function_unary = _C._has_torch_function_unary
has_torch_function_variadic = _C._has_torch_function_variadic


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Let ``relevant_args`` and the active mode take over the call ``public_api(*args, **kwargs)``.

    public_api: the function as a user names it. relevant_args: the arguments that may take over;
        subclasses are asked first, else from left to right.
    Returns: the first result that is not NotImplemented.
    Raises: TypeError where all are NotImplemented; what ``__torch_function__`` raises.
    """
    return _C._handle_torch_function(public_api, relevant_args, args, kwargs)


def wrap_torch_function(dispatcher):
    """Make a decorator that lets arguments of the decorated function take it over.

    dispatcher: called with the function's arguments, returns those that may take over.
    """

    def decorate(function):
        @functools.wraps(function)
        def overridable(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(overridable, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return overridable

    return decorate


def is_tensor_like(inp):
    """Whether ``inp`` is a Tensor, or of a class that has ``__torch_function__``."""
    return type(inp) is _C.Tensor or hasattr(inp, "__torch_function__")


class TorchFunctionMode:
    """A context in which the method ``__torch_function__`` of its class sees every call.

    It is called as ``__torch_function__(func, types, args, kwargs)``; inside it the mode is
    left, so that calls go to the next outer mode, or are carried out. Cost: about 1 us a call.
    """

    def __init__(self):
        pass

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError(
            f"{type(self).__name__} is a mode without a __torch_function__ of its own\n"
            "  fix: define __torch_function__(self, func, types, args=(), kwargs=None) in it."
        )

    def __enter__(self):
        _C._push_on_torch_function_stack(self)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _C._pop_torch_function_stack()

    @classmethod
    def push(cls, *args, **kwargs):
        """Make the mode; ``with Mode():`` does the same."""
        warnings.warn(
            "`Mode.push()` is no longer necessary and can be replaced with just `with Mode()`",
            stacklevel=2,
        )
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that carries out every call: a base for those that change a few."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def _get_current_function_mode():
    n = _C._len_torch_function_stack()
    return _C._get_function_stack_at(n - 1) if n else None


def _get_current_function_mode_stack():
    return [_C._get_function_stack_at(i) for i in range(_C._len_torch_function_stack())]


_LISTS = frozenset(
    (
        "get_default_nowrap_functions",
        "get_ignored_functions",
        "get_overridable_functions",
        "get_testing_overrides",
        "is_tensor_method_or_property",
        "resolve_name",
    )
)


def __getattr__(name):
    if name in _LISTS:
        from rushlight import _overridable

        return getattr(_overridable, name)
    raise _module_getattr(__name__, name)

"""What ``__torch_function__`` is asked about, found on the package itself: lists for overrides."""

import functools
import inspect
import types

import rushlight
from rushlight import _C

_C._add_package_globals(globals())

_SLOTS = type(int.__add__)
_METHODS = type(str.join)
_GETTERS = type(types.FunctionType.__code__)
# A function of Python that can be taken over calls one of these.
_ASKS = frozenset(("handle_torch_function", "_handle_torch_function"))
_NAMESPACES = ("", "functional", "nn.functional", "nn.init", "linalg", "fft", "special")
# Attributes of Tensor's dict that Python itself uses, and that nobody takes over.
_BARE = frozenset(("__dict__", "__weakref__", "__hash__", "as_subclass", "__setstate__"))


def _namespaces():
    """(name, module) of those that this package has, Tensor last."""
    for name in _NAMESPACES:
        module = rushlight
        for part in name.split(".") if name else ():
            module = getattr(module, part, None)
        if module is not None:
            yield f"torch.{name}".rstrip("."), module
    yield "torch.Tensor", rushlight.Tensor


def _is_overridable(function):
    if isinstance(function, types.BuiltinFunctionType):
        return function.__name__ in _function_names()
    if isinstance(function, _C.function):
        return True
    while function is not None:
        code = getattr(function, "__code__", None)
        if code is not None and not _ASKS.isdisjoint(code.co_names):
            return True
        function = getattr(function, "__wrapped__", None)
    return False


@functools.cache
def _function_names():
    return frozenset(_C._overridable_functions())


def _public_functions(module):
    for name in dir(module):
        if name.startswith("_"):
            continue
        function = getattr(module, name, None)
        if callable(function) and not isinstance(function, type):
            yield name, function


def _tensor_members():
    """(name, function) of the methods of Tensor, and of the getters and setters of attributes."""
    for name, member in vars(rushlight.Tensor).items():
        if name in _BARE:
            continue
        if isinstance(member, _GETTERS | property):
            yield f"{name}.__get__", member.__get__
            yield f"{name}.__set__", member.__set__
        elif isinstance(member, _SLOTS | _METHODS):
            yield name, member
        elif isinstance(member, types.FunctionType) and _is_overridable(member):
            yield name, member


@functools.cache
def _found():
    """The overridable functions by namespace, and the name of each function."""
    overridable, names, ignored = {}, {}, set()
    for namespace, module in _namespaces():
        members = _tensor_members() if module is rushlight.Tensor else _public_functions(module)
        for name, function in members:
            names.setdefault(function, f"{namespace}.{name}")
            if name.endswith(".__set__"):
                continue
            if name.endswith(".__get__"):
                overridable.setdefault(getattr(module, name[:-8]), []).append(function)
            elif module is rushlight.Tensor or _is_overridable(function):
                overridable.setdefault(module, []).append(function)
            else:
                ignored.add(function)
    for functions in overridable.values():
        ignored.difference_update(functions)  # nn.functional.relu_ is Tensor.relu_
    return overridable, names, ignored


def get_overridable_functions():
    """Return the functions that can be taken over, in lists by the namespace that has them.

    The ``__get__`` of an attribute of Tensor stands under the attribute itself.
    """
    return {namespace: list(functions) for namespace, functions in _found()[0].items()}


def get_ignored_functions():
    """Return the public functions that cannot be taken over, as a set."""
    return set(_found()[2])


def get_testing_overrides():
    """Return, for each function that can be taken over, one of its signature that returns -1."""
    functions = (f for found in _found()[0].values() for f in found)
    return {function: _dummy(function) for function in functions}


def _dummy(function):
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda *args, **kwargs: -1
    if any(name.startswith("_") and name != "_" for name in signature.parameters):
        return lambda *args, **kwargs: -1
    defaults = {}
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.default is not inspect.Parameter.empty:
            defaults[parameter.name] = parameter.default
            parameter = parameter.replace(default=_Named(parameter.name))
        parameters.append(parameter.replace(annotation=inspect.Parameter.empty))
    text = str(inspect.Signature(parameters)).replace("/, ", "").replace(", /", "")
    return eval(f"lambda {text[1:-1]}: -1", defaults)


class _Named:
    """A default value that is written as a name."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


@functools.cache
def _nowrap():
    attributes = vars(rushlight.Tensor)
    return {attributes[n].__get__ for n in ("grad", "_grad", "_base") if n in attributes}


def get_default_nowrap_functions():
    """Return the functions whose result keeps its class in ``Tensor.__torch_function__``."""
    return set(_nowrap())


def resolve_name(f):
    """Return the name that a user writes for ``f``, such as "torch.Tensor.add"; None for others."""
    return _found()[1].get(f)


def is_tensor_method_or_property(func):
    """Whether ``func`` is a method of Tensor, or the ``__get__`` of an attribute of it."""
    return func in _found()[0][rushlight.Tensor] or func.__name__ == "__get__"

"""Checks of arguments that functions written in Python share."""

import functools

from rushlight import _C

_C._add_package_globals(globals())

# The core's parser has the same for ops.
_NUMPY_NAMES = {"x": "input", "a": "input", "x1": "input", "axis": "dim", "keepdims": "keepdim"}


class Unfit(Exception):
    """What a function ``as_operator`` raises where its arguments fit none of its forms."""


def as_operator(name, *forms):
    """Let a function take NumPy's names and refuse arguments as PyTorch's operators do.

    name: what errors call it. forms: its overloads as PyTorch lists them. It asks the classes of
    its arguments, as ``_C._overridable`` has it.
    """

    def decorated(function):
        parameters = function.__code__.co_varnames[: function.__code__.co_argcount]
        first = parameters[0]
        names = {a: n for a, n in _NUMPY_NAMES.items() if n in parameters and a not in parameters}

        @functools.wraps(function)
        def called(*args, **kwargs):
            for alias in names.keys() & kwargs.keys():
                if names[alias] not in kwargs:
                    kwargs[names[alias]] = kwargs.pop(alias)
            if kwargs and not args and first not in kwargs:
                raise TypeError(f'{name}() missing 1 required positional arguments: "{first}"')
            try:
                if args or kwargs:
                    return function(*args, **kwargs)
            except Unfit:
                pass
            got = [type(value).__name__ for value in args]
            got += [f"{key}={type(value).__name__}" for key, value in kwargs.items()]
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got ({', '.join(got)}), "
                "but expected one of:" + "".join(f"\n * {form}" for form in forms)
            )

        return _C._overridable(called)

    return decorated


def is_int(value):
    """Whether operators take a value for an int: NumPy's too."""
    return isinstance(value, int) or hasattr(value, "__index__")


def is_number(value):
    """Whether operators take a value for a number: NumPy's too, and tensors of no dimension."""
    return isinstance(value, (int, float)) or (
        hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0
    )


def check_tensor(function, value, name="input", position=1):
    """Raise PyTorch's TypeError where an argument is no Tensor.

    function, name, position: what the error calls the function and its argument.
    """
    if not isinstance(value, _C.Tensor):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be Tensor, not "
            f"{type(value).__name__}"
        )


def check_sizes(function, value, name, position):
    """Raise PyTorch's TypeError where an argument is no sequence of ints."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be tuple of ints, not "
            f"{type(value).__name__}"
        )
    if value and not is_int(value[0]):
        raise TypeError(
            f"{function}(): argument '{name}' (position {position}) must be tuple of ints, but "
            f"found element of type {type(value[0]).__name__} at pos 0"
        )
    check_items(function, value, name)


def check_items(function, value, name):
    """Raise PyTorch's TypeError where a sequence that begins with ints goes on otherwise."""
    for at, item in enumerate(value):
        if not is_int(item):
            raise TypeError(
                f"{function}(): argument '{name}' failed to unpack the object at pos {at + 1} "
                f'with error "type must be tuple of ints,but got {type(item).__name__}"'
            )

"""First values of parameters, drawn from the numbers that PyTorch would draw."""

import math
import warnings

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "sparse_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_C._add_package_globals(globals())

_GAINS = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1),
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity, param=None):
    """Return the factor that keeps the variance through a nonlinearity.

    nonlinearity: "linear", "conv1d", ..., "sigmoid", "tanh", "relu", "leaky_relu" or "selu".
    param: negative slope of leaky_relu (0.01).
    Raises: ValueError for another name, or a slope that is no number.
    """
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, int | float):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param**2))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}\n  known: leaky_relu, {', '.join(_GAINS)}"
        )
    return _GAINS[nonlinearity]


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Draw every element from [a, b); return the tensor."""
    with rushlight.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Draw every element from a normal distribution; return the tensor."""
    with rushlight.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor, val):
    """Set every element to a number; return the tensor."""
    with rushlight.no_grad():
        return tensor.fill_(val)


def ones_(tensor):
    """Set every element to 1; return the tensor."""
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Set every element to 0; return the tensor."""
    return constant_(tensor, 0.0)


def eye_(tensor):
    """Set a matrix ``(n, m)`` to ones on the diagonal and zeros elsewhere; return it.

    Raises: ValueError for other than 2 dimensions.
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with rushlight.no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
    return tensor


def _calculate_fan_in_and_fan_out(tensor):
    """Inputs and outputs of one unit of a weight ``(out, in, *kernel)``."""
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions\n"
            f"  the shape is {tuple(tensor.shape)}"
        )
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def _xavier_std(tensor, gain):
    return gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Draw a weight ``(out, in, *)`` from [-a, a), ``a = gain * sqrt(6 / (fan_in + fan_out))``.

    Returns: the tensor. Raises: ValueError for fewer than 2 dimensions.
    Source: Glorot and Bengio, 2010.
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Draw a weight ``(out, in, *)``, std ``gain * sqrt(2 / (fan_in + fan_out))``.

    Returns: the tensor. Raises: ValueError for fewer than 2 dimensions.
    Source: Glorot and Bengio, 2010.
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _kaiming_std(tensor, a, mode, nonlinearity):
    """The standard deviation; None, with a warning, for a tensor without elements."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    mode = mode.lower()
    modes = ["fan_in", "fan_out"]
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    fan = _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Draw a weight ``(out, in, *)`` from [-b, b), ``b = gain * sqrt(3 / fan)``.

    a: negative slope, for leaky_relu. mode: "fan_in" or "fan_out". nonlinearity: see
        ``calculate_gain``.
    Returns: the tensor. Raises: ValueError for fewer than 2 dimensions, another mode or name.
    Source: He et al., 2015.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """Draw a weight ``(out, in, *)`` with standard deviation ``gain / sqrt(fan)``.

    Arguments, returns, raises: as ``kaiming_uniform_``.
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0, std, generator)


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Draw a matrix ``(n, m)`` and set a share of each column to 0; return it.

    sparsity: share, from 0 to 1. std: standard deviation of the rest.
    Raises: ValueError for other than 2 dimensions.
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with rushlight.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[rushlight.randperm(rows)[:zeros], column] = 0
    return tensor


_C._overridable_module(globals(), "calculate_gain")


def _deprecated(function):
    """The name that a function had before it ended in ``_``."""
    old = function.__name__.removesuffix("_")

    def renamed(*args, **kwargs):
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{old}_`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old
    renamed.__doc__ = f"Deprecated: another name for ``{old}_``."
    return renamed


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
sparse = _deprecated(sparse_)


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""The activation functions of ``nn.functional`` that are no ops of their own."""

import warnings

from rushlight import _C

__all__ = [
    "celu",
    "elu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]

_C._add_package_globals(globals())


def relu(input, inplace=False):
    """``max(0, x)`` of each element.

    input: Tensor ``(*)`` of any dtype but bool. inplace: write over the input, and return it.
    Returns: Tensor ``(*)``. The derivative at 0 is 0. Raises: RuntimeError for bool.
    """
    return input.relu_() if inplace else _C.relu(input)


def relu6(input, inplace=False):
    """``min(max(0, x), 6)`` of each element.

    input: Tensor ``(*)`` of numbers. inplace: write over the input.
    Returns: Tensor ``(*)``. The derivative at 0 and at 6 is 0. Raises: RuntimeError for bool.
    """
    return _C._hardtanh_(input, 0, 6) if inplace else _C._hardtanh(input, 0, 6)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """Each element, cut at min_val and max_val.

    input: Tensor ``(*)`` of numbers. min_val, max_val: numbers. inplace: write over the input.
    Returns: Tensor ``(*)``. The derivative on the bounds themselves is 0.
    Raises: ValueError where min_val is above max_val; RuntimeError for bool.
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return (_C._hardtanh_ if inplace else _C._hardtanh)(input, min_val, max_val)


def threshold(input, threshold, value, inplace=False):
    """Each element, or value where it is not above threshold.

    input: Tensor ``(*)`` of numbers. threshold, value: numbers. inplace: write over the input.
    Returns: Tensor ``(*)``; nan stays. The derivative is 1 above threshold and 0 elsewhere.
    Raises: NotImplementedError for bool.
    """
    return (_C.threshold_ if inplace else _C.threshold)(input, threshold, value)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """Each element, times negative_slope where it is not above 0.

    input: Tensor ``(*)`` of floats. negative_slope: number; in place a negative one has no
        gradient, for the sign of the input is lost. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: NotImplementedError for integers and bool.
    """
    return (_C._leaky_relu_ if inplace else _C._leaky_relu)(input, negative_slope)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """``leaky_relu`` with a slope drawn for each element in training, else with the mean slope.

    input: Tensor ``(*)`` of floats; in training not float16. lower, upper: the slopes lie in
        ``[lower, upper)``. training: draw, from the default generator. inplace: write over it.
    Returns: Tensor ``(*)``. Raises: RuntimeError where lower is above upper; NotImplementedError
        for another dtype. Source: Xu et al. 2015, arXiv 1505.00853.
    """
    return (_C.rrelu_ if inplace else _C.rrelu)(input, lower, upper, training)


def elu(input, alpha=1.0, inplace=False):
    """x above 0, ``alpha * (exp(x) - 1)`` below.

    input: Tensor ``(*)`` of floats. alpha: number; in place a negative one has no gradient.
        inplace: write over the input.
    Returns: Tensor ``(*)``. The derivative at 0 is alpha, the second one 0.
    Raises: NotImplementedError for integers and bool. Source: Clevert et al. 2015, arXiv
        1511.07289.
    """
    return (_C._elu_ if inplace else _C._elu)(input, alpha)


def selu(input, inplace=False):
    """``elu`` times a scale: the two numbers that keep mean 0 and variance 1 from layer to layer.

    input: Tensor ``(*)`` of floats. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: NotImplementedError for integers and bool.
    Source: Klambauer et al. 2017, arXiv 1706.02515: alpha = 1.67326..., scale = 1.05070...
    """
    return (_C.selu_ if inplace else _C.selu)(input)


def celu(input, alpha=1.0, inplace=False):
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` below: its slope has no jump.

    input: Tensor ``(*)`` of floats. alpha: number, not 0. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: RuntimeError for alpha 0; NotImplementedError for integers
        and bool. Source: Barron 2017, arXiv 1704.07483.
    """
    return (_C.celu_ if inplace else _C.celu)(input, alpha)


def silu(input, inplace=False):
    """``x * sigmoid(x)`` of each element; also called swish.

    input: Tensor ``(*)`` of floats. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: NotImplementedError for integers and bool.
    Source: Elfwing et al. 2017, arXiv 1702.03118.
    """
    return (_C._silu_ if inplace else _C._silu)(input)


def mish(input, inplace=False):
    """``x * tanh(softplus(x))`` of each element.

    input: Tensor ``(*)`` of floats. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: NotImplementedError for integers and bool.
    Source: Misra 2019, arXiv 1908.08681.
    """
    return (_C._mish_ if inplace else _C._mish)(input)


def hardsigmoid(input, inplace=False):
    """``x / 6 + 1 / 2``, cut at 0 and 1.

    input: Tensor ``(*)`` of floats. inplace: write over the input.
    Returns: Tensor ``(*)``. The derivative at -3 and 3 is 0.
    Raises: NotImplementedError for integers and bool.
    """
    return (_C._hardsigmoid_ if inplace else _C._hardsigmoid)(input)


def hardswish(input, inplace=False):
    """``x * hardsigmoid(x)`` of each element.

    input: Tensor ``(*)`` of floats. inplace: write over the input.
    Returns: Tensor ``(*)``. Raises: NotImplementedError for integers and bool.
    Source: Howard et al. 2019, arXiv 1905.02244.
    """
    return (_C._hardswish_ if inplace else _C._hardswish)(input)


def glu(input, dim=-1):
    """The first half of a dimension times the sigmoid of the second half.

    input: Tensor ``(*, 2 n, *)`` of floats. dim: int, the dimension that is halved.
    Returns: Tensor ``(*, n, *)``.
    Raises: RuntimeError where the dimension has an odd size, or the input no dimension;
        IndexError for a dim that does not exist. Source: Dauphin et al. 2016, arXiv 1612.08083.
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _C._glu(input, dim)


def sigmoid(input):
    """``1 / (1 + exp(-x))`` of each element.

    input: Tensor ``(*)``; integers and bools become floats. Returns: Tensor ``(*)`` in 0 .. 1.
    """
    return input.sigmoid()


def tanh(input):
    """Hyperbolic tangent of each element.

    input: Tensor ``(*)``; integers and bools become floats. Returns: Tensor ``(*)`` in -1 .. 1.
    """
    return input.tanh()


def softsign(input):
    """``x / (1 + |x|)`` of each element.

    input: Tensor ``(*)``; integers become floats. Returns: Tensor ``(*)`` in -1 .. 1; an infinite
        element gives nan.
    """
    return input / (input.abs() + 1)


def tanhshrink(input):
    """``x - tanh(x)`` of each element.

    input: Tensor ``(*)``; integers become floats. Returns: Tensor ``(*)``; near 0, where it is
        about ``x ** 3 / 3``, it loses digits.
    """
    return input - input.tanh()


def _implicit_dim(name, ndim, stacklevel):
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """``exp(x)`` over its sum along a dimension: numbers in 0 .. 1 with the sum 1.

    input: Tensor ``(*)`` of floats. dim: int; without it a warning, and 0 for 0, 1 and 3
        dimensions, else 1. dtype: of the result; the input is converted first.
    Returns: Tensor ``(*)``; nan along a line that holds nan or inf, or nothing but -inf.
    Raises: NotImplementedError for integers without a dtype; IndexError for a dim that does not
        exist.
    """
    if dim is None:
        dim = _implicit_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """``softmax`` of ``-x``. Arguments, result and errors: as ``softmax``."""
    if dim is None:
        dim = _implicit_dim("softmin", input.dim(), _stacklevel)
    return (-input).softmax(dim) if dtype is None else (-input).softmax(dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of ``softmax``, exact where softmax underflows.

    Arguments and errors: as ``softmax``. Returns: Tensor ``(*)`` of numbers up to 0.
    """
    if dim is None:
        dim = _implicit_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


for _name in __all__:
    globals()[_name].__module__ = "rushlight.nn.functional"  # what errors and pickles say
_C._overridable_module(globals())

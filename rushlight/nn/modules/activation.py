"""The activation functions as modules: rectifiers and cut lines; the smooth ones by import."""

import warnings

import rushlight
from rushlight import _C
from rushlight.nn import functional as F
from rushlight.nn import init
from rushlight.nn.parameter import Parameter

from ._smooth import (
    GELU,
    GLU,
    LogSigmoid,
    LogSoftmax,
    Mish,
    SiLU,
    Softmax,
    Softmax2d,
    Softmin,
    Softplus,
    _Inplace,
)
from .module import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]

_C._add_package_globals(globals())


def _with_inplace(text, inplace):
    return text + ", inplace=True" if inplace else text


class ReLU(_Inplace):
    """``max(0, x)`` of each element.

    inplace: write it over the input. Shape: ``(*)``, any dtype but bool.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.relu(input, self.inplace)


class Threshold(Module):
    """Each element, or value where it is not above threshold.

    threshold, value: numbers. inplace: write it over the input. Shape: ``(*)``.
    """

    __constants__ = ["threshold", "value", "inplace"]

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"threshold={self.threshold}, value={self.value}", self.inplace)


class RReLU(Module):
    """``leaky_relu`` with slopes drawn in training, else with their mean.

    lower, upper: slopes lie in ``[lower, upper)``. inplace: write it over the input.
    Shape: ``(*)``, floats. Source: see ``functional.rrelu``.
    Raises, in the forward pass: RuntimeError where lower is above upper.
    """

    __constants__ = ["lower", "upper", "inplace"]

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"lower={self.lower}, upper={self.upper}", self.inplace)


class Hardtanh(Module):
    """Each element, cut at min_val and max_val.

    min_val, max_val: numbers. inplace: write it over the input. min_value, max_value: deprecated
    names of the bounds. Shape: ``(*)``. Raises: AssertionError where max_val is not above min_val.
    """

    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        super().__init__()
        for old, value in (("min_value", min_value), ("max_value", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{old[:-2]}`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        assert self.max_val > self.min_val

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"min_val={self.min_val}, max_val={self.max_val}", self.inplace)


class ReLU6(Hardtanh):
    """``min(max(0, x), 6)`` of each element.

    inplace: write it over the input. Shape: ``(*)``.
    """

    def __init__(self, inplace=False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """``1 / (1 + exp(-x))`` of each element.

    Shape: ``(*)``; integers become floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return _C.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent of each element.

    Shape: ``(*)``; integers become floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return _C.tanh(input)


class Hardsigmoid(_Inplace):
    """``x / 6 + 1 / 2``, cut at 0 and 1.

    inplace: write it over the input. Shape: ``(*)``, floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self):
        return ""


class Hardswish(_Inplace):
    """``x * hardsigmoid(x)`` of each element.

    inplace: write it over the input. Shape: ``(*)``, floats. Source: see
    ``functional.hardswish``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self):
        return ""


class ELU(Module):
    """x above 0, ``alpha * (exp(x) - 1)`` below.

    alpha: number. inplace: write it over the input. Shape: ``(*)``, floats. Source: see
    ``functional.elu``.
    """

    __constants__ = ["alpha", "inplace"]

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"alpha={self.alpha}", self.inplace)


class CELU(ELU):
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` below.

    alpha: number, not 0. inplace: write it over the input. Shape: ``(*)``, floats.
    Raises, in the forward pass: RuntimeError for alpha 0. Source: see ``functional.celu``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.celu(input, self.alpha, self.inplace)


class SELU(_Inplace):
    """``elu`` with the alpha and scale that keep mean 0 and variance 1 from layer to layer.

    inplace: write it over the input. Shape: ``(*)``, floats. Source: see ``functional.selu``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.selu(input, self.inplace)


class LeakyReLU(Module):
    """Each element, times negative_slope where it is not above 0.

    negative_slope: number. inplace: write it over the input. Shape: ``(*)``, floats.
    """

    __constants__ = ["inplace", "negative_slope"]

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return _with_inplace(f"negative_slope={self.negative_slope}", self.inplace)


class PReLU(Module):
    """Each element, times a weight that is learnt where it is not above 0.

    num_parameters: 1, or the size of dimension 1. init: what the weights start from.
    Shape: ``(N, C, *)``, floats of the weight's dtype. ``weight``: ``(num_parameters,)``.
    Raises, in the forward pass: RuntimeError where weights and channels differ in number.
    Source: He et al. 2015, arXiv 1502.01852.
    """

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(rushlight.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        """Set all weights to init."""
        init.constant_(self.weight, self.init)

    def forward(self, input):
        """Apply it to ``(N, C, *)``."""
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class _Shrink(Module):
    __constants__ = ["lambd"]

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def extra_repr(self):
        return str(self.lambd)


class Softshrink(_Shrink):
    """Each element moved towards 0 by lambd, and 0 where it is nearer than that.

    lambd: number, not negative. Shape: ``(*)``, floats.
    Raises, in the forward pass: RuntimeError for a negative lambd.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softshrink(input, self.lambd)


class Hardshrink(_Shrink):
    """Each element, or 0 where its magnitude is at most lambd.

    lambd: number. Shape: ``(*)``, floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.hardshrink(input, self.lambd)


class Softsign(Module):
    """``x / (1 + |x|)`` of each element.

    Shape: ``(*)``; integers become floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)`` of each element.

    Shape: ``(*)``; integers become floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.tanhshrink(input)

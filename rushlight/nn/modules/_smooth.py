"""The smooth activation functions, softmax and its kin as modules."""

from rushlight import _C
from rushlight.nn import functional as F

from .module import Module

__all__ = [
    "GELU",
    "GLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "SiLU",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
]

_C._add_package_globals(globals())


class GELU(Module):
    """``x`` times the distribution function of the standard normal distribution.

    approximate: "none", or "tanh" for a formula with tanh in the place of the error function.
    Shape: ``(*)``, floats. Raises, in the forward pass: RuntimeError for another word.
    Source: Hendrycks and Gimpel 2016, arXiv 1606.08415.
    """

    __constants__ = ["approximate"]

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class _Inplace(Module):
    __constants__ = ["inplace"]

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class SiLU(_Inplace):
    """``x * sigmoid(x)`` of each element.

    inplace: write it over the input. Shape: ``(*)``, floats. Source: see ``functional.silu``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.silu(input, inplace=self.inplace)


class Mish(_Inplace):
    """``x * tanh(softplus(x))`` of each element.

    inplace: write it over the input. Shape: ``(*)``, floats. Source: see ``functional.mish``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.mish(input, inplace=self.inplace)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``, and x where ``beta * x`` is above threshold.

    beta: number, not 0. threshold: number. Shape: ``(*)``, floats.
    """

    __constants__ = ["beta", "threshold"]

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(Module):
    """``log(1 / (1 + exp(-x)))`` of each element, exact where the sigmoid underflows.

    Shape: ``(*)``, floats.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.logsigmoid(input)


class GLU(Module):
    """The first half of a dimension times the sigmoid of the second half.

    dim: int, the dimension that is halved. Shape: ``(*, 2 n, *)`` to ``(*, n, *)``, floats.
    Raises, in the forward pass: RuntimeError for an odd size. Source: see ``functional.glu``.
    """

    __constants__ = ["dim"]

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        """Map ``(*, 2 n, *)`` to ``(*, n, *)``."""
        return F.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(Module):
    """``exp(x)`` over its sum along a dimension: numbers in 0 .. 1 with the sum 1.

    dim: int; None warns, and takes 0 for 0, 1 and 3 dimensions, else 1. Shape: ``(*)``, floats.
    Raises, in the forward pass: IndexError for a dim that does not exist.
    """

    __constants__ = ["dim"]

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def __setstate__(self, state):
        super().__setstate__(state)
        if not hasattr(self, "dim"):
            self.dim = None

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self):
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax, exact where softmax underflows.

    dim, shape and errors: as ``Softmax``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(Softmax):
    """softmax of ``-x``.

    dim, shape and errors: as ``Softmax``.
    """

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """softmax over the channels, at each place of an image.

    Shape: ``(N, C, H, W)`` or ``(C, H, W)``, floats.
    Raises, in the forward pass: ValueError for another number of dimensions.
    """

    def forward(self, input):
        """Apply it. Raises: ValueError for another number of dimensions."""
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F.softmax(input, -3, _stacklevel=5)

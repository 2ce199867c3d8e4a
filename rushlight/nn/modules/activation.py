"""The activation functions as modules."""

from rushlight import _C
from rushlight.nn import functional as F

from .module import Module

__all__ = ["ReLU", "Sigmoid", "Softsign", "Tanh", "Tanhshrink"]

_C._add_package_globals(globals())


class ReLU(Module):
    """``max(0, x)`` of each element. inplace: write it over the input."""

    __constants__ = ["inplace"]

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.relu(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """``1 / (1 + exp(-x))`` of each element."""

    def forward(self, input):
        """Apply it to ``(*)``."""
        return _C.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent of each element."""

    def forward(self, input):
        """Apply it to ``(*)``."""
        return _C.tanh(input)


class Softsign(Module):
    """``x / (1 + |x|)`` of each element."""

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)`` of each element."""

    def forward(self, input):
        """Apply it to ``(*)``."""
        return F.tanhshrink(input)

"""Linear, and Identity."""

import math

import rushlight
from rushlight import _C
from rushlight.nn import init
from rushlight.nn.functional import linear
from rushlight.nn.parameter import Parameter

from .module import Module

__all__ = ["Identity", "Linear"]

_C._add_package_globals(globals())


class Identity(Module):
    """Returns its input. Takes any arguments, so that it can stand for another module."""

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        """Return the input itself."""
        return input


class Linear(Module):
    """``y = x @ weight.T + bias``.

    in_features, out_features: sizes of the last dimension of input ``(*, in_features)`` and output
        ``(*, out_features)``. bias: False leaves it out.
    weight: Parameter ``(out_features, in_features)``, bias: Parameter ``(out_features)``, both
        drawn from [-k, k), ``k = 1 / sqrt(in_features)``, as PyTorch draws them.
    """

    __constants__ = ["in_features", "out_features"]

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        options = {"device": device, "dtype": dtype}
        self.weight = Parameter(rushlight.empty((out_features, in_features), **options))
        if bias:
            self.bias = Parameter(rushlight.empty(out_features, **options))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        """Draw weight and bias again."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in = self.weight.shape[1]
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        """Map ``(*, in_features)`` to ``(*, out_features)``."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )

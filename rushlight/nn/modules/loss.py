"""The losses as modules."""

from rushlight import _C
from rushlight.nn import _reduction as _Reduction
from rushlight.nn import functional as F

from .module import Module

__all__ = ["HuberLoss", "L1Loss", "MSELoss", "SmoothL1Loss"]

_C._add_package_globals(globals())


class _Loss(Module):
    """reduction: "mean", "sum" or "none"; size_average and reduce: deprecated."""

    __constants__ = ["reduction"]

    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = _Reduction.legacy_get_string(size_average, reduce)
        self.reduction = reduction


class MSELoss(_Loss):
    """``(input - target) ** 2``: see ``functional.mse_loss``."""

    def forward(self, input, target):
        """Return the loss of two Tensors of one shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """``|input - target|``: see ``functional.l1_loss``."""

    def forward(self, input, target):
        """Return the loss of two Tensors of one shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """A square near 0 and a line beyond beta: see ``functional.smooth_l1_loss``."""

    def __init__(self, size_average=None, reduce=None, reduction="mean", beta=1.0):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input, target):
        """Return the loss of two Tensors of one shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """A square near 0 and a line beyond delta: see ``functional.huber_loss``.

    Raises: TypeError for a delta that is no number.
    """

    def __init__(self, reduction="mean", delta=1.0):
        if not isinstance(delta, int | float):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input, target):
        """Return the loss of two Tensors of one shape."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)

"""What all loss modules share."""

from rushlight import _C
from rushlight.nn import _reduction as _Reduction

from .module import Module

_C._add_package_globals(globals())


class _Loss(Module):
    """reduction: "mean", "sum" or "none"; size_average and reduce: deprecated."""

    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = _Reduction.legacy_get_string(size_average, reduce)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """weight: a buffer, Tensor or None."""

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)

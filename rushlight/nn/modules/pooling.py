"""Modules that keep the largest element of each window."""

from rushlight import _C
from rushlight.nn import functional as F

from .module import Module

__all__ = ["MaxPool1d", "MaxPool2d"]

_C._add_package_globals(globals())


class _MaxPool(Module):
    __constants__ = [
        "kernel_size",
        "stride",
        "padding",
        "dilation",
        "return_indices",
        "ceil_mode",
    ]

    def __init__(
        self,
        kernel_size,
        stride=None,
        padding=0,
        dilation=1,
        return_indices=False,
        ceil_mode=False,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input):
        """Return the largest elements, and their places too under ``return_indices``."""
        return self._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """Keeps the largest element of each window of lines: see ``nn.functional.max_pool1d``."""

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """Keeps the largest element of each window of images: see ``nn.functional.max_pool2d``."""

    _function = staticmethod(F.max_pool2d)

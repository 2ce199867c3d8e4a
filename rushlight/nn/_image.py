"""Windows and borders of images, as ``torch.nn.functional`` has them."""

from rushlight import _C
from rushlight._C import _pad as pad
from rushlight._C import channel_shuffle, pixel_shuffle, pixel_unshuffle

__all__ = ["channel_shuffle", "fold", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold"]

_C._add_package_globals(globals())


def _pair(value):
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Return every window of images as a column.

    input: Tensor ``(N, C, H, W)`` or ``(C, H, W)``. kernel_size, dilation, padding, stride: ints,
        or pairs for height and width. What lies outside is 0.
    Returns: ``(N, C * kernel height * kernel width, number of windows)``, or without N.
    Raises: RuntimeError where no window fits.
    """
    options = map(_pair, (kernel_size, dilation, padding, stride))
    return _C._im2col(input, *options)


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Return images from the columns of ``unfold``; windows are added up where they overlap.

    input: Tensor ``(N, C * kernel height * kernel width, number of windows)``, or without N.
    output_size: height and width of the images. Other arguments: as ``unfold``.
    Raises: RuntimeError where the sizes do not fit together.
    """
    options = map(_pair, (output_size, kernel_size, dilation, padding, stride))
    return _C._col2im(input, *options)


_C._overridable_module(globals())

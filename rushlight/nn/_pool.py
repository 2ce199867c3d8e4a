"""The largest elements of windows, as ``torch.nn.functional`` has them."""

from rushlight import _C

__all__ = ["max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices"]

_C._add_package_globals(globals())


def _pair(value):
    return (value, value) if isinstance(value, int) else value


def max_pool2d_with_indices(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Return the largest element of each window of images, and its place in the plane.

    Arguments: as ``max_pool2d``; return_indices changes nothing here.
    Returns: a tuple of the elements and of int64 indices into the plane's ``H * W`` places.
    """
    stride = () if stride is None else stride
    options = map(_pair, (kernel_size, stride, padding, dilation))
    return _C._max_pool2d(input, *options, ceil_mode)


def max_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Return the largest element of each window of images.

    input: Tensor ``(N, C, H, W)`` or ``(C, H, W)`` of floats or integers. kernel_size, stride,
        padding, dilation: ints, or pairs for height and width; no stride is that of the kernel.
        What lies outside is smaller than anything. ceil_mode: a window may end outside.
        return_indices: the result is a tuple with the place of each element in its plane.
    Returns: a Tensor of the same dtype. A gradient goes to the first of equal elements.
    Raises: RuntimeError for options out of range or where no window fits.
    """
    options = kernel_size, stride, padding, dilation, ceil_mode
    found = max_pool2d_with_indices(input, *options)
    return tuple(found) if return_indices else found[0]


def _one(value, name, kinds="an int, list of ints, or tuple of ints"):
    """An option of one dimension, given as an int or a sequence of one."""
    if isinstance(value, int):
        return value
    if len(value) != 1:
        raise RuntimeError(
            f"max_pool1d() {name} must be {kinds} of size 1 but got size {len(value)}"
        )
    return value[0]


def _check_one_dimension(input, kernel, stride, padding, dilation, ceil_mode):
    if input.dim() not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{list(input.shape)}"
        )
    for name, value in (("kernel_size", kernel), ("stride", stride)):
        if value <= 0:
            raise RuntimeError(f"max_pool1d() {name} must be greater than zero, but got {value}")
    if padding < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {padding}")
    if padding > kernel // 2:
        raise RuntimeError(
            "max_pool1d() padding should be at most half of kernel size, but got "
            f"padding={padding} and kernel_size={kernel}"
        )
    if dilation <= 0:
        raise RuntimeError(f"max_pool1d() dilation must be greater than zero, but got {dilation}")
    room = input.shape[-1] + 2 * padding - dilation * (kernel - 1) - 1
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if count <= 0:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {count}")


def max_pool1d_with_indices(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Return the largest element of each window of lines, and its place in the line.

    Arguments: as ``max_pool1d``; return_indices changes nothing here.
    Returns: a tuple of the elements and of int64 indices.
    """
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.dim()}-dimensional tensor for argument #1 "
            "'self' (while checking arguments for max_pool1d)"
        )
    kernel = _one(kernel_size, "kernel_size", "an int, list of ints or tuple of ints")
    stride = kernel if stride is None or stride == () or stride == [] else _one(stride, "stride")
    padding, dilation = _one(padding, "padding"), _one(dilation, "dilation")
    options = (1, kernel), (1, stride), (0, padding), (1, dilation), ceil_mode
    values, indices = _C._max_pool2d(input.unsqueeze(-2), *options)
    return values.squeeze(-2), indices.squeeze(-2)


def max_pool1d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Return the largest element of each window of lines.

    input: Tensor ``(N, C, L)`` or ``(C, L)`` of floats; integers with return_indices only.
        kernel_size, stride, padding, dilation: ints, or sequences of one; no stride is that of the
        kernel. What lies outside is smaller than anything. ceil_mode: a window may end outside.
        return_indices: the result is a tuple with the place of each element in its line.
    Returns: a Tensor of the same dtype. A gradient goes to the first of equal elements.
    Raises: RuntimeError for options out of range or where no window fits.
    """
    options = kernel_size, stride, padding, dilation, ceil_mode
    if return_indices:
        return max_pool1d_with_indices(input, *options)
    kernel = _one(kernel_size, "kernel_size", "an int, list of ints or tuple of ints")
    step = kernel
    if stride is not None and stride != () and stride != []:
        step = _one(stride, "stride", "None, an int, list of ints, or tuple of ints")
    one = _one(padding, "padding"), _one(dilation, "dilation")
    _check_one_dimension(input, kernel, step, *one, ceil_mode)
    if not input.dtype.is_floating_point:
        from rushlight._type_info import title

        raise NotImplementedError(f"\"max_pool1d_impl\" not implemented for '{title(input.dtype)}'")
    return max_pool1d_with_indices(input, kernel, step, *one, ceil_mode)[0]


_C._overridable_module(globals())

"""Functions of tensors that are composed of others, as ``torch.functional`` has them."""

from rushlight import _C
from rushlight._missing import module_getattr
from rushlight._sets import unique, unique_consecutive

from rushlight._shapes import (
    atleast_1d,
    atleast_2d,
    atleast_3d,
    block_diag,
    cartesian_prod,
    combinations,
    meshgrid,
)

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "combinations",
    "meshgrid",
    "positive",
    "unique",
    "unique_consecutive",
]

_C._add_package_globals(globals())


def broadcast_shapes(*shapes):
    """Return the shape that tensors of these shapes broadcast to.

    shapes: tuples of ints, or ints; sizes are equal or 1, aligned at the last dimension.
    Raises: RuntimeError where two sizes differ and neither is 1; ValueError for a negative size.
    """
    result = []
    for index, given in enumerate(shapes):
        shape = (given,) if isinstance(given, int) else tuple(given)
        if any(size < 0 for size in shape):
            raise ValueError("Attempting to broadcast a dimension with negative length!")
        result[:0] = [1] * (len(shape) - len(result))
        for at in range(-1, -len(shape) - 1, -1):
            size = shape[at]
            if result[at] == 1:
                result[at] = size
            elif size not in (1, result[at]):
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {size} at {at}! Mismatching "
                    f"argument at index {index} had {shape}; but expected shape should be "
                    f"broadcastable to {result}"
                )
    return _C.Size(result)


def broadcast_tensors(*tensors):
    """Return the tensors expanded to the shape that they broadcast to, without copying.

    Returns: a tuple; a tensor that has the shape already is its own expansion.
    Raises: RuntimeError where two sizes differ and neither is 1; TypeError for what is no Tensor.
    """
    for index, tensor in enumerate(tensors):
        if not isinstance(tensor, _C.Tensor):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(tensor).__name__}"
            )
    shape = []
    for tensor in tensors:
        sizes = list(tensor.shape)
        shape[:0] = [1] * (len(sizes) - len(shape))
        for at in range(-1, -len(sizes) - 1, -1):
            if shape[at] != 1 and sizes[at] not in (1, shape[at]):
                raise RuntimeError(
                    f"The size of tensor a ({shape[at]}) must match the size of tensor b "
                    f"({sizes[at]}) at non-singleton dimension {len(shape) + at}"
                )
            shape[at] = sizes[at] if shape[at] == 1 else shape[at]
    return tuple(t if list(t.shape) == shape else t.expand(shape) for t in tensors)


def positive(input):
    """Return the tensor itself. Raises: RuntimeError for bool."""
    return input.positive()


_C._overridable_module(globals(), "broadcast_shapes")


def __getattr__(name):
    raise module_getattr(__name__, name)

"""Functions of tensors that are composed of others, as ``torch.functional`` has them."""

import warnings as _warnings
from collections.abc import Sequence as _Sequence

from rushlight import _C
from rushlight._arguments import check_sizes as _check_sizes
from rushlight._arguments import check_tensor as _check_tensor
from rushlight._missing import module_getattr as _module_getattr
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
    "addmv_",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "cdist",
    "chain_matmul",
    "combinations",
    "meshgrid",
    "positive",
    "tensordot",
    "unique",
    "unique_consecutive",
    "vander",
]

_C._add_package_globals(globals())


def broadcast_shapes(*shapes):
    """Return the shape that tensors of these shapes broadcast to.

    shapes: tuples of ints, or ints; sizes are equal or 1, aligned at the last dimension.
    Raises: RuntimeError where two sizes differ and neither is 1; ValueError for a negative size.
    """
    result = []
    for index, given in enumerate(shapes):
        if isinstance(given, (int, str)):
            given = (given,)
        elif given is None:
            given = ()
        elif not isinstance(given, _Sequence):
            raise RuntimeError(
                "Input shapes should be of type ints, a tuple of ints, or a list of ints, got "
                f"{given}"
            )
        shape = tuple(given)
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
                    f"argument at index {index} had {given}; but expected shape should be "
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


addmv_ = _C.Tensor.addmv_


def detach_(input):
    """Forget the history of a tensor, in place, and return it.

    Raises: RuntimeError for a view; TypeError for what is no Tensor.
    """
    _check_tensor("detach_", input)
    return input.detach_()


def tensordot(a, b, dims=2, out=None):
    """Sum products of the elements of two tensors over pairs of dimensions.

    a, b: Tensors of one dtype. dims: how many of the last dimensions of ``a`` and the first of
        ``b`` are summed, or a list of dimensions for each; a Tensor of either works too.
    Returns: Tensor; the other dimensions of ``a``, then those of ``b``.
    Raises: RuntimeError where the sizes of a pair differ and neither is 1.
    """
    if isinstance(dims, _C.Tensor):
        dims = dims.tolist() if dims.numel() > 1 else int(dims.item())
    if isinstance(dims, (tuple, list)):
        dims_a, dims_b = dims
        _check_sizes("tensordot", dims_a, "dims_self", 3)
        _check_sizes("tensordot", dims_b, "dims_other", 4)
    elif isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        dims_a, dims_b = list(range(-dims, 0)), list(range(dims))
    else:
        raise RuntimeError(
            "tensordot expects dims to be int or tuple[list[int], list[int]] or list[list[int]] "
            f"containing two lists, but got dims={dims}"
        )
    return _C._tensordot(a, b, dims_a, dims_b, out=out)


_DISTANCE_MODES = {
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": 1,
    "donot_use_mm_for_euclid_dist": 2,
}


def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """Distances of order ``p`` between all rows of two matrices, in batches.

    x1, x2: Tensors ``(..., n, k)`` and ``(..., m, k)`` of floating point. p: not negative; ``inf``
        too. compute_mode: whether the gradient of Euclidean distances is made of matrix products,
        which it is for more than 25 rows unless this says otherwise.
    Returns: Tensor ``(..., n, m)``.
    """
    if compute_mode not in _DISTANCE_MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    return _C._cdist(x1, x2, p, _DISTANCE_MODES[compute_mode])


def chain_matmul(*matrices, out=None):
    """Multiply matrices in the order that takes the fewest operations.

    Deprecated, say ``torch.linalg.multi_dot``. matrices: Tensors of two dimensions; one alone is
    copied.
    """
    from rushlight import linalg

    if len(matrices) == 1 and isinstance(matrices[0], (tuple, list)):
        matrices = matrices[0]
    for matrix in matrices:
        if matrix.dim() != 2:
            raise RuntimeError(f"Tensor dimension is {matrix.dim()}, expected 2 instead.")
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    if len(matrices) == 1:
        return matrices[0].clone()
    _warnings.warn(
        "torch.chain_matmul is deprecated and will be removed in a future PyTorch release. Use "
        "torch.linalg.multi_dot instead, which accepts a list of two or more tensors rather than "
        "multiple parameters.",
        stacklevel=2,
    )
    return linalg.multi_dot(matrices, out=out)


def vander(x, N=None, increasing=False):
    """Powers of the elements of a vector as the columns of a matrix, ``x ** (N - 1)`` first.

    x: Tensor of one dimension; bools and small integers become int64. N: how many columns, as many
        as ``x`` has elements unless it is given. increasing: the constant column comes first.
    Returns: Tensor ``(len(x), N)``. Raises: RuntimeError for another shape, a negative N, or more
        columns than memory holds; TypeError for an x that is no Tensor, or an N that is no int.
    """
    _check_tensor("vander", x, "x")
    if not isinstance(N, int) and N is not None:
        raise TypeError(f"vander(): argument 'N' must be int, not {type(N).__name__}")
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    if N is None:
        N = x.size(0)
    if N < 0:
        raise RuntimeError("N must be non-negative.")
    result = x.new_empty((x.size(0), N), dtype=_C.promote_types(x.dtype, _C.int64))
    if N > 0:
        result.select(1, 0).fill_(1)
    if N > 1:
        columns = x.to(result.dtype).unsqueeze(1).expand(-1, N - 1)
        result.narrow(1, 1, N - 1).copy_(columns.cumprod(1))
    return result if increasing else result.flip(1)


_C._overridable_module(globals(), "broadcast_shapes")


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""Functions that arrange any number of tensors: grids, blocks, products, more dimensions."""

from rushlight import _C
from rushlight._arguments import check_tensor
from rushlight._missing import module_getattr as _module_getattr

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "cartesian_prod",
    "combinations",
    "meshgrid",
]

_C._add_package_globals(globals())


def _check_tensors(tensors):
    for index, tensor in enumerate(tensors):
        if not isinstance(tensor, _C.Tensor):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(tensor).__name__}"
            )


def _grids(tensors, axes):
    """Tensor i along dimension axes[i], repeated without memory along the others."""
    if not tensors:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for tensor in tensors:
        if tensor.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                f"{tensor.tolist()}"
            )
    for tensor in tensors[1:]:
        if tensor.dtype != tensors[0].dtype:
            raise RuntimeError("meshgrid expects all tensors to have the same dtype")
    shape = [1] * len(tensors)
    for tensor, axis in zip(tensors, axes, strict=True):
        shape[axis] = tensor.numel()
    grids = []
    for tensor, axis in zip(tensors, axes, strict=True):
        line = [1] * len(tensors)
        line[axis] = tensor.numel()
        grids.append(tensor.view(line).expand(shape))
    return tuple(grids)


def meshgrid(*tensors, indexing=None):
    """Return the coordinates of all points of a grid, one tensor per coordinate.

    tensors: Tensors ``(n,)`` or ``()`` of one dtype, or one sequence of them.
    indexing: "ij": coordinate i runs along dimension i; "xy": the first two dimensions change
        places, as in a picture. Warns where it is not given; "ij" is meant then.
    Returns: a tuple of expanded views; writing to them writes to many points.
    Raises: RuntimeError for more dimensions, different dtypes or another indexing.
    """
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tensors[0]
    _check_tensors(tensors)
    if indexing is None:
        from warnings import warn

        warn(
            "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
            "argument.",
            stacklevel=2,
        )
    elif indexing not in ("ij", "xy"):
        raise RuntimeError(
            f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}'
        )
    axes = list(range(len(tensors)))
    if indexing == "xy":
        axes[:2] = axes[:2][::-1]
    return _grids(tensors, axes)


def _each(name, tensors, at_least):
    """Apply it to one tensor, or to each of several."""
    if len(tensors) == 1:
        tensors = tensors[0]
        if isinstance(tensors, _C.Tensor):
            return at_least(tensors)
        if not isinstance(tensors, (list, tuple)):
            got = type(tensors).__name__
            raise TypeError(
                f"{name}() received an invalid combination of arguments - got ({got}), but "
                f"expected one of:\n * (Tensor input)\n * (tuple of Tensors tensors)"
            )
    _check_tensors(tensors)
    return tuple(at_least(tensor) for tensor in tensors)


def _at_least_1d(t):
    return t if t.ndim else t.reshape(1)


def _at_least_2d(t):
    if t.ndim == 0:
        return t.reshape(1, 1)
    return t.unsqueeze(0) if t.ndim == 1 else t


def _at_least_3d(t):
    if t.ndim == 0:
        return t.reshape(1, 1, 1)
    return t if t.ndim > 2 else _at_least_2d(t).unsqueeze(-1)


def atleast_1d(*tensors):
    """Return views of at least one dimension: one for a Tensor, a tuple for several or a list."""
    return _each("atleast_1d", tensors, _at_least_1d)


def atleast_2d(*tensors):
    """Return views of at least two dimensions; vectors become rows. Arguments: as atleast_1d."""
    return _each("atleast_2d", tensors, _at_least_2d)


def atleast_3d(*tensors):
    """Return views of at least three dimensions: ``(n,)`` as ``(1, n, 1)``, ``(n, m)`` as
    ``(n, m, 1)``. Arguments: as atleast_1d.
    """
    return _each("atleast_3d", tensors, _at_least_3d)


def block_diag(*tensors):
    """Return a matrix of zeros with the tensors along its diagonal.

    tensors: Tensors of at most two dimensions; vectors count as rows, numbers as ``(1, 1)``.
    Raises: RuntimeError for more dimensions.
    """
    return _C._block_diag(tensors)


def _check_vector(t):
    if t.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")


def cartesian_prod(*tensors):
    """Return all ways to take one element of each, a row each; the last tensor changes fastest.

    tensors: Tensors ``(n,)`` of one dtype. Returns: ``(product of all n, count)``; a lone tensor
        as it is.
    Raises: RuntimeError for other shapes or different dtypes.
    """
    _check_tensors(tensors)
    for tensor in tensors:
        _check_vector(tensor)
    if len(tensors) == 1:
        return tensors[0]
    grids = _grids(tensors, range(len(tensors)))
    return _C.stack([grid.reshape(-1) for grid in grids], 1)


def combinations(input, r=2, with_replacement=False):
    """Return all choices of r elements of a vector, a row each, in the order of the vector.

    input: Tensor ``(n,)``. with_replacement: whether an element may be chosen again.
    Returns: Tensor ``(count, r)``. Cost: memory for ``n ** r`` bools.
    Raises: RuntimeError for another shape or a negative r; TypeError for what is no Tensor.
    """
    check_tensor("combinations", input)
    _check_vector(input)
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return _C.empty(0, dtype=input.dtype)
    n = input.numel()
    places = _grids([_C.arange(n)] * r, range(r))
    mask = _C.full([n] * r, True)
    for before, behind in zip(places, places[1:], strict=False):
        mask = mask.mul(before <= behind if with_replacement else before < behind)
    return _C.stack([grid.masked_select(mask) for grid in _grids([input] * r, range(r))], 1)


_C._overridable_module(globals())


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""``torch.linalg``: products, powers and norms of vectors and matrices."""

from . import _C
from ._C import _linalg_cross as cross
from ._C import _linalg_diagonal as diagonal
from ._C import _linalg_matrix_power as matrix_power
from ._C import _linalg_vecdot as vecdot
from ._C import matmul
from ._missing import module_getattr

__all__ = ["cross", "diagonal", "matmul", "matrix_power", "multi_dot", "vecdot", "vector_norm"]

_C._add_package_globals(globals())

for _function in (cross, diagonal, matrix_power, vecdot):
    _function.__module__ = __name__
del _function


def vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None):
    """Norm of order ``ord`` (a number, ``inf`` and ``-inf`` too) of the elements of ``x``.

    ``dim``: an int or a tuple of ints, the dimensions that go; ``None``: all of them. The result
    has the dtype of ``x``, or ``dtype``. Raises RuntimeError for tensors that are not of floating
    point, and for ``inf`` and negative orders of nothing.
    """
    return _C._linalg_vector_norm(x, ord, dim, keepdim, dtype=dtype, out=out)


def multi_dot(tensors, *, out=None):
    """Multiply matrices in the order that takes the fewest operations.

    tensors: at least two, of two dimensions; the first may be a row and the last a column of one
        dimension, which the result then lacks.
    Raises: RuntimeError where ranks, shapes or dtypes do not fit.
    """
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            "linalg_multi_dot(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors).__name__}"
        )
    for i, t in enumerate(tensors):
        if not isinstance(t, _C.Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}"
            )
    n = len(tensors)
    if n < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {n}")
    shape, matrices = [], list(tensors)
    first, last = matrices[0], matrices[-1]
    for which, t in (("first", first), ("last", last)):
        if t.dim() not in (1, 2):
            raise RuntimeError(
                f"multi_dot(): the {which} tensor must be 1D or 2D but got {t.dim()}D"
            )
    if first.dim() == 2:
        shape.append(first.size(0))
    if last.dim() == 2:
        shape.append(last.size(1))
    shapes = [list(t.shape) for t in tensors]
    matrices[0] = first if first.dim() == 2 else first.unsqueeze(0)
    matrices[-1] = last if last.dim() == 2 else last.unsqueeze(-1)
    for i, t in enumerate(matrices):
        if t.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {t.dim()}D")
        if t.dtype != first.dtype:
            raise RuntimeError(
                "multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{_cpp_name(first.dtype)} and tensor {i} {_cpp_name(t.dtype)}"
            )
    for i in range(n - 1):
        if matrices[i].size(1) != matrices[i + 1].size(0):
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {shapes[i]} and {shapes[i + 1]} "
                "cannot be multiplied"
            )
    result = _chained(matrices).view(shape)
    if out is None:
        return result
    return _into(out, result)


def _into(out, result):
    """Write a result into `out`, which takes its shape."""
    if out.dtype != result.dtype:
        raise RuntimeError(
            f"Expected out tensor to have dtype {_cpp_name(result.dtype)}, but got "
            f"{_cpp_name(out.dtype)} instead"
        )
    with _C.no_grad():
        return out.resize_(result.shape).copy_(result)


def _cpp_name(dtype):
    name = str(dtype).removeprefix("torch.")
    return {"float32": "float", "float64": "double", "int64": "long int", "int32": "int"}.get(
        name, name
    )


def _chained(matrices):
    """The product of at least two matrices, in the best order."""
    if len(matrices) == 2:
        return _C.mm(*matrices)
    sizes = [matrices[0].size(0), *(m.size(1) for m in matrices)]
    if len(matrices) == 3:
        a, b, c, d = sizes
        left_first, right_first = a * c * (b + d), b * d * (a + c)
        x, y, z = matrices
        if left_first > right_first:
            return _C.mm(x, _C.mm(y, z))
        return _C.mm(_C.mm(x, y), z)
    split = _best_splits(sizes)

    def product(i, j):
        if i == j:
            return matrices[i]
        return _C.mm(product(i, split[i, j]), product(split[i, j] + 1, j))

    return product(0, len(matrices) - 1)


def _best_splits(sizes):
    """Where the product of matrices i to j is split, by dynamic programming over all (i, j)."""
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    split = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return split


_C._overridable_module(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)

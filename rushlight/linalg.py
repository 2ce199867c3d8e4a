"""``torch.linalg``: products, powers and norms of vectors and matrices."""

from . import _C
from ._arguments import Unfit as _Unfit
from ._arguments import as_operator as _as_operator
from ._arguments import check_items as _check_items
from ._arguments import check_tensor as _check_tensor
from ._arguments import is_int as _is_int
from ._arguments import is_number as _is_number
from ._C import _linalg_cross as cross
from ._C import _linalg_diagonal as diagonal
from ._C import _linalg_matrix_power as matrix_power
from ._C import _linalg_vecdot as vecdot
from ._C import _linalg_vector_norm as vector_norm
from ._C import matmul
from ._missing import module_getattr as _module_getattr
from ._type_info import cpp_name, title

__all__ = [
    "cross",
    "diagonal",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "multi_dot",
    "norm",
    "vecdot",
    "vector_norm",
]

_C._add_package_globals(globals())

for _function in (cross, diagonal, matrix_power, vecdot, vector_norm):
    _function.__module__ = __name__
del _function


def _check_dims(name, dim):
    """Raise where a sequence of dimensions is none, or goes on as none."""
    if not isinstance(dim, (tuple, list)) or (dim and not _is_int(dim[0])):
        raise _Unfit
    _check_items(name, dim, "dim")


def _check_options(keepdim, dtype):
    if not isinstance(keepdim, bool) or not (dtype is None or isinstance(dtype, _C.dtype)):
        raise _Unfit


def _check_matrices(A, dim, dtype):
    if A.dim() < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions."
        )
    if not A.is_floating_point():
        raise RuntimeError(
            "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got "
            f"{title(A.dtype)}"
        )
    if dtype is not None and _C.promote_types(A.dtype, dtype) != dtype:
        raise RuntimeError(
            f"linalg.matrix_norm: the dtype of the input ({title(A.dtype)}) should be convertible "
            f"without narrowing to the specified dtype ({title(dtype)})"
        )
    if len(dim) != 2:
        got = " ".join(map(str, dim))
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {got}")


@_as_operator(
    "linalg_matrix_norm",
    "(Tensor input, Number ord, tuple of ints dim = (-2,-1), bool keepdim = False, *, "
    "torch.dtype dtype = None, Tensor out = None)",
    '(Tensor input, str ord = "fro", tuple of ints dim = (-2,-1), bool keepdim = False, *, '
    "torch.dtype dtype = None, Tensor out = None)",
)
def matrix_norm(input, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None, out=None):
    """Norm of the matrices in two dimensions of ``input``.

    ord: ``"fro"``, the root of the sum of squares; 1 and -1, the largest and smallest sum of
    magnitudes of a column; ``inf`` and ``-inf``, of a row. The orders 2, -2 and ``"nuc"``, which
    need singular values, raise NotImplementedError.
    Raises: RuntimeError for another order, other than two different dimensions, and tensors that
    are not of floating point.
    """
    A = input
    _check_tensor("linalg_matrix_norm", A)
    if not isinstance(ord, str) and not _is_number(ord):
        raise _Unfit
    _check_dims("linalg_matrix_norm", dim)
    _check_options(keepdim, dtype)
    if ord not in ("fro", "nuc") and (isinstance(ord, str) or abs(ord) not in (1, 2, float("inf"))):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    _check_matrices(A, dim, dtype)
    if ord in ("nuc", 2, -2):
        raise NotImplementedError(f"linalg.matrix_norm: order {ord} needs singular values")
    rows, columns = (d + A.dim() if d < 0 else d for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        return _C._linalg_vector_norm(A, 2, (rows, columns), keepdim, dtype=dtype, out=out)
    if abs(ord) != 1:
        rows, columns = columns, rows
    sums = _C._linalg_vector_norm(A, 1, (rows,), keepdim, dtype=dtype)
    if columns > rows and not keepdim:
        columns -= 1
    return (_C.amax if ord > 0 else _C.amin)(sums, columns, keepdim, out=out)


@_as_operator(
    "linalg_norm",
    "(Tensor input, Number ord = None, tuple of ints dim = None, bool keepdim = False, *, "
    "Tensor out = None, torch.dtype dtype = None)",
    "(Tensor input, str ord, tuple of ints dim = None, bool keepdim = False, *, "
    "Tensor out = None, torch.dtype dtype = None)",
)
def norm(input, ord=None, dim=None, keepdim=False, *, out=None, dtype=None):
    """``vector_norm`` or ``matrix_norm``, by the number of dimensions.

    One dimension in ``dim``, or a vector: the vector's norm; two, or a matrix: the matrix's.
    Without ``ord`` it is the root of the sum of squares, over ``dim`` or everything.
    Raises: RuntimeError where there are more dimensions, and as those two.
    """
    A = input
    _check_tensor("linalg_norm", A)
    if not isinstance(ord, str) and ord is not None and not _is_number(ord):
        raise _Unfit
    dims = (dim,) if _is_int(dim) and not isinstance(dim, bool) else dim
    if dims is not None:
        _check_dims("linalg_norm", dims)
    _check_options(keepdim, dtype)
    if ord is None:
        return _C._linalg_vector_norm(A, 2.0, dims, keepdim, dtype=dtype, out=out)
    if dims is None and A.dim() not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got "
            f"{A.dim()}D."
        )
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is specified, it must be of length 1 or 2. Got "
            f"[{', '.join(map(str, dims))}]"
        )
    count = A.dim() if dims is None else len(dims)
    if count == 2 or isinstance(ord, str):
        return matrix_norm(A, ord, dims or (-2, -1), keepdim, dtype=dtype, out=out)
    return _C._linalg_vector_norm(A, ord, dims, keepdim, dtype=dtype, out=out)


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
                f"{cpp_name(first.dtype)} and tensor {i} {cpp_name(t.dtype)}"
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
            f"Expected out tensor to have dtype {cpp_name(result.dtype)}, but got "
            f"{cpp_name(out.dtype)} instead"
        )
    with _C.no_grad():
        return out.resize_(result.shape).copy_(result)


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
    if name.startswith("linalg_") and name[7:] in __all__:  # an op's own name, by which pickles go
        return globals()[name[7:]]
    raise _module_getattr(__name__, name)

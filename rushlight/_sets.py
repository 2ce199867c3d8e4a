"""Sets of elements as PyTorch's Python functions give them: unique, one_hot, histogram.

Their results differ in number with the arguments, so they are read here and computed in the core.
"""

from rushlight import _C
from rushlight._arguments import as_operator, check_tensor, is_int

_C._add_package_globals(globals())


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Return the distinct elements of a tensor, or the distinct slices of one dimension.

    input: Tensor of any shape. sorted: accepted for PyTorch's sake, the result always rises.
    return_inverse: also where each element (slice) stands in the result, in the input's shape.
    return_counts: also how often each occurs. dim: the dimension whose slices are compared.
    Returns: a Tensor, or a tuple of it and what else was asked for, in that order. nan is distinct
        from nan.
    Raises: IndexError for a dimension out of range; RuntimeError where another dimension has size
        0; NotImplementedError in a backward pass, for there is no derivative.
    """
    if dim is not None:
        found = _C._unique_dim(input, dim, sorted, return_inverse, return_counts)
    else:
        found = _C._unique2(input, sorted, return_inverse, return_counts)
    return _asked(found, return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """Return one of each run of equal elements, or of equal slices of one dimension.

    Arguments, results and errors: as ``unique``; equal elements apart from each other both stay.
    """
    found = _C._unique_consecutive(input, return_inverse, return_counts, dim)
    return _asked(found, return_inverse, return_counts)


def _asked(found, inverse, counts):
    output, places, numbers = found
    rest = ([places] if inverse else []) + ([numbers] if counts else [])
    return (output, *rest) if rest else output


def histogram(input, bins=100, *, range=None, weight=None, density=False, out=None):
    """Count the elements of a tensor in bins.

    input: Tensor of float32 or float64. bins: how many bins of equal width, or a 1-d Tensor of
    their edges. range: (low, high), by default the smallest and largest element; with a number of
    bins only. weight: a Tensor of what each element counts, of the input's dtype and size.
    density: divide by the total and by the widths, so that the integral is 1.
    Returns: (hist, bin_edges); the last bin holds its upper end too.
    Raises: RuntimeError for a range that is empty or not finite, NotImplementedError for another
        dtype.
    """
    if range is not None and len(range) != 2:
        raise RuntimeError(
            "torch.histogramdd: for a 1-dimensional histogram range should have 2 elements, but "
            f"got {len(range)}"
        )
    low, high = (0.0, 1.0) if range is None else range
    result = _C._histogram(input, bins, low, high, range is not None, weight, density)
    if out is None:
        return result
    for target, value in zip(out, result, strict=True):
        target.resize_(value.shape).copy_(value)
    return type(result)(out)


@as_operator("one_hot", "(Tensor input, int num_classes = -1)")
def one_hot(input, num_classes=-1):
    """Return a vector for each class number: 1 at the number's place, 0 elsewhere.

    input: Tensor ``(*)`` of int64, values from 0 up. num_classes: the length of the vectors; -1
    for the largest number and one.
    Returns: Tensor ``(*, num_classes)`` of int64.
    Raises: RuntimeError for another dtype, or for a number outside 0 .. num_classes - 1.
    """
    check_tensor("one_hot", input)
    if not is_int(num_classes):
        got = type(num_classes).__name__
        raise TypeError(f"one_hot(): argument 'num_classes' (position 2) must be int, not {got}")
    if input.dtype != _C.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if input.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return _C.empty((*input.shape, num_classes), dtype=_C.int64)
    if input.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = input.max().item()
    if num_classes == -1:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    result = _C.zeros((*input.shape, num_classes), dtype=_C.int64)
    return result.scatter_(-1, input.unsqueeze(-1), 1)


def embedding_renorm_(weight, indices, max_norm, norm_type):
    """Scale the rows that the indices name, in place, to a norm of at most ``max_norm``.

    weight: Tensor ``(rows, width)``. indices: Tensor of int64 or int32. norm_type: p of the p-norm.
    Returns: weight. Raises: IndexError for a row that does not exist.
    """
    if weight.dim() != 2:
        raise RuntimeError(
            f"Expected 2-dimensional tensor, but got {weight.dim()}-dimensional tensor for "
            "argument #1 'self' (while checking arguments for embedding_renorm_)"
        )
    rows = unique(indices).long()
    for row in rows[:1].tolist() + rows[-1:].tolist():  # they rise
        if not 0 <= row < weight.shape[0]:
            raise IndexError(
                f"select(): index {row} out of range for tensor of size {list(weight.shape)} at "
                "dimension 0"
            )
    chosen = weight.detach().index_select(0, rows)
    norms = chosen.norm(norm_type, 1, True).double()
    factors = _C.where(norms > max_norm, max_norm / (norms + 1e-7), 1.0).to(weight.dtype)
    weight.index_copy_(0, rows, chosen * factors)
    return weight


_C._overridable_module(globals())

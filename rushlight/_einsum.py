"""``torch.einsum``: an equation over subscripts, as views and batched matrix products.

Each operand becomes a view with one dimension for every subscript, those of the output first; pairs
are then contracted from left to right, each by one ``bmm``.
"""

import math

from rushlight import _C

__all__ = ["einsum"]

_C._add_package_globals(globals())

_ELLIPSIS = "..."
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def einsum(*args):
    """Sum products of the operands' elements over the subscripts that the output lacks.

    args: an equation such as ``"bij,bjk->bik"`` and its operands, or each operand followed by its
        list of subscripts (ints from 0 to 51, or ``...``) and, at the end, that of the output.
        Without an output it has the subscripts that appear once, in alphabetical order.
    Returns: Tensor; a view where nothing is summed or multiplied.
    Raises: ValueError where operands are missing or a number is no subscript; RuntimeError where
        subscripts and shapes do not fit.
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its subscripts list"
        )
    if isinstance(args[0], _C.Tensor):
        equation, operands = _from_lists(args)
    else:
        equation, operands = args[0], args[1:]
        if not isinstance(equation, str):
            raise TypeError(
                "einsum(): argument 'equation' (position 1) must be str, not "
                f"{type(equation).__name__}"
            )
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        return einsum(equation, *operands[0])
    for i, operand in enumerate(operands):
        if not isinstance(operand, _C.Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 1, but got {type(operand).__name__}"
            )
    inputs, output = _parse(equation, len(operands))
    return _contract(*_aligned(inputs, output, operands))


def _from_lists(args):
    """The equation of operands with lists of subscripts, and the operands."""

    def text(subscripts):
        letters = []
        for s in subscripts:
            if s is Ellipsis:
                letters.append(_ELLIPSIS)
            elif isinstance(s, int) and 0 <= s < 52:
                letters.append(_LETTERS[s])
            else:
                raise ValueError(
                    "einsum(): subscript in subscript list is not within the valid range [0, 52)\n"
                    f"  got {s!r}"
                )
        return "".join(letters)

    equation = ",".join(text(subscripts) for subscripts in args[1::2])
    if len(args) % 2 == 1:
        equation += "->" + text(args[-1])
        return equation, args[:-1:2]
    return equation, args[::2]


# --- the equation -------------------------------------------------------------------------------


def _parse(equation, n_operands):
    """The subscripts of each operand, and of the output or None; an ellipsis is one of them."""
    inputs, output, i = [[]], None, 0
    while i < len(equation):
        c, labels = equation[i], inputs[-1] if output is None else output
        if c == " ":
            pass
        elif c == ".":
            where = f"operand {len(inputs) - 1}" if output is None else "output"
            if _ELLIPSIS in labels:
                if output is None:
                    raise RuntimeError(
                        f"einsum(): found '.' for {where} for which an ellipsis was already found"
                    )
                raise RuntimeError(
                    f"einsum(): found '.' for {where} but an ellipsis (...) was already found"
                )
            if equation[i : i + 3] != _ELLIPSIS:
                raise RuntimeError(
                    f"einsum(): found '.' for {where} that is not part of any ellipsis"
                )
            labels.append(_ELLIPSIS)
            i += 2
        elif c == "," and output is None:
            if len(inputs) == n_operands:
                raise RuntimeError(
                    "einsum(): fewer operands were provided than specified in the equation"
                )
            inputs.append([])
        elif equation[i : i + 2] == "->" and output is None:
            output = []
            i += 1
        elif c in _LETTERS:
            labels.append(c)
        else:
            raise RuntimeError(
                f"einsum(): invalid subscript given at index {i} in the equation string, "
                "subscripts must be in [a-zA-Z]"
            )
        i += 1
    if len(inputs) < n_operands:
        raise RuntimeError("einsum(): more operands were provided than specified in the equation")
    return inputs, output


# --- operands in one order of dimensions --------------------------------------------------------


def _aligned(inputs, output, operands):
    """The operands as views with one dimension per subscript, and how many the output keeps."""
    counts, covered = {}, 0
    for i, (labels, t) in enumerate(zip(inputs, operands, strict=True)):
        named = len(labels) - (_ELLIPSIS in labels)
        if _ELLIPSIS in labels:
            covered = max(covered, t.dim() - named)
        if named > t.dim() if _ELLIPSIS in labels else named != t.dim():
            less = "is more than" if _ELLIPSIS in labels else "does not match"
            tail = "" if _ELLIPSIS in labels else " and no ellipsis was given"
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) {less} the number "
                f"of dimensions ({t.dim()}) for operand {i}{tail}"
            )
        for label in labels:
            counts[label] = counts.get(label, 0) + 1
    has_ellipsis = _ELLIPSIS in counts
    letters = sorted(label for label in counts if label != _ELLIPSIS)
    if output is None:
        output = [_ELLIPSIS] if has_ellipsis else []
        output += [label for label in letters if counts[label] == 1]
    else:
        _check_output(output, counts)
    places, n = {}, 0
    for label in output:
        places[label] = n
        n += covered if label == _ELLIPSIS else 1
    kept = n
    # An ellipsis that the output lacks is summed, and comes before the other summed subscripts.
    for label in [_ELLIPSIS] * has_ellipsis + letters:
        if label not in places:
            places[label] = n
            n += covered if label == _ELLIPSIS else 1
    views = [
        _aligned_view(i, t, labels, places, covered, n)
        for i, (labels, t) in enumerate(zip(inputs, operands, strict=True))
    ]
    _check_sizes(inputs, views, places, covered)
    return views, kept


def _check_output(output, counts):
    for label in output:
        if label == _ELLIPSIS:
            continue
        if output.count(label) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {label} appears more than once in the output"
            )
        if label not in counts:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any "
                "input operand"
            )


def _aligned_view(index, t, labels, places, covered, n):
    order, dim = [None] * n, 0
    dims = t.dim() - (len(labels) - 1)  # of this operand's ellipsis
    for label in labels:
        if label == _ELLIPSIS:
            for k in range(covered - dims, covered):
                order[places[label] + k] = dim
                dim += 1
        elif order[places[label]] is None:
            order[places[label]] = dim
            dim += 1
        else:
            first = order[places[label]]
            if t.size(first) != t.size(dim):
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {index} but the sizes "
                    f"don't match, {t.size(dim)} != {t.size(first)}"
                )
            t = t.diagonal(0, first, dim).movedim(-1, first)
    for place, found in enumerate(order):
        if found is None:
            t = t.unsqueeze(dim)
            order[place] = dim
            dim += 1
    return t.permute(order)


def _check_sizes(inputs, views, places, covered):
    sizes = {}
    for i, (labels, t) in enumerate(zip(inputs, views, strict=True)):
        for label in labels:
            for k in range(covered if label == _ELLIPSIS else 1):
                place = places[label] + k
                size, seen = t.size(place), sizes.get(place, 1)
                if size != 1 != seen and size != seen:
                    _fail_size(label, i, k, size, seen)
                sizes[place] = size if seen == 1 else seen


def _fail_size(label, index, k, size, seen):
    if label == _ELLIPSIS:
        raise RuntimeError(
            f"einsum(): dimension {k} covered by ellipsis in operand {index}has size {size} which "
            f"does not broadcast with previously seen ellipsis with size {seen} for the respective "
            "dimension"
        )
    raise RuntimeError(
        f"einsum(): subscript {label} has size {size} for operand {index} which does not broadcast "
        f"with previously seen size {seen}"
    )


# --- contraction --------------------------------------------------------------------------------


def _contract(operands, kept):
    """Multiply the aligned operands from left to right, and sum what lies behind `kept`."""
    n = operands[0].dim()
    if len(operands) == 1:
        return operands[0].sum(tuple(range(kept, n))) if n > kept else operands[0]
    # How many operands a dimension is not 1 in: it is summed with the last of them.
    users = [sum(t.size(d) != 1 for t in operands) for d in range(n)]
    result = operands[0]
    for t in operands[1:]:
        alone, alone_in_t, both = [], [], []
        for d in range(kept, n):
            if result.size(d) != 1 and t.size(d) != 1:
                users[d] -= 1
                if users[d] == 1:
                    both.append(d)
                    users[d] = 0
            elif users[d] == 1:
                if result.size(d) != 1:
                    alone.append(d)
                    users[d] = 0
                elif t.size(d) != 1:
                    alone_in_t.append(d)
                    users[d] = 0
        if alone:
            result = result.sum(alone, keepdim=True)
        if alone_in_t:
            t = t.sum(alone_in_t, keepdim=True)
        result = _product(result, t, both)
    return result.view(result.shape[:kept]) if n > kept else result


def _product(a, b, summed):
    """Product of two tensors of equally many dimensions, summed over some that both have."""
    if not summed:
        return a * b
    batch, left, right = [], [], []
    for d in range(a.dim()):
        if d in summed:
            continue
        if a.size(d) == 1:
            right.append(d)
        else:
            (left if b.size(d) == 1 else batch).append(d)
    # Where every dimension of b stands before those of a, the transposed product needs no copy.
    if left and right and left[0] > right[-1]:
        a, b, left, right = b, a, right, left
    # PyTorch's graph has one dimension for all batches, for which operands may have to be copied.
    recorded = _C.is_grad_enabled() and (a.requires_grad or b.requires_grad)
    joined = recorded or len(batch) < 2
    batches = [_count(a, batch)] if joined else [a.size(d) for d in batch]
    inner = _count(a, summed)
    rows = a.permute(batch + left + summed + right).reshape(*batches, _count(a, left), inner)
    columns = b.permute(batch + summed + right + left).reshape(*batches, inner, _count(b, right))
    sizes = [a.size(d) for d in batch + left] + [1] * len(summed) + [b.size(d) for d in right]
    order = [0] * a.dim()
    for place, d in enumerate(batch + left + summed + right):
        order[d] = place
    product = _C.bmm if joined else _C.matmul
    return product(rows, columns).view(sizes).permute(order)


def _count(t, dims):
    return math.prod(t.size(d) for d in dims)


_C._overridable_module(globals())

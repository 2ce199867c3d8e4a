"""Covariance and correlation of variables, one in each row."""

import warnings

from rushlight import _C
from rushlight._arguments import check_tensor, is_int
from rushlight._type_info import title

__all__ = ["corrcoef", "cov"]

_C._add_package_globals(globals())


def _check_weights(name, weights, count, fits, kind):
    if weights.dim() > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{weights.dim()} dimensions"
        )
    if not fits:
        raise RuntimeError(
            f"cov(): expected {name} to have {kind} dtype but got {name} with "
            f"{title(weights.dtype)} dtype"
        )
    if weights.numel() != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input "
            f"but got {weights.numel()} != {count}"
        )
    if count and weights.min().item() < 0:
        raise RuntimeError(f"cov(): {name} cannot be negative")


def _check_input(function, input):
    if input.dim() > 2:
        raise RuntimeError(
            f"{function}(): expected input to have two or fewer dimensions but got an input with "
            f"{input.dim()} dimensions"
        )


def cov(input, *, correction=1, fweights=None, aweights=None):
    """Covariances of variables, each a row of ``input``.

    input: Tensor of up to two dimensions, a row or a number being one variable. correction: what
        the number of observations is lessened by in the divisor, an int. fweights: how often each
        observation counts, ints; aweights: how much, floats; neither negative.
    Returns: Tensor ``(variables, variables)``, of no dimension for one variable.
    Raises: RuntimeError for other shapes and dtypes, and for weights that sum to 0.
    """
    check_tensor("cov", input)
    if not is_int(correction):
        got = type(correction).__name__
        raise TypeError(f"cov(): argument 'correction' must be int, not {got}")
    _check_input("cov", input)
    if input.dtype == _C.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    rows = input if input.dim() == 2 else input.reshape(1, -1)
    count = rows.size(1)
    weights = fweights
    if fweights is not None:
        whole = fweights.dtype != _C.bool and not fweights.is_floating_point()
        _check_weights("fweights", fweights, count, whole, "integral")
    if aweights is not None:
        _check_weights("aweights", aweights, count, aweights.is_floating_point(), "floating point")
        weights = aweights if fweights is None else fweights * aweights
    total = _C.tensor(count, dtype=rows.dtype) if weights is None else weights.sum()
    if weights is not None and total.item() == 0:
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    if weights is None or aweights is None or correction == 0:
        divisor = total - correction
    else:
        divisor = total - correction * (weights * aweights).sum() / total
    if divisor.item() <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number "
            "of observations.",
            stacklevel=2,
        )
        divisor = _C.zeros_like(divisor)
    means = (rows if weights is None else rows * weights).sum(1) / total
    apart = rows - means.unsqueeze(1)
    weighted = apart if weights is None else apart * weights
    return (_C.mm(apart, weighted.t()) / divisor).squeeze()


def corrcoef(input):
    """Pearson's correlations of variables, each a row of ``input``: 1 on the diagonal.

    input: Tensor of up to two dimensions, a row or a number being one variable.
    Returns: Tensor ``(variables, variables)`` from -1 to 1, nan for a variable that is constant.
    Raises: RuntimeError for more dimensions.
    """
    check_tensor("corrcoef", input)
    _check_input("corrcoef", input)
    found = cov(input)
    if found.dim() == 0:
        return found / found
    deviations = found.diagonal().sqrt()
    return (found / deviations.view(-1, 1) / deviations.view(1, -1)).clip(-1, 1)


_C._overridable_module(globals())

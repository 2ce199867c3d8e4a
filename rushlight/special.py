"""``torch.special``: special functions of single numbers, and other names of functions."""

import math as _math

from . import _C
from ._arguments import check_tensor as _check_tensor
from ._C import (
    _special_entr as entr,
)
from ._C import (
    _special_xlog1py as xlog1py,
)
from ._C import (
    digamma,
    erf,
    erfc,
    erfinv,
    exp2,
    expm1,
    log1p,
    logit,
    polygamma,
    sinc,
    xlogy,
)
from ._C import digamma as psi
from ._C import lgamma as gammaln
from ._C import mvlgamma as multigammaln
from ._C import sigmoid as expit
from ._missing import module_getattr as _module_getattr

_C._add_package_globals(globals())

# Reductions, where the package has them.
_REDUCTIONS = ("log_softmax", "logsumexp", "softmax")
__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "log1p",
    *_REDUCTIONS,
    "logit",
    "multigammaln",
    "ndtr",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "xlog1py",
    "xlogy",
]
for _function in (entr, xlog1py):
    _function.__module__ = __name__
del _function


def ndtr(input, *, out=None):
    """The distribution function of the standard normal distribution at each element.

    Composed as in PyTorch, of ``erf``: it loses digits far below 0, and is 0 below about -8.
    input: Tensor ``(*)``; integers become floats. out: a Tensor to write into.
    Raises: TypeError for what is no Tensor.
    """
    _check_tensor("special_ndtr", input)
    twice = _C._add_number(_C._mul_number(input, _math.sqrt(0.5)).erf(), 1)
    return _C._mul_number(twice, 0.5) if out is None else _C.mul(twice, 0.5, out=out)


def round(input, *, decimals=0, out=None):
    """Each element rounded to a number of decimals, halves to the even digit."""
    return _C.round(input, decimals=decimals, out=out)


_C._overridable_module(globals())


def __getattr__(name):
    if name in _REDUCTIONS and hasattr(_C, name):
        return getattr(_C, name)
    if name in ("special_entr", "special_xlog1py"):  # the ops' own names, by which pickles go
        return globals()[name.removeprefix("special_")]
    raise _module_getattr(__name__, name)

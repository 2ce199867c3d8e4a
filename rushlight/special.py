"""``torch.special``: special functions of single numbers, and other names of functions."""

import math

from . import _C
from ._C import (  # noqa: F401 - the names that users see
    _special_entr as entr,
)
from ._C import (  # noqa: F401
    _special_xlog1py as xlog1py,
)
from ._C import (  # noqa: F401
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
from ._C import digamma as psi  # noqa: F401
from ._C import lgamma as gammaln  # noqa: F401
from ._C import mvlgamma as multigammaln  # noqa: F401
from ._C import sigmoid as expit  # noqa: F401
from ._missing import module_getattr

_C._add_package_globals(globals())

# Reductions, where the package has them.
_REDUCTIONS = ("log_softmax", "logsumexp", "softmax")


def ndtr(input, *, out=None):
    """The distribution function of the standard normal distribution at each element.

    Composed as in PyTorch, of ``erf``: it loses digits far below 0, and is 0 below about -8.
    """
    twice = _C._add_number(_C._mul_number(input, math.sqrt(0.5)).erf(), 1)
    return _C._mul_number(twice, 0.5) if out is None else _C.mul(twice, 0.5, out=out)


def round(input, *, decimals=0, out=None):
    """Each element rounded to a number of decimals, halves to the even digit."""
    return _C.round(input, decimals=decimals, out=out)


_C._overridable_module(globals())


def __getattr__(name):
    if name in _REDUCTIONS and hasattr(_C, name):
        return getattr(_C, name)
    raise module_getattr(__name__, name)

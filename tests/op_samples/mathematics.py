"""Samples of elementary and special functions, one element at a time."""

from ._common import BINARY, UNARY, Sample

_UNARY = (
    "exp2 log2 log10 rsqrt square tan sinc asin acos atan deg2rad rad2deg sinh cosh asinh acosh "
    "atanh floor ceil round trunc frac sgn signbit erfc erfinv lgamma "
    "digamma nan_to_num _special_entr"
)
_BINARY = (
    "atan2 hypot logaddexp logaddexp2 ldexp copysign xlogy _special_xlog1py heaviside nextafter "
    "float_power"
)

SAMPLES = {
    **{(name, 0): UNARY for name in _UNARY.split()},
    **{(name, 0): BINARY for name in _BINARY.split()},
    ("round", 1): [Sample([(2, 3)], (), {"decimals": n}) for n in (2, 0, -1)],
    ("logit", 0): [*UNARY, Sample([(2, 3)], (0.2,)), Sample([(3, 2, "t")], (None,))],
    ("copysign", 1): [Sample([(2, 3)], (-1.5,)), Sample([()], (2,))],
    ("xlogy", 1): [Sample([(2, 3)], first=(1.5,)), Sample([()], first=(2,))],
    ("xlogy", 2): [Sample([(2, 3)], (1.5,)), Sample([()], (2,))],
    ("_special_xlog1py", 1): [Sample([(2, 3)], first=(1.5,)), Sample([()], first=(2,))],
    ("_special_xlog1py", 2): [Sample([(2, 3)], (1.5,)), Sample([()], (2,))],
    ("float_power", 1): [Sample([(2, 3)], first=(1.5,)), Sample([()], first=(2,))],
    ("float_power", 2): [Sample([(2, 3)], (1.5,)), Sample([()], (2,))],
    ("frexp", 0): UNARY,
    ("polygamma", 0): [Sample(s.shapes, first=(n,)) for n in (1, 2) for s in UNARY],
    ("polygamma", 1): [Sample([(2, 3)], (n,)) for n in (0, 1, 3)],
    ("mvlgamma", 0): [*(Sample(s.shapes, (2,)) for s in UNARY), Sample([(3,)], (1,))],
}

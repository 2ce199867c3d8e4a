"""Samples of elementary functions of one tensor."""

from ._common import UNARY

SAMPLES = {(name, 0): UNARY for name in ("expm1", "log1p", "sin", "cos", "erf")}

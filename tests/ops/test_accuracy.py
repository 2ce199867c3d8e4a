"""The elementary functions against their exact values, in float32 and float64: one unit at most.

The references come from ``tests/data/record_accuracy.py``; what is further off than one unit in
the last place stands in ABOVE_ONE_ULP with the figure that was measured.
"""

import base64
import functools
import json
import lzma
import math
import struct

import pytest
from accuracy_points import BINARY, UNARY, points
from support import DATA, rushlight_only, torch

pytestmark = rushlight_only

# (function, dtype): what was measured, rounded up. Everything else keeps 1.
ABOVE_ONE_ULP = {
    ("softsign", "float32"): 1.2,  # a sum and a quotient, as PyTorch composes it
    ("softsign", "float64"): 1.2,
    ("tanhshrink", "float32"): 2.1,  # a difference of two numbers of one size
    ("selu", "float32"): 1.3,  # two constants and expm1
    ("selu", "float64"): 2.3,
    ("gelu", "float32"): 1.9,  # the tail where PyTorch has lost all digits
    ("silu", "float32"): 1.3,
    ("silu", "float64"): 1.2,
    ("mish", "float32"): 1.4,
    ("mish", "float64"): 1.2,
    ("hardswish", "float32"): 1.5,
    ("hardswish", "float64"): 1.5,
    # 1 + tanh cancels in the left tail; PyTorch's loses as many digits.
    ("gelu tanh", "float32"): 3.5e5,
    ("gelu tanh", "float64"): 9.7e5,
}

# Elementwise ops of one tensor that have no value to measure.
WITHOUT_REFERENCE = {
    "logical_not": "gives a bool",
    "bitwise_not": "takes integers",
    "signbit": "gives a bool",
    "nan_to_num": "copies or replaces",
    "threshold": "copies or replaces",
    "clamp": "copies or replaces",
    "clamp_min": "copies or replaces",
    "clamp_max": "copies or replaces",
}

SMALLEST = {"float32": -126, "float64": -1022}
DIGITS = {"float32": 23, "float64": 52}


@functools.cache
def references():
    return json.loads(lzma.decompress((DATA / "accuracy.json.xz").read_bytes()))


def unpacked(kind, text):
    data = base64.b85decode(text)
    return struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data)


def ulp(value, dtype):
    """The distance of the dtype's numbers around a value."""
    exponent = max(math.frexp(value)[1] - 1, SMALLEST[dtype]) if value else SMALLEST[dtype]
    return math.ldexp(1.0, exponent - DIGITS[dtype])


def errors(got, name, dtype):
    """The distance of every value from the exact one, in units of the last place."""
    table = references()[f"{name}/{dtype}"]
    high = unpacked("d", table["high"])
    low = unpacked("f", table["low"]) if "low" in table else [0.0] * len(high)
    largest = torch.finfo(getattr(torch, dtype)).max if hasattr(torch, "finfo") else 3.4e38
    for g, h, rest in zip(got, high, low, strict=True):
        if not math.isfinite(g) or not math.isfinite(h):
            yield 0.0 if g == h or (abs(h) > largest and g == math.copysign(math.inf, h)) else 1e9
        else:
            unit = ulp(h, dtype)
            yield abs((g - h) / unit - (rest if dtype == "float64" else 0.0))


def call(name):
    """The function of tensors that a reference is of."""
    base, _, option = name.partition(" ")
    function = getattr(torch, base, None) or getattr(torch.nn.functional, base)
    if option == "tanh":
        return lambda x: function(x, approximate="tanh")
    if option:
        return lambda x: function(int(option), x)
    return function


def measure(name, dtype):
    """The errors of a function at its points."""
    columns = list(zip(*points(name, dtype), strict=True))
    tensors = [torch.tensor(c, dtype=getattr(torch, dtype)) for c in columns]
    return list(errors(call(name)(*tensors).tolist(), name, dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_values_are_within_one_unit(name, dtype):
    found = measure(name, dtype)
    worst = max(found)
    at = points(name, dtype)[found.index(worst)]
    limit = ABOVE_ONE_ULP.get((name, dtype), 1.0)
    assert worst <= limit, f"{name}{at} is off by {worst:.3g} units"


def test_table_of_exceptions_names_no_more_than_it_must():
    for (name, dtype), limit in ABOVE_ONE_ULP.items():
        assert 1.0 < max(measure(name, dtype)) <= limit


def test_every_unary_op_has_a_reference():
    unary = {
        op["name"]
        for op in torch._C._op_table()
        if op["elementwise"] and op["n_tensors"] == 1 and op["form"] == "both"
        if "other" not in op["signature"] and not op["name"].startswith(("is", "_"))
    }
    known = {name.partition(" ")[0] for name in (*UNARY, *BINARY)}
    assert not unary - known - WITHOUT_REFERENCE.keys()


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, -2, -0.5, 2.5, -1.75, 7])
def test_powers_are_within_the_records_error(exponent):
    number = "pow(input: Tensor, exponent: Number"
    record = next(op for op in torch._C._op_table() if op["signature"].startswith(number))
    bases = [p[0] for p in points("square", "float32") if 1e-4 < p[0] < 1e4]
    x = torch.tensor(bases)
    # Products and roots round more than once; all other powers keep one unit.
    bound = record["max_ulp"] if exponent in (3, -2, -0.5) else 1.0
    for got, base in zip((x**exponent).tolist(), x.tolist(), strict=True):
        want = base**exponent
        assert abs(got - want) <= bound * ulp(want, "float32"), (base, exponent)

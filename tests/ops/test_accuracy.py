"""Values of the elementary functions in float32 against float64, on their domain and beyond."""

import math
import random

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only

RECORDS = {(op["name"], op["overload"]): op for op in torch._C._op_table()}


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


# Python's own functions, in double: exact to far less than half an ulp of float32.
REFERENCES = {
    "exp": (math.exp, (-80.0, 80.0)),
    "log": (math.log, (1e-30, 1e30)),
    "sqrt": (math.sqrt, (0.0, 1e30)),
    "expm1": (math.expm1, (-80.0, 80.0)),
    "log1p": (math.log1p, (-0.999, 1e30)),
    "sin": (math.sin, (-1e15, 1e15)),
    "cos": (math.cos, (-1e15, 1e15)),
    "erf": (math.erf, (-6.0, 6.0)),
    "tanh": (math.tanh, (-20.0, 20.0)),
    "sigmoid": (sigmoid, (-80.0, 80.0)),
    "reciprocal": (lambda x: 1 / x, (1e-20, 1e20)),
    "neg": (lambda x: -x, (-1e30, 1e30)),
    "abs": (abs, (-1e30, 1e30)),
    "relu": (lambda x: max(x, 0.0), (-10.0, 10.0)),
    "hardshrink": (lambda x: x if abs(x) > 0.5 else 0.0, (-10.0, 10.0)),
    "sign": (lambda x: (x > 0) - (x < 0), (-1.0, 1.0)),
}


def float32_ulp(x):
    """The distance of float32 numbers around x."""
    exponent = max(math.frexp(x)[1] - 1, -126) if x else -126
    return 2.0 ** (exponent - 23)


def worst_error(got, want):
    return max(abs(g - w) / float32_ulp(w) for g, w in zip(got, want, strict=True))


def spread(low, high, n, generator):
    """Numbers over a range: evenly, and where it is wide and positive by magnitude too."""
    values = [generator.uniform(low, high) for _ in range(n)]
    if low > 0:
        values += [math.exp(generator.uniform(math.log(low), math.log(high))) for _ in range(n)]
    return values


def test_every_unary_op_has_a_reference():
    unary = {
        name
        for (name, _), op in RECORDS.items()
        if op["elementwise"] and op["n_tensors"] == 1 and op["form"] == "both" and name != "pow"
        if "other" not in op["signature"] and not name.startswith("is")
    }
    assert unary == set(REFERENCES)


@pytest.mark.parametrize("name", REFERENCES)
def test_values_are_within_the_records_error(name):
    record = RECORDS[name, 0]
    function, wide = REFERENCES[name]
    generator = random.Random(name)
    for low, high in (record["domain"], wide):
        if name in ("log", "sqrt", "reciprocal"):
            low = max(low, 1e-30)
        x = torch.tensor(spread(low, high, 4000, generator))
        want = [function(v) for v in x.tolist()]
        got = getattr(torch, name)(x).tolist()
        assert worst_error(got, want) <= record["max_ulp"], f"{name} on [{low}, {high}]"


@pytest.mark.parametrize("exponent", [2, 3, 0.5, -1, -2, -0.5, 2.5, -1.75, 7])
def test_powers_are_within_the_records_error(exponent):
    generator = random.Random(7)
    x = torch.tensor(spread(0.01, 50.0, 3000, generator))
    want = [v**exponent for v in x.tolist()]
    # Products and roots round more than once; all other powers keep one unit.
    bound = RECORDS["pow", 0]["max_ulp"] if exponent in (3, -2, -0.5) else 1.0
    assert worst_error((x**exponent).tolist(), want) <= bound

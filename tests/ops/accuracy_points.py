"""Where the elementary functions are measured: points over the domain of each."""

import math
import random
import struct
from typing import NamedTuple

POINTS = {"float32": 500, "float64": 300}  # of each function


class Even(NamedTuple):
    """Evenly over a range."""

    low: float
    high: float


class Scale(NamedTuple):
    """Evenly by magnitude, of one sign; ``signs`` gives both."""

    low: float
    high: float
    signs: tuple = (1,)


class Around(NamedTuple):
    """Near a number, nearer and nearer, on one side or both."""

    center: float
    signs: tuple = (1, -1)


def both(low, high):
    return Scale(low, high, (1, -1))


TINY, HUGE = {"float32": 1e-37, "float64": 1e-307}, {"float32": 1e38, "float64": 1e307}
ALL = "all"  # every magnitude that a dtype holds, of both signs
POSITIVE = "positive"


def ranges_of(ranges, dtype):
    for r in ranges:
        if r == ALL:
            yield both(TINY[dtype], HUGE[dtype])
        elif r == POSITIVE:
            yield Scale(TINY[dtype], HUGE[dtype])
        else:
            yield r


UNARY = {
    "exp": [Even(-87, 88), both(1e-8, 1)],
    "exp2": [Even(-125, 127), both(1e-8, 1)],
    "expm1": [Even(-20, 88), both(1e-12, 1)],
    "log": [POSITIVE, Around(1.0), Even(0.5, 2)],
    "log1p": [POSITIVE, Even(-0.9999, 2), both(1e-12, 0.5)],
    "log2": [POSITIVE, Around(1.0), Even(0.5, 2)],
    "log10": [POSITIVE, Around(1.0), Even(0.5, 2)],
    "sqrt": [POSITIVE],
    "rsqrt": [POSITIVE],
    "square": [both(1e-15, 1e15)],
    "reciprocal": [both(1e-30, 1e30)],
    "sin": [Even(-10, 10), both(1e-10, 1e6), Around(math.pi), ALL],
    "cos": [Even(-10, 10), both(1e-10, 1e6), Around(math.pi / 2), ALL],
    "tan": [Even(-10, 10), both(1e-10, 1e6), Around(math.pi), ALL],
    "asin": [Even(-1, 1), both(1e-10, 1), Around(1.0, (-1,))],
    "acos": [Even(-1, 1), both(1e-10, 1), Around(1.0, (-1,))],
    "atan": [Even(-10, 10), ALL],
    "sinh": [Even(-88, 88), both(1e-10, 1)],
    "cosh": [Even(-88, 88), both(1e-10, 1)],
    "tanh": [Even(-20, 20), both(1e-10, 1)],
    "asinh": [Even(-10, 10), ALL],
    "acosh": [Even(1, 10), Scale(1, 1e30), Around(1.0, (1,))],
    "atanh": [Even(-0.99999, 0.99999), both(1e-10, 0.9)],
    "sinc": [Even(-10, 10), both(1e-10, 1)],
    "erf": [Even(-5, 5), both(1e-10, 1)],
    "erfc": [Even(-5, 9), both(1e-10, 1)],
    "erfinv": [Even(-0.99999, 0.99999), both(1e-10, 0.9)],
    "lgamma": [Scale(1e-10, 1e30), Even(0.01, 30), Around(1.0), Around(2.0)],
    "digamma": [Scale(1e-10, 1e30), Even(0.01, 30), Around(1.4616321449683622)],
    "polygamma 1": [Scale(1e-5, 1e10), Even(0.05, 30)],
    "polygamma 2": [Scale(1e-5, 1e10), Even(0.05, 30)],
    "logit": [Even(0.0001, 0.9999), Around(0.5), Scale(1e-30, 0.5)],
    "sigmoid": [Even(-85, 85), both(1e-8, 1)],
    "deg2rad": [both(1e-20, 1e20)],
    "rad2deg": [both(1e-20, 1e20)],
    "elu": [Even(-20, 20), both(1e-10, 1)],
    "celu": [Even(-20, 20), both(1e-10, 1)],
    "selu": [Even(-20, 20), both(1e-10, 1)],
    "gelu": [Even(-5, 20), both(1e-10, 1)],
    "gelu tanh": [Even(-5, 20), both(1e-10, 1)],
    "silu": [Even(-80, 80), both(1e-10, 1)],
    "mish": [Even(-80, 80), both(1e-10, 1)],
    "softplus": [Even(-80, 30), both(1e-10, 1)],
    "logsigmoid": [Even(-80, 80), both(1e-10, 1)],
    "softsign": [Even(-30, 30), ALL],
    "tanhshrink": [both(1, 20)],  # a difference, which loses all digits near 0
    "hardsigmoid": [Even(-5, 5)],
    "hardswish": [Even(-5, 5), both(1e-10, 1)],
    "leaky_relu": [Even(-30, 30), ALL],
    **{
        name: [Even(-10, 10), ALL]
        for name in (
            *(
                "neg",
                "abs",
                "relu",
                "relu6",
                "sign",
                "sgn",
                "floor",
                "ceil",
                "trunc",
                "round",
                "frac",
            ),
            *("hardtanh", "hardshrink", "softshrink", "positive"),
        )
    },
}

BINARY = {
    "pow": [(Scale(1e-3, 1e3), Even(-10, 10)), (Even(0.9, 1.1), Even(-300, 300))],
    "float_power": [(Scale(1e-3, 1e3), Even(-10, 10))],
    "atan2": [(Even(-10, 10), Even(-10, 10)), (ALL, ALL)],
    "hypot": [(Even(-10, 10), Even(-10, 10)), (both(1e-18, 1e18), both(1e-18, 1e18))],
    "xlogy": [(Even(-10, 10), POSITIVE), (Even(-10, 10), Around(1.0))],
    "logaddexp": [(Even(-20, 20), Even(-20, 20)), (Even(-80, 80), Even(-80, 80))],
    "logaddexp2": [(Even(-20, 20), Even(-20, 20)), (Even(-100, 100), Even(-100, 100))],
    "div": [(both(1e-15, 1e15), both(1e-15, 1e15))],
    "mul": [(both(1e-15, 1e15), both(1e-15, 1e15))],
    "add": [(both(1e-5, 1e5), both(1e-5, 1e5))],
    "sub": [(both(1e-5, 1e5), both(1e-5, 1e5))],
    "fmod": [(Even(-100, 100), Even(0.1, 10))],
    "remainder": [(Even(-100, 100), Even(0.1, 10))],
}


def rounded(value, dtype):
    """The nearest number of the dtype."""
    if dtype == "float64":
        return value
    return struct.unpack("f", struct.pack("f", max(min(value, 3e38), -3e38)))[0]


def draw(r, generator):
    if isinstance(r, Even):
        return generator.uniform(r.low, r.high)
    if isinstance(r, Scale):
        exponent = generator.uniform(math.log(r.low), math.log(r.high))
        return generator.choice(r.signs) * math.exp(exponent)
    size = math.exp(generator.uniform(math.log(1e-6), math.log(0.1)))
    return r.center + generator.choice(r.signs) * size


def points(name, dtype):
    """Tuples of arguments for a function."""
    generator = random.Random(f"{name} {dtype}")
    if name in UNARY:
        ranges = [(r,) for r in ranges_of(UNARY[name], dtype)]
    else:
        ranges = [tuple(ranges_of(pair, dtype)) for pair in BINARY[name]]
    count = POINTS[dtype] // len(ranges)
    return [
        tuple(rounded(draw(r, generator), dtype) for r in choice)
        for choice in ranges
        for _ in range(count)
    ]

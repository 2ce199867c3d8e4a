"""Compute the references of tests/ops/test_accuracy.py, with a Python that has mpmath.

    python tests/data/record_accuracy.py

Writes accuracy.json.xz: for every function and dtype the value at each point of accuracy_points,
as a double and, for float64, what that leaves over.
"""

import base64
import json
import lzma
import pathlib
import struct
import sys

from mpmath import erfinv, mp, mpf

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ops"))

from accuracy_points import BINARY, UNARY, points

mp.prec = 240


def softplus(x):
    return x if x > 20 else mp.log1p(mp.exp(x))


def selu(x):
    scale = mpf("1.0507009873554804934193349852946")
    alpha = mpf("1.6732632423543772848170429916717")
    return scale * (x if x > 0 else alpha * mp.expm1(x))


def gelu_tanh(x):
    inner = mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)
    return x / 2 * (1 + mp.tanh(inner))


def sign(x):
    return (x > 0) - (x < 0)


def truncated(x):
    return mp.floor(x) if x > 0 else mp.ceil(x)


def remainder(x, y):
    return x - y * mp.floor(x / y)


FUNCTIONS = {
    **{n: getattr(mp, n) for n in ("exp", "expm1", "log1p", "log10", "sqrt", "sin", "cos", "tan")},
    **{n: getattr(mp, n) for n in ("asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh")},
    **{n: getattr(mp, n) for n in ("acosh", "atanh", "erf", "erfc", "digamma", "atan2", "hypot")},
    "log": mp.ln,
    "exp2": lambda x: mpf(2) ** x,
    "log2": lambda x: mp.log(x, 2),
    "rsqrt": lambda x: 1 / mp.sqrt(x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1 / x,
    "sinc": lambda x: mp.sincpi(x),
    "erfinv": erfinv,
    "lgamma": lambda x: mp.loggamma(x).real,
    "polygamma 1": lambda x: mp.polygamma(1, x),
    "polygamma 2": lambda x: mp.polygamma(2, x),
    "logit": lambda x: mp.log(x / (1 - x)),
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "deg2rad": lambda x: x * mp.pi / 180,
    "rad2deg": lambda x: x * 180 / mp.pi,
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "celu": lambda x: x if x > 0 else mp.expm1(x),
    "selu": selu,
    "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
    "gelu tanh": gelu_tanh,
    "silu": lambda x: x / (1 + mp.exp(-x)),
    "mish": lambda x: x * mp.tanh(mp.log1p(mp.exp(x))),
    "softplus": softplus,
    "logsigmoid": lambda x: -mp.log1p(mp.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "tanhshrink": lambda x: x - mp.tanh(x),
    "hardsigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
    "hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
    "leaky_relu": lambda x: x if x > 0 else x * mpf(0.01),
    "neg": lambda x: -x,
    "abs": abs,
    "positive": lambda x: x,
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: min(max(x, 0), 6),
    "sign": sign,
    "sgn": sign,
    "floor": mp.floor,
    "ceil": mp.ceil,
    "trunc": truncated,
    "round": mp.nint,
    "frac": lambda x: x - truncated(x),
    "hardtanh": lambda x: min(max(x, -1), 1),
    "hardshrink": lambda x: x if abs(x) > 0.5 else 0,
    "softshrink": lambda x: x - sign(x) * mpf(0.5) if abs(x) > 0.5 else 0,
    "pow": lambda x, y: x**y,
    "float_power": lambda x, y: x**y,
    "xlogy": lambda x, y: x * mp.log(y),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda x, y: mp.log(mpf(2) ** x + mpf(2) ** y, 2),
    "div": lambda x, y: x / y,
    "mul": lambda x, y: x * y,
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "fmod": lambda x, y: x - y * truncated(x / y),
    "remainder": remainder,
}


def packed(kind, values):
    return base64.b85encode(struct.pack(f"<{len(values)}{kind}", *values)).decode()


def main():
    recorded = {}
    for name in (*UNARY, *BINARY):
        for dtype in ("float32", "float64"):
            exact = [mpf(FUNCTIONS[name](*map(mpf, p))) for p in points(name, dtype)]
            high = [float(v) for v in exact]
            entry = {"high": packed("d", high)}
            if dtype == "float64":
                finite = [v - mpf(h) if abs(h) < 1e308 else 0 for v, h in zip(exact, high)]
                # What is left over, in parts of the last place, so that a byte or two hold it.
                entry["low"] = packed("f", [float(d / ulp(h)) for d, h in zip(finite, high)])
            recorded[f"{name}/{dtype}"] = entry
        print(name)
    text = json.dumps(recorded, separators=(",", ":"))
    data = lzma.compress(text.encode(), preset=9)
    (HERE / "accuracy.json.xz").write_bytes(data)
    print(f"{len(recorded)} tables, {len(data) / 1e6:.2f} MB")


def ulp(value):
    """The distance of doubles around a value."""
    return mpf(2) ** (max(mp.frexp(mpf(value))[1] - 1, -1022) - 52) if value else mpf(2) ** -1074


if __name__ == "__main__":
    main()

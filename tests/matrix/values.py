"""The tensors of the matrix: values of a kind, laid out in a way, the same under both modules."""

import functools
import math

from support import torch

DTYPES = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "int8", "int16", "int32", "int64"),
        *("float16", "bfloat16", "float32", "float64"),
    )
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
LAYOUTS = ("transposed", "strided", "offset", "expanded", "flipped")
KINDS = ("ties", "special", "huge")

nan, inf = math.nan, math.inf
# Every kink and tie of the common functions, twice and more.
TIES = [0.0, 1.0, -1.0, 0.5, -0.5, 1.0, 0.0, 2.0, -2.0, 3.0, -3.0, -0.0, 6.0, 20.0]
SPECIAL = [nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 2.5]
HUGE = {
    "float16": [6e4, -6e4, 300.0, -300.0, 6e-8, 6e-5, -6e-5, 1.0],
    "bfloat16": [3e38, -3e38, 1e19, -1e19, 1e-38, 1e-40, 1e4, -88.0],
    "float32": [3e38, -3e38, 1e19, -1e19, 1e-38, 1e-45, 1e4, -88.0],
    "float64": [1.7e308, -1.7e308, 1e160, -1e160, 1e-308, 5e-324, 1e5, -709.0],
}
LIMITS = {
    "uint8": (0, 255),
    "int8": (-128, 127),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


@functools.cache
def grid(domain):
    """Numbers of a domain that every float dtype holds, none of them a multiple of a half."""
    low, high = math.ceil(domain[0] * 64) + 1, math.floor(domain[1] * 64)
    values = [k / 64 for k in range(low, high) if k % 32]
    return values[:-1] if len(values) % 37 == 0 else values


def number(kind, dtype, i, place, domain):
    """Element i of the tensor argument number ``place``."""
    if kind == "plain":
        if dtype == "bool":
            return (i * 5 + place * 3) % 7 % 2 == 0
        if dtype == "uint8":
            return (i * 5 + place * 3) % 9 + 1
        if dtype in INTEGERS:
            value = (i * 5 + place * 3) % 13 - 6
            return value or 7  # no zero: a divisor has tests of its own among the ties
        values = grid(domain)
        return values[(i * 37 + place * 11) % len(values)] + place / 512
    if dtype == "bool":
        return (i // 2 + place) % 2 == 0
    if kind == "ties":
        value = TIES[(i + place * 5) % len(TIES)]
        if dtype == "uint8":
            return int(abs(value)) % 4
        return int(value) % 4 - 1 if dtype in INTEGERS else value
    if dtype in INTEGERS:
        low, high = LIMITS[dtype]
        if kind == "special" or place:  # no -1 below the smallest: a quotient would overflow
            return (i * 3 + place) % 5 + 1
        return (high, low, high - 1, low + 1, high // 2, 1)[i % 6]
    values = SPECIAL if kind == "special" else HUGE[dtype]
    return values[(i + place * 3) % len(values)]


def build(values, shape, dtype):
    return torch.tensor(values, dtype=DTYPES[dtype]).reshape(shape)


def make(shape, dtype, kind="plain", layout="contiguous", place=0, domain=(-3, 3)):
    """The tensor argument number ``place`` of a call."""
    count = math.prod(shape)
    if count > 1000:
        return large(shape, dtype, domain)
    values = [number(kind, dtype, i, place, domain) for i in range(count)]
    if layout == "contiguous" or not count or not shape:
        return build(values, shape, dtype)
    if layout == "expanded":
        row = build(values[: count // shape[0]] if shape[0] else [], (1, *shape[1:]), dtype)
        return row.expand(*shape)
    if layout == "transposed":
        order = tuple(reversed(range(len(shape))))
        turned = build(values, shape, dtype).permute(*order).contiguous()
        return turned.permute(*order)
    if layout == "strided":
        spaced = [v for value in values for v in (value, number(kind, dtype, 3, 0, domain))]
        strides = [2 * s for s in row_major(shape)]
        return build(spaced, (-1,), dtype).as_strided(tuple(shape), tuple(strides))
    if layout == "offset":
        base = build([number(kind, dtype, 2, 0, domain), *values], (-1,), dtype)
        return base.as_strided(tuple(shape), tuple(row_major(shape)), 1)
    # flip copies, in PyTorch as here: the elements are in another order, the strides are plain.
    assert layout == "flipped", layout
    # torch.flip copies: what is new is a chain of two operators.
    turned = build(values[::-1], shape, dtype)
    dims = tuple(range(len(shape)))
    return turned.flip(dims) if hasattr(turned, "flip") else build(values, shape, dtype)


def row_major(shape):
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= max(size, 1)
    return strides


@functools.cache
def large(shape, dtype, domain):
    """Many elements, from a short list of values."""
    cycle = [number("plain", dtype, i, 0, domain) for i in range(379)]
    count = math.prod(shape)
    return build((cycle * (count // 379 + 1))[:count], shape, dtype)

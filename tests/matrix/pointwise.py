"""Calls of the elementwise operators, the activations and the comparisons."""

from .calls import Fixed, Named, c, floats, mask, op, t

ALL = ("ties", "special", "huge")


def unary(*more, domain=(-3, 3), big=False, **options):
    shapes = [c(t(3, 4, domain=None)), c(t()), c(t(0)), c(t(1)), c(t(2, 2, 3))]
    if big:
        shapes.append(c(t(70000)))
    return op(*shapes, *more, domain=domain, **options)


def pairs(*more):
    return [
        c(t(2, 3), t(2, 3)),
        c(t(8, 1), t(1, 8)),
        c(t(), t()),
        c(t(2, 3), t()),
        c(t(3), t(2, 1)),
        c(t(0, 2), t(2)),
        *more,
    ]


def numbers(*values):
    return [c(t(2, 3), v) for v in values or (1.5, 2, -3, True)]


def binary(*more, values=(1.5, 2, -3, True), **options):
    return op(*pairs(*numbers(*values)), *more, **options)


WRONG = [c(t(2, 3), t(2, 2)), c(t(2, 3), "x"), c(t(2, 3), None), c()]

OPERATORS = {
    "add": binary(c(t(2, 3), t(3), alpha=2), c(t(3), t(3), alpha=0.5), c(t(3), 2, alpha=3), *WRONG),
    "sub": binary(c(t(2, 3), t(3), alpha=2), c(t(3), t(3), alpha=0.5), c(t(3), 2, alpha=3), *WRONG),
    "rsub": op(*numbers(1.5, 2), c(t(2, 3), t(2, 3), alpha=2), c(t(3), 2, alpha=3)),
    "mul": binary(c(t(70000), t(70000)), *WRONG),
    "div": binary(
        *(c(t(2, 3), t(3), rounding_mode=m) for m in ("floor", "trunc", None)),
        *(c(t(8, 1), t(1, 8), rounding_mode=m) for m in ("floor", "trunc")),
        *(c(t(2, 3), v, rounding_mode=m) for m in ("floor", "trunc") for v in (1.5, -2)),
        c(t(2, 3), 0),
        c(t(2, 3), t(2, 3), rounding_mode="up"),
        *WRONG,
    ),
    "true_divide": binary(*WRONG),
    "floor_divide": binary(c(t(2, 3), 0), *WRONG, numeric=False),
    "remainder": binary(c(2.5, t(2, 3)), c(t(2, 3), 0), *WRONG),
    "fmod": binary(c(t(2, 3), 0), *WRONG),
    "pow": op(
        *pairs(),
        *numbers(2, 3, 0, 1, -1, -2, 0.5, 2.5, -1.5, -0.5, True),
        *(c(b, t(2, 3)) for b in (2, 0.5, 0, -2.0, 1)),
        c(t(2, 3), exponent=2),
        c(t(70000), 2.5),
        *WRONG,
        domain=(0.1, 3),
    ),
    "float_power": op(
        *pairs(), *numbers(2, 0.5, -1), c(2, t(2, 3)), c(0.0, t(2, 3)), domain=(0.1, 3)
    ),
    "square": unary(),
    "reciprocal": unary(big=True),
    "rsqrt": unary(domain=(0.1, 3)),
    "sqrt": unary(domain=(0.1, 3), big=True),
    "exp": unary(big=True),
    "exp2": unary(),
    "expm1": unary(),
    "log": unary(domain=(0.1, 3), big=True),
    "log1p": unary(domain=(-0.9, 3)),
    "log2": unary(domain=(0.1, 3)),
    "log10": unary(domain=(0.1, 3)),
    "xlogy": binary(c(2, t(2, 3)), c(0.0, t(2, 3)), domain=(0.1, 3)),
    "logaddexp": op(*pairs(), *WRONG, sums=True, kinds=ALL),
    "logaddexp2": op(*pairs(), *WRONG, sums=True, kinds=ALL),
    "sin": unary(big=True),
    "cos": unary(),
    "tan": unary(domain=(-1.4, 1.4)),
    "asin": unary(domain=(-0.95, 0.95)),
    "acos": unary(domain=(-0.95, 0.95)),
    "atan": unary(),
    "sinh": unary(),
    "cosh": unary(),
    "tanh": unary(big=True),
    "asinh": unary(),
    "acosh": unary(domain=(1.1, 5)),
    "atanh": unary(domain=(-0.95, 0.95)),
    "atan2": op(*pairs(), *WRONG),
    "hypot": op(*pairs(), *WRONG),
    "sinc": unary(ulp=16, sums=True, kinds=ALL),
    "sign": unary(),
    "sgn": unary(),
    "copysign": binary(c(t(2, 3), -0.0), *WRONG),
    "erf": unary(),
    "erfc": unary(),
    "erfinv": unary(domain=(-0.95, 0.95), ulp=16),
    "lgamma": unary(domain=(0.2, 6), ulp=64),
    "digamma": unary(domain=(0.2, 6), ulp=64),
    "polygamma": op(
        *(c(n, t(2, 3)) for n in (0, 1, 2, 3)),
        c(1, t()),
        c(1, t(0)),
        c(-1, t(2)),
        domain=(0.3, 5),
        ulp=64,
    ),
    "logit": unary(
        c(t(2, 3), 0.1),
        c(t(2, 3), eps=0.3),
        c(t(2, 3), 1e-6),
        c(t(2, 3), -0.5),
        domain=(0.05, 0.95),
        ulp=24,  # of 16 bits PyTorch rounds the quotient before the logarithm
    ),
    "sigmoid": unary(big=True),
    "clamp": op(
        *(c(t(3, 4), *v) for v in ((-1, 1), (0.25,), (None, 0.25), (1, -1), (None, None))),
        *(c(t(3, 4), **k) for k in ({"min": 0}, {"max": 0.5}, {"min": -0.3, "max": float("nan")})),
        c(t(2, 3), t(2, 3), t(3)),
        c(t(2, 3), t(2, 1)),
        c(t(2, 3), max=t(3)),
        c(t(8, 1), t(1, 8), t(1, 8)),
        c(t(), -1, 1),
        c(t(0), -1, 1),
        c(t(2, 3), t(2, 3), 1),
        c(t(2, 3)),
    ),
    "clip": op(c(t(3, 4), -1, 1), c(t(3, 4), max=0.25), c(t(2, 3), t(3), t(3)), c(t(2, 3))),
    "clamp_min": op(c(t(3, 4), 0.25), c(t(3, 4), 0), c(t(2, 3), t(3)), c(t(8, 1), t(1, 8))),
    "clamp_max": op(c(t(3, 4), 0.25), c(t(3, 4), 0), c(t(2, 3), t(3)), c(t(8, 1), t(1, 8))),
    **{n: op(*pairs(), *WRONG) for n in ("maximum", "minimum", "fmax", "fmin")},
    "where": op(
        c(mask([True, False, True], [False, True, True]), t(2, 3), t(2, 3)),
        c(mask([True], [False]), t(2, 3), t(3)),
        c(mask(True, False, True), t(2, 1), t()),
        c(mask(True, False, True), t(3), 2.5),
        c(mask(True, False, True), 1, t(3)),
        c(mask(True, False), 1.5, 2),
        c(mask(True, False), True, 2),
        c(mask([True, False], [False, True])),
        c(mask(True, False), t(3), t(3)),
        c(t(3), t(3), t(3)),
        c(t(2)),
        forms=("function", "out"),
    ),
    "lerp": op(
        c(t(2, 3), t(2, 3), 0.3),
        c(t(2, 3), t(3), 0.75),
        c(t(2, 3), t(2, 3), t(2, 3)),
        c(t(2, 1), t(3), t()),
        c(t(2, 3), t(2, 3), weight=2),
        c(t(), t(), 0.5),
        c(t(0), t(0), 0.5),
        c(t(2), t(3), 0.5),
    ),
    "addcmul": op(
        c(t(2, 3), t(2, 3), t(2, 3)),
        c(t(2, 3), t(3), t(2, 1), value=0.5),
        c(t(), t(2), t(2), value=2),
        c(t(0), t(0), t(0)),
        c(t(2), t(3), t(2)),
    ),
    "addcdiv": op(
        c(t(2, 3), t(2, 3), t(2, 3, domain=(0.3, 3))),
        c(t(2, 3), t(3), t(2, 1, domain=(0.3, 3)), value=0.5),
        c(t(), t(2), t(2), value=2),
        c(t(0), t(0), t(0)),
        domain=(0.1, 3),
    ),
    **{n: unary() for n in ("floor", "ceil", "trunc", "fix", "frac")},
    "round": unary(c(t(2, 3), decimals=1), c(t(2, 3), decimals=-1), c(t(2, 3), decimals=0)),
    "nan_to_num": unary(
        c(t(2, 4), 1.5), c(t(2, 4), nan=2.0, posinf=3.0, neginf=-4.0), c(t(8), 0.0, 1.0)
    ),
    "abs": unary(big=True),
    "neg": unary(),
    "positive": unary(),
    "deg2rad": unary(),
    "rad2deg": unary(),
    # nn.functional
    "relu": unary(c(t(2, 3), inplace=True), big=True),
    "relu6": unary(c(t(2, 3), inplace=True), c(t(2, 3, domain=(0, 9)))),
    "leaky_relu": unary(c(t(2, 3), 0.2), c(t(2, 3), negative_slope=-0.5), c(t(3), 0.1, True)),
    "elu": unary(c(t(2, 3), 2.0), c(t(2, 3), alpha=0.5), c(t(3), inplace=True)),
    "selu": unary(c(t(3), inplace=True)),
    "celu": unary(c(t(2, 3), 2.0), c(t(2, 3), alpha=-0.5), c(t(3), 1.0, True), c(t(3), 0.0)),
    # Of its left tail PyTorch keeps few digits: tests/ops/test_accuracy.py measures ours.
    "gelu": unary(
        c(t(2, 3), approximate="tanh"), c(t(2, 3), approximate="none"), sums=True, kinds=ALL
    ),
    "silu": unary(c(t(3), inplace=True)),
    "mish": unary(c(t(3), inplace=True), sums=True, kinds=ALL),
    "softplus": unary(c(t(2, 3), 2.0), c(t(2, 3), beta=1, threshold=1.7), c(t(3), 0.5, 20)),
    "hardtanh": unary(c(t(2, 3), -0.3, 0.7), c(t(2, 3), min_val=-2.0), c(t(3), -1, 1, True)),
    "hardsigmoid": unary(c(t(3), inplace=True), c(t(2, 3, domain=(-5, 5)))),
    "hardswish": unary(c(t(3), inplace=True), c(t(2, 3, domain=(-5, 5)))),
    "logsigmoid": unary(),
    "softsign": unary(),
    "threshold": op(
        c(t(3, 4), 0.25, 7), c(t(3, 4), 0, -1.5), c(t(2), threshold=1, value=2), c(t(2), 1, 2, True)
    ),
    "tanhshrink": unary(ulp=64),
    "softshrink": unary(c(t(2, 3), 1.25), c(t(2, 3), lambd=0.0), c(t(2), -1.0)),
    "hardshrink": unary(c(t(2, 3), 1.25), c(t(2, 3), lambd=0.0)),
    "prelu": op(
        c(t(2, 3), t(3)),
        c(t(2, 3), t(1)),
        c(t(2, 3, 2), t(3)),
        c(t(4), t(1)),
        c(t(), t(1)),
        c(t(2, 3), t(2)),
        c(t(2, 3), t(1, 3)),
        c(t(0, 3), t(3)),
    ),
    "glu": op(c(t(2, 4)), c(t(4, 2), 0), c(t(2, 2, 2), dim=1), c(t(2, 3)), c(t())),
    **{
        n: op(
            c(t(3, 4), 1),
            c(t(3, 4), 0),
            c(t(3, 4), dim=-1),
            c(t(2, 3, 2), 1, dtype=Named("float64")),
            c(t(), 0),
            c(t(0, 2), 0),
            c(t(2, 0), 1),
            c(t(2, 3), 2),
            c(t(300, 300), 1),
            sums=True,
        )
        for n in ("softmax", "log_softmax", "softmin")
    },
    # comparisons
    **{n: binary(*WRONG) for n in ("eq", "ne", "lt", "le", "gt", "ge")},
    **{n: op(*pairs(), *WRONG) for n in ("logical_and", "logical_or", "logical_xor")},
    "logical_not": unary(),
    **{
        n: op(*pairs(*numbers(2, -3, True, 1.5)), *WRONG)
        for n in ("bitwise_and", "bitwise_or", "bitwise_xor")
    },
    **{
        n: op(
            c(t(2, 3), Fixed(((0, 1, 2), (3, 1, 0)), "uint8")),
            c(t(2, 3), Fixed(((0, 1, 2), (3, 1, 0)))),
            *numbers(2, 0),
            c(3, t(2)),
            kinds=("ties",),
        )
        for n in ("bitwise_left_shift", "bitwise_right_shift")
    },
    "bitwise_not": unary(),
    **{n: unary() for n in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit")},
    "isclose": op(
        *pairs(),
        c(t(3), t(3), 1.0, 0.5),
        c(t(8, 1), t(1, 8), equal_nan=True),
        c(t(3), t(3), rtol=-1.0),
        c(t(8), t(8), atol=0.5),
    ),
    "allclose": op(
        *pairs(), c(t(3), t(3), 1.0, 5.0), c(t(3), t(3), rtol=0.0, atol=9.0, equal_nan=True)
    ),
    "equal": op(*pairs(), c(t(2, 3), floats(*[0.0] * 3))),
}

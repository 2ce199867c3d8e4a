"""What is right where PyTorch's record is not: computed here, in float64 or exactly.

Each function takes an operator's name, call and case, and gives the values of the result's parts,
in the order of the observation's line.
"""

import fractions
import math

import numpy as np

from .compare import EPSILON, TINY

inf, nan = math.inf, math.nan


def parts_of(line):
    """(dtype, values) of every tensor that a line tells."""
    found = []
    for part in line.split(" ; "):
        words = part.split(" ")
        if words[0] in EPSILON or words[0].startswith(("int", "uint", "bool")):
            found.append((words[0], [float(v) for v in words[2:] if v]))
    return found


def near(dtype, got, want, ulp):
    """A float of a dtype is a wanted number, to so many units in the last place."""
    if want != want or math.isinf(want):
        return got == want or (want != want and got != got)
    limit = EPSILON[dtype] * ulp
    largest = {"float16": 65504.0, "bfloat16": 3.3895e38, "float32": 3.4028e38}.get(dtype, inf)
    if abs(want) > largest:
        return abs(got) >= largest and (got > 0) == (want > 0)
    digits = 1e-13 if dtype == "float64" else 0.0  # those of a line
    return abs(got - want) <= max(limit, digits) * abs(want) + TINY[dtype]


def is_exact(line, recorded, want, ulp, case):
    """The parts of a line have the wanted values; None is the record's."""
    parts = parts_of(line)
    for (_, values), wanted in zip(parts_of(recorded), want):
        wanted[:] = (
            [v if w is None else w for v, w in zip(values, wanted)] if None in wanted else wanted
        )
    if case.form == "out_double":  # may be computed in the operand's dtype
        parts = [(case.dtype if case.dtype in EPSILON else "float32", v) for _, v in parts]
    return len(parts) == len(want) and all(
        len(values) == len(wanted) and all(near(dtype, g, w, ulp) for g, w in zip(values, wanted))
        for (dtype, values), wanted in zip(parts, want)
    )


def arrays(operator, call, case):
    """The call's varying tensors as float64 arrays, and its other arguments."""
    args, kwargs, tensors = call.build(case, operator.domain)
    return [np.array(x.tolist(), dtype=np.float64) for x in tensors], args, kwargs


def upstream(count):
    """The weights of an observation's gradient."""
    return [((i * 29 + 7) % 31 - 15) / 16 or 1.0 for i in range(count)]


def gelu(operator, call, case):
    (x,), _, kwargs = arrays(operator, call, case)
    if kwargs.get("approximate") == "tanh":
        edge = math.sqrt(2 / math.pi)
        return [
            [
                0.5 * v * (1 + math.tanh(edge * (v + 0.044715 * v * v * v)))
                for v in x.ravel().tolist()
            ]
        ]
    return [[0.5 * v * math.erfc(-v * math.sqrt(0.5)) for v in x.ravel().tolist()]]


def sinc(operator, call, case):
    (x,), _, _ = arrays(operator, call, case)

    def of(v):
        if abs(v) < 1e-9:
            return 1.0  # 1 - (pi v)^2 / 6
        # fmod is exact: the angle is no larger than 2 pi, and 0 at whole numbers.
        turn = math.fmod(v, 2.0)
        return 0.0 if turn in (0.0, 1.0, -1.0) else math.sin(math.pi * turn) / v / math.pi

    return [[of(v) for v in x.ravel().tolist()]]


def root(operator, call, case):
    """x to the power of 0.5 or -0.5 by the square root, which keeps the sign of 0."""
    tensors, args, kwargs = arrays(operator, call, case)
    exponent = kwargs.get("exponent", args[-1])
    if not isinstance(exponent, float) or exponent not in (0.5, -0.5):
        return []  # no such power: nothing is right
    with np.errstate(all="ignore"):
        y = np.sqrt(tensors[0])
        return [(y if exponent > 0 else 1 / y).ravel().tolist()]


def polygamma(n, x):
    """The n-th derivative of digamma: upwards to 25, then the asymptotic series."""
    if math.isinf(x) and x > 0:
        return inf if n == 0 else 0.0
    if x != x or math.isinf(x):
        return nan
    if x <= 0 and x == math.floor(x):
        if n == 0:
            return math.copysign(inf, -math.copysign(1.0, x)) if x == 0 else nan
        return inf if n % 2 else nan if x else math.copysign(inf, -math.copysign(1.0, x))
    if abs(x) < 1e-300:
        return math.copysign(inf, x if n % 2 else -x)
    sign = -1.0 if n % 2 else 1.0
    steps = []
    while x < 25:
        with np.errstate(all="ignore"):
            steps.append(-sign * math.factorial(n) * float(np.float64(1 / x) ** (n + 1)))
        x += 1
    bernoulli = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
    if n == 0:
        tail = math.log(x) - 0.5 / x
        steps += [-b / (2 * k) * (1 / x) ** (2 * k) for k, b in enumerate(bernoulli, 1)]
    else:
        y = 1 / x
        tail = -sign * (math.factorial(n - 1) * y**n + math.factorial(n) / 2 * y ** (n + 1))
        steps += [
            -sign * b * math.factorial(2 * k + n - 1) / math.factorial(2 * k) * y ** (2 * k + n)
            for k, b in enumerate(bernoulli, 1)
        ]
    return math.fsum([tail, *steps])


def gamma_derivatives(operator, call, case):
    """digamma and polygamma, and their gradients."""
    (x,), args, _ = arrays(operator, call, case)
    order = args[0] if isinstance(args[0], int) else 0
    values = x.ravel().tolist()
    if not case.gradient:
        return [[polygamma(order, v) for v in values]]
    slopes = [polygamma(order + 1, v) for v in values]
    return [[s * g for s, g in zip(slopes, upstream(len(values)))]]


def spread(operator, call, case, root_of=False):
    """A variance or deviation, and the mean beside it, by NumPy."""
    (x,), args, kwargs = arrays(operator, call, case)
    rest = list(args[1:])
    correction = kwargs.get("correction", 1)
    if rest and isinstance(rest[0], bool):
        correction = int(rest.pop(0))
    dim = kwargs.get("dim", rest.pop(0) if rest else None)
    if rest:
        correction = int(rest.pop(0)) if "correction" not in kwargs else correction
    correction = int(kwargs.get("unbiased", correction)) if "unbiased" in kwargs else correction
    dims = tuple(range(x.ndim)) if dim is None or dim == () else dim
    with np.errstate(all="ignore"):
        mean = x.mean(axis=dims, keepdims=True)
        count = x.size // max(mean.size, 1)
        variance = ((x - mean) ** 2).sum(axis=dims) / max(count - correction, 0)
    variance = np.sqrt(variance) if root_of else variance
    return [variance.ravel().tolist(), mean.ravel().tolist()]


def histc(operator, call, case):
    """Counts in bins whose edges are fractions."""
    (x,), args, kwargs = arrays(operator, call, case)
    names = ("bins", "min", "max")
    given = {**dict(zip(names, args[1:])), **kwargs}
    bins = given.get("bins", 100)
    values = [fractions.Fraction(v) for v in x.ravel().tolist()]
    low, high = (fractions.Fraction(given.get(n, 0)) for n in ("min", "max"))
    if low == high and values:
        low, high = min(values), max(values)
    counts = [0.0] * bins
    for v in values:
        if low <= v <= high:
            counts[min(int((v - low) * bins / (high - low)), bins - 1)] += 1
    return [counts]


def ldexp(operator, call, case):
    """x times a power of two; the slope is that power, whatever sign the exponent has."""
    tensors, args, _ = arrays(operator, call, case)
    exponents = np.array(args[1].tolist(), dtype=np.float64)
    with np.errstate(all="ignore"):
        power = np.exp2(exponents)
        if not case.gradient:
            return [(tensors[0] * power).ravel().tolist()]
        full = np.broadcast_to(power, np.broadcast_shapes(tensors[0].shape, power.shape))
        return [(full.ravel() * np.array(upstream(full.size))).tolist()]


def cdist(operator, call, case):
    """Distances from the differences themselves, not from squares and a product."""
    (a, b), args, kwargs = arrays(operator, call, case)
    order = args[2] if len(args) > 2 else kwargs.get("p", 2.0)
    with np.errstate(all="ignore"):
        apart = np.abs(a[..., :, None, :] - b[..., None, :, :])
        if order == 0:
            return [(apart != 0).sum(axis=-1).ravel().tolist()]
        if math.isinf(order):
            return [apart.max(axis=-1).ravel().tolist()]
        return [((apart**order).sum(axis=-1) ** (1 / order)).ravel().tolist()]


def soft_margin_slope(operator, call, case):
    """-t / (1 + e^(x t)), whose limits at infinity are numbers; divided by n for a mean."""
    (x,), args, kwargs = arrays(operator, call, case)
    each = kwargs.get("reduction") == "none" or kwargs.get("reduce") is False
    target = np.broadcast_to(np.array(args[1].tolist()), x.shape)
    with np.errstate(all="ignore"):
        slope = -target / (1 + np.exp(x * target))
    weights = np.array(upstream(x.size if each else 1)).reshape(x.shape if each else ())
    mean = not each and kwargs.get("reduction") != "sum"
    return [(slope * weights / (x.size if mean else 1)).ravel().tolist()]


def bce_slope(operator, call, case):
    """(x - t) / max(x (1 - x), 1e-12) for the input, and log(1 - x) - log x for the target."""
    (x, t), _, _ = arrays(operator, call, case)
    with np.errstate(all="ignore"):
        slope = (x - t) / np.maximum(x * (1 - x), 1e-12)
        other = np.log1p(-x) - np.log(x)
    weight = upstream(1)[0] / x.size
    return [(slope * weight).ravel().tolist(), (other * weight).ravel().tolist()]


def remainder(operator, call, case, floored=True):
    """The exact remainder, with the divisor's sign where it is floored."""
    args, kwargs, _ = call.build(case, operator.domain)
    a, b = (np.array(x.tolist() if hasattr(x, "tolist") else x, dtype=np.float64) for x in args[:2])
    a, b = np.broadcast_arrays(a, b)

    def of(x, y):
        if y == 0 or x != x or y != y or math.isinf(x):
            return nan
        left = math.fmod(x, y)
        return left + y if floored and left and (left < 0) != (y < 0) else left

    return [[of(x, y) for x, y in zip(a.ravel().tolist(), b.ravel().tolist())]]


def layer_norm(operator, call, case):
    """Deviations over their root mean square, of numbers scaled so that no square overflows."""
    args, kwargs, tensors = call.build(case, operator.domain)
    x = np.array(args[0].tolist(), dtype=np.float64)
    dims = tuple(range(x.ndim - len(args[1]), x.ndim))
    given = dict(zip(("weight", "bias", "eps"), args[2:])) | kwargs
    scale = np.maximum(np.abs(x).max(axis=dims, keepdims=True), 1e-300)
    y = x / scale
    apart = y - y.mean(axis=dims, keepdims=True)
    bound = given.get("eps", 1e-5) / scale / scale
    y = apart / np.sqrt((apart**2).mean(axis=dims, keepdims=True) + bound)
    with np.errstate(all="ignore"):
        for name, function in (("weight", np.multiply), ("bias", np.add)):
            if given.get(name) is not None:
                y = function(y, np.array(given[name].tolist(), dtype=np.float64))
    return [y.ravel().tolist()]


def scattered_slope(operator, call, case):
    """The gradient goes to the source where it replaced elements, to the operand elsewhere."""
    args, kwargs, _ = call.build(case, operator.domain)
    count = args[0].numel()
    given = dict(zip(("size", "stride", "storage_offset"), args[2:])) | kwargs
    places = np.lib.stride_tricks.as_strided(
        np.arange(count)[given.get("storage_offset") or 0 :],
        given["size"],
        [8 * s for s in given["stride"]],
    ).ravel()
    g = np.array(upstream(count))
    other = g[places].tolist()
    g[places] = 0
    return [g.tolist(), other]


def vander_slope(operator, call, case):
    """The sum of k x^(k - 1) g over the powers k above 0."""
    (x,), args, kwargs = arrays(operator, call, case)
    count = kwargs.get("N", args[1] if len(args) > 1 else x.size)
    powers = list(range(count)) if kwargs.get("increasing") else list(range(count))[::-1]
    g = np.array(upstream(x.size * count)).reshape(x.size, count)
    with np.errstate(all="ignore"):
        terms = {k: g[:, i] * k * x ** (k - 1) for i, k in enumerate(powers) if k}
        # At infinity the highest power is all there is.
        total = np.where(np.isinf(x), terms[max(powers)], sum(terms.values()))
    return [total.tolist()]


def logits_loss(operator, call, case, usual=0):
    """(1 - t) x + (1 + (p - 1) t) log(1 + e^-x), weighted, then each, the mean or the sum."""
    args, kwargs, _ = call.build(case, operator.domain)
    names = ("weight", "pos_weight", "reduction")
    given = dict(zip(names, args[2:])) | kwargs
    x, t = (np.array(v.tolist(), dtype=np.float64) for v in args[:2])
    weight, positive = (
        1.0 if given.get(n) is None else np.array(given[n].tolist(), dtype=np.float64)
        for n in names[:2]
    )
    each = weight * ((1 - t) * x + (1 + (positive - 1) * t) * np.logaddexp(0, -x))
    reduction = "none" if given.get("reduce") is False else given.get("reduction", usual)
    if reduction in ("none", 0):
        return [each.ravel().tolist()]
    return [[float(each.mean() if reduction in ("mean", 1) else each.sum())]]


def slope_at_nan(operator, call, case):
    """The gradient passes where the element is nan; None elsewhere: as the record says."""
    (x,), _, _ = arrays(operator, call, case)
    flat = x.ravel().tolist()
    return [[g if v != v else None for g, v in zip(upstream(len(flat)), flat)]]

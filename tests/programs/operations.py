"""What random programs are made of: each operation as rushlight and as NumPy compute it."""

import dataclasses
from collections.abc import Callable

import numpy as np
from support import torch

from .machine import FROM_KINK, LARGEST


@dataclasses.dataclass
class Operation:
    """draw(machine) gives operands and parameters, or None where no variable fits."""

    name: str
    draw: Callable
    torch: Callable  # of a list of tensors, and the parameters
    numpy: Callable
    kind: str = "value"  # or "view", "write"
    saves: str = ""  # whose values its node keeps: "operands", "result", both, or "source"
    marks: frozenset = frozenset()
    broadcasts: bool = False
    writable: bool = True


OPERATIONS = []


def add(name, draw, of_torch, of_numpy, **options):
    OPERATIONS.append(Operation(name, draw, of_torch, of_numpy, **options))


def mild(v):
    """Values that may be multiplied or raised."""
    return v.array.size == 0 or np.abs(v.array).max() < 4


def bounded(v):
    return v.array.size == 0 or np.abs(v.array).max() < LARGEST


def one(wanted=bounded):
    def draw(machine):
        i = machine.pick(wanted)
        return None if i is None else ((i,), ())

    return draw


def two(wanted=bounded):
    """Two variables that broadcast to no more than a few elements."""

    def draw(machine):
        i = machine.pick(wanted)
        if i is None:
            return None
        shape = machine.variables[i].array.shape
        j = machine.pick(lambda v: wanted(v) and small(shape, v.array.shape))
        return None if j is None else ((i, j), ())

    return draw


def small(*shapes):
    try:
        return np.prod(np.broadcast_shapes(*shapes)) <= 96
    except ValueError:
        return False


# --- one operand
UNARY = {
    "neg": (lambda x: -x, ""),
    "tanh": (np.tanh, "result"),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), "result"),
    "exp": (np.exp, "result"),
    "sin": (np.sin, "operands"),
    "cos": (np.cos, "operands"),
    "atan": (np.arctan, "operands"),
    "square": (np.square, "operands"),
    "expm1": (np.expm1, "result"),
}
for _name, (_numpy, _saves) in UNARY.items():
    if hasattr(torch, _name):
        add(
            _name,
            one(mild),
            lambda v, n=_name: getattr(torch, n)(v[0]),
            lambda v, f=_numpy: f(v[0]),
            saves=_saves,
        )
add("clone", one(), lambda v: v[0].clone(), lambda v: v[0].copy())
add(
    "squeeze values",
    one(lambda v: True),
    lambda v: torch.tanh(v[0] * 0.1),
    lambda v: np.tanh(v[0] * 0.1),
    saves="result",
)
add(
    "root",
    one(mild),
    lambda v: (v[0] * v[0] + 0.5).sqrt(),
    lambda v: np.sqrt(v[0] * v[0] + 0.5),
    saves="operands and result",
)
add(
    "logarithm",
    one(mild),
    lambda v: torch.log(v[0] ** 2 + 0.5),
    lambda v: np.log(v[0] ** 2 + 0.5),
    saves="operands",
)


def off_kink(v):
    return bounded(v) and v.array.size and np.abs(v.array).min() > FROM_KINK


add("abs", one(off_kink), lambda v: v[0].abs(), lambda v: np.abs(v[0]), saves="operands")
add(
    "relu", one(off_kink), lambda v: torch.relu(v[0]), lambda v: np.maximum(v[0], 0), saves="result"
)


# --- two operands
def difference(operands):
    a, b = operands
    return np.abs(a - b)


def apart(machine):
    drawn = two()(machine)
    if drawn is None:
        return None
    i, j = drawn[0]
    gap = difference((machine.variables[i].array, machine.variables[j].array))
    return drawn if gap.size and gap.min() > FROM_KINK else None


BINARY = {
    "add": (two(), lambda a, b: a + b, lambda a, b: a + b, ""),
    "sub": (two(), lambda a, b: a - b, lambda a, b: a - b, ""),
    "mul": (two(mild), lambda a, b: a * b, lambda a, b: a * b, "operands"),
    "div": (two(mild), lambda a, b: a / (b * b + 1), lambda a, b: a / (b * b + 1), "operands"),
    "maximum": (apart, lambda a, b: torch.maximum(a, b), np.maximum, "operands"),
    "minimum": (apart, lambda a, b: torch.minimum(a, b), np.minimum, "operands"),
}
for _name, (_draw, _torch, _numpy, _saves) in BINARY.items():
    add(
        _name,
        _draw,
        lambda v, f=_torch: f(*v),
        lambda v, f=_numpy: f(*v),
        saves=_saves,
        broadcasts=True,
    )


def masked(machine):
    drawn = two()(machine)
    if drawn is None:
        return None
    shape = np.broadcast_shapes(*(machine.variables[i].array.shape for i in drawn[0]))
    size = int(np.prod(shape))
    return drawn[0], (
        np.array([machine.random.random() < 0.5 for _ in range(size)], bool).reshape(shape),
    )


def as_mask(m):
    return torch.tensor(m.tolist(), dtype=torch.bool).reshape(m.shape)


add(
    "where",
    masked,
    lambda v, m: torch.where(as_mask(m), v[0], v[1]),
    lambda v, m: np.where(m, v[0], v[1]),
    broadcasts=True,
)


def factors(machine):
    i = machine.pick(lambda v: v.array.ndim == 2 and mild(v))
    if i is None:
        return None
    inner = machine.variables[i].array.shape[1]
    j = machine.pick(lambda v: v.array.ndim == 2 and mild(v) and v.array.shape[0] == inner)
    return None if j is None else ((i, j), ())


add("mm", factors, lambda v: v[0] @ v[1], lambda v: v[0] @ v[1], saves="operands")


# --- along a dimension
def along(machine, wanted=bounded, least=1):
    i = machine.pick(lambda v: v.array.ndim >= least and wanted(v))
    if i is None:
        return None
    return i, machine.random.randrange(machine.variables[i].array.ndim)


def reduced(machine):
    drawn = along(machine)
    return None if drawn is None else ((drawn[0],), (drawn[1], machine.random.random() < 0.5))


add(
    "sum",
    reduced,
    lambda v, d, k: v[0].sum(d, keepdim=k),
    lambda v, d, k: np.asarray(v[0].sum(d, keepdims=k)),
)
add(
    "mean",
    reduced,
    lambda v, d, k: v[0].mean(d, k),
    lambda v, d, k: np.asarray(v[0].mean(d, keepdims=k)),
)
add(
    "prod",
    lambda m: (lambda r: r and ((r[0],), (r[1],)))(along(m, mild)),
    lambda v, d: v[0].prod(d),
    lambda v, d: np.asarray(v[0].prod(d)),
    saves="operands and result",
)


def joined(machine):
    drawn = along(machine)
    if drawn is None:
        return None
    i, dim = drawn
    shape = machine.variables[i].array.shape
    j = machine.pick(
        lambda v: (
            v.array.ndim == len(shape)
            and bounded(v)
            and all(a == b or d == dim for d, (a, b) in enumerate(zip(v.array.shape, shape)))
        )
    )
    total = machine.variables[i].array.size + machine.variables[j].array.size
    return ((i, j), (dim,)) if total <= 96 else None


add("cat", joined, lambda v, d: torch.cat(v, d), lambda v, d: np.concatenate(v, d))


def chosen(machine):
    drawn = along(machine)
    if drawn is None:
        return None
    i, dim = drawn
    size = machine.variables[i].array.shape[dim]
    index = [machine.random.randrange(size) for _ in range(machine.random.randint(1, 4))]
    return ((i,), (dim, index)) if size else None


add(
    "index_select",
    chosen,
    lambda v, d, index: torch.index_select(v[0], d, torch.tensor(index)),
    lambda v, d, index: np.take(v[0], index, d),
)
if hasattr(torch, "cumsum"):
    add(
        "cumsum",
        lambda m: (lambda r: r and ((r[0],), (r[1],)))(along(m)),
        lambda v, d: v[0].cumsum(d),
        lambda v, d: np.cumsum(v[0], d),
    )
if hasattr(torch, "flip"):
    add(
        "flip",
        lambda m: (lambda r: r and ((r[0],), (r[1],)))(along(m)),
        lambda v, d: v[0].flip((d,)),
        lambda v, d: np.flip(v[0], d).copy(),
    )


# --- views
VIEW = frozenset(["view"])


def view(name, draw, of_torch, of_numpy, **options):
    add(name, draw, of_torch, of_numpy, kind="view", marks=VIEW, **options)


def sliced(machine):
    drawn = along(machine)
    if drawn is None:
        return None
    i, dim = drawn
    size = machine.variables[i].array.shape[dim]
    start = machine.random.randint(0, max(size - 1, 0))
    step = machine.random.randint(1, 2)
    index = (slice(None),) * dim + (
        slice(start, machine.random.randint(start + 1, size + 1), step),
    )
    return (i,), (index,)


def selected(machine):
    drawn = along(machine)
    if drawn is None or not machine.variables[drawn[0]].array.shape[drawn[1]]:
        return None
    i, dim = drawn
    return (i,), (dim, machine.random.randrange(machine.variables[i].array.shape[dim]))


def swapped(machine):
    drawn = along(machine, lambda v: True, 2)
    if drawn is None:
        return None
    i, dim = drawn
    return (i,), (dim, machine.random.randrange(machine.variables[i].array.ndim))


def reshaped(machine):
    i = machine.pick(
        lambda v: v.array.flags.c_contiguous and v.tensor.is_contiguous() and v.array.size
    )
    if i is None:
        return None
    size = machine.variables[i].array.size
    rows = machine.random.choice([k for k in range(1, size + 1) if size % k == 0])
    return (i,), ((rows, size // rows),)


def expanded(machine):
    i = machine.pick(lambda v: 1 in v.array.shape and v.array.size <= 24)
    if i is None:
        return None
    n = machine.random.randint(2, 4)
    shape = machine.variables[i].array.shape
    dim = machine.random.choice([d for d, s in enumerate(shape) if s == 1])
    return (i,), (shape[:dim] + (n,) + shape[dim + 1 :],)


def unsqueezed(machine):
    i = machine.pick(lambda v: v.array.ndim < 4)
    return (
        None if i is None else ((i,), (machine.random.randint(0, machine.variables[i].array.ndim),))
    )


view("slice", sliced, lambda v, index: v[0][index], lambda v, index: v[0][index])
view(
    "select",
    selected,
    lambda v, d, k: v[0].select(d, k),
    lambda v, d, k: (
        v[0][(slice(None),) * d + (slice(k, k + 1),)].reshape(v[0].shape[:d] + v[0].shape[d + 1 :])
        if v[0].ndim == 1
        else v[0][(slice(None),) * d + (k,)]
    ),
)
view(
    "transpose", swapped, lambda v, a, b: v[0].transpose(a, b), lambda v, a, b: v[0].swapaxes(a, b)
)
view("view", reshaped, lambda v, s: v[0].view(s), lambda v, s: v[0].reshape(s))
view("unsqueeze", unsqueezed, lambda v, d: v[0].unsqueeze(d), lambda v, d: np.expand_dims(v[0], d))
view(
    "expand",
    expanded,
    lambda v, s: v[0].expand(s),
    lambda v, s: np.broadcast_to(v[0], s),
    writable=True,
)
view(
    "diagonal",
    lambda m: (lambda i: None if i is None else ((i,), ()))(m.pick(lambda v: v.array.ndim == 2)),
    lambda v: v[0].diagonal(),
    lambda v: writable_diagonal(v[0]),
)
view(
    "unbind",
    selected,
    lambda v, d, k: v[0].unbind(d)[k],
    lambda v, d, k: np.moveaxis(v[0], d, 0)[k : k + 1].reshape(
        v[0].shape[:d] + v[0].shape[d + 1 :]
    ),
    writable=False,
)


def writable_diagonal(a):
    n = min(a.shape)
    return np.lib.stride_tricks.as_strided(a, (n,), (sum(a.strides),))

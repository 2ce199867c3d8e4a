"""What random programs write in place, also through views and with operands that broadcast."""

import numpy as np

from .operations import add, as_mask, bounded, mild, small

WRITE = frozenset(["write"])


def may_write(machine):
    def wanted(v):
        return (
            v.writable
            and v.array.flags.writeable
            and v.family not in machine.saved
            and 0 not in v.array.strides
            and bounded(v)
        )

    return wanted


def write(name, draw, of_torch, of_numpy, **options):
    add(name, draw, of_torch, of_numpy, kind="write", marks=WRITE, **options)


def target(machine, extra=lambda v: True):
    wanted = may_write(machine)
    return machine.pick(lambda v: wanted(v) and extra(v))


def number(machine):
    i = target(machine)
    return None if i is None else ((i,), (round(machine.random.uniform(-1.5, 1.5), 3),))


def source(wanted=bounded):
    """A target, and an operand of another family that broadcasts into it."""

    def draw(machine):
        i = target(machine)
        if i is None:
            return None
        into = machine.variables[i]

        def fits(v):
            return (
                v.family != into.family
                and wanted(v)
                and small(into.array.shape, v.array.shape)
                and np.broadcast_shapes(into.array.shape, v.array.shape) == into.array.shape
            )

        j = machine.pick(fits)
        return None if j is None else ((i, j), ())

    return draw


def written(function):
    """A NumPy function of the target and operands, written over the target."""

    def run(v, *parameters):
        v[0][...] = function(*v, *parameters)
        return v[0]

    return run


write("add_", source(), lambda v: v[0].add_(v[1]), written(lambda a, b: a + b))
write("sub_", source(), lambda v: v[0].sub_(v[1], alpha=0.5), written(lambda a, b: a - 0.5 * b))
write("copy_", source(), lambda v: v[0].copy_(v[1]), written(lambda a, b: b))
write(
    "mul_",
    source(mild),
    lambda v: v[0].mul_(v[1]),
    written(lambda a, b: a * b),
    saves="source",
)
write("add_ number", number, lambda v, n: v[0].add_(n), written(lambda a, n: a + n))
write("mul_ number", number, lambda v, n: v[0].mul_(n), written(lambda a, n: a * n))
write("fill_", number, lambda v, n: v[0].fill_(n), written(lambda a, n: np.full_like(a, n)))
write(
    "neg_",
    lambda m: (lambda i: None if i is None else ((i,), ()))(target(m)),
    lambda v: v[0].neg_(),
    written(lambda a: -a),
)
write(
    "tanh_",
    lambda m: (lambda i: None if i is None else ((i,), ()))(target(m)),
    lambda v: v[0].tanh_(),
    written(np.tanh),
    saves="result",
)


def masked_write(machine):
    drawn = number(machine)
    if drawn is None:
        return None
    a = machine.variables[drawn[0][0]].array
    mask = np.array([machine.random.random() < 0.4 for _ in range(a.size)], bool).reshape(a.shape)
    return drawn[0], (mask, *drawn[1])


write(
    "masked_fill_",
    masked_write,
    lambda v, m, n: v[0].masked_fill_(as_mask(m), n),
    written(lambda a, m, n: np.where(m, n, a)),
)


def row_write(machine):
    i = target(machine, lambda v: v.array.ndim >= 1 and v.array.shape[0] >= 1)
    if i is None:
        return None
    into = machine.variables[i]
    row = into.array.shape[1:]
    j = machine.pick(
        lambda v: (
            v.family != into.family
            and bounded(v)
            and small(row, v.array.shape)
            and np.broadcast_shapes(row, v.array.shape) == row
        )
    )
    return None if j is None else ((i, j), (machine.random.randrange(into.array.shape[0]),))


def set_row(v, k):
    v[0][k] = v[1]
    return v[0]


write("set a row", row_write, set_row, set_row)

"""Planting infinities and nan: finite arguments for which an op of the table makes one."""

import itertools

from op_samples import bind, samples
from support import torch

HUGE = 3e38  # two of them overflow float32
LARGER = 3.3e38  # times a slope of 1.1
VALUES = (0.0, HUGE, -HUGE, 1.0, -1.0, 100.0, -2.0, 1e-38, 0.5, -0.5)
GRADIENTS = (1.0, LARGER)


class Plant:
    """function, tensors: a call that makes a value ("forward") or a gradient ("backward") that is
    not finite, the latter of gradients that are all `gradient`.
    """

    def __init__(self, function, tensors, gradient=1.0):
        self.function, self.tensors, self.gradient = function, tensors, gradient


def full(value, *sizes):
    return torch.full(sizes, value)


def at(*places):
    return (torch.tensor(places),)


_F = torch.nn.functional
# With options that no sample has.
EXTRA = {
    ("xlogy.2", "forward"): Plant(lambda x: torch.xlogy(x, 0.0), [full(1.0, 2)]),
    ("xlogy.2", "backward"): Plant(lambda x: torch.xlogy(x, 100.0), [full(1.0, 2)], HUGE),
    ("_special_xlog1py.2", "forward"): Plant(
        lambda x: torch.special.xlog1py(x, -1.0), [full(1.0, 2)]
    ),
    ("_special_xlog1py.2", "backward"): Plant(
        lambda x: torch.special.xlog1py(x, 100.0), [full(1.0, 2)], HUGE
    ),
    ("_leaky_relu", "forward"): Plant(lambda x: _F.leaky_relu(x, 3.0), [full(-HUGE, 2)]),
    ("_leaky_relu", "backward"): Plant(lambda x: _F.leaky_relu(x, 3.0), [full(-1.0, 2)], HUGE),
    ("_elu", "backward"): Plant(lambda x: _F.elu(x, 3.0), [full(-0.01, 2)], HUGE),
    ("_add_number", "forward"): Plant(lambda x: torch._C._add_number(x, HUGE), [full(HUGE, 2)]),
    ("normal.2", "forward"): Plant(lambda s: torch.normal(0.0, s), [full(HUGE, 50)]),
    ("index_put", "forward"): Plant(
        lambda x, v: torch.index_put(x, at(0), v, accumulate=True), [full(HUGE, 2), full(HUGE, 1)]
    ),
    ("index_put", "backward"): Plant(
        lambda x, v: torch.index_put(x, at(0, 1), v), [full(1.0, 2), full(1.0, 1)], HUGE
    ),
    ("index_put_", "forward"): Plant(
        lambda x, v: x.index_put_(at(0), v, accumulate=True), [full(HUGE, 2), full(HUGE, 1)]
    ),
    ("index_put_", "backward"): Plant(
        lambda x, v: x.index_put_(at(0, 1), v), [full(1.0, 2), full(1.0, 1)], HUGE
    ),
}


def finite(*tensors):
    return all(bool(torch.isfinite(t).all()) for t in tensors if t.is_floating_point())


def fillings(tensors):
    """Versions of the tensors with extreme values in them."""
    floats = [i for i, t in enumerate(tensors) if t.is_floating_point()]
    for values in itertools.product(VALUES, repeat=min(len(floats), 2)):
        filled = list(tensors)
        for i, value in zip(floats, values):
            filled[i] = torch.full_like(tensors[i], value)
        yield filled
    for value in VALUES:
        filled = [t.clone() for t in tensors]
        if floats and filled[floats[0]].numel():
            first = filled[floats[0]]
            first[(0,) * first.ndim] = value
            yield filled


def leaves_of(tensors):
    return [t.clone().requires_grad_() if t.is_floating_point() else t for t in tensors]


def through(function, leaves):
    """The op between others: what it makes comes from and goes on through operations."""
    torch.manual_seed(1)
    before = [t * 1 if t.is_floating_point() else t for t in leaves]
    return function(*before).reshape(-1).neg()


def refused(function, *arguments):
    """The result of a call, None where the op does not take these values."""
    try:
        return function(*arguments)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
        return None


def calls(op):
    """(function, finite tensors) for each sample with each filling."""
    for sample in samples(op)[:8]:
        bound = refused(lambda sample=sample: bind(op, sample, dtype=torch.float32))
        if bound is None or not bound[1] or max(t.numel() for t in bound[1]) > 200:
            continue
        for filled in fillings(bound[1]):
            if finite(*filled):
                yield bound[0], filled


def is_backward_plant(plant):
    """Whether the gradient given reaches some leaf as one that is not finite."""

    def gradients():
        leaves = leaves_of(plant.tensors)
        out = through(plant.function, leaves)
        wanted = [t for t in leaves if t.requires_grad]
        given = torch.full_like(out, -plant.gradient)
        return torch.autograd.grad(out, wanted, given, allow_unused=True)

    grads = refused(gradients)
    return grads is not None and not finite(*(g for g in grads if g is not None))


def plants(name, op):
    """One Plant for each kind that the op can have: {"forward": Plant, "backward": Plant}."""
    found = {kind: EXTRA[name, kind] for kind in ("forward", "backward") if (name, kind) in EXTRA}
    for function, tensors in calls(op):
        if len(found) == 2:
            break
        torch.manual_seed(1)
        out = refused(function, *leaves_of(tensors))
        if out is None or not out.requires_grad or not out.numel():
            continue
        if not finite(out):
            found.setdefault("forward", Plant(function, tensors))
            continue
        for gradient in GRADIENTS:
            plant = Plant(function, tensors, gradient)
            if "backward" not in found and is_backward_plant(plant):
                found["backward"] = plant
    return found

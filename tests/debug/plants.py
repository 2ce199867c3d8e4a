"""Planting infinities and nan: finite arguments for which an op of the table makes one."""

import itertools

from op_samples import bind, samples
from support import torch

HUGE = 3e38  # two of them overflow float32
VALUES = (0.0, HUGE, -HUGE, 1.0, -1.0, 100.0, -2.0, 1e-38, 0.5, -0.5)
GRADIENTS = (1.0, 3.3e38)


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
    before = [t * 1 if t.is_floating_point() else t for t in leaves]
    out = function(*before)
    return out.reshape(-1).neg()


class Plant:
    """kind: "forward" or "backward". function, tensors: the call. gradient: for each output."""

    def __init__(self, kind, function, tensors, gradient):
        self.kind, self.function, self.tensors = kind, function, tensors
        self.gradient = gradient


def plants(op):
    """One Plant for each kind that the op can have: {"forward": Plant, "backward": Plant}."""
    found = {}
    for sample in samples(op)[:8]:
        try:
            function, tensors = bind(op, sample, dtype=torch.float32)
        except (RuntimeError, TypeError):
            continue
        if not tensors or max(t.numel() for t in tensors) > 200:
            continue
        for filled in fillings(tensors):
            if len(found) == 2:
                return found
            if not finite(*filled):
                continue
            leaves = leaves_of(filled)
            try:
                out = function(*leaves)
            except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
                continue
            if not out.requires_grad or not out.numel():
                continue
            if not finite(out):
                found.setdefault("forward", Plant("forward", function, filled, 1.0))
                continue
            if "backward" in found:
                continue
            for gradient in GRADIENTS:
                try:
                    given = torch.full_like(out, gradient).reshape(-1)
                    wanted = [t for t in leaves if t.requires_grad]
                    grads = torch.autograd.grad(
                        through(function, leaves), wanted, -given, allow_unused=True
                    )
                except (RuntimeError, NotImplementedError):
                    break
                if not finite(*(g for g in grads if g is not None)):
                    found.setdefault("backward", Plant("backward", function, filled, gradient))
                    break
    return found

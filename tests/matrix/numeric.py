"""Gradients and gradients of gradients of the matrix's calls against finite differences."""

import random

from support import torch

from .cases import Case, forms_of, invoke, weights

STEP = 1e-6
TOLERANCE = 2e-5  # of the slope along a direction, relative to its size


class Kink(Exception):
    """Finite differences do not settle here: the function has an edge at the point."""


def call_of(name, operator, call, function=None):
    """A function of the call's varying tensors that gives its float64 results; and the tensors."""
    forms = forms_of(name, operator, call)
    case = Case(forms[0], "float64")
    given = call.build(case, operator.domain)[2]

    def calculate(*tensors):
        if operator.seeded:
            torch.manual_seed(5)
        copies = [t.clone() for t in tensors]  # what a call writes into is no leaf
        args, kwargs = substitute(call, case, operator.domain, copies)
        result = (function or invoke)(name, call, case, args, kwargs)
        parts = result if isinstance(result, tuple | list) else [result]
        return [p for p in parts if isinstance(p, torch.Tensor) and p.dtype == torch.float64]

    return calculate, given


def substitute(call, case, domain, tensors):
    """The call's arguments with these tensors in the places of the varying ones."""
    args, kwargs, made = call.build(case, domain)
    place = {id(m): t for m, t in zip(made, tensors, strict=True)}

    def value_of(value):
        if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
            return type(value)(value_of(v) for v in value)
        return place.get(id(value), value)

    return [value_of(a) for a in args], {k: value_of(v) for k, v in kwargs.items()}


def total(parts):
    """One number from all parts, in which no two elements weigh the same."""
    result = torch.zeros((), dtype=torch.float64)
    for part in parts:
        result = result + (part.to(torch.float64) * weights(part).to(torch.float64)).sum()
    return result


def random_direction(tensors, generator):
    return [
        torch.tensor([generator.uniform(-1, 1) for _ in range(t.numel())], dtype=t.dtype).reshape(
            t.shape
        )
        for t in tensors
    ]


def slope(function, tensors, direction, step):
    """d/ds function(tensors + s * direction) at 0, by central differences."""
    with torch.no_grad():
        up = function(*[t.detach() + d * step for t, d in zip(tensors, direction, strict=True)])
        down = function(*[t.detach() - d * step for t, d in zip(tensors, direction, strict=True)])
        return (up - down).item() / (2 * step)


def check(function, tensors, gradients, name, generator):
    """The gradients along random directions are the slopes there."""
    for _ in range(2):
        direction = random_direction(tensors, generator)
        want = slope(function, tensors, direction, STEP)
        got = sum(
            (g.detach().to(torch.float64) * d).sum().item()
            for g, d in zip(gradients, direction, strict=True)
            if g is not None
        )
        size = max(abs(want), abs(got), 1.0)
        if want == want and not abs(got - want) <= TOLERANCE * size:
            other = slope(function, tensors, direction, STEP * 7)
            if abs(other - want) > 20 * TOLERANCE * size:
                raise Kink(f"{name}: slopes {want!r} and {other!r}")
            raise AssertionError(f"{name}: gradient gives {got!r}, differences {want!r}")


def check_call(name, operator, call, function=None):
    """Check one call of an operator; return how many orders of gradient it has.

    Raises: AssertionError where a gradient is wrong.
    """
    calculate, tensors = call_of(name, operator, call, function)
    generator = random.Random(f"{name} {call.key()}")
    leaves = [t.detach().clone().requires_grad_() for t in tensors]
    parts = calculate(*leaves)
    if not leaves or not any(p.requires_grad for p in parts):
        return 0
    if any(v != v for p in parts for v in p.detach().reshape(-1).tolist()):
        return 0  # nan has no slope: the record tells its values
    where = f"{name}({call.key()})"
    found = torch.autograd.grad(total(parts), leaves, allow_unused=True)
    check(lambda *ts: total(calculate(*ts)), leaves, found, where, generator)

    upstream = [weights(p) for p in parts if p.requires_grad]

    def gradient(*inputs):
        """The gradient as one number: a function of the tensors and of what comes from above."""
        with torch.enable_grad():
            tracked = [t if t.requires_grad else t.detach().requires_grad_() for t in inputs]
            of, above = tracked[: len(leaves)], tracked[len(leaves) :]
            outputs = [p for p in calculate(*of) if p.requires_grad]
            grads = torch.autograd.grad(outputs, of, above, create_graph=True, allow_unused=True)
        return total([g for g in grads if g is not None])

    inputs = [*leaves, *(u.clone().requires_grad_() for u in upstream)]
    first = gradient(*inputs)
    second = [None] * len(inputs)
    if first.requires_grad:
        second = torch.autograd.grad(first, inputs, allow_unused=True)
    check(gradient, inputs, second, f"gradient of {where}", generator)
    return 2

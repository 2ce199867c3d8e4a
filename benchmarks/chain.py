"""Forward and backward through a chain of 1,000 scalar operations and through a small network."""

import math
from time import perf_counter

import _harness

LENGTH = 1000
WIDTH, BATCH = 16, 32


def scalar_chain(torch):
    """One pass over y <- w y + b, LENGTH operations in all; returns the gradient of w."""
    w = torch.tensor(0.999, requires_grad=True)
    b = torch.tensor(0.001, requires_grad=True)

    def once():
        w.grad = b.grad = None
        y = w
        for _ in range(LENGTH // 2):
            y = y * w
            y = y + b
        y.backward()
        return w.grad

    return once


def network(torch):
    """One pass through two layers of width 16 with tanh between; returns the first gradient."""
    torch.manual_seed(0)
    x, y = torch.randn(BATCH, WIDTH), torch.randn(BATCH, WIDTH)
    shapes = ((WIDTH, WIDTH), (WIDTH,), (WIDTH, WIDTH), (WIDTH,))
    w1, b1, w2, b2 = parameters = [torch.randn(*s, requires_grad=True) for s in shapes]

    def once():
        for parameter in parameters:
            parameter.grad = None
        hidden = torch.tanh(x @ w1 + b1)
        error = hidden @ w2 + b2 - y
        loss = (error * error).mean()
        loss.backward()
        return w1.grad.sum()

    return once


def repeated(make):
    def run(torch, count):
        once = make(torch)
        start = perf_counter()
        for _ in range(count):
            once()
        return perf_counter() - start

    return run


def rows(modules):
    for case, make in (
        (f"chain of {LENGTH:,} scalar ops, forward and backward", scalar_chain),
        (f"network of width {WIDTH}, forward and backward", network),
    ):
        results = [make(torch)().item() for torch in modules.values() if torch]
        if not all(math.isclose(r, results[0], rel_tol=1e-4) for r in results):
            raise AssertionError(f"{case}: the gradients differ: {results}")
        yield _harness.compare(case, repeated(make), modules)

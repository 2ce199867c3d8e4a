"""A training step of linear regression on 100 points: forward, backward, update, zero_()."""

import math
import random
from time import perf_counter

import _harness

POINTS = 100


def data(torch):
    """y = 1 + 2 x + noise; x and y of shape (100, 1)."""
    source = random.Random(42)
    x = [[source.random()] for _ in range(POINTS)]
    y = [[1 + 2 * v + 0.1 * source.gauss(0, 1)] for (v,) in x]
    return torch.tensor(x), torch.tensor(y)


def train(torch, steps):
    """Returns the seconds of ``steps`` training steps, and b and w after them."""
    x_train, y_train = data(torch)
    torch.manual_seed(42)
    b = torch.randn(1, requires_grad=True, dtype=torch.float)
    w = torch.randn(1, requires_grad=True, dtype=torch.float)
    lr = 0.1
    start = perf_counter()
    for _ in range(steps):
        yhat = b + w * x_train
        error = y_train - yhat
        loss = (error**2).mean()
        loss.backward()
        with torch.no_grad():
            b -= lr * b.grad
            w -= lr * w.grad
        b.grad.zero_(), w.grad.zero_()
    return perf_counter() - start, b.item(), w.item()


def run(torch, count):
    return train(torch, count)[0]


def rows(modules):
    results = {name: train(torch, 1000)[1:] for name, torch in modules.items() if torch}
    ours, theirs = results["rushlight"], results.get("torch", results["rushlight"])
    if not all(math.isclose(p, q, rel_tol=1e-6) for p, q in zip(ours, theirs)):
        raise AssertionError(f"after 1000 steps b, w are {ours} here and {theirs} in PyTorch")
    yield _harness.compare(f"training step, {POINTS} points", run, modules, budget=1.5e-6)
